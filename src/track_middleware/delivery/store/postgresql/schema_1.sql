-- The first schema in PostgreSQL: what the SQLite store's steps add up to, table for table. Times are
-- epoch seconds. The store keeps to a schema of its own, which the connection's search path names.

-- The ordered, immutable events, a partition for each day (since 1970, UTC) on which they were stored;
-- day 0 holds events that came back from dead letters.
CREATE TABLE log (
    day INTEGER NOT NULL,
    position BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    order_key TEXT NOT NULL,
    accepted_at DOUBLE PRECISION NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    body BYTEA NOT NULL,
    derived BYTEA,
    derived_version INTEGER NOT NULL DEFAULT 0,
    bot TEXT,
    repaired BYTEA,
    PRIMARY KEY (position, day)
) PARTITION BY LIST (day);
CREATE TABLE log_0 PARTITION OF log FOR VALUES IN (0);

-- The highest position ever given. Whoever appends holds this row until the transaction's end, so that
-- no position is seen while a lower one may still appear.
CREATE TABLE log_end (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last BIGINT NOT NULL
);
INSERT INTO log_end VALUES (1, 0);

-- Which positions stand in a day's partition, and when the newest of its events was accepted.
CREATE TABLE log_day (
    day INTEGER PRIMARY KEY,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    newest DOUBLE PRECISION NOT NULL
);

-- "number" is that of a store that was moved here. The rows lie in the order of their moments, which
-- is all that an index of this kind needs, and costs next to nothing.
CREATE TABLE known (
    number BIGINT,
    id BYTEA NOT NULL UNIQUE,
    seen DOUBLE PRECISION NOT NULL
);
CREATE INDEX known_seen ON known USING brin (seen);

CREATE TABLE page (
    id TEXT PRIMARY KEY,
    ref BYTEA NOT NULL,
    made DOUBLE PRECISION NOT NULL,
    person BYTEA,
    visitor TEXT,
    url TEXT NOT NULL,
    half BYTEA,
    due DOUBLE PRECISION,
    confirmed_at DOUBLE PRECISION,
    position BIGINT
);
CREATE INDEX page_due ON page (due) WHERE due IS NOT NULL;
-- A URL may be longer than an entry of an index.
CREATE INDEX page_unconfirmed ON page (visitor, made) WHERE confirmed_at IS NULL;
CREATE INDEX page_made ON page (made);

CREATE TABLE waiting (
    number BIGSERIAL PRIMARY KEY,
    page TEXT NOT NULL,
    due DOUBLE PRECISION NOT NULL,
    entry BYTEA NOT NULL
);
CREATE INDEX waiting_page ON waiting (page);

-- Segments belong to the data folder in which they lie.
CREATE TABLE segment (
    folder TEXT NOT NULL DEFAULT current_setting('track.folder'),
    name TEXT NOT NULL,
    "offset" BIGINT NOT NULL,
    PRIMARY KEY (folder, name)
);

CREATE TABLE visitor_join (
    visitor TEXT PRIMARY KEY,
    same_as TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL
);
CREATE INDEX visitor_join_same_as ON visitor_join (same_as);

CREATE TABLE choice (
    subject TEXT PRIMARY KEY,
    states BYTEA NOT NULL,
    at DOUBLE PRECISION NOT NULL
);

