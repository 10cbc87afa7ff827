-- pack_next: events behind the last pack that the log will keep
SELECT position, accepted_at, body, derived, repaired, event_id, order_key, kind, label,
    derived_version, bot FROM log
WHERE position > (SELECT COALESCE(MAX(last), 0) FROM log_pack)
    AND position NOT IN (SELECT position FROM unstored)
ORDER BY position LIMIT ?;

-- pack_add: events together
INSERT INTO log_pack (first, last, rows) VALUES (?, ?, ?);

-- pack_number: the pack that was made last
SELECT MAX(number) FROM log_pack;

-- pack_out: events that come back small; SQLite keeps the pages of rows that only shrink
DELETE FROM log WHERE position = ?;

-- pack_in: an event whose bodies are in a pack
INSERT INTO log (
    position, accepted_at, body, derived, repaired, event_id, order_key, kind, label,
    derived_version, bot
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- pack_end: up to where the log is packed
SELECT COALESCE(MAX(last), 0) FROM log_pack;

-- pack_key_add: an order key has events in a slice of the log
INSERT OR IGNORE INTO log_pack_key (key, slice) VALUES (?, ?);

-- pack_slices: in which slices some order keys have events, the newest first
SELECT DISTINCT slice FROM log_pack_key
WHERE key IN (SELECT value FROM json_each(?)) ORDER BY slice DESC;

-- pack_key_drop: an order key has no event any more
DELETE FROM log_pack_key WHERE key = ?;

-- pack_keys_forget: of a few order keys, from one on, the slices before the log's beginning
DELETE FROM log_pack_key
WHERE slice < :first AND (key, slice) IN (
    SELECT key, slice FROM log_pack_key WHERE key >= :key ORDER BY key LIMIT :limit
);

-- pack_of: the packs that hold some events
SELECT DISTINCT (SELECT number FROM log_pack WHERE last >= value ORDER BY last LIMIT 1)
FROM json_each(?);

-- pack_open: the events of a pack get their bodies back
UPDATE log SET event_id = unpacked_id(body), order_key = unpacked_key(body), body = unpacked(body), derived = unpacked(derived),
    repaired = unpacked(repaired)
WHERE event_id = '' AND position BETWEEN (SELECT first FROM log_pack WHERE number = ?1)
    AND (SELECT last FROM log_pack WHERE number = ?1);

-- pack_drop: a pack to which no event refers any more
DELETE FROM log_pack WHERE number = ?;

-- packs_due: of the oldest packs those that hold an event which is past its time and no job has before
-- it, and whether all of their events may go
SELECT number,
    last <= :served
    AND NOT EXISTS (
        SELECT 1 FROM log
        WHERE position BETWEEN first AND last AND event_id = '' AND accepted_at >= :before
    )
    AND NOT EXISTS (
        SELECT 1 FROM delivery JOIN job ON job.id = delivery.job
        WHERE delivery.position BETWEEN first AND last
            AND job.destination IN (SELECT value FROM json_each(:destinations))
    )
FROM (SELECT number, first, last FROM log_pack ORDER BY number LIMIT :limit)
WHERE first <= :served AND EXISTS (
    SELECT 1 FROM log
    WHERE position BETWEEN first AND last AND event_id = '' AND accepted_at < :before
);

-- pack_forget: the events of a pack
DELETE FROM log
WHERE event_id = '' AND position BETWEEN (SELECT first FROM log_pack WHERE number = ?1)
    AND (SELECT last FROM log_pack WHERE number = ?1);
