-- ledger.db, version 3: coins in packed, sorted runs. Files of earlier versions are not migrated.

DROP VIEW v_coins;
DROP TABLE coins;
DROP TABLE coins_overflow;
DELETE FROM meta WHERE name = 'coin_keys';

-- Entries of runs: coins, and marks of spent ones (coins/entry.rs), in the order of their keys. `id`: the run's slot * 2^55
-- + the first 55 bits of the last key, or a little more where several pages share these.
CREATE TABLE coin_pages (
    id      INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;

-- The runs. Of two entries of one coin that of the younger run counts.
CREATE TABLE coin_runs (
    slot        INTEGER PRIMARY KEY,
    age         INTEGER NOT NULL,            -- the larger, the younger
    entries     INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,            -- of the entries
    merged_into INTEGER,                     -- the slot of the run that a merge makes of it and others; NULL: none does
    passed      BLOB                         -- of a run that a merge makes: the last key merged, empty at first; else NULL
) STRICT;

-- Bloom filters of larger runs (coins/filter.rs). They may be missing.
CREATE TABLE coin_filters (
    id   INTEGER PRIMARY KEY,                -- the run's slot * 2^32 + the part's number
    bits BLOB NOT NULL
) STRICT;
