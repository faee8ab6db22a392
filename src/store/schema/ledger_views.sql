-- Views of ledger.db, for people and their tools. The writer of the file renews a view whose text has changed.
--
-- Hashes are lower-case hex, and addresses are in the text that commands take. A column has one type in all rows. A nonce
-- is text: it may exceed SQLite's signed integers, and the integers that JavaScript keeps. Headers that authorities seal have
-- neither target nor nonce, and their work is their view.

CREATE VIEW v_headers AS
SELECT h.id, lower(hex(h.hash)) AS hash, h.height, iif(p.hash IS NULL, NULL, lower(hex(p.hash))) AS previous,
       lower(hex(h.merkle_root)) AS merkle_root, lower(hex(h.state_digest)) AS state_digest,
       h.time, datetime(h.time, 'unixepoch') AS utc, iif(h.seal IS NULL, h.target, NULL) AS target,
       iif(h.seal IS NULL, printf('%u', h.nonce), NULL) AS nonce,
       lower(hex(h.work)) AS work,
       CASE s.status WHEN 0 THEN 'header' WHEN 1 THEN 'stored' WHEN 2 THEN 'invalid' ELSE 'applied' END AS status
FROM {db}headers h LEFT JOIN {db}headers p ON p.id = h.parent LEFT JOIN {db}side s ON s.id = h.id;

CREATE VIEW v_blocks AS
SELECT a.height, lower(hex(h.hash)) AS hash, h.time, datetime(h.time, 'unixepoch') AS utc,
       iif(h.seal IS NULL, 125, 112 + length(h.seal)) + length(b.bytes) AS size
FROM {db}applied a JOIN {db}headers h ON h.id = a.id JOIN {db}bodies b ON b.id = a.id;

CREATE VIEW v_tip AS
SELECT s.height, lower(hex(h.hash)) AS hash, h.time, datetime(h.time, 'unixepoch') AS utc,
       lower(hex(s.digest)) AS state_digest
FROM {db}state s JOIN {db}applied a ON a.height = s.height JOIN {db}headers h ON h.id = a.id;

-- The ends of all branches.
CREATE VIEW v_tips AS
SELECT h.height, h.hash, h.status, h.work FROM v_headers h
WHERE h.id = (SELECT a.id FROM {db}applied a JOIN {db}state s ON s.height = a.height)
UNION ALL
SELECT h.height, h.hash, h.status, h.work FROM v_headers h JOIN {db}side s ON s.id = h.id
WHERE h.id NOT IN (SELECT c.parent FROM {db}side x JOIN {db}headers c ON c.id = x.id WHERE c.parent IS NOT NULL);
