-- letters_chosen: dead letters that an operator asks for, newest first
SELECT id, stage, destination, event_id, label, time, reason, body FROM dead
WHERE (:stage IS NULL OR stage = :stage)
    AND (:destination IS NULL OR destination = :destination)
    AND (:reason IS NULL OR instr(lower(reason), lower(:reason)) > 0)
    AND (:since IS NULL OR time >= :since)
    AND (:until IS NULL OR time < :until)
    AND (:labels IS NULL OR EXISTS (SELECT 1 FROM json_each(:labels) WHERE label GLOB value))
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
    AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit;

-- letters_drop: dead letters that nobody wants any more
DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?));

-- letters_place: letters that do not say where in the log their event is learn it
UPDATE dead SET (position, order_key) = (
    SELECT position, order_key FROM event WHERE event.event_id = dead.event_id
)
WHERE id IN (SELECT value FROM json_each(?)) AND position IS NULL AND stage = 'destination';

-- letters_restore: the log has their events again, at their old places
INSERT OR IGNORE INTO log (
    position, event_id, order_key, accepted_at, kind, label, body, derived, derived_version, bot
)
SELECT position, event_id, order_key, accepted_at, kind, label, body, derived, derived_version, bot
FROM dead
WHERE id IN (SELECT value FROM json_each(?)) AND position IS NOT NULL AND kind IS NOT NULL;

-- letters_requeue: their events wait for the live job of a destination; those that wait already stay
INSERT OR IGNORE INTO delivery (job, position, event_id, order_key, state, attempts, due, reason)
SELECT :job, event.position, event.event_id, event.order_key, 'held', 0, 0, 'replayed by hand'
FROM dead JOIN event ON event.position = dead.position AND event.event_id = dead.event_id
WHERE dead.id IN (SELECT value FROM json_each(:ids));

-- letters_first: of each of their order keys the first row is a retry that is due, ...
UPDATE delivery SET state = 'retry', due = 0
WHERE job = :job AND state = 'held' AND order_key IN (
    SELECT order_key FROM dead WHERE id IN (SELECT value FROM json_each(:ids))
) AND position = (
    SELECT MIN(position) FROM delivery AS other
    WHERE other.job = delivery.job AND other.order_key = delivery.order_key
);

-- letters_behind: ... and what was first before is held behind it
UPDATE delivery SET state = 'held', due = 0
WHERE job = :job AND state = 'retry' AND order_key IN (
    SELECT order_key FROM dead WHERE id IN (SELECT value FROM json_each(:ids))
) AND position > (
    SELECT MIN(position) FROM delivery AS other
    WHERE other.job = delivery.job AND other.order_key = delivery.order_key
);

-- letters_requeued: those of some letters whose events wait now
SELECT dead.id FROM dead JOIN delivery
ON delivery.job = :job AND delivery.position = dead.position AND delivery.event_id = dead.event_id
WHERE dead.id IN (SELECT value FROM json_each(:ids));

-- replay_job: a job with an end
INSERT INTO job (destination, position, "end") VALUES (?, ?, ?);

-- replay_job_number: the job that was made last
SELECT MAX(id) FROM job;

-- replay_add: what a bounded job is for
INSERT INTO replay (job, since, until, labels, "begin", total, made) VALUES (?, ?, ?, ?, ?, ?, ?);

-- replays: every replay with where its job stands, or one of them, oldest first
SELECT job.id, job.destination, job.position, job."end", job.paused_until, job.pause_reason,
    job.wait, job.pace, job.paced_at, job.answer, job.answered_at, job.delivered, job.doubtful,
    job.cut, job.rate, job.rated_at, job.target, job.left_at,
    job.needs_you,
    replay.since, replay.until, replay.labels, replay."begin", replay.total, replay.made,
    replay.ended, replay.backfill
FROM replay JOIN job ON job.id = replay.job WHERE :job IS NULL OR job.id = :job ORDER BY job.id;

-- replay_job_end: a job has nothing more to read
UPDATE job SET position = "end", paused_until = NULL, pause_reason = '', needs_you = 0
WHERE id = ?;

-- replay_end: a replay is over
UPDATE replay SET ended = ? WHERE job = ? AND ended IS NULL;

-- replay_rows_drop: what waits for a job is not wanted any more
DELETE FROM delivery WHERE job = ?;

-- replay_flights_drop: nor what was noted of events that left
DELETE FROM flight WHERE job = ?;

-- replays_old: replays that were over before a moment
SELECT job FROM replay WHERE ended < ?;

-- replay_forget: a replay that was over long ago
DELETE FROM replay WHERE job = ?;

-- replay_job_forget: its job
DELETE FROM job WHERE id = ? AND "end" IS NOT NULL;

-- held_by_live: what still waits for the live job of a destination, in a part of the log
SELECT delivery.position FROM delivery JOIN job ON job.id = delivery.job
WHERE job.destination = ? AND job."end" IS NULL
    AND delivery.position > ? AND delivery.position <= ?;

-- log_first_since: the first position that was accepted at or after a moment
SELECT position FROM log WHERE accepted_at >= ? ORDER BY position LIMIT 1;

-- log_last_before: the last position that was accepted before a moment
SELECT position FROM log WHERE accepted_at < ? ORDER BY position DESC LIMIT 1;

-- log_beside: events in a part of the log as they were accepted, with what stands beside them
SELECT position, event_id, accepted_at, kind, label, body, derived, bot, derived_version, repaired
FROM event WHERE position > ? AND position <= ? ORDER BY position LIMIT ?;

-- log_put_beside: what stands beside an event now
UPDATE log SET kind = ?, label = ?, derived = ?, bot = ?, derived_version = ?, repaired = ?
WHERE position = ? AND event_id IN (?, '');

-- log_labelled: events of one label behind a position
SELECT position, event_id, accepted_at, COALESCE(repaired, body) FROM event
WHERE label = ? AND position > ? ORDER BY position LIMIT ?;

-- known_before: the places of those of some ids (of 16 bytes, one behind the other) that were stored once
SELECT value FROM json_each(:places)
WHERE EXISTS (SELECT 1 FROM known WHERE id = substr(:ids, 16 * value + 1, 16));

-- identity: the ledger's own name
SELECT name FROM identity;
