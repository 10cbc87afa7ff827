-- The operator's verbs: letters that can be sent again when the log has let their event go, replays,
-- and the ledger's own name, by which a claim in somebody else's database is known.

-- What a letter's event was in the log; no position where it was in none.
ALTER TABLE dead ADD COLUMN position INTEGER;
ALTER TABLE dead ADD COLUMN order_key TEXT;
ALTER TABLE dead ADD COLUMN accepted_at REAL;
ALTER TABLE dead ADD COLUMN kind TEXT;
ALTER TABLE dead ADD COLUMN derived BLOB;
ALTER TABLE dead ADD COLUMN derived_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead ADD COLUMN bot TEXT;

-- What a bounded job sends again: accepted in [since, until), with a label that one of the globs
-- (a JSON list, empty: all) matches. "begin" is where it began, total how many events it covers.
CREATE TABLE replay (
    job INTEGER PRIMARY KEY,
    since REAL,
    until REAL,
    labels TEXT NOT NULL,
    "begin" INTEGER NOT NULL,
    total INTEGER NOT NULL,
    made REAL NOT NULL,
    ended REAL
);

-- A random name, given once.
CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
);
INSERT INTO identity VALUES (1, lower(hex(randomblob(16))));
