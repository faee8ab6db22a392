-- seals.db, version 3: proposals. The leader of a view proposes one block in it; another one is a lie.

-- The last view in which this node's own key has proposed a block: one row at most. Written before anybody hears of the block,
-- and on the disk with the vote for it.
CREATE TABLE own_proposal (
    one   INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    epoch INTEGER NOT NULL,
    view  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Two blocks that one authority has proposed in one view.
CREATE TABLE double_proposals (
    epoch  INTEGER NOT NULL,
    signer INTEGER NOT NULL,                 -- its number in the set of authorities
    proof  BLOB NOT NULL,                    -- epoch: u32, then twice: signature: 64 bytes, header
    PRIMARY KEY (epoch, signer)
) STRICT, WITHOUT ROWID;
