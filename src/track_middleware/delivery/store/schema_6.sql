-- The sixth schema, a section for each part.

-- Every consent choice of a user (user:ID) or visitor (visitor:ID), for good: it outlives the events.
CREATE TABLE choice_record (
    number INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    at REAL NOT NULL,
    states BLOB NOT NULL,
    version TEXT NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    UNIQUE (subject, event_id)
);
INSERT INTO choice_record (subject, at, states, version, source, event_id)
SELECT subject, at, states, '', '', '' FROM choice ORDER BY at;

-- Merges: that a visitor turned out to be a user, or another visitor. One of "user" and "same_as" is
-- empty. "undone_from": behind which position of the log the merge no longer holds.
CREATE TABLE merge (
    number INTEGER PRIMARY KEY,
    visitor TEXT NOT NULL,
    user TEXT NOT NULL DEFAULT '',
    same_as TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL,
    event_id TEXT NOT NULL DEFAULT '',
    how TEXT NOT NULL,
    undone_at REAL,
    undone_from INTEGER,
    UNIQUE (visitor, user, same_as)
);
CREATE INDEX merge_user ON merge (user) WHERE user <> '';
CREATE INDEX merge_same_as ON merge (same_as) WHERE same_as <> '';
CREATE INDEX merge_undone ON merge (visitor) WHERE undone_at IS NOT NULL;

-- Which event told a destination (its target's digest, else its name) of which merge.
CREATE TABLE merge_told (
    number INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    visitor TEXT NOT NULL,
    user TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at REAL NOT NULL,
    UNIQUE (destination, visitor, user)
);

-- The salts of days (2026-05-04, UTC) that are counted without cookies, for all hosts of a store; a
-- day's is gone at the second midnight. No address is ever stored beside one.
CREATE TABLE salt (
    day TEXT PRIMARY KEY,
    salt BLOB NOT NULL
) WITHOUT ROWID;

-- The last session of each visitor of a day who is counted without cookies.
CREATE TABLE counted_session (
    visitor TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    start REAL NOT NULL,
    seen REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX counted_session_seen ON counted_session (seen);

-- Events that the log does not keep once every destination has had them, by their positions; "gone":
-- when the event went. What is left says only that there was one.
CREATE TABLE unstored (
    position INTEGER PRIMARY KEY,
    gone REAL
);
CREATE INDEX unstored_left ON unstored (position) WHERE gone IS NULL;

-- One person's data on request. No id stands in these tables: names are hashes with the key of the
-- data folder.

-- Who was erased, when it was asked, and how many events went. While a system has not answered,
-- "file" is where the ids that it has to be told lie; done: when all have.
CREATE TABLE erasure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    asked REAL NOT NULL,
    file TEXT NOT NULL,
    events INTEGER NOT NULL,
    done REAL
);
CREATE INDEX erasure_subject ON erasure (subject);

-- What each system said: waiting, asked (it works on it), done, refused, needs you, not asked.
-- "part": so many calls are answered; "task": by which it is asked how far it is.
CREATE TABLE erasure_answer (
    erasure INTEGER NOT NULL,
    system TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT NOT NULL,
    at REAL NOT NULL,
    part INTEGER NOT NULL,
    task TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due REAL NOT NULL,
    UNIQUE (erasure, system)
);

-- Whose later stragglers are dropped: users for what happened up to a moment, visitors and pages for
-- ever.
CREATE TABLE tombstone (
    name TEXT PRIMARY KEY,
    until REAL
) WITHOUT ROWID;

-- What came to the log from elsewhere than the live site (a database, an access log): its source as
-- it was asked for, and when all of it was in the log. A destination's live job passes it over; it
-- goes by a job of its own, which stands among the replays.
CREATE TABLE backfill (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    made REAL NOT NULL,
    stored REAL
);
ALTER TABLE replay ADD COLUMN backfill INTEGER;

-- Where in the log its events stand, from one position to another.
CREATE TABLE backfill_part (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    backfill INTEGER NOT NULL
);
CREATE INDEX backfill_part_of ON backfill_part (backfill, first);

-- What was known of a subject (user:ID, visitor:ID) when it was last seen (setting history): JSON.
CREATE TABLE history (
    subject TEXT PRIMARY KEY,
    seen REAL NOT NULL,
    known BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX history_seen ON history (seen);

-- What repairs made of an event, beside its body as accepted: whoever reads the log gets this instead.
ALTER TABLE log ADD COLUMN repaired BLOB;

-- Leases have names: a store may be shared by several data folders and workers.
ALTER TABLE lease RENAME TO former_lease;
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    owner TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO lease SELECT 'worker', generation, renewals, owner FROM former_lease;
DROP TABLE former_lease;

-- What the console counts of views, read from the log up to a position and once only.

-- Up to which position; in which time zone a day is a day; and, where the log was counted again, the
-- first day that was counted anew, up to which position.
CREATE TABLE rollup_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    zone TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
);
INSERT INTO rollup_state VALUES (1, 0, '', -1000000, 0);

-- Views and sessions of people by day (days since 1970-01-01) and name of a part: all, browser, system,
-- country, page, channel, source, campaign, first, landing; views of programs: bot. "served": by the
-- server, with a tag; "confirmed": of these by a browser's script.
CREATE TABLE rollup_cell (
    part TEXT NOT NULL,
    day INTEGER NOT NULL,
    name TEXT NOT NULL,
    views INTEGER NOT NULL,
    served INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    PRIMARY KEY (part, day, name)
) WITHOUT ROWID;

-- Sums over visitors' days, and views that are missing for a reason known at once.
CREATE TABLE rollup_people (
    day INTEGER NOT NULL,
    class TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, class)
) WITHOUT ROWID;

