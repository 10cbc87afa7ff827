-- histories: the pasts of some subjects
SELECT subject, known FROM history WHERE subject IN (SELECT value FROM json_each(?));

-- histories_joined: the pasts of visitors that turned out to be one of these
SELECT visitor_join.same_as, history.subject, history.known
FROM visitor_join JOIN history ON history.subject = 'visitor:' || visitor_join.visitor
WHERE visitor_join.same_as IN (SELECT value FROM json_each(?));

-- history_keep: a subject's past as it is now
INSERT INTO history (subject, seen, known) VALUES (?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET seen = excluded.seen, known = excluded.known;

-- history_drop: a subject has no past any more
DELETE FROM history WHERE subject = ?;

-- known_of: those of some ids (of 16 bytes, one behind the other) that were stored before
WITH RECURSIVE place (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place WHERE n + 1 < :n)
SELECT id FROM known WHERE id IN (SELECT substr(:ids, 16 * n + 1, 16) FROM place);

-- histories_forget: a few of whom nobody has seen for long
DELETE FROM history WHERE subject IN (
    SELECT subject FROM history WHERE seen < ? ORDER BY seen LIMIT ?
);
