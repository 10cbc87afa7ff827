-- The store's first schema: log and ledger in one database. Times are epoch seconds.

-- The ordered, immutable events; what enrichment derived stands beside the body, with its version.
CREATE TABLE log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    order_key TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    body BLOB NOT NULL,
    derived BLOB,
    derived_version INTEGER NOT NULL DEFAULT 0,
    bot TEXT
);

-- Ids that were stored once; the table grows at its end, so its oldest rows are its first.
CREATE TABLE known (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    seen REAL NOT NULL
);

-- One row per page view that has a token: its mark, and the half that waits for the other.
CREATE TABLE page (
    id TEXT PRIMARY KEY,
    ref BLOB NOT NULL,
    made REAL NOT NULL,
    person BLOB,
    visitor TEXT,
    url TEXT NOT NULL,
    half BLOB,
    due REAL,
    confirmed_at REAL,
    position INTEGER
) WITHOUT ROWID;
CREATE INDEX page_due ON page (due) WHERE due IS NOT NULL;
CREATE INDEX page_unconfirmed ON page (visitor, url, made) WHERE confirmed_at IS NULL;
CREATE INDEX page_made ON page (made);

-- Browser events that wait for the row of their page.
CREATE TABLE waiting (
    number INTEGER PRIMARY KEY,
    page TEXT NOT NULL,
    due REAL NOT NULL,
    entry BLOB NOT NULL
);
CREATE INDEX waiting_page ON waiting (page);

-- How far each spool segment is stored.
CREATE TABLE segment (
    name TEXT PRIMARY KEY,
    "offset" INTEGER NOT NULL
) WITHOUT ROWID;

-- A visitor that turned out to be another one.
CREATE TABLE visitor_join (
    visitor TEXT PRIMARY KEY,
    same_as TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX visitor_join_same_as ON visitor_join (same_as);

-- The last consent choice of a user (user:ID) or visitor (visitor:ID).
CREATE TABLE choice (
    subject TEXT PRIMARY KEY,
    states BLOB NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;

-- A destination served from one position of the log to another; the live job has no end.
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    position INTEGER NOT NULL,
    "end" INTEGER,
    paused_until REAL,
    pause_reason TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX job_live ON job (destination) WHERE "end" IS NULL;

-- Only what was not simply delivered: retries, and events held behind a retry of their visitor.
CREATE TABLE delivery (
    job INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    order_key TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due REAL NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job, position)
) WITHOUT ROWID;
CREATE INDEX delivery_key ON delivery (job, order_key, due);
CREATE INDEX delivery_position ON delivery (position);

-- What a destination, the door or the plan refused for good.
CREATE TABLE dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stage TEXT NOT NULL,
    destination TEXT NOT NULL,
    event_id TEXT NOT NULL,
    label TEXT NOT NULL,
    time REAL NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX dead_stage ON dead (stage, id);
CREATE INDEX dead_destination ON dead (destination);

-- Page views by day and class (served, page.human, page.bot, page.browser, confirmed).
CREATE TABLE rollup (
    day TEXT NOT NULL,
    class TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, class)
) WITHOUT ROWID;

-- Stored events by day and label.
CREATE TABLE event_count (
    day TEXT NOT NULL,
    label TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, label)
) WITHOUT ROWID;

-- What was counted and not kept: dropped dead letters, counters of processes that are gone.
CREATE TABLE counter (
    reason TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) WITHOUT ROWID;

-- Who drains and delivers: a higher generation ends the rights of every lower one.
CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    owner TEXT NOT NULL
);
INSERT INTO lease VALUES (1, 0, 0, '');
