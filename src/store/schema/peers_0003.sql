-- peers.db, version 3: which node is at an address, as the 32 bytes of its public key. NULL: not known.
ALTER TABLE book ADD COLUMN node BLOB;
ALTER TABLE anchors ADD COLUMN node BLOB;

-- Nodes that are kept out wherever they are.
CREATE TABLE node_bans (
    node    BLOB PRIMARY KEY NOT NULL,
    until   INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    seconds INTEGER NOT NULL                 -- how long the ban was to last when it was made
) STRICT, WITHOUT ROWID;
