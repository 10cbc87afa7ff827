-- backfill_add: something comes to the log from elsewhere
INSERT INTO backfill (source, made) VALUES (?, ?);

-- backfill_number: the newest
SELECT MAX(number) FROM backfill;

-- backfill_job: a job that sends it
INSERT INTO replay (job, labels, "begin", total, made, backfill)
VALUES (:job, '[]', :begin, 0, :now, :number);

-- backfill_stored: all of it is in the log
UPDATE backfill SET stored = ? WHERE number = ? AND stored IS NULL;

-- backfill_open: the newest of a source that is not all in the log
SELECT MAX(number) FROM backfill WHERE source = ? AND stored IS NULL;

-- backfill_is_stored: a row when all of it is in the log, or nobody knows of it any more
SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM backfill WHERE number = ? AND stored IS NULL);

-- backfill_last: where its newest part begins and ends
SELECT first, last FROM backfill_part WHERE backfill = ? ORDER BY first DESC LIMIT 1;

-- backfill_part_add: a part of the log belongs to it
INSERT INTO backfill_part (first, last, backfill) VALUES (?, ?, ?);

-- backfill_part_grow: and so does what follows
UPDATE backfill_part SET last = ? WHERE first = ?;

-- backfill_jobs_grow: its jobs have that to send
UPDATE job SET "end" = :last
WHERE id IN (SELECT job FROM replay WHERE backfill = :number AND ended IS NULL);

-- backfill_totals_grow: so many events more
UPDATE replay SET total = total + :events WHERE backfill = :number AND ended IS NULL;

-- backfill_parts: its parts that end behind a position, in order
SELECT first, last FROM backfill_part WHERE backfill = ? AND last > ? ORDER BY first;

-- backfill_size: so many events the log got of it behind a position
SELECT COALESCE(SUM(last - MAX(first - 1, :after)), 0) FROM backfill_part
WHERE backfill = :number AND last > :after;

-- backfill_between: every backfill's parts that touch a part of the log
SELECT first, last FROM backfill_part
WHERE first <= :up_to AND last > :after AND first >= COALESCE(
    (SELECT MAX(first) FROM backfill_part WHERE first <= :after), 0
);

-- backfill_fade: parts of which nothing is left
DELETE FROM backfill_part WHERE last < (SELECT MIN(position) FROM log);

-- backfill_give_up: what was begun before a moment and is not whole
UPDATE backfill SET stored = :now WHERE stored IS NULL AND made < :before;
