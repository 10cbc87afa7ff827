-- watch_pages: page views of which one half waits for the other, newest first; they are found among
-- those that wait, not among all pages
SELECT ref, person, url, half, due, confirmed_at, position FROM (
    SELECT * FROM page WHERE due IS NOT NULL ORDER BY due DESC LIMIT ?
) AS waits
ORDER BY made DESC;

-- watch_rows: what waits of some events at live jobs
SELECT delivery.position, job.destination, delivery.state, delivery.attempts, delivery.reason
FROM delivery JOIN job ON job.id = delivery.job
WHERE job."end" IS NULL AND delivery.position IN (SELECT value FROM json_each(?));

-- watch_dead: which of some events destinations have lately refused, and why
SELECT event_id, destination, reason FROM dead
WHERE stage = 'destination' AND id > (SELECT COALESCE(MAX(id), 0) FROM dead) - 2000
    AND event_id IN (SELECT value FROM json_each(?));

-- watch_of: the newest events of some visitors and users in a part of the log
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM event
WHERE position > :after AND position <= :until
    AND order_key IN (SELECT value FROM json_each(:keys))
ORDER BY position DESC LIMIT :limit;

-- watch_bytes: bytes of pages that hold something, and of those that an empty store has too
SELECT (pages.page_count - free.freelist_count) * size.page_size,
    (SELECT COUNT(*) FROM sqlite_master WHERE rootpage > 0) * size.page_size
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size;
