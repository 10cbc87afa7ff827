-- log_end: the highest position ever given
SELECT last FROM log_end;

-- log_next: so many positions are given; the row stays with the transaction until its end
UPDATE log_end SET last = last + :count
RETURNING last, (extract(epoch FROM now()) / 86400)::integer;

-- log_day_add: they stand in a day's partition
INSERT INTO log_day (day, first, last, newest) VALUES (:day, :first, :last, :newest)
ON CONFLICT (day) DO UPDATE SET
    last = excluded.last, newest = GREATEST(log_day.newest, excluded.newest);

-- log_copy: events behind all others; the columns stand in the order of the rows
COPY log (
    day, position, event_id, order_key, accepted_at, kind, label, body, derived, bot,
    derived_version, repaired
) FROM STDIN (FORMAT BINARY);

-- log_read: events behind a position, in order
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM log
WHERE position > ?1 AND (day >= (SELECT MIN(day) FROM log_day WHERE last > ?1) OR day = 0)
ORDER BY position LIMIT ?2;

-- log_days: the days that were over before a moment, with their positions, the oldest first
SELECT day, first, last FROM log_day
WHERE newest < :before AND day < (extract(epoch FROM now()) / 86400)::integer ORDER BY day;

-- log_day_waits: whether anything of a day waits for these destinations
SELECT 1 FROM delivery JOIN job ON job.id = delivery.job
WHERE delivery.position >= :first AND delivery.position <= :last
    AND job.destination = ANY(:destinations) LIMIT 1;

-- log_day_drop: a day is gone
DELETE FROM log_day WHERE day = ?;

-- known_add: ids (of 16 bytes, one behind the other) that are stored now; those that were not before
INSERT INTO known (id, seen)
SELECT substring(:ids::bytea FROM 16 * (place::integer - 1) + 1 FOR 16), at
FROM unnest(:seen::double precision[]) WITH ORDINALITY AS given (at, place) ORDER BY place
ON CONFLICT DO NOTHING RETURNING id;

-- known_forget: a few ids that are past their time
DELETE FROM known WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM known WHERE seen < :before LIMIT :limit
));

-- known_of: those of some ids (of 16 bytes, one behind the other) that were stored before
SELECT id FROM known WHERE id IN (
    SELECT substring(:ids::bytea FROM 16 * place + 1 FOR 16) FROM generate_series(0, :n - 1) AS place
);

-- known_before: the places of those of some ids (of 16 bytes, one behind the other) that were stored once
SELECT place FROM unnest(:places::integer[]) AS place
WHERE EXISTS (
    SELECT 1 FROM known WHERE id = substring(:ids::bytea FROM 16 * place + 1 FOR 16)
);

-- page_keep: a page's row as it is now
INSERT INTO page (id, ref, made, person, visitor, url, half, due, confirmed_at, position)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    ref = excluded.ref, made = excluded.made, person = excluded.person,
    visitor = excluded.visitor, url = excluded.url, half = excluded.half, due = excluded.due,
    confirmed_at = excluded.confirmed_at, position = excluded.position;

-- segments: how far each segment of this data folder is stored
SELECT name, "offset" FROM segment WHERE folder = current_setting('track.folder');

-- segment_moved: a segment is stored up to an offset
INSERT INTO segment (name, "offset") VALUES (?, ?)
ON CONFLICT (folder, name) DO UPDATE SET "offset" = excluded."offset";

-- segment_forget: a segment that is gone
DELETE FROM segment WHERE folder = current_setting('track.folder') AND name = ?;

-- counted_session_keep: a session as it is now
INSERT INTO counted_session (visitor, id, number, start, seen) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (visitor) DO UPDATE SET
    id = excluded.id, number = excluded.number, start = excluded.start, seen = excluded.seen;

-- counter_add: something was not kept
INSERT INTO counter (reason, count) VALUES (?, ?);

-- counters: what was not kept, by reason
SELECT reason, SUM(count)::bigint FROM counter GROUP BY reason;

-- counters_fold: rows that can be one
WITH gone AS (DELETE FROM counter RETURNING reason, count)
INSERT INTO counter (reason, count) SELECT reason, SUM(count)::bigint FROM gone GROUP BY reason;

-- counters_many: a row when there are many of them
SELECT 1 FROM counter OFFSET 1000 LIMIT 1;

-- job_ahead: what a job has before it, as its destination's filter tells it apart: of each kind how
-- many, and where and when the first was accepted; up to a position, and without what its shards have
-- done that are further than the last one
SELECT label, bot, COUNT(*), MIN(log.position), MIN(accepted_at)
FROM log LEFT JOIN job_shard ON job = :job AND shard = shard_of(order_key)
WHERE log.position > :position AND log.position <= :end
    AND (job_shard.position IS NULL OR log.position > job_shard.position)
