-- Views of index.db, for people and their tools; see those of ledger.db.

CREATE VIEW v_txs AS
SELECT lower(hex(txid)) AS txid, id >> 20 AS height, id & 1048575 AS position FROM {db}txs;

CREATE VIEW v_outputs AS
SELECT lower(hex(t.txid)) AS txid, h.tx >> 20 AS height, h.tx & 1048575 AS position,
       address_text(h.address) AS address, h.received AS amount
FROM {db}history h JOIN {db}txs t ON t.id = h.tx WHERE h.received > 0;

CREATE VIEW v_coins AS
SELECT lower(hex(t.txid)) || ':' || c.position AS outpoint, c.amount, address_text(c.address) AS address,
       c.tx >> 20 AS height, c.tx & 1048575 = 0 AS coinbase, (SELECT max(height) FROM {db}indexed) AS as_of_height
FROM {db}coins c JOIN {db}txs t ON t.id = c.tx;

CREATE VIEW v_balances AS
SELECT address_text(address) AS address, balance, coins, (SELECT max(height) FROM {db}indexed) AS as_of_height
FROM (SELECT address, sum(amount) AS balance, count(*) AS coins FROM {db}coins GROUP BY address);

CREATE VIEW v_miners AS
SELECT address_text(address) AS address, blocks, amount, last_height
FROM (SELECT address, count(*) AS blocks, sum(received) AS amount, max(tx >> 20) AS last_height
      FROM {db}history WHERE tx & 1048575 = 0 AND tx >= 1048576 GROUP BY address);
