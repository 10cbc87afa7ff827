-- log_end: the highest position ever given
SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0);

-- log_append: one event behind all others; the columns stand in the order of NewRow
INSERT INTO log (
    event_id, order_key, accepted_at, kind, label, body, derived, bot, derived_version, repaired
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- log_append_bare: an event of which nothing is derived
INSERT INTO log (event_id, order_key, accepted_at, kind, label, body) VALUES (?, ?, ?, ?, ?, ?);

-- log_read: events behind a position, in order
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM event WHERE position > ? ORDER BY position LIMIT ?;

-- log_count: how many events stand behind a position, up to another
SELECT COUNT(*) FROM log WHERE position > ? AND position <= ?;

-- log_get: the events at some positions
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM event WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position;

-- known_add: ids (of 16 bytes, one behind the other) that are stored now, unless they were before
INSERT OR IGNORE INTO known (id, seen)
SELECT substr(:ids, 16 * key + 1, 16), value FROM json_each(:seen);

-- known_last: the number of the newest id
SELECT MAX(number) FROM known;

-- known_since: ids newer than that
SELECT id FROM known WHERE number > ?;

-- known_forget: a few of the oldest ids, when they are past their time
DELETE FROM known
WHERE number IN (SELECT number FROM known ORDER BY number LIMIT :limit) AND seen < :before;

-- log_forget: a few of the oldest events that no job of these destinations has before it or waits
-- for, when they are past their time; those of a pack go with it
DELETE FROM log
WHERE accepted_at < :before AND event_id <> '' AND position IN (
    SELECT position FROM log
    WHERE position <= :served AND position NOT IN (
        SELECT delivery.position FROM delivery JOIN job ON job.id = delivery.job
        WHERE job.destination IN (SELECT value FROM json_each(:destinations))
    )
    ORDER BY position LIMIT :limit
);

-- unstored_add: events that the log does not keep
INSERT OR IGNORE INTO unstored (position) VALUES (?);

-- unstored_left: one of them that is still there
SELECT position FROM unstored WHERE gone IS NULL LIMIT 1;

-- unstored_due: a few of those that no job of these destinations has before it or waits for
SELECT position FROM unstored
WHERE gone IS NULL AND position <= :served AND position NOT IN (
    SELECT delivery.position FROM delivery JOIN job ON job.id = delivery.job
    WHERE job.destination IN (SELECT value FROM json_each(:destinations))
)
ORDER BY position LIMIT :limit;

-- unstored_drop: one of them goes
DELETE FROM log WHERE position = ?;

-- unstored_gone: and is gone
UPDATE unstored SET gone = ? WHERE position = ?;

-- unstored_forget: nobody asks any more for those that went before a moment
DELETE FROM unstored WHERE gone < ?;

-- unstored_count: how many are gone between two positions
SELECT COUNT(*) FROM unstored WHERE position > ? AND position <= ? AND gone IS NOT NULL;

-- served: the position that every open job of these destinations has behind it
SELECT MIN(position) FROM job
WHERE destination IN (SELECT value FROM json_each(?)) AND (
    "end" IS NULL
    OR position < "end" AND id NOT IN (SELECT job FROM replay WHERE ended IS NOT NULL)
);

-- pages_get: the rows of some pages
SELECT ref, person, url, half, due, confirmed_at, position
FROM page WHERE id IN (SELECT value FROM json_each(?));

-- page_keep: a page's row as it is now
INSERT OR REPLACE INTO page (id, ref, made, person, visitor, url, half, due, confirmed_at, position)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- pages_due: rows whose half has waited long enough, or that are due a day later than now and more:
-- the clock was wrong
SELECT ref, person, url, half, due, confirmed_at, position FROM (
    SELECT * FROM page WHERE due <= ?1 ORDER BY due LIMIT ?2
) AS waited
UNION ALL
SELECT ref, person, url, half, due, confirmed_at, position
FROM page WHERE due > ?1 + 86400.0
LIMIT ?2;

-- page_unconfirmed: a visitor's newest page of a URL that no browser has confirmed
SELECT ref, person, url, half, due, confirmed_at, position
FROM page WHERE visitor = ? AND url = ? AND confirmed_at IS NULL ORDER BY made DESC LIMIT 1;

-- pages_forget: a few of the oldest rows, when nothing waits in them
DELETE FROM page
WHERE id IN (SELECT id FROM page WHERE made < ? AND half IS NULL ORDER BY made LIMIT ?);

-- wait: a browser event that waits for its page's row
INSERT INTO waiting (page, due, entry) VALUES (?, ?, ?);

-- waiting_ready: browser events whose page has come, or whose time is over (as in pages_due)
SELECT number, entry FROM waiting
WHERE due <= ?1 OR due > ?1 + 86400.0 OR EXISTS (
    SELECT 1 FROM page WHERE page.id = waiting.page AND page.person IS NOT NULL
) ORDER BY number LIMIT ?2;

-- waiting_first: whether any browser event need not wait any longer
SELECT number FROM waiting
WHERE due <= ?1 OR due > ?1 + 86400.0 OR EXISTS (
    SELECT 1 FROM page WHERE page.id = waiting.page AND page.person IS NOT NULL
) LIMIT 1;

-- waiting_done: a browser event that no longer waits
DELETE FROM waiting WHERE number = ?;

-- segments: how far each segment is stored
SELECT name, "offset" FROM segment;

-- segment_moved: a segment is stored up to an offset
INSERT OR REPLACE INTO segment (name, "offset") VALUES (?, ?);

-- segment_forget: a segment that is gone
DELETE FROM segment WHERE name = ?;

-- joined: whom some visitors turned out to be
SELECT visitor, same_as FROM visitor_join WHERE visitor IN (SELECT value FROM json_each(?));

-- join: a visitor is another one
INSERT OR IGNORE INTO visitor_join (visitor, same_as, at) VALUES (?, ?, ?);

-- join_follow: whoever was joined to a visitor follows that visitor
UPDATE visitor_join SET same_as = ? WHERE same_as = ?;

-- choices_any: a row when there is any choice
SELECT 1 FROM choice LIMIT 1;

-- choices: the last choices of some users and visitors
SELECT subject, states FROM choice WHERE subject IN (SELECT value FROM json_each(?));

-- choose: a choice, unless a later one is known
INSERT INTO choice (subject, states, at) VALUES (?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET states = excluded.states, at = excluded.at
WHERE excluded.at >= choice.at;

-- choice_adopt: what somebody permits who has chosen nothing under this name, until they do
INSERT OR IGNORE INTO choice (subject, states, at) VALUES (?, ?, 0);

-- choice_record: a choice among all that somebody made, once for each event that says it
INSERT OR IGNORE INTO choice_record (subject, at, states, version, source, event_id)
VALUES (?, ?, ?, ?, ?, ?);

-- choice_history: every choice of a user or visitor, in the order of their times
SELECT subject, at, states, version, source, event_id FROM choice_record
WHERE subject = ? ORDER BY at, number;

-- salt_propose: the salt of a day, unless it has one
INSERT OR IGNORE INTO salt (day, salt) VALUES (?, ?);

-- salt: the salt of a day
SELECT salt FROM salt WHERE day = ?;

-- salts_forget: the salts of days before this one
DELETE FROM salt WHERE day < ?;

-- counted_session: the last session of who is counted without cookies
SELECT visitor, id, number, start, seen FROM counted_session WHERE visitor = ?;

-- counted_session_keep: a session as it is now
INSERT OR REPLACE INTO counted_session (visitor, id, number, start, seen) VALUES (?, ?, ?, ?, ?);

-- counted_sessions_forget: sessions that nothing can prolong any more
DELETE FROM counted_session WHERE seen < ?;

-- rollup_add: page views of a day and class
INSERT INTO rollup (day, class, count) VALUES (?, ?, ?)
ON CONFLICT (day, class) DO UPDATE SET count = rollup.count + excluded.count;

-- event_count_add: events of a day and label
INSERT INTO event_count (day, label, count) VALUES (?, ?, ?)
ON CONFLICT (day, label) DO UPDATE SET count = event_count.count + excluded.count;

-- rollups: page views by day and class
SELECT day, class, count FROM rollup ORDER BY day, class;

-- event_counts: events by day and label
SELECT day, label, count FROM event_count ORDER BY day, label;

-- counter_add: something was not kept
INSERT INTO counter (reason, count) VALUES (?, ?)
ON CONFLICT (reason) DO UPDATE SET count = counter.count + excluded.count;

-- counters: what was not kept, by reason
SELECT reason, count FROM counter;

-- job_live: the live job of a destination
SELECT id, destination, position, "end", paused_until, pause_reason, wait, pace, paced_at, answer,
    answered_at, delivered, doubtful, cut, rate, rated_at, target, left_at, needs_you
FROM job WHERE destination = ? AND "end" IS NULL;

-- job_add: a live job
INSERT INTO job (destination, position) VALUES (?, ?);

-- job_claim: whose a live job is
UPDATE job SET target = ?, left_at = NULL WHERE id = ?;

-- job_leave: no destination points any more where a live job does
UPDATE job SET left_at = ? WHERE id = ? AND left_at IS NULL;

-- job_rename: a destination's jobs, its replays' among them, are called otherwise
UPDATE job SET destination = :new WHERE destination = :old;

-- dead_rename: and so are its dead letters
UPDATE dead SET destination = :new WHERE destination = :old;

-- log_first: the lowest position that is left
SELECT MIN(position) FROM log;

-- job_waits: how many events wait for a job between two positions, and of those behind it
SELECT (SELECT COUNT(*) FROM log WHERE position > :after AND position <= :end)
    + (SELECT COUNT(*) FROM delivery WHERE job = :job);

-- job_ahead: what a job has before it, as its destination's filter tells it apart: of each kind how
-- many, and where and when the first was accepted; up to a position
SELECT label, bot, COUNT(*), MIN(position), accepted_at
FROM log WHERE position > :position AND position <= :end GROUP BY label, bot;

-- jobs: every job
SELECT id, destination, position, "end", paused_until, pause_reason, wait, pace, paced_at, answer,
    answered_at, delivered, doubtful, cut, rate, rated_at, target, left_at, needs_you
FROM job ORDER BY id;

-- job_move: a job has served everything up to a position, and knows more than before
UPDATE job SET
    position = COALESCE(:position, position),
    delivered = delivered + :delivered,
    doubtful = doubtful + :doubtful,
    cut = cut + :cut,
    answer = CASE :answer WHEN '' THEN answer ELSE :answer END,
    answered_at = CASE :answer WHEN '' THEN answered_at ELSE :at END,
    rate = COALESCE(:rate, rate),
    rated_at = CASE WHEN :rate IS NULL THEN rated_at ELSE :at END,
    pace = COALESCE(:pace, pace),
    paced_at = CASE WHEN :pace IS NULL THEN paced_at ELSE :at END
WHERE id = :job;

-- job_position: behind which position a job is
SELECT position FROM job WHERE id = ?;

-- job_pause: a job rests until a moment, or runs again
UPDATE job SET paused_until = ?, pause_reason = ?, wait = ?, needs_you = ? WHERE id = ?;

-- flight_keep: an event left over a road, or is known to have been taken there
INSERT OR REPLACE INTO flight (job, position, road, taken) VALUES (?, ?, ?, ?);

-- flight_back: an event is known not to have been taken over a road
DELETE FROM flight WHERE job = ? AND position = ? AND road = ?;

-- flight_first: whether a job has any notes of events that left
SELECT 1 FROM flight WHERE job = ? LIMIT 1;

-- flights: over which roads a job's events have left
SELECT position, road FROM flight WHERE job = ?;

-- flights_unknown: how many events left, and nobody knows whether they were taken
SELECT COUNT(DISTINCT position) FROM flight WHERE job = ? AND taken = 0;

-- flights_assume: what left was taken
UPDATE flight SET taken = 1 WHERE job = ? AND taken = 0;

-- flights_unlearn: what left may be sent again
DELETE FROM flight WHERE job = ? AND taken = 0;

-- flights_over: notes of events that are settled
DELETE FROM flight
WHERE job = :job AND position <= (SELECT position FROM job WHERE id = :job) AND NOT EXISTS (
    SELECT 1 FROM delivery WHERE delivery.job = :job AND delivery.position = flight.position
);

-- delivery_keep: an event that waits for a job, unless it was erased meanwhile
INSERT OR REPLACE INTO delivery (job, position, event_id, order_key, state, attempts, due, reason)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM log WHERE position = ?2);

-- delivery_done: an event that no longer waits
DELETE FROM delivery WHERE job = ? AND position = ?;

-- delivery_first: whether anything waits for a job
SELECT 1 FROM delivery WHERE job = ? LIMIT 1;

-- delivery_next: when the first retry is due
SELECT MIN(due) FROM delivery WHERE job = ? AND state = 'retry';

-- delivery_keys: whose next events are held, of some order keys
SELECT DISTINCT order_key FROM delivery
WHERE job = ? AND order_key IN (SELECT value FROM json_each(?));

-- delivery_due_keys: the order keys whose first event is due, or due later than any rule puts it
SELECT DISTINCT order_key FROM (
    SELECT order_key FROM (
        SELECT order_key FROM delivery
        WHERE job = :job AND state = 'retry' AND due <= :now ORDER BY due LIMIT :limit
    ) AS waited
    UNION ALL
    SELECT order_key FROM (
        SELECT order_key FROM delivery
        WHERE job = :job AND state = 'retry' AND due > :never LIMIT :limit
    ) AS put_off
) AS both_kinds LIMIT :limit;

-- delivery_of_key: the first of what waits for one order key; left alone, SQLite reads all for the order
SELECT position, event_id, order_key, state, attempts, due, reason
FROM delivery INDEXED BY delivery_order
WHERE job = ? AND order_key = ? ORDER BY position LIMIT ?;

-- delivery_promote: what is first of an order key now, and was held, is due at once
UPDATE delivery SET state = 'retry', due = 0
WHERE job = ?1 AND state = 'held' AND position = (
    SELECT MIN(position) FROM delivery WHERE job = ?1 AND order_key = ?2
);

-- delivery_states: how many wait, by state
SELECT state, COUNT(*) FROM delivery WHERE job = ? GROUP BY state;

-- dead_count: dead letters of a destination
SELECT COUNT(*) FROM dead WHERE destination = ?;

-- dead_from_log: a refused event becomes a dead letter; of one that the log has let go, or does not
-- keep, only its id
INSERT INTO dead (
    stage, destination, event_id, label, time, reason, body,
    position, order_key, accepted_at, kind, derived, derived_version, bot
)
SELECT 'destination', ?1, refused, COALESCE(label, ''), ?2, ?3, COALESCE(repaired, body, x''),
    event.position, order_key, accepted_at, kind, derived, COALESCE(derived_version, 0), bot
FROM (SELECT ?4 AS place, ?5 AS refused) LEFT JOIN event
ON event.position = place AND place NOT IN (SELECT position FROM unstored);

-- dead_add: a dead letter
INSERT INTO dead (stage, destination, event_id, label, time, reason, body)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- dead_trim: the oldest of a stage go when it has more than its cap
DELETE FROM dead WHERE stage = :stage AND id <= (
    SELECT id FROM dead WHERE stage = :stage ORDER BY id DESC LIMIT 1 OFFSET :most
);

-- dead_list: dead letters, newest first
SELECT id, stage, destination, event_id, label, time, reason, body FROM dead
WHERE :stage IS NULL OR stage = :stage ORDER BY id DESC LIMIT :limit;

-- dead_last: the newest dead letter
SELECT MAX(id) FROM dead;

-- dead_bodies: those behind one, and their bodies
SELECT id, body FROM dead WHERE id > ? ORDER BY id;

-- dead_body: the body of one, which is no longer only noted
UPDATE dead SET body = ? WHERE id = ?;

-- dead_noted: letters whose bodies are only noted
SELECT id, body FROM dead WHERE substr(body, 1, 1) = :mark;

-- dead_leaving: what some letters say of their events: the position, and the body
SELECT position, body FROM dead
WHERE position IS NOT NULL AND id IN (SELECT value FROM json_each(?));

-- log_noted: what stands at some positions as bodies, outside packs
SELECT position, body FROM log WHERE position IN (SELECT value FROM json_each(?));

-- log_body: the body of an event, which is no longer only noted
UPDATE log SET body = ? WHERE position = ?;

-- log_overdue: of the oldest events those that are past their time and only noted
SELECT position FROM (
    SELECT position, accepted_at, body FROM event ORDER BY position LIMIT :limit
) AS oldest
WHERE accepted_at < :before AND substr(body, 1, 1) = :mark;

-- log_oldest: the bodies of the oldest events, and those of dead letters that are only noted
SELECT body FROM (SELECT body, position FROM event ORDER BY position LIMIT :limit) AS oldest
UNION ALL
SELECT body FROM dead WHERE substr(body, 1, 1) = :mark;

-- broker: where the bodies of events are kept, if they are not in the log
SELECT name FROM broker;

-- broker_claim: they are kept there from now on, unless it is said already
INSERT OR IGNORE INTO broker (one, name) VALUES (1, ?);

-- lease_read: who holds a lease, and how often it was renewed
SELECT generation, renewals, owner FROM lease WHERE name = ?;

-- leases_of: the generations of some leases
SELECT name, generation FROM lease WHERE name IN (SELECT value FROM json_each(?));

-- leases: those that somebody holds, and some by their names
SELECT name, generation, renewals, owner FROM lease
WHERE owner <> '' OR name IN (SELECT value FROM json_each(?));

-- lease_make: a lease that nobody has held yet
INSERT OR IGNORE INTO lease (name, generation, renewals, owner) VALUES (?, 0, 0, '');

-- lease_take: the next generation, if nobody was faster
UPDATE lease SET generation = generation + 1, renewals = 0, owner = ?
WHERE name = ? AND generation = ?;

-- lease_give_back: nobody holds a lease any more
UPDATE lease SET owner = '' WHERE name = ? AND generation = ?;

-- lease_renew: a sign of life
UPDATE lease SET renewals = renewals + 1 WHERE name = ? AND generation = ?;
