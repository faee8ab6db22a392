-- ledger.db, version 8: the coins may come from a snapshot.

-- 1: `applied` has headers without blocks, and the coins are those of genesis. `kept_from` is then one more than the height.
ALTER TABLE state ADD COLUMN joining INTEGER NOT NULL DEFAULT 0;
-- The snapshot that the coins were taken from: height and hash of its block; NULL: all blocks were applied here.
ALTER TABLE state ADD COLUMN joined INTEGER;
ALTER TABLE state ADD COLUMN joined_block BLOB;
-- The height of the best header when the coins were taken, or are being taken.
ALTER TABLE state ADD COLUMN joined_best INTEGER;
