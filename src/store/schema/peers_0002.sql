-- peers.db, version 2: how long a ban was to last when it was made. A clock that is set back between two starts must not make
-- it longer. NULL: not known, from version 1.
ALTER TABLE bans ADD COLUMN seconds INTEGER;
