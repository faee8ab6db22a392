-- index.db, version 3: entries in packed, sorted runs. Filled anew.

DROP VIEW v_txs;
DROP VIEW v_outputs;
DROP VIEW IF EXISTS v_coins;
DROP VIEW v_balances;
DROP VIEW v_miners;
DROP TABLE txs;
DROP TABLE history;
DROP TABLE coins;
DROP TABLE indexed;

-- The blocks that are indexed, so that a reorganisation is noticed.
CREATE TABLE indexed (
    height INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL,
    txids  BLOB NOT NULL                     -- 32 bytes each, in the order of the block
) STRICT;

-- Each batch of blocks is a run. Several runs are merged into one.
CREATE TABLE runs (
    slot        INTEGER PRIMARY KEY,         -- below 256
    bytes       INTEGER NOT NULL,            -- of the entries
    merged_into INTEGER                      -- the slot of the run that a merge makes of it and others; NULL: none does
) STRICT;

-- Entries of one kind in order (index/entry.rs), all of the same size: the address without the bytes that all addresses of
-- the page begin with, then numbers of two decimal digits a byte. `id`: (4 * slot + kind) * 2^53 + an order.
CREATE TABLE pages (
    id      INTEGER PRIMARY KEY,
    shared  BLOB NOT NULL,                   -- the bytes that all addresses begin with
    a       INTEGER NOT NULL,                -- bytes of the first number, and so on
    b       INTEGER NOT NULL,
    c       INTEGER NOT NULL,
    d       INTEGER NOT NULL,
    e       INTEGER NOT NULL,
    entries BLOB NOT NULL
) STRICT;
