-- index.db, version 4: memos, as entries of the kind 3 in `pages`: the start of a hash of a word, or of a memo without words,
-- and the height of a block that has it. The block says the rest.
--
-- What is indexed already lacks them. It is filled anew if the ledger still has all blocks; else memos begin here, at this height.
INSERT INTO meta SELECT 'memos_from', max(height) + 1 FROM indexed HAVING count(*) > 0;
