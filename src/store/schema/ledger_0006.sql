-- ledger.db, version 6: seals of authorities. Such a header has no target and no nonce (both 0), and its `work` is the view of
-- its seal.

ALTER TABLE headers ADD COLUMN seal BLOB;    -- its encoding, the tag included; NULL: proof of work
