#!/usr/bin/env bash
# @ctrl/torrent-file (npm): the info hash of each torrent with several files is wrong, and small files are read from the wrong place.
#
# Guess: hash(file) is "sha1 of torrent file info", by which clients and trackers know the torrent: SHA-1 of the bytes of "info" as they
# stand in the file (BEP 3). info(), files() and hash() take what fs.readFileSync() gives.
# Happens: hash() writes "info" anew, and its encoder writes a list as "le", with both ends in front of what is in the list. A torrent of
# one file has no list in "info" and is right; one of a folder has "files" and "path", and its hash is one that nobody has. And of a
# Buffer the memory below it is read from its start, not from where the Buffer begins: Node keeps all small ones (below 4 KiB) in one
# piece, so that such a file fails or is taken for the one that was read before.
# Hurts: whoever asks a client, a tracker or the DHT for a torrent by this hash: it is never found, or added a second time.
# Way out: parse-torrent, or SHA-1 over the bytes; new Uint8Array(buffer) copies a small file.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @ctrl/torrent-file@4.4.0 bencode@4.0.0 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { files, hash, info } from "@ctrl/torrent-file";
import bencode from "bencode";

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
console.log("@ctrl/torrent-file", version("@ctrl/torrent-file"), "bencode", version("bencode"));
const sha1 = (bytes) => createHash("sha1").update(bytes).digest("hex");
const head = "d8:announce15:udp://tracker:14:info";
const pieces = `12:piece lengthi16384e6:pieces20:${"x".repeat(20)}e`;
const bytes = (text) => new Uint8Array([...text].map((letter) => letter.charCodeAt(0)));
const torrents = {
  "one file": `d6:lengthi3e4:name5:a.txt${pieces}`,
  "a folder of two": `d5:filesld6:lengthi3e4:pathl5:a.txteed6:lengthi4e4:pathl5:b.txteee4:name6:folder${pieces}`,
  "a folder of one": `d5:filesld6:lengthi3e4:pathl5:a.txteee4:name6:folder${pieces}`,
};
for (const [title, text] of Object.entries(torrents)) {
  const whole = bytes(`${head}${text}e`);
  const right = sha1(text);
  assert.equal(sha1(bencode.encode(bencode.decode(whole).info)), right);
  console.log(`${title}: ${hash(whole)}, right: ${right}; ${files(whole).files.length} files are read`);
  assert.equal(hash(whole) === right, title === "one file");
}

const first = bytes(`${head}${torrents["one file"]}e`);
const second = bytes(`${head}${torrents["a folder of two"]}e`);
const memory = new Uint8Array(first.length + second.length);
memory.set(first);
memory.set(second, first.length);
const view = Buffer.from(memory.buffer, first.length, second.length);
console.log("a Buffer that holds the folder behind the file:", info(view).name, "and copied:", info(new Uint8Array(view)).name);
assert.equal(info(view).name, "a.txt");
assert.equal(info(new Uint8Array(view)).name, "folder");
assert.equal(Buffer.from(bencode.decode(view).info.name).toString(), "folder");
assert.ok(Buffer.from("a small one").buffer.byteLength > 11, "as Node's small Buffers are");
console.log("as described: the hash is nobody's");
JS
node finding.mjs
