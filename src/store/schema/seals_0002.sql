-- seals.db, version 2: what this node has heard of others, so that it still knows it after a restart.

-- The newest vote of each stage of each other authority. One that has an older seals.db, or whose key is used on another
-- machine, learns it from these. Written with the next own vote, or soon after; of the current set only.
CREATE TABLE heard_votes (
    epoch  INTEGER NOT NULL,
    signer INTEGER NOT NULL,                 -- its number in the set of authorities
    stage  INTEGER NOT NULL,                 -- 0: notarise a block, 1: skip a view, 2: finalize a block
    view   INTEGER NOT NULL,
    vote   BLOB NOT NULL,
    PRIMARY KEY (epoch, signer, stage)
) STRICT, WITHOUT ROWID;
