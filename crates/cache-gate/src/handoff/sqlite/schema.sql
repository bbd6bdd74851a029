BEGIN;
CREATE TABLE orders (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    ticket INTEGER NOT NULL,
    user TEXT NOT NULL,
    event TEXT NOT NULL,
    item TEXT NOT NULL,
    units INTEGER NOT NULL,
    request_id TEXT,
    -- Milliseconds since 1970, and so is `due`.
    at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'accepted'
        CHECK (state IN ('accepted', 'fulfilled', 'failed', 'cancelled', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Counts claims for ever, so that no old claim passes for a new one.
    claim INTEGER NOT NULL DEFAULT 0,
    -- Whether a worker has it, until `due`. Of an order that nobody has, `due` is when it may be claimed.
    claimed INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL,
    -- Why it failed.
    note TEXT
) STRICT;
CREATE INDEX orders_due ON orders (due, seq) WHERE state = 'accepted';
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 2;
COMMIT;