GROUP BY label, bot;

-- flight_keep: an event left over a road, or is known to have been taken there
INSERT INTO flight (job, position, road, taken) VALUES (?, ?, ?, ?)
ON CONFLICT (job, position, road) DO UPDATE SET taken = excluded.taken;

-- flights_over: notes of events that are settled; another worker may be at it
DELETE FROM flight WHERE (job, position, road) IN (
    SELECT job, position, road FROM flight
    WHERE job = :job AND position <= (SELECT position FROM job WHERE id = :job) AND NOT EXISTS (
        SELECT 1 FROM delivery WHERE delivery.job = :job AND delivery.position = flight.position
    )
    FOR UPDATE SKIP LOCKED
);

-- delivery_keep: an event that waits for a job, unless it was erased meanwhile
INSERT INTO delivery (job, position, event_id, order_key, state, attempts, due, reason)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM log WHERE position = ?2)
ON CONFLICT (job, position) DO UPDATE SET
    event_id = excluded.event_id, order_key = excluded.order_key, state = excluded.state,
    attempts = excluded.attempts, due = excluded.due, reason = excluded.reason;

-- dead_from_log: a refused event becomes a dead letter; of one that the log has let go, or does not
-- keep, only its id
INSERT INTO dead (
    stage, destination, event_id, label, time, reason, body,
    position, order_key, accepted_at, kind, derived, derived_version, bot
)
SELECT 'destination', ?1, event, COALESCE(label, ''), ?2, ?3, COALESCE(repaired, body, ''::bytea),
    log.position, order_key, accepted_at, kind, derived, COALESCE(derived_version, 0), bot
FROM (SELECT ?4::bigint AS place, ?5::text AS event) AS refused LEFT JOIN log
ON log.position = place AND place NOT IN (SELECT position FROM unstored);

-- dead_trim: the oldest of a stage go when it has more than its cap; another job may be at it
DELETE FROM dead WHERE id IN (
    SELECT id FROM dead WHERE stage = :stage AND id <= (
        SELECT id FROM dead WHERE stage = :stage ORDER BY id DESC LIMIT 1 OFFSET :most
    ) FOR UPDATE SKIP LOCKED
);

-- leases_keep: the generations of some leases, which stay that until the transaction's end
SELECT name, generation FROM lease WHERE name = ANY(?) FOR KEY SHARE;

-- letters_chosen: dead letters that an operator asks for, newest first
SELECT id, stage, destination, event_id, label, time, reason, body FROM dead
WHERE (:stage::text IS NULL OR stage = :stage)
    AND (:destination::text IS NULL OR destination = :destination)
    AND (:reason::text IS NULL OR strpos(lower(reason), lower(:reason)) > 0)
    AND (:since::double precision IS NULL OR time >= :since)
    AND (:until::double precision IS NULL OR time < :until)
    AND (:labels::text[] IS NULL OR label ~ ANY(:labels))
    AND (:ids::bigint[] IS NULL OR id = ANY(:ids))
    AND (:before::bigint IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit;

-- letters_restore: the log has their events again, at their old places
INSERT INTO log (
    day, position, event_id, order_key, accepted_at, kind, label, body, derived, derived_version, bot
)
SELECT 0, position, event_id, order_key, accepted_at, kind, label, body, derived, derived_version, bot
FROM dead
WHERE id = ANY(?) AND position IS NOT NULL AND kind IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM log WHERE log.position = dead.position)
ON CONFLICT DO NOTHING;

-- merge_undo: from a position on, a visitor is not this user
UPDATE merge SET undone_at = :at, undone_from = LEAST(COALESCE(undone_from, :after), :after)
WHERE visitor = :visitor AND "user" = :user AND same_as = '';

-- backfill_size: so many events the log got of it behind a position
SELECT COALESCE(SUM(last - GREATEST(first - 1, :after)), 0)::bigint FROM backfill_part
WHERE backfill = :number AND last > :after;

-- erasures_open: those of this data folder whose ids are still needed
SELECT id, subject, asked, file, events, done FROM erasure
WHERE done IS NULL AND folder = current_setting('track.folder') ORDER BY id;

-- erasure_answers: what each system said
SELECT system, state, words, at, part, task, attempts, due FROM erasure_answer
WHERE erasure = ? ORDER BY number;

