-- rollup_state: up to where views are counted, in which zone, and what was counted anew
SELECT position, zone, since, until FROM rollup_state;

-- rollup_moved: views are counted up to a position
UPDATE rollup_state SET position = ?;

-- rollup_begun: counting begins, in a zone; what was counted of days before "since" stays
UPDATE rollup_state SET position = 0, zone = ?, since = ?, until = ?;

-- rollup_rows: of a part of the log what is counted; of what the log does not keep nothing is
SELECT position, event_id, order_key, accepted_at, kind, label, COALESCE(repaired, body), derived, bot
FROM event
WHERE position > :after AND position <= :until
    AND (kind IN ('page', 'screen') OR label = 'Blocker Checked')
    AND position NOT IN (SELECT position FROM unstored)
ORDER BY position LIMIT :limit;

-- rollup_first: where the log begins now, and when that was accepted
SELECT position, accepted_at FROM log ORDER BY position LIMIT 1;

-- rollup_cell_add: views and sessions more of a day's part
INSERT INTO rollup_cell (part, day, name, views, served, confirmed, sessions)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (part, day, name) DO UPDATE SET
    views = rollup_cell.views + excluded.views, served = rollup_cell.served + excluded.served,
    confirmed = rollup_cell.confirmed + excluded.confirmed,
    sessions = rollup_cell.sessions + excluded.sessions;

-- rollup_names: the names of a day's part
SELECT name FROM rollup_cell WHERE part = ? AND day = ?;

-- rollup_people_add: more of a class on a day
INSERT INTO rollup_people (day, class, count) VALUES (?, ?, ?)
ON CONFLICT (day, class) DO UPDATE SET count = rollup_people.count + excluded.count;

-- rollup_again_add: more visitors of a day that were last seen on another
INSERT INTO rollup_again (day, before, count) VALUES (?, ?, ?)
ON CONFLICT (day, before) DO UPDATE SET count = rollup_again.count + excluded.count;

-- rollup_visitors: the days of some visitors
SELECT visitor, day, views, kept, confirmed, missing, noscript, bait
FROM rollup_visitor WHERE visitor IN (SELECT value FROM json_each(?));

-- rollup_visitor_keep: a visitor's day as it is now
INSERT INTO rollup_visitor (visitor, day, views, kept, confirmed, missing, noscript, bait)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (visitor, day) DO UPDATE SET
    views = excluded.views, kept = excluded.kept, confirmed = excluded.confirmed,
    missing = excluded.missing, noscript = excluded.noscript, bait = excluded.bait;

-- rollup_sessions: those of some sessions that are counted
SELECT session, at, cells FROM rollup_session WHERE session IN (SELECT value FROM json_each(?));

-- rollup_session_keep: a session is counted
INSERT INTO rollup_session (session, day, at, cells) VALUES (?, ?, ?, ?)
ON CONFLICT (session) DO UPDATE SET day = excluded.day, at = excluded.at, cells = excluded.cells;

-- rollup_notes: what was noted of views in a part of the log and is not counted
SELECT position, note FROM view_note
WHERE counted = 0 AND position > ? AND position <= ? ORDER BY position;

-- rollup_notes_late: the same of views that are counted, a few of them
SELECT DISTINCT position FROM view_note WHERE counted = 0 AND position <= ? ORDER BY position LIMIT ?;

-- rollup_notes_of: all that was noted of some views
SELECT position, note, counted FROM view_note WHERE position IN (SELECT value FROM json_each(?));

-- rollup_notes_counted: what was noted of a view is counted
UPDATE view_note SET counted = 1 WHERE counted = 0 AND position = ?;

-- view_note_add: something more is known of a view in the log
INSERT OR IGNORE INTO view_note (position, note) VALUES (?, ?);

-- rollup_unnote: nothing that was noted is counted
UPDATE view_note SET counted = 0 WHERE counted = 1;

-- rollup_cells_drop: what was counted of a day and later ones, ...
DELETE FROM rollup_cell WHERE day >= ?;

-- rollup_people_drop: ...
DELETE FROM rollup_people WHERE day >= ?;

-- rollup_again_drop: ...
DELETE FROM rollup_again WHERE day >= ?;

-- rollup_visitors_drop: ...
DELETE FROM rollup_visitor WHERE day >= ?;

-- rollup_sessions_drop: ...
DELETE FROM rollup_session WHERE day >= ?;

-- rollup_visitors_forget: a few visitors' days from before one
DELETE FROM rollup_visitor WHERE (visitor, day) IN (
    SELECT visitor, day FROM rollup_visitor WHERE day < ? ORDER BY day LIMIT ?
);

-- rollup_sessions_forget: a few sessions from before a day
DELETE FROM rollup_session WHERE session IN (
    SELECT session FROM rollup_session WHERE day < ? ORDER BY day LIMIT ?
);

-- rollup_sessions_close: where a few sessions from before a day are counted stays as it is
UPDATE rollup_session SET cells = NULL WHERE session IN (
    SELECT session FROM rollup_session WHERE cells IS NOT NULL AND day < ? LIMIT ?
);

-- view_notes_forget: a few notes of views that the log has let go
DELETE FROM view_note WHERE (position, note) IN (
    SELECT position, note FROM view_note
    WHERE counted = 1 AND position < (SELECT MIN(position) FROM log) ORDER BY position LIMIT ?
);

-- rollup_visitor_erase: a visitor who was erased; the sums stay
DELETE FROM rollup_visitor WHERE visitor = ?;

-- rollup_session_erase: and a session
DELETE FROM rollup_session WHERE session = ?;

-- rollup_days: the sums of one part by day, between two days
SELECT day, CAST(SUM(views) AS BIGINT), CAST(SUM(served) AS BIGINT),
    CAST(SUM(confirmed) AS BIGINT), CAST(SUM(sessions) AS BIGINT)
FROM rollup_cell
WHERE part = ? AND day BETWEEN ? AND ? GROUP BY day ORDER BY day;

-- rollup_top: the names of a part with the most of something, between two days
SELECT name, CAST(SUM(views) AS BIGINT) AS views, CAST(SUM(served) AS BIGINT) AS served,
    CAST(SUM(confirmed) AS BIGINT) AS confirmed, CAST(SUM(sessions) AS BIGINT) AS sessions
FROM rollup_cell WHERE part = :part AND day BETWEEN :first AND :last GROUP BY name
ORDER BY CASE :by WHEN 'served' THEN SUM(served) WHEN 'sessions' THEN SUM(sessions) ELSE SUM(views) END
    DESC, name
LIMIT :limit;

-- rollup_people: the classes of each day, between two days
SELECT day, class, count FROM rollup_people WHERE day BETWEEN ? AND ?;

-- rollup_visitor_count: how many visitors some days had together
SELECT COALESCE(CAST(SUM(count) AS BIGINT), 0) FROM rollup_again
WHERE day BETWEEN :first AND :last AND before < :first;
