-- The second schema: what a job knows of its destination, the calls that must not be repeated, and
-- rows that wait found without reading all of them. Times are epoch seconds.

-- How long the last pause was; how fast the destination may be served since it said "too many".
ALTER TABLE job ADD COLUMN wait REAL NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN pace REAL;
ALTER TABLE job ADD COLUMN paced_at REAL NOT NULL DEFAULT 0;

-- What it last said and when; how many events it got, and of these how many perhaps not (or twice).
ALTER TABLE job ADD COLUMN answer TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN answered_at REAL;
ALTER TABLE job ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN rate REAL NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN rated_at REAL NOT NULL DEFAULT 0;

-- Calls that a repeat would count twice: which event left over which road (a hash of the URL), and
-- whether it is known to have been taken there.
CREATE TABLE flight (
    job INTEGER NOT NULL,
    position INTEGER NOT NULL,
    road BLOB NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (job, position, road)
) WITHOUT ROWID;

-- The first row of an order key is a retry, whatever waits behind it is held.
CREATE TABLE head (job INTEGER, position INTEGER, PRIMARY KEY (job, position)) WITHOUT ROWID;
INSERT INTO head SELECT job, MIN(position) FROM delivery GROUP BY job, order_key;
UPDATE delivery SET state = 'held', due = 0;
UPDATE delivery SET state = 'retry'
WHERE EXISTS (SELECT 1 FROM head WHERE head.job = delivery.job AND head.position = delivery.position);
DROP TABLE head;
DROP INDEX delivery_key;
CREATE INDEX delivery_order ON delivery (job, order_key, position);
CREATE INDEX delivery_due ON delivery (job, due) WHERE state = 'retry';
