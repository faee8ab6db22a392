-- index.db, version 1: where transactions are and what happened to an address. Derived from ledger.db; may be deleted.

-- 'genesis': the chain that the file is about.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The blocks that are indexed, so that a reorganisation is noticed.
CREATE TABLE indexed (
    height INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL
) STRICT;

-- `key`: the first 8 bytes of the txid; whoever reads compares the txid in the block.
CREATE TABLE txs (
    key      INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    position INTEGER NOT NULL,               -- in the block
    PRIMARY KEY (key, height, position)
) STRICT, WITHOUT ROWID;

-- One row for each transaction and address that it concerns.
CREATE TABLE history (
    address  BLOB NOT NULL,                  -- 20 bytes
    height   INTEGER NOT NULL,
    position INTEGER NOT NULL,               -- of the transaction in the block
    txid     BLOB NOT NULL,
    received INTEGER NOT NULL,               -- base units that its outputs give to the address
    sent     INTEGER NOT NULL,               -- base units of the address's coins that it spends
    PRIMARY KEY (address, height, position)
) STRICT, WITHOUT ROWID;
