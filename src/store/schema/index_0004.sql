-- index.db, version 4: memos, as entries of the kind 3 in `pages`: the start of a hash of the memo, or of a word of it, height,
-- position. Whoever finds one compares the memo in the block.
--
-- What is indexed already lacks them. It is filled anew if the ledger still has all blocks; else memos begin here, at this height.
INSERT INTO meta SELECT 'memos_from', max(height) + 1 FROM indexed HAVING count(*) > 0;
