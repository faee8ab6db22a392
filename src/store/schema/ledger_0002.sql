-- ledger.db, version 2: the outputs of a transaction may lie side by side in `coins`.
--
-- 'coin_keys' in `meta` says what a coin's `key` is:
--   1  the first 8 bytes of a hash of outpoint and `coin_secret`: in ledgers that were begun with version 1
--   2  the first 52 bits of a hash of txid and `coin_secret`, then the 12 lowest bits of the output's position: a block
--      then changes a third fewer pages
-- Nobody outside can aim at either. A ledger keeps the kind of keys that it was begun with.
INSERT INTO meta
SELECT 'coin_keys', CASE WHEN EXISTS (SELECT 1 FROM meta WHERE name = 'genesis') THEN 1 ELSE 2 END;
