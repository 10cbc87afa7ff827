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

-- pack_of: the packs that hold some events
SELECT DISTINCT (SELECT number FROM log_pack WHERE last >= value ORDER BY last LIMIT 1)
FROM json_each(?);

-- pack_open: the events of a pack get their bodies back
UPDATE log SET event_id = unpacked_id(body), order_key = unpacked_key(body), body = unpacked(body), derived = unpacked(derived),
    repaired = unpacked(repaired)
WHERE event_id = '' AND position BETWEEN (SELECT first FROM log_pack WHERE number = ?1)
    AND (SELECT last FROM log_pack WHERE number = ?1);

-- pack_empty: a pack whose events have their bodies
UPDATE log_pack SET rows = x'' WHERE number = ?;

-- packs_forget: a few packs of which the log has let everything go
DELETE FROM log_pack WHERE number IN (SELECT number FROM log_pack ORDER BY number LIMIT ?)
    AND last < COALESCE((SELECT MIN(position) FROM log), 9223372036854775807);
