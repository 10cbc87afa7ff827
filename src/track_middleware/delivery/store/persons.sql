-- person_choices: the last choice under a name (user:ID, visitor:ID)
SELECT subject, states, at FROM choice WHERE subject = ?;

-- person_joins: visitors that turned out to be another
SELECT visitor, same_as FROM visitor_join;

-- person_log: events behind a position
SELECT position, body, event_id, accepted_at, derived, repaired FROM event WHERE position > ? ORDER BY position LIMIT ?;

-- person_rows: what waits of one event, by destination
SELECT job.destination, delivery.state, delivery.attempts, delivery.reason
FROM delivery JOIN job ON job.id = delivery.job WHERE delivery.position = ?;

-- person_pages: page rows behind an id
SELECT id, person, half FROM page WHERE id > ? ORDER BY id LIMIT ?;

-- person_page: one page row as it is shown
SELECT id, made, url, visitor, person, confirmed_at, position FROM page WHERE id = ?;

-- person_waiting: waiting browser events behind a number
SELECT number, entry FROM waiting WHERE number > ? ORDER BY number LIMIT ?;

-- person_dead: dead letters behind an id
SELECT id, stage, body, destination, event_id, label, time, reason FROM dead
WHERE id > ? ORDER BY id LIMIT ?;

-- person_log_ids: the ids of events
SELECT event_id FROM event WHERE position IN (SELECT value FROM json_each(?));

-- person_log_drop: events that go
DELETE FROM log WHERE position IN (SELECT value FROM json_each(?));

-- person_known_drop: an id that may come again
DELETE FROM known WHERE id = ?;

-- person_delivery_drop: what waits of these events, or of events of these visitors and users that
-- are gone; somebody else's visitor may be called as this user is
DELETE FROM delivery
WHERE position IN (SELECT value FROM json_each(:positions))
    OR (order_key IN (SELECT value FROM json_each(:ids))
        AND NOT EXISTS (SELECT 1 FROM log WHERE log.position = delivery.position));

-- person_delivery_promote: what was held behind an event that is gone is due at once
UPDATE delivery SET state = 'retry', due = 0
WHERE state = 'held' AND NOT EXISTS (
    SELECT 1 FROM delivery AS first
    WHERE first.job = delivery.job AND first.order_key = delivery.order_key
        AND first.position < delivery.position
);

-- person_flight_drop: notes of these events
DELETE FROM flight WHERE position IN (SELECT value FROM json_each(?));

-- person_pages_drop: page rows that go
DELETE FROM page WHERE id IN (SELECT value FROM json_each(?));

-- person_waiting_drop: waiting browser events that go
DELETE FROM waiting WHERE number IN (SELECT value FROM json_each(?));

-- person_joins_drop: joins of these visitors
DELETE FROM visitor_join
WHERE visitor IN (SELECT value FROM json_each(:ids)) OR same_as IN (SELECT value FROM json_each(:ids));

-- person_choices_drop: the choices under these names, ...
DELETE FROM choice WHERE subject IN (SELECT value FROM json_each(?));

-- person_records_drop: ... and what proved them
DELETE FROM choice_record WHERE subject IN (SELECT value FROM json_each(?));

-- person_counted_drop: sessions that are counted without cookies
DELETE FROM counted_session WHERE visitor IN (SELECT value FROM json_each(?));

-- person_answers_drop: what destinations last said, where it repeats an id
UPDATE job SET answer = '', pause_reason = CASE WHEN instr(pause_reason, :id) > 0 THEN 'an erased person' ELSE pause_reason END
WHERE instr(answer, :id) > 0 OR instr(pause_reason, :id) > 0;

-- person_reasons_drop: what destinations said of others' events, where it repeats an id
UPDATE dead SET reason = replace(reason, :id, '…') WHERE instr(reason, :id) > 0;

-- person_waits_drop: the same of events that wait
UPDATE delivery SET reason = replace(reason, :id, '…') WHERE instr(reason, :id) > 0;

-- tombstones_any: a row when anybody was erased
SELECT 1 FROM tombstone LIMIT 1;

-- tombstones: of some names (keyed hashes) those that were erased, and up to which moment
SELECT name, until FROM tombstone WHERE name IN (SELECT value FROM json_each(?));

-- tombstone_add: from now on what bears this name is dropped
INSERT INTO tombstone (name, until) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET until = excluded.until;

-- erasure_add: somebody is to be erased
INSERT INTO erasure (subject, asked, file, events) VALUES (?, ?, ?, 0);

-- erasure_number: the newest
SELECT MAX(id) FROM erasure;

-- erasures: all, oldest first, or those of one person
SELECT id, subject, asked, file, events, done FROM erasure
WHERE :subject IS NULL OR subject = :subject ORDER BY id;

-- erasures_open: those whose ids are still needed
SELECT id, subject, asked, file, events, done FROM erasure WHERE done IS NULL ORDER BY id;

-- erasure_counted: so many more of its events are gone
UPDATE erasure SET events = events + ? WHERE id = ?;

-- erasure_done: every system has answered
UPDATE erasure SET done = ?, file = '' WHERE id = ?;

-- erasure_answer: what a system said, or what it is to be asked
INSERT INTO erasure_answer (erasure, system, state, words, at, part, task, attempts, due)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (erasure, system) DO UPDATE SET
    state = excluded.state, words = excluded.words, at = excluded.at, part = excluded.part,
    task = excluded.task, attempts = excluded.attempts, due = excluded.due;

-- erasure_answers: what each system said
SELECT system, state, words, at, part, task, attempts, due FROM erasure_answer
WHERE erasure = ? ORDER BY rowid;

-- erasure_due: which erasures one system is to be asked about now
SELECT erasure FROM erasure_answer
WHERE system = ? AND state IN ('waiting', 'asked', 'needs you') AND due <= ? ORDER BY erasure;
