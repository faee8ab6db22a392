-- ledger.db, version 7: old blocks may be left out.

-- The lowest height whose block is kept whole: with its body, and in `applied` with its undo data. 1: all blocks are. Below it the
-- ledger has headers only, and genesis. It only grows.
ALTER TABLE state ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 1;
