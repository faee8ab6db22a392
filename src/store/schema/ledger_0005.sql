-- ledger.db, version 5: the first of protocol 2. Inputs name amounts, so `applied.undo` no longer has these (undo.rs). The sums
-- behind the state digest are 64, and stored after many changes instead of by each commit.
-- Earlier versions are of protocol 1: nothing in them is valid in protocol 2.

ALTER TABLE state DROP COLUMN sum;

-- Changed coins since `state_sums` was written, and 16 for each block.
ALTER TABLE state ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;

-- The sums after an applied block, at most one row: chain/digest.rs. Those of the tip follow from the blocks since. Without
-- them they follow from all coins.
CREATE TABLE state_sums (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    height INTEGER NOT NULL,                 -- of the block
    hash   BLOB NOT NULL,                    -- of the block
    sums   BLOB NOT NULL                     -- 131,072 bytes
) STRICT;
