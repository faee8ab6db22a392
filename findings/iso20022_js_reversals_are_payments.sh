#!/usr/bin/env bash
# iso20022.js (npm): a reversed entry of a bank statement is not a reversal, account numbers lose their zeros, and cents have fractions.
#
# Guess: CashManagementEndOfDayReport.fromXML() reads a camt.053 statement: amounts in minor units, whether an entry is a reversal, and
# account numbers as they stand there. Its types say boolean, number, string.
# Happens: the XML reader makes true, false and numbers of all texts that look so. reversal is compared with the text "true" and is false
# for each entry. An account number 0000123456 is "123456", and a message id 000123 is the number 123; only codes and entry
# references are spared. Amounts are multiplied as floats: 1.15 is 114.99999999999999 and 19.99 is 1998.9999999999998 minor units.
# Hurts: reconciliation: a credit that the bank took back counts as money that came in, payers are not found by their account, and
# amounts compared with === or stored as integers differ or lose a cent.
# (Its require() cannot be loaded, as its package says "module": hence import.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund iso20022.js@0.0.15 >/dev/null
cat >finding.mjs <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { CashManagementEndOfDayReport } from "iso20022.js";
console.log("iso20022.js", JSON.parse(readFileSync("node_modules/iso20022.js/package.json")).version);

const entry = ([amount, reversal, account]) => `<Ntry><NtryRef>0017</NtryRef><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
  ${reversal === undefined ? "" : `<RvslInd>${reversal}</RvslInd>`}<Sts>BOOK</Sts><BookgDt><Dt>2026-01-05</Dt></BookgDt>
  <BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs><MsgId>000123</MsgId></Refs><RltdPties><DbtrAcct><Id><Othr>
  <Id>${account}</Id></Othr></Id></DbtrAcct></RltdPties></TxDtls></NtryDtls></Ntry>`;
const given = [
  ["100.00", undefined, "7012345678"],
  ["100.00", "true", "7012345678"],
  ["1.15", "false", "0000123456"],
  ["19.99", "false", "0000123456"],
];
const xml = `<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-01-05T18:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S1</Id><CreDtTm>2026-01-05T18:00:00Z</CreDtTm>
  <Acct><Id><Othr><Id>0012345678</Id></Othr></Id><Svcr><FinInstnId><BIC>BANKDEFFXXX</BIC></FinInstnId></Svcr></Acct>
  <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">21.14</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-05</Dt></Dt></Bal>
  ${given.map(entry).join("")}</Stmt></BkToCstmrStmt></Document>`;

const [statement] = CashManagementEndOfDayReport.fromXML(xml).statements;
console.log("account 0012345678:", statement.account);
assert.deepEqual(statement.account, { accountNumber: "12345678" });
const read = statement.entries.map(({ amount, reversal, referenceId, transactions: [{ messageId, debtor }] }) => {
  assert.equal(referenceId, "0017");
  assert.equal(messageId, 123);
  return [amount, reversal, debtor.account.accountNumber];
});
given.forEach((one, place) => console.log(`${one[0]}, reversal ${one[1]}, from ${one[2]}:`, read[place]));
assert.deepEqual(read, [
  [10000, false, "7012345678"],
  [10000, false, "7012345678"],
  [114.99999999999999, false, "123456"],
  [1998.9999999999998, false, "123456"],
]);
const sum = statement.entries.reduce((sum, { amount, reversal }) => sum + (reversal ? -amount : amount), 0);
console.log(`the entries sum up to ${sum}; by the statement 2114 came in`);
assert.ok(sum > 22113 && statement.balances[0].amount === 2114);
console.log("as described: a reversal is a payment");
JS
node finding.mjs
