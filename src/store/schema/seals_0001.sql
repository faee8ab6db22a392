-- seals.db, version 1: what a node of a sealed chain keeps of what authorities sign. Votes and certificates are in the
-- encoding of PROTOCOL.md, section 9. Views count from 1; they and epochs stand beside their encoding for people.

-- 'genesis': the hash of the chain's genesis block.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest votes of this node's own key. A vote is here, and on the disk, before anybody hears of it.
CREATE TABLE own_votes (
    stage INTEGER PRIMARY KEY NOT NULL,      -- 0: notarise a block, 1: skip a view, 2: finalize a block
    view  INTEGER NOT NULL,
    vote  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest certificate of finality, and all certificates of later views.
CREATE TABLE certificates (
    view        INTEGER NOT NULL,
    stage       INTEGER NOT NULL,            -- as above
    block       BLOB NOT NULL,               -- its hash; zeros for a skip
    certificate BLOB NOT NULL,
    PRIMARY KEY (view, stage, block)
) STRICT, WITHOUT ROWID;

-- Two votes of one authority that exclude each other.
CREATE TABLE evidence (
    epoch  INTEGER NOT NULL,
    signer INTEGER NOT NULL,                 -- its number in the set of authorities
    first  BLOB NOT NULL,
    second BLOB NOT NULL,
    PRIMARY KEY (epoch, signer)
) STRICT, WITHOUT ROWID;
