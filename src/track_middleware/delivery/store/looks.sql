-- look_until: up to which position events were looked at
SELECT COALESCE(MAX(until), 0) FROM event_look;

-- look_rows: events behind a position that the log keeps, in order
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM event
WHERE position > ? AND position NOT IN (SELECT position FROM unstored) ORDER BY position LIMIT ?;

-- look_labels: the events of a day that were looked at
SELECT label FROM event_look WHERE day = ?;

-- look_of: what some events of a day looked like
SELECT label, look FROM event_look
WHERE day = ? AND label IN (SELECT value FROM json_each(?));

-- look_keep: what an event of a day looks like now
INSERT INTO event_look (day, label, until, look) VALUES (?, ?, ?, ?)
ON CONFLICT (day, label) DO UPDATE SET until = excluded.until, look = excluded.look;

-- looks: what every event looked like, from one day on
SELECT day, label, look FROM event_look WHERE day >= ? ORDER BY day, label;

-- looks_forget: what is of days before one
DELETE FROM event_look WHERE day < ?;
