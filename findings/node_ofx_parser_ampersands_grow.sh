#!/usr/bin/env bash
# node-ofx-parser (npm): the ampersand in a payee's name grows each time that a statement is read.
#
# Guess: bank statements in OFX write "Smith & Sons" as "Smith &amp; Sons", in both kinds of the format (SGML before version 2, XML
# since). parse() gives the name back, and serialize() and parse() in turn change nothing.
# Happens: each ampersand becomes "&amp;amp;" before the XML is read, and the reader that this fork of ofx chose resolves none. The
# name that is read is "Smith &amp;amp;amp; Sons", and "a &lt; b" is "a &amp;amp;lt; b". serialize() writes them as they are, and
# with each round they are longer. ofx-js, which came from the same source, gives "Smith & Sons".
# Hurts: whoever matches payees against an address book, finds doubles, or keeps statements by reading and writing them: two imports
# of one payment differ, and the name is cut at 32 characters by the next program.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund node-ofx-parser@0.5.1 ofx-js@1.1.1 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import ofx from "node-ofx-parser";
import { parseSync } from "ofx-js";
for (const name of ["node-ofx-parser", "ofx-js"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const names = ["OFXHEADER", "DATA", "VERSION", "SECURITY", "ENCODING", "CHARSET", "COMPRESSION", "OLDFILEUID", "NEWFILEUID"];
const header = names.map(name => `${name}:${{ OFXHEADER: 100, DATA: "OFXSGML", VERSION: 102 }[name] ?? "NONE"}\n`).join("");
const sgml = (name, memo) => `${header}\n<OFX>\n<STMTTRN>\n<TRNAMT>-12.50\n<NAME>${name}\n<MEMO>${memo}\n</STMTTRN>\n</OFX>\n`;
const xml = (name, memo) =>
  `<?xml version="1.0"?>\n<OFX><STMTTRN><TRNAMT>-12.50</TRNAMT><NAME>${name}</NAME><MEMO>${memo}</MEMO></STMTTRN></OFX>\n`;
for (const [kind, write] of [["SGML", sgml], ["XML", xml]]) {
  const file = write("Smith &amp; Sons", "a &lt; b");
  const read = ofx.parse(file).OFX.STMTTRN;
  console.log(kind, "with", file.match(/>(Smith[^<\n]*)/)[1], "and", file.match(/>(a [^<\n]*)/)[1]);
  console.log("  node-ofx-parser:", read);
  console.log("  ofx-js:         ", parseSync(file).OFX.STMTTRN);
  assert.deepEqual({ ...read }, { TRNAMT: "-12.50", NAME: "Smith &amp;amp;amp; Sons", MEMO: "a &amp;amp;lt; b" });
  assert.deepEqual(parseSync(file).OFX.STMTTRN, { TRNAMT: "-12.50", NAME: "Smith & Sons", MEMO: "a < b" });
}

let statement = ofx.parse(sgml("Smith & Sons", "rent"));
const lengths = [];
for (let round = 0; round < 5; round++) {
  lengths.push(statement.OFX.STMTTRN.NAME.length);
  assert.equal(statement.OFX.STMTTRN.NAME, `Smith &${"amp;".repeat(2 * round + 2)} Sons`);
  statement = ofx.parse(ofx.serialize(statement.header, statement.OFX));
}
console.log("characters of the name Smith & Sons, read and written five times:", lengths);
assert.equal(statement.OFX.STMTTRN.MEMO, "rent");
console.log("as described: ampersands grow");
JS
node finding.js
