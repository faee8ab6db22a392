-- Views of index.db, for people and their tools; see those of ledger.db. {histories} and {coins} stand for the unpacked pages.

CREATE VIEW v_txs AS
SELECT lower(hex(substr(i.txids, 32 * n.key + 1, 32))) AS txid, i.height, n.key AS position
FROM {db}indexed i JOIN json_each('[0' || replace(hex(zeroblob(length(i.txids) / 32 - 1)), '00', ',0') || ']') n;

CREATE VIEW v_outputs AS
SELECT (SELECT lower(hex(substr(i.txids, 32 * h.position + 1, 32))) FROM {db}indexed i WHERE i.height = h.height) AS txid,
       h.height, h.position, address_text(h.address) AS address, h.received AS amount
FROM {histories} h WHERE h.received > 0;

CREATE VIEW v_coins AS
SELECT (SELECT lower(hex(substr(i.txids, 32 * c.made - 31, 32))) FROM {db}indexed i WHERE i.height = c.height)
       || ':' || c.output AS outpoint, c.amount, address_text(c.address) AS address,
       c.height, c.made = 1 AS coinbase, (SELECT max(height) FROM {db}indexed) AS as_of_height
FROM (SELECT address, height, start, output, amount, max(made) AS made FROM {coins}
      GROUP BY 1, 2, 3, 4, 5 HAVING sum(iif(made = 0, -1, 1)) > 0) c;

CREATE VIEW v_balances AS
SELECT address_text(address) AS address, balance, coins, (SELECT max(height) FROM {db}indexed) AS as_of_height
FROM (SELECT address, sum(iif(made = 0, -amount, amount)) AS balance, sum(iif(made = 0, -1, 1)) AS coins
      FROM {coins} GROUP BY address HAVING coins > 0);

CREATE VIEW v_miners AS
SELECT address_text(address) AS address, blocks, amount, last_height
FROM (SELECT address, count(*) AS blocks, sum(received) AS amount, max(height) AS last_height
      FROM {histories} WHERE position = 0 AND height > 0 GROUP BY address);

CREATE VIEW v_history AS
SELECT address_text(h.address) AS address, h.height, h.position,
       (SELECT lower(hex(substr(i.txids, 32 * h.position + 1, 32))) FROM {db}indexed i WHERE i.height = h.height) AS txid,
       h.received, h.sent
FROM {histories} h;
