-- The fifth schema: a job says whether its destination is paused until somebody mends the set-up.

ALTER TABLE job ADD COLUMN needs_you INTEGER NOT NULL DEFAULT 0;