CREATE TABLE job (
    id BIGSERIAL PRIMARY KEY,
    destination TEXT NOT NULL,
    position BIGINT NOT NULL,
    "end" BIGINT,
    paused_until DOUBLE PRECISION,
    pause_reason TEXT NOT NULL DEFAULT '',
    wait DOUBLE PRECISION NOT NULL DEFAULT 0,
    pace DOUBLE PRECISION,
    paced_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    answer TEXT NOT NULL DEFAULT '',
    answered_at DOUBLE PRECISION,
    delivered BIGINT NOT NULL DEFAULT 0,
    doubtful BIGINT NOT NULL DEFAULT 0,
    cut BIGINT NOT NULL DEFAULT 0,
    rate DOUBLE PRECISION NOT NULL DEFAULT 0,
    rated_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    target TEXT NOT NULL DEFAULT '',
    left_at BIGINT,
    needs_you INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX job_live ON job (destination) WHERE "end" IS NULL;

-- Where the shards of a live job stand; the job stands where the last one does.
CREATE TABLE job_shard (
    job BIGINT NOT NULL,
    shard INTEGER NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (job, shard)
);

-- Whose shard a visitor is, of eight (shards.py). It is the hash by which PostgreSQL partitions, which
-- it therefore keeps as it is; the collation has no part in it.
CREATE FUNCTION shard_of(key TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT (hashtextextended(key COLLATE "C", 0) & 7)::integer';

CREATE TABLE delivery (
    job BIGINT NOT NULL,
    position BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    order_key TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job, position)
);
CREATE INDEX delivery_position ON delivery (position);
CREATE INDEX delivery_order ON delivery (job, order_key, position);
CREATE INDEX delivery_due ON delivery (job, due) WHERE state = 'retry';

CREATE TABLE flight (
    job BIGINT NOT NULL,
    position BIGINT NOT NULL,
    road BYTEA NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (job, position, road)
);

CREATE TABLE dead (
    id BIGSERIAL PRIMARY KEY,
    stage TEXT NOT NULL,
    destination TEXT NOT NULL,
    event_id TEXT NOT NULL,
    label TEXT NOT NULL,
    time DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    body BYTEA NOT NULL,
    position BIGINT,
    order_key TEXT,
    accepted_at DOUBLE PRECISION,
    kind TEXT,
    derived BYTEA,
    derived_version INTEGER NOT NULL DEFAULT 0,
    bot TEXT
);
CREATE INDEX dead_stage ON dead (stage, id);
CREATE INDEX dead_destination ON dead (destination);

CREATE TABLE rollup (
    day TEXT NOT NULL,
    class TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, class)
);

CREATE TABLE event_count (
    day TEXT NOT NULL,
    label TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, label)
);

-- What was counted and not kept: rows to be added up, so that no two transactions wait for each other.
CREATE TABLE counter (
    reason TEXT NOT NULL,
    count BIGINT NOT NULL
);

-- A change of the generation is one of a unique key, so that FOR KEY SHARE keeps a lease from being
-- taken, and not from being renewed.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    generation BIGINT NOT NULL,
    renewals BIGINT NOT NULL,
    owner TEXT NOT NULL,
    UNIQUE (name, generation)
);

CREATE TABLE replay (
    job BIGINT PRIMARY KEY,
    since DOUBLE PRECISION,
    until DOUBLE PRECISION,
    labels TEXT NOT NULL,
    "begin" BIGINT NOT NULL,
    total BIGINT NOT NULL,
    made DOUBLE PRECISION NOT NULL,
    ended DOUBLE PRECISION,
    backfill BIGINT
);

CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
);
INSERT INTO identity VALUES (1, replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE choice_record (
    number BIGSERIAL PRIMARY KEY,
    subject TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    states BYTEA NOT NULL,
    version TEXT NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    UNIQUE (subject, event_id)
);

CREATE TABLE merge (
    number BIGSERIAL PRIMARY KEY,
    visitor TEXT NOT NULL,
    "user" TEXT NOT NULL DEFAULT '',
    same_as TEXT NOT NULL DEFAULT '',
    at DOUBLE PRECISION NOT NULL,
    event_id TEXT NOT NULL DEFAULT '',
    how TEXT NOT NULL,
    undone_at DOUBLE PRECISION,
    undone_from BIGINT,
    UNIQUE (visitor, "user", same_as)
);
CREATE INDEX merge_user ON merge ("user") WHERE "user" <> '';
CREATE INDEX merge_same_as ON merge (same_as) WHERE same_as <> '';
CREATE INDEX merge_undone ON merge (visitor) WHERE undone_at IS NOT NULL;

CREATE TABLE merge_told (
    number BIGSERIAL PRIMARY KEY,
    destination TEXT NOT NULL,
    visitor TEXT NOT NULL,
    "user" TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    UNIQUE (destination, visitor, "user")
);

CREATE TABLE salt (
    day TEXT PRIMARY KEY,
    salt BYTEA NOT NULL
);

CREATE TABLE counted_session (
    visitor TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    start DOUBLE PRECISION NOT NULL,
    seen DOUBLE PRECISION NOT NULL
);
CREATE INDEX counted_session_seen ON counted_session (seen);

CREATE TABLE unstored (
    position BIGINT PRIMARY KEY,
    gone DOUBLE PRECISION
);
CREATE INDEX unstored_left ON unstored (position) WHERE gone IS NULL;

-- An erasure belongs to the data folder in which its file lies.
CREATE TABLE erasure (
    id BIGSERIAL PRIMARY KEY,
    folder TEXT NOT NULL DEFAULT current_setting('track.folder'),
    subject TEXT NOT NULL,
    asked DOUBLE PRECISION NOT NULL,
    file TEXT NOT NULL,
    events BIGINT NOT NULL,
    done DOUBLE PRECISION
);
CREATE INDEX erasure_subject ON erasure (subject);

CREATE TABLE erasure_answer (
    number BIGSERIAL PRIMARY KEY,
    erasure BIGINT NOT NULL,
    system TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    part INTEGER NOT NULL,
    task TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due DOUBLE PRECISION NOT NULL,
    UNIQUE (erasure, system)
);

CREATE TABLE tombstone (
    name TEXT PRIMARY KEY,
    until DOUBLE PRECISION
);

CREATE TABLE backfill (
    number BIGSERIAL PRIMARY KEY,
    source TEXT NOT NULL,
    made DOUBLE PRECISION NOT NULL,
    stored DOUBLE PRECISION
);

CREATE TABLE backfill_part (
    first BIGINT PRIMARY KEY,
    last BIGINT NOT NULL,
    backfill BIGINT NOT NULL
);
CREATE INDEX backfill_part_of ON backfill_part (backfill, first);

CREATE TABLE history (
    subject TEXT PRIMARY KEY,
    seen DOUBLE PRECISION NOT NULL,
    known BYTEA NOT NULL
);
CREATE INDEX history_seen ON history (seen);

-- What the console counts of views, read from the log up to a position and once only.

-- Up to which position; in which time zone a day is a day; and, where the log was counted again, the
-- first day that was counted anew, up to which position.
CREATE TABLE rollup_state (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL,
    zone TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL
);
INSERT INTO rollup_state VALUES (1, 0, '', -1000000, 0);

-- Views and sessions of people by day (days since 1970-01-01) and name of a part: all, browser, system,
-- country, page, channel, source, campaign, first, landing; views of programs: bot. "served": by the
-- server, with a tag; "confirmed": of these by a browser's script.
CREATE TABLE rollup_cell (
    part TEXT NOT NULL,
    day BIGINT NOT NULL,
    name TEXT NOT NULL,
    views BIGINT NOT NULL,
    served BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    PRIMARY KEY (part, day, name)
);

-- Sums over visitors' days, and views that are missing for a reason known at once.
CREATE TABLE rollup_people (
    day BIGINT NOT NULL,
    class TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, class)
);

-- How many visitors of a day were seen before on that other day, and not in between (-1: never): the
-- visitors of any span of days are those of its days that were last seen before it.
CREATE TABLE rollup_again (
    day BIGINT NOT NULL,
    before BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, before)
);

-- Each visitor's days, under a hash of the id; an erased visitor's go, and the sums stay.
CREATE TABLE rollup_visitor (
    visitor BIGINT NOT NULL,
    day BIGINT NOT NULL,
    views BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    noscript BIGINT NOT NULL,
    bait BIGINT NOT NULL,
    PRIMARY KEY (visitor, day)
);
CREATE INDEX rollup_visitor_day ON rollup_visitor (day);

-- Sessions that are counted, under a hash of the id, by day and moment of their first view. "cells":
-- where (JSON), for as long as an earlier view may still come to the log.
CREATE TABLE rollup_session (
    session BIGINT PRIMARY KEY,
    day BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    cells BYTEA
);
CREATE INDEX rollup_session_day ON rollup_session (day);
CREATE INDEX rollup_session_open ON rollup_session (day) WHERE cells IS NOT NULL;

-- What became known of a view after it had its place in the log: confirmed, noscript, served (by the
-- server, where it stands as the browser's alone), untagged.
CREATE TABLE view_note (
    position BIGINT NOT NULL,
    note TEXT NOT NULL,
    counted BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (position, note)
);
CREATE INDEX view_note_new ON view_note (position) WHERE counted = 0;

-- What a sample of each day's events (days as in rollup_cell) looked like, by event: looking.py says
-- what "look" holds; no value of a property is in it. "until": up to which position was looked.
CREATE TABLE event_look (
    day BIGINT NOT NULL,
    label TEXT NOT NULL,
    until BIGINT NOT NULL,
    look BYTEA NOT NULL,
    PRIMARY KEY (day, label)
);
CREATE INDEX event_look_until ON event_look (until);

-- Where a broker keeps the bodies of events, when one does (bodies.py). In the log a note stands then in
-- a body's stead: a key, and where at the broker the body lies that it opens (sealing.py).
CREATE TABLE broker (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
);

-- The log as it was accepted; in SQLite its old events are packed.
CREATE VIEW event AS
SELECT position, event_id, order_key, accepted_at, kind, label, body, derived, derived_version, bot,
    repaired
FROM log;
