#!/usr/bin/env bash
# @waku/sds (npm): messages are delivered before those that they depend on, and who says "ok" hears nobody else say it.
#
# Guess: Scalable Data Sync keeps causal order: a message is delivered when those in its causal history are in the local log, and waits
# otherwise. Each message has an id of its own. Ephemeral ones are delivered at once, and what is sent again is known already.
# Happens: messages that wait themselves count as there. With a history of two, as the specification recommends, the fourth message
# is delivered while the second and third still wait for the first. The id is the hash of the text alone: once Alice has said "ok",
# an "ok" of Bob's is dropped at Alice's as her own, without an event. A message that was delivered is delivered again each
# time it is sent again, which is done until it is acknowledged. For ephemeral messages no event at all is raised.
# Hurts: chats and shared logs over it: replies before their question, amendments before what they amend; short answers and votes
# ("yes", "+1") that are not counted; others that are counted twice.
# Way out: a counter and the sender's name within each content; a set of ids that were shown; a history of hundreds (the default).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @waku/sds@0.0.8 @waku/utils@0.0.27 @waku/proto@0.0.15 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Message, MessageChannel, MessageChannelEvent as Events } from "@waku/sds";

console.log("@waku/sds", JSON.parse(readFileSync("node_modules/@waku/sds/package.json")).version);
const bytes = (text) => new TextEncoder().encode(text);
const texts = new Map();
const join = (name) => {
    const channel = new MessageChannel("room", name, { enableRepair: false, causalHistorySize: 2 });
    channel.delivered = [];
    channel.raised = 0;
    channel.addEventListener(Events.InMessageDelivered, (event) => channel.delivered.push(texts.get(event.detail)));
    for (const kind of Object.values(Events)) if (kind.startsWith("sds:in:")) channel.addEventListener(kind, () => channel.raised++);
    return channel;
};
const say = async (channel, text) => {
    let wire;
    texts.set(MessageChannel.getMessageId(bytes(text)), text);
    channel.pushOutgoingMessage(bytes(text), async (message) => ((wire = message.encode()), { success: true, retrievalHint: bytes("hint") }));
    await channel.processTasks();
    return wire;
};
const hear = async (channel, wire) => {
    channel.pushIncomingMessage(Message.decode(wire), bytes("hint"));
    await channel.processTasks();
};

let alice = join("alice");
let carol = join("carol");
const wires = [];
for (const text of ["first", "second", "third", "fourth"]) wires.push(await say(alice, text));
for (const n of [1, 2, 3]) await hear(carol, wires[n]); // the first is late
console.log("delivered while the first is missing:", carol.delivered);
assert.deepEqual(carol.delivered, ["fourth"]);
await hear(carol, wires[0]);
carol.sweepIncomingBuffer();
console.log("delivered in all:", carol.delivered);
assert.deepEqual(carol.delivered, ["fourth", "first", "second", "third"]);

await hear(carol, wires[0]);
console.log("after the first was sent again:", carol.delivered);
assert.equal(carol.delivered.filter((text) => text === "first").length, 2);

alice = join("alice");
carol = join("carol");
const bob = join("bob");
await hear(carol, await say(alice, "ok"));
const other = await say(bob, "ok");
await hear(alice, other);
await hear(carol, other);
console.log('events at Alice\'s after Bob\'s "ok":', alice.raised, "- delivered at Carol's:", carol.delivered);
assert.equal(alice.raised, 0);
assert.deepEqual(carol.delivered, ["ok", "ok"]);

let wire;
alice.pushOutgoingEphemeralMessage(bytes("is typing"), async (message) => ((wire = message.encode()), true));
await alice.processTasks();
carol.raised = 0;
await hear(carol, wire);
console.log("events at Carol's after an ephemeral message:", carol.raised);
assert.equal(carol.raised, 0);
console.log("as described: order and messages are lost");
process.exit(0);
JS
node try.mjs
