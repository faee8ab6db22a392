#!/usr/bin/env bash
# ipld-git (npm): commits and tags with a letter beyond ASCII get another id, and git cannot read them.
#
# Guess: serialize(deserialize(object)) is the object, byte for byte: CIDs of git objects are git's own hashes, so that each node
# says the same.
# Happens: the length in the object's head counts letters (of UTF-16), not bytes. The commit of a Zoë, or one about a Fähre, is written with
# a length that is too small: its hash is another one, and git refuses to store it. Plain ones and trees are right. A commit whose
# author has an empty address, which git makes, is read with no author and cannot be written; headers that the package does
# not know, such as gpgsig-sha256 or those of other tools, are read and then left out.
# Hurts: who rewrites or imports repositories over IPFS: the history from the first such commit on has other ids, and signatures that
# no longer fit; a repository in English seems to work.
# Way out: keep the blocks as they came; write commits with git, or isomorphic-git.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ipld-git@0.6.6 >/dev/null 2>&1
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE="1700000000 +0530" GIT_COMMITTER_DATE="1700000000 -0330"
git init -q repository
cd repository
commit() { git -c user.name="$1" -c user.email="$2" commit -q --allow-empty -m "$3"; echo "$(git rev-parse HEAD) $1: $3" >>../objects; }
echo tea >a.txt
git add a.txt
commit Ann ann@example.org "A plain one"
echo "$(git rev-parse 'HEAD^{tree}') its tree" >>../objects
commit Zoë zoe@example.org "A plain one"
commit Ann ann@example.org "Die Fähre"
git -c user.name=Ann -c user.email=ann@example.org tag -a one -m "Fähre"
echo "$(git rev-parse one) a tag: Fähre" >>../objects
commit Ann "" "No address"
cat >../try.cjs <<'JS'
const assert = require("node:assert");
const { execFileSync, spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { util } = require("ipld-git");

console.log("ipld-git", JSON.parse(readFileSync("../node_modules/ipld-git/package.json")).version);
const results = {};
for (const line of readFileSync("../objects", "utf8").trim().split("\n")) {
    const id = line.slice(0, 40);
    const type = execFileSync("git", ["cat-file", "-t", id]).toString().trim();
    const body = execFileSync("git", ["cat-file", type, id]);
    const object = Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]);
    let result;
    try {
        const again = Buffer.from(util.serialize(util.deserialize(object)));
        const other = createHash("sha1").update(again).digest("hex");
        const at = again.indexOf(0);
        const said = Number(again.subarray(0, at).toString().split(" ")[1]);
        result = other === id ? "same id" : `${other.slice(0, 8)}, length ${said} of ${again.length - at - 1}`;
        assert.equal(said === again.length - at - 1, other === id);
        assert.deepEqual(again.subarray(at + 1), body);
    } catch (error) {
        if (error.code === "ERR_ASSERTION") throw error;
        result = `raised: ${error.message}`;
    }
    results[line.slice(41)] = result;
    console.log(`${id.slice(0, 8)} ${line.slice(41)} - ${result}`);
}
const kinds = Object.values(results).map((text) => text.split(/[, :]/).includes("length") ? "other" : text.slice(0, 6));
assert.deepEqual(kinds, ["same i", "same i", "other", "other", "other", "raised"]);
console.log("as described: letters are counted");
JS
cp ../try.cjs .
NODE_PATH=../node_modules node try.cjs