-- How many visitors of a day were seen before on that other day, and not in between (-1: never): the
-- visitors of any span of days are those of its days that were last seen before it.
CREATE TABLE rollup_again (
    day INTEGER NOT NULL,
    before INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, before)
) WITHOUT ROWID;

-- Each visitor's days, under a hash of the id; an erased visitor's go, and the sums stay.
CREATE TABLE rollup_visitor (
    visitor INTEGER NOT NULL,
    day INTEGER NOT NULL,
    views INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    noscript INTEGER NOT NULL,
    bait INTEGER NOT NULL,
    PRIMARY KEY (visitor, day)
) WITHOUT ROWID;
CREATE INDEX rollup_visitor_day ON rollup_visitor (day);

-- Sessions that are counted, under a hash of the id, by day and moment of their first view. "cells":
-- where (JSON), for as long as an earlier view may still come to the log.
CREATE TABLE rollup_session (
    session INTEGER PRIMARY KEY,
    day INTEGER NOT NULL,
    at REAL NOT NULL,
    cells BLOB
);
CREATE INDEX rollup_session_day ON rollup_session (day);
CREATE INDEX rollup_session_open ON rollup_session (day) WHERE cells IS NOT NULL;

-- What became known of a view after it had its place in the log: confirmed, noscript, served (by the
-- server, where it stands as the browser's alone), untagged.
CREATE TABLE view_note (
    position INTEGER NOT NULL,
    note TEXT NOT NULL,
    counted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (position, note)
) WITHOUT ROWID;
CREATE INDEX view_note_new ON view_note (position) WHERE counted = 0;

-- What a sample of each day's events (days as in rollup_cell) looked like, by event: looking.py says
-- what "look" holds; no value of a property is in it. "until": up to which position was looked.
CREATE TABLE event_look (
    day INTEGER NOT NULL,
    label TEXT NOT NULL,
    until INTEGER NOT NULL,
    look BLOB NOT NULL,
    PRIMARY KEY (day, label)
) WITHOUT ROWID;
CREATE INDEX event_look_until ON event_look (until);

-- Old events made small: the bodies of neighbours, compressed together (packs.py).
CREATE TABLE log_pack (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    rows BLOB NOT NULL
);
CREATE INDEX log_pack_last ON log_pack (last, first);

-- In which slices of the log (packs.py) an order key, as a hash of it, has packed events. A slice of
-- which the log has nothing any more may stand here for some days.
CREATE TABLE log_pack_key (
    key INTEGER NOT NULL,
    slice INTEGER NOT NULL,
    PRIMARY KEY (key, slice)
) WITHOUT ROWID;

-- The log as it was accepted, whether an event is packed or not.
CREATE VIEW event AS
SELECT position,
    CASE event_id WHEN '' THEN unpacked_id(body) ELSE event_id END AS event_id,
    CASE event_id WHEN '' THEN unpacked_key(body) ELSE order_key END AS order_key,
    accepted_at, kind, label,
    CASE WHEN body < x'03' THEN unpacked(body) ELSE body END AS body,
    CASE WHEN derived < x'03' THEN unpacked(derived) ELSE derived END AS derived,
    derived_version, bot,
    CASE WHEN repaired < x'03' THEN unpacked(repaired) ELSE repaired END AS repaired
FROM log;

-- Where a broker keeps the bodies of events, when one does (bodies.py). In the log a note stands then in
-- a body's stead: a key, and where at the broker the body lies that it opens (sealing.py).
CREATE TABLE broker (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL
);
