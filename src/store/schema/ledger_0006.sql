-- ledger.db, version 6: seals of authorities, and pauses that do not count for the difficulty. A header that authorities sealed
-- has no target and no nonce (both 0), and its `work` is the view of its seal.

ALTER TABLE headers ADD COLUMN seal BLOB;    -- its encoding, the tag included; NULL: proof of work
ALTER TABLE headers ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;    -- seconds, from genesis up to the block
