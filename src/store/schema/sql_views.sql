-- Views that only `tussock sql` has: what blocks contain is packed, and functions of the program unpack it. A query that names
-- heights (WHERE height > …) unpacks these blocks only.
--
-- who: the owners of what the transaction spends, with spaces between them, practically always one. Change that goes back to
-- one of them is no payment, unless nobody else is paid. fee and memo are the transaction's: it repeats them for each payment.
-- A memo that is no printable text is in hex. Coinbases pay nobody else's money: v_miners has them.

CREATE VIEW v_payments AS
SELECT t.value ->> 2 AS who, o.value ->> 0 AS whom, o.value ->> 1 AS amount, t.value ->> 3 AS fee, t.value ->> 5 AS memo,
       h.time, datetime(h.time, 'unixepoch') AS utc, t.value ->> 1 AS txid, a.height, t.value ->> 0 AS position
FROM {db}applied a JOIN {db}headers h ON h.id = a.id JOIN {db}bodies b ON b.id = a.id
JOIN json_each(block_payments(b.bytes)) t JOIN json_each(t.value -> 6) o;

CREATE VIEW v_inputs AS
SELECT t.value ->> 1 AS txid, a.height, t.value ->> 0 AS position, i.key AS input, i.value ->> 0 AS outpoint,
       i.value ->> 1 AS address, i.value ->> 2 AS amount
FROM {db}applied a JOIN {db}bodies b ON b.id = a.id
JOIN json_each(block_inputs(b.bytes)) t JOIN json_each(t.value -> 2) i;

CREATE VIEW v_fees AS
SELECT t.value ->> 1 AS txid, a.height, t.value ->> 0 AS position, t.value ->> 3 AS fee, t.value ->> 4 AS size,
       1000 * (t.value ->> 3) / (t.value ->> 4) AS fee_rate, h.time, datetime(h.time, 'unixepoch') AS utc
FROM {db}applied a JOIN {db}headers h ON h.id = a.id JOIN {db}bodies b ON b.id = a.id
JOIN json_each(block_payments(b.bytes)) t;

-- What waits in the mempool of the node; if none runs, what did when it stopped.
CREATE VIEW v_mempool AS
SELECT t.value ->> 2 AS who, o.value ->> 0 AS whom, o.value ->> 1 AS amount, t.value ->> 3 AS fee, t.value ->> 5 AS memo,
       t.value ->> 1 AS txid, t.value ->> 4 AS size
FROM waiting w JOIN json_each(transaction_payments(w.bytes)) t JOIN json_each(t.value -> 6) o;

-- Payments in stored blocks outside the best chain. confirmed_height: where the best chain has them, too; NULL: it does not.
CREATE VIEW v_orphaned AS
SELECT t.value ->> 2 AS who, o.value ->> 0 AS whom, o.value ->> 1 AS amount, t.value ->> 3 AS fee, t.value ->> 5 AS memo,
       h.time, datetime(h.time, 'unixepoch') AS utc, t.value ->> 1 AS txid, h.height, lower(hex(h.hash)) AS block,
       tx_height(t.value ->> 1) AS confirmed_height
FROM {db}side s JOIN {db}headers h ON h.id = s.id JOIN {db}bodies b ON b.id = s.id
JOIN json_each(block_payments(b.bytes)) t JOIN json_each(t.value -> 6) o
WHERE s.status = 1;
