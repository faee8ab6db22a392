-- index.db, version 2: whole transaction ids, each stored once; unspent outputs by address. Filled anew.

DROP TABLE txs;
DROP TABLE history;
DELETE FROM indexed;

-- `id`: height * 2^20 + the transaction's position in its block; the other tables point to it.
CREATE TABLE txs (
    id   INTEGER PRIMARY KEY,
    txid BLOB NOT NULL                       -- 32 bytes
) STRICT;

-- Finds a transaction by its id: eight bytes of it, a third of the size of an index over all.
CREATE INDEX txs_by_start ON txs (substr(txid, 1, 8));

-- One row for each transaction and address that it concerns.
CREATE TABLE history (
    address  BLOB NOT NULL,                  -- 20 bytes
    tx       INTEGER NOT NULL,               -- txs.id
    received INTEGER NOT NULL,               -- base units that its outputs give to the address
    sent     INTEGER NOT NULL,               -- base units of the address's coins that it spends
    PRIMARY KEY (address, tx)
) STRICT, WITHOUT ROWID;

-- Unspent outputs. In order of age for each address, so that those of a block lie side by side.
CREATE TABLE coins (
    address  BLOB NOT NULL,
    tx       INTEGER NOT NULL,               -- txs.id
    position INTEGER NOT NULL,               -- of the output in its transaction
    amount   INTEGER NOT NULL,               -- base units
    PRIMARY KEY (address, tx, position)
) STRICT, WITHOUT ROWID;

-- Views for people (`tussock sql`): hashes in hex, as everywhere outside the file.

CREATE VIEW v_txs AS
SELECT lower(hex(txid)) AS txid, id >> 20 AS height, id & 1048575 AS position FROM txs;

CREATE VIEW v_outputs AS
SELECT lower(hex(t.txid)) AS txid, h.tx >> 20 AS height, h.tx & 1048575 AS position,
       lower(hex(h.address)) AS address, h.received AS amount
FROM history h JOIN txs t ON t.id = h.tx WHERE h.received > 0;

CREATE VIEW v_balances AS
SELECT lower(hex(address)) AS address, sum(amount) AS balance, count(*) AS coins FROM coins GROUP BY address;

CREATE VIEW v_miners AS
SELECT lower(hex(address)) AS address, count(*) AS blocks, sum(received) AS amount, max(tx >> 20) AS last_height
FROM history WHERE tx & 1048575 = 0 AND tx >= 1048576 GROUP BY address;
