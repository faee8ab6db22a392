#!/usr/bin/env bash
# @diva.exchange/i2p-sam (npm): a reply that arrives in two pieces gives half a private key, and a peer that speaks first fails the stream.
#
# Guess: the router's replies are lines (SAM 3), however TCP cuts them: DEST REPLY, of 1,400 characters, is one reply when its line feed has
# come. What follows STREAM STATUS belongs to the peer. A value is all that stands behind the first "=".
# Happens: each piece that arrives is taken for a whole reply. Of a DEST REPLY in two pieces the first gives the keys: the public one is whole, the
# private one ends where the piece ends, and createLocalDestination() resolves with it. If the peer's first bytes come together with
# STREAM STATUS RESULT=OK, the result is "OK\n..." and the stream fails. "=" at the end of keys is cut off, always.
# Hurts: nodes that make an address once and keep its key: the address is announced and cannot be opened again, which shows at the next
# start. Peers whose protocol lets the called one speak first cannot be reached now and then. A router on the same machine mostly sends
# one piece.
# Way out: make keys with the router's own tool, or check their length; let the caller speak first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @diva.exchange/i2p-sam@5.5.2 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import net from "node:net";
import { createLocalDestination, createStream } from "@diva.exchange/i2p-sam";
console.log("@diva.exchange/i2p-sam", JSON.parse(readFileSync("node_modules/@diva.exchange/i2p-sam/package.json")).version);

// Keys as long as those of Ed25519: 391 and 679 bytes, and so with "==" at the end.
const [publicKey, privateKey] = [391, 679].map((length) => Buffer.alloc(length, 7).toString("base64"));
/** A router's SAM bridge that sends its DEST REPLY in two pieces or not, and this text of the peer with the status of a stream. */
const bridge = (pieces, first) => new Promise((ready) => {
  const reply = (line, socket) => {
    if (line.startsWith("HELLO")) socket.write("HELLO REPLY RESULT=OK VERSION=3.3\n");
    if (line.startsWith("SESSION")) socket.write(`SESSION STATUS RESULT=OK DESTINATION=${privateKey}\n`);
    if (line.startsWith("STREAM")) socket.write(`STREAM STATUS RESULT=OK\n${first}`);
    if (!line.startsWith("DEST")) return;
    const text = `DEST REPLY PUB=${publicKey} PRIV=${privateKey}\n`;
    socket.write(text.slice(0, pieces === 1 ? undefined : 1000));
    if (pieces === 2) setTimeout(() => socket.write(text.slice(1000)), 200);
  };
  const server = net.createServer((socket) => {
    socket.setNoDelay(true).on("error", () => {});
    socket.on("data", (data) => data.toString().split("\n").forEach((line) => reply(line, socket)));
  });
  server.listen(0, "127.0.0.1", () => ready(server));
});
const sam = async (pieces, first) => ({ host: "127.0.0.1", portTCP: (await bridge(pieces, first)).address().port, timeout: 10 });

for (const pieces of [1, 2]) {
  const made = await createLocalDestination({ sam: await sam(pieces, "") });
  const lengths = [made.public.length, made.private.length];
  console.log(`DEST REPLY in ${pieces}: keys of ${lengths} characters, of ${publicKey.length},${privateKey.length}`);
  const whole = [publicKey, privateKey].map((key) => key.replaceAll("=", "").length);
  assert.equal(lengths[0], whole[0]);
  assert.equal(lengths[1], pieces === 1 ? whole[1] : 1000 - `DEST REPLY PUB=${publicKey} PRIV=`.length);
}
for (const first of ["", "hello"]) {
  const options = { session: { id: "one" }, sam: { ...(await sam(1, first)), publicKey, privateKey }, stream: { destination: "peer" } };
  const result = await createStream(options).then(() => "open", (error) => error.message);
  console.log(`the peer says ${JSON.stringify(first)} at once:`, JSON.stringify(result));
  assert.equal(result, first ? "STREAM failed: STREAM STATUS RESULT=OK\nhello" : "open");
}
console.log("as described: replies end where pieces end");
process.exit(0);
JS
timeout 60 node finding.mjs
