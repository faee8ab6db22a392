-- ledger.db, version 1: the headers, the blocks, the applied chain and its coins.
--
-- A fact is stored once: whether a block is applied follows from `applied` and `side`, a header's `previous` from its
-- parent's row, and what a block made (to undo it) from its body. Hashes are BLOBs of 32 bytes; 64-bit unsigned
-- numbers (nonce, keys) are stored as the signed number with the same bits.

-- Whose file this is, written once: 'chain' (name), 'genesis' (hash), 'coin_secret' (32 random bytes).
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Every valid header ever seen, in order of arrival, parents before children. Rows are never changed or removed.
CREATE TABLE headers (
    id           INTEGER PRIMARY KEY,
    hash         BLOB NOT NULL,
    key          INTEGER NOT NULL,           -- the last 8 bytes of the hash (the first are zero: proof of work)
    parent       INTEGER,                    -- id of the parent; NULL for genesis
    height       INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    merkle_root  BLOB NOT NULL,
    state_digest BLOB NOT NULL,
    time         INTEGER NOT NULL,           -- unix seconds
    target       INTEGER NOT NULL,           -- compact form
    nonce        INTEGER NOT NULL,
    work         BLOB NOT NULL               -- from genesis up to and with this block, 32 bytes, big-endian
) STRICT;

-- Finds a header by its hash: an integer index is a third the size of one over whole hashes. Not unique: whoever reads
-- compares the whole hash.
CREATE INDEX headers_by_key ON headers (key);

-- Headers that are not part of the applied chain, with how far they have come. Few: branches, and headers whose bodies
-- are still being fetched. A header without a row here is applied.
CREATE TABLE side (
    id     INTEGER PRIMARY KEY REFERENCES headers (id),
    status INTEGER NOT NULL CHECK (status IN (0, 1, 2))   -- 0 no body yet, 1 body stored, 2 invalid
) STRICT;

-- Blocks: what follows the header in the block's encoding.
CREATE TABLE bodies (
    id       INTEGER PRIMARY KEY REFERENCES headers (id),
    checksum BLOB NOT NULL,                  -- of the whole encoding, header included: BLAKE3, domain "tussock frame"
    bytes    BLOB NOT NULL
) STRICT;

-- The applied chain. `undo` holds the coins that the block spent (undo.rs says how); NULL for none.
CREATE TABLE applied (
    height INTEGER PRIMARY KEY,
    id     INTEGER NOT NULL REFERENCES headers (id),
    undo   BLOB
) STRICT;

-- Unspent outputs. `key`: the first 8 bytes of a hash of outpoint and `coin_secret`, which nobody outside can aim at.
CREATE TABLE coins (
    key      INTEGER PRIMARY KEY,
    txid     BLOB NOT NULL,
    position INTEGER NOT NULL,               -- of the output in its transaction
    amount   INTEGER NOT NULL,               -- base units
    address  BLOB NOT NULL,                  -- 20 bytes
    height   INTEGER NOT NULL,               -- of the block that made it
    coinbase INTEGER NOT NULL                -- 1: made by a coinbase
) STRICT;

-- Coins whose key was taken by another coin. Practically always empty.
CREATE TABLE coins_overflow (
    txid     BLOB NOT NULL,
    position INTEGER NOT NULL,
    amount   INTEGER NOT NULL,
    address  BLOB NOT NULL,
    height   INTEGER NOT NULL,
    coinbase INTEGER NOT NULL,
    PRIMARY KEY (txid, position)
) STRICT, WITHOUT ROWID;

-- The one row that each commit replaces.
CREATE TABLE state (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    height INTEGER NOT NULL,                 -- of the tip
    best   INTEGER NOT NULL REFERENCES headers (id),  -- the header with the most work that is not invalid
    sum    BLOB NOT NULL,                    -- over the tip's coins, 2,048 bytes: chain/digest.rs
    digest BLOB NOT NULL,                    -- of the sum
    clean  INTEGER NOT NULL                  -- 0 while a node has the file open for writing
) STRICT;

-- Transactions that wait in the mempool over a restart, in the order in which they can be taken in again.
CREATE TABLE mempool (
    position INTEGER PRIMARY KEY,
    bytes    BLOB NOT NULL
) STRICT;

-- Views for people (`tussock sql`): hashes in hex, as everywhere outside the file.

CREATE VIEW v_headers AS
SELECT h.id, lower(hex(h.hash)) AS hash, h.height, lower(hex(p.hash)) AS previous,
       lower(hex(h.merkle_root)) AS merkle_root, lower(hex(h.state_digest)) AS state_digest,
       h.time, datetime(h.time, 'unixepoch') AS utc, h.target, h.nonce, lower(hex(h.work)) AS work,
       CASE s.status WHEN 0 THEN 'header' WHEN 1 THEN 'stored' WHEN 2 THEN 'invalid' ELSE 'applied' END AS status
FROM headers h LEFT JOIN headers p ON p.id = h.parent LEFT JOIN side s ON s.id = h.id;

CREATE VIEW v_blocks AS
SELECT a.height, lower(hex(h.hash)) AS hash, h.time, datetime(h.time, 'unixepoch') AS utc,
       124 + length(b.bytes) AS size
FROM applied a JOIN headers h ON h.id = a.id JOIN bodies b ON b.id = a.id;

CREATE VIEW v_coins AS
SELECT lower(hex(txid)) || ':' || position AS outpoint, amount, lower(hex(address)) AS address, height, coinbase
FROM coins
UNION ALL
SELECT lower(hex(txid)) || ':' || position, amount, lower(hex(address)), height, coinbase
FROM coins_overflow;

CREATE VIEW v_tip AS
SELECT s.height, lower(hex(h.hash)) AS hash, h.time, datetime(h.time, 'unixepoch') AS utc,
       lower(hex(s.digest)) AS state_digest
FROM state s JOIN applied a ON a.height = s.height JOIN headers h ON h.id = a.id;
