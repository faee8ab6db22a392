-- peers.db, version 1: what the peer book keeps over a restart. Addresses are text, `IP:PORT`; times are unix seconds.

-- 'secret': 32 random bytes that decide which bucket an address falls into.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Where other nodes listen.
CREATE TABLE book (
    address      TEXT PRIMARY KEY NOT NULL,
    source       TEXT,                       -- who told us; NULL: configured
    last_seen    INTEGER NOT NULL,
    last_success INTEGER,                    -- last handshake over a link that we opened
    last_attempt INTEGER,
    failures     INTEGER NOT NULL            -- since the last success
) STRICT, WITHOUT ROWID;

-- IP addresses that are kept out.
CREATE TABLE bans (
    ip     TEXT PRIMARY KEY NOT NULL,
    until  INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Peers to dial first after a restart, in this order.
CREATE TABLE anchors (
    position INTEGER PRIMARY KEY,
    address  TEXT NOT NULL
) STRICT;