-- erasure_due: which erasures of this data folder one system is to be asked about now
SELECT erasure_answer.erasure FROM erasure_answer
JOIN erasure ON erasure.id = erasure_answer.erasure
WHERE system = ? AND state IN ('waiting', 'asked', 'needs you') AND due <= ?
    AND folder = current_setting('track.folder') ORDER BY erasure_answer.erasure;

-- watch_bytes: bytes of tables and indexes, and of those that an empty store has too
SELECT COALESCE(SUM(pg_total_relation_size(oid)) FILTER (WHERE relkind = 'r'), 0)::bigint,
    8192 * COUNT(*) FILTER (WHERE relkind = 'i' OR reltoastrelid <> 0)
    + COALESCE(SUM(LEAST(pg_relation_size(oid), 8192)) FILTER (WHERE relkind = 'r'), 0)::bigint
FROM pg_class WHERE relnamespace = current_schema()::regnamespace;

-- shards_make: each shard of a job stands where the job does, unless it has a position
INSERT INTO job_shard (job, shard, position)
SELECT id, number, position FROM job, generate_series(0, :shards - 1) AS number WHERE id = :job
ON CONFLICT DO NOTHING;

-- shards: where the shards of a job stand
SELECT shard, GREATEST(job_shard.position, job.position)
FROM job_shard JOIN job ON job.id = job_shard.job WHERE job.id = ?;

-- shards_move: some shards have served everything up to a position
UPDATE job_shard SET position = :position
WHERE job = :job AND shard = ANY(:front) AND position < :position;

-- shards_last: and the job stands where its last shard does
UPDATE job SET position = last
FROM (SELECT MIN(position) AS last FROM job_shard WHERE job = :job) AS shards
WHERE id = :job AND position < last;

-- log_read_shards: events of some shards behind a position, up to another, in order
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM log
WHERE position > :after AND position <= :up_to AND shard_of(order_key) = ANY(:shards)
    AND (day >= (SELECT MIN(day) FROM log_day WHERE last > :after) OR day = 0)
ORDER BY position LIMIT :limit;

-- job_move: a job has served everything up to a position, and knows more than before; another worker
-- may serve it, too, so that each adds to what is there
UPDATE job SET
    position = COALESCE(:position::bigint, position),
    delivered = delivered + :delivered,
    doubtful = doubtful + :doubtful,
    cut = cut + :cut,
    answer = CASE :answer::text WHEN '' THEN answer ELSE :answer END,
    answered_at = CASE :answer::text WHEN '' THEN answered_at ELSE :at END,
    rate = CASE WHEN :rate::double precision IS NULL THEN rate
        WHEN rate < 0.001 OR rated_at < :at - 3600 THEN :delivered  -- exp fails where it underflows
        ELSE rate * exp(LEAST(0, rated_at - :at) / 60) + :delivered END,
    rated_at = CASE WHEN :rate::double precision IS NULL THEN rated_at ELSE :at END,
    pace = COALESCE(:pace::double precision, pace),
    paced_at = CASE WHEN :pace::double precision IS NULL THEN paced_at ELSE :at END
WHERE id = :job;

-- shards_due_keys: as delivery_due_keys, of some shards
SELECT DISTINCT order_key FROM (
    SELECT order_key FROM (
        SELECT order_key FROM delivery
        WHERE job = :job AND state = 'retry' AND due <= :now AND shard_of(order_key) = ANY(:shards)
        ORDER BY due LIMIT :limit
    ) AS waited
    UNION ALL
    SELECT order_key FROM (
        SELECT order_key FROM delivery
        WHERE job = :job AND state = 'retry' AND due > :never AND shard_of(order_key) = ANY(:shards)
        LIMIT :limit
    ) AS put_off
) AS both_kinds LIMIT :limit;

-- delivery_next_shards: when the first retry of some shards is due
SELECT MIN(due) FROM delivery WHERE job = ? AND state = 'retry' AND shard_of(order_key) = ANY(?);

-- flights_unknown_shards: how many events of some shards left, and nobody knows whether they were taken
SELECT COUNT(DISTINCT flight.position) FROM flight JOIN log ON log.position = flight.position
WHERE job = ? AND taken = 0 AND shard_of(order_key) = ANY(?);

-- flights_assume_shards: what left of some shards was taken
UPDATE flight SET taken = 1 FROM log
WHERE job = ? AND taken = 0 AND log.position = flight.position AND shard_of(order_key) = ANY(?);

-- flights_unlearn_shards: what left of some shards may be sent again
DELETE FROM flight USING log
WHERE job = ? AND taken = 0 AND log.position = flight.position AND shard_of(order_key) = ANY(?);
