-- The sixth schema: what proves a choice, and the salts of days counted without cookies.

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
