#!/usr/bin/env bash
# mt940-js (npm): two payments of a day with the same amount have one id, and so have a credit and its reversal, which is a credit.
#
# Guess: transactions of a bank statement get an id, by default "md5(JSON.stringify(transaction))", so payments that differ in their
# text differ in their id. RC is the reversal of a credit: money that is gone again.
# Happens: the id is made where the amount is read, before the text below it (:86:) and with "id" and "description" still empty. Two
# payments of 10.00 from different people on one day have the same id, unless a reference in the line differs, which is
# often NONREF. An RC is isCredit: true with a positive amount, as if it came in, with the id of what it takes back. And
# isExpense is true for all but three codes of two banks: incoming money too is an expense.
# Hurts: imports that skip known ids: the second customer's payment is never booked. Sums by isCredit count a bounced payment twice
# instead of not at all. Statements of payments that all differ in amount and day look right.
# Way out: options.getTransactionId of one's own cannot help, as it is called at that time too: make ids after read().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund mt940-js@1.0.0 tslib@2.9.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { read } = require("mt940-js");
console.log("mt940-js", require("./node_modules/mt940-js/package.json").version);

const text = [
  ":20:STATEMENT", ":25:ACCOUNT", ":28C:1/1", ":60F:C260105EUR100,00",
  ":61:2601060106C10,00NTRFNONREF", ":86:order 1 of the first customer",
  ":61:2601060106C10,00NTRFNONREF", ":86:order 2 of the second customer",
  ":61:2601060106RC10,00NTRFNONREF", ":86:order 1 is taken back",
  ":61:2601070107C10,00NTRFNONREF", ":86:order 3",
  ":62F:C260107EUR120,00",
].join("\r\n");
read(Buffer.from(text)).then(([{ transactions, openingBalance, closingBalance }]) => {
  for (const { id, isCredit, isExpense, amount, description } of transactions) {
    console.log(`${id.slice(0, 8)} isCredit ${isCredit} isExpense ${isExpense} ${amount}: ${description}`);
  }
  const [first, second, reversal, other] = transactions;
  assert.equal(first.id, second.id);
  assert.equal(first.id, reversal.id);
  assert.notEqual(first.id, other.id);
  assert.notEqual(first.description, second.description);
  assert.ok(transactions.every(({ isCredit, isExpense }) => isCredit && isExpense));
  const sum = transactions.reduce((sum, { isCredit, amount }) => sum + (isCredit ? amount : -amount), 0);
  console.log(`the balance grew by ${closingBalance.value - openingBalance.value}, the transactions sum up to ${sum}`);
  assert.equal(closingBalance.value - openingBalance.value, 20);
  assert.equal(sum, 40);
  console.log("as described: one id, and a reversal that comes in");
});
JS
node finding.js
