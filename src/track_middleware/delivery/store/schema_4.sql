-- The fourth schema: a job belongs to what its destination points at, whatever that is called.

-- What the destination points at (a digest); the log's end when none pointed there any more.
ALTER TABLE job ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN left_at INTEGER;
