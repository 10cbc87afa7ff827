-- merge_add: a visitor turned out to be a user or another visitor, unless that is known
INSERT OR IGNORE INTO merge (visitor, "user", same_as, at, event_id, how) VALUES (?, ?, ?, ?, ?, ?);

-- merges_of: every merge in which a visitor or user takes part, oldest first
SELECT visitor, "user", same_as, at, event_id, how, undone_at, undone_from FROM merge
WHERE visitor = :subject OR ("user" = :subject AND "user" <> '')
    OR (same_as = :subject AND same_as <> '')
ORDER BY number;

-- merge_undo: from a position on, a visitor is not this user
UPDATE merge SET undone_at = :at, undone_from = MIN(COALESCE(undone_from, :after), :after)
WHERE visitor = :visitor AND "user" = :user AND same_as = '';

-- merge_redo: a merge holds again
UPDATE merge SET undone_at = NULL, undone_from = NULL
WHERE visitor = :visitor AND "user" = :user AND same_as = '' AND undone_at IS NOT NULL;

-- merges_undone: every merge that was undone
SELECT visitor, "user", undone_from FROM merge INDEXED BY merge_undone WHERE undone_at IS NOT NULL;

-- merge_forget: a visitor or user is gone from the journal
DELETE FROM merge WHERE visitor = :subject OR "user" = :subject OR same_as = :subject;

-- told_forget: and from what destinations were told
DELETE FROM merge_told WHERE visitor = :subject OR "user" = :subject;

-- told_of: which event told a destination of the merges of some visitors
SELECT visitor, "user", event_id FROM merge_told
WHERE destination = ? AND visitor IN (SELECT value FROM json_each(?));

-- told_add: an event told a destination of a merge
INSERT OR IGNORE INTO merge_told (destination, visitor, "user", event_id, at) VALUES (?, ?, ?, ?, ?);

-- merge_fade: a few of the oldest merges, when they are past their time; one that was undone stays
DELETE FROM merge WHERE number IN (
    SELECT number FROM merge WHERE undone_at IS NULL ORDER BY number LIMIT :limit
) AND at < :before;

-- told_fade: and a few of the oldest that destinations were told
DELETE FROM merge_told
WHERE number IN (SELECT number FROM merge_told ORDER BY number LIMIT :limit) AND at < :before;
