#!/usr/bin/env bash
# @webantic/nginx-config-parser (npm): "!=" becomes ".=", a "#" in quotation marks ends the line, and directives change their order.
#
# Guess: "convert nginx conf strings to JSON and back": what comes back means the same: conditions, quoted texts, and the order in which
# directives stand, as nginx runs those of the rewrite module one after the other.
# Happens: points in names are kept as "!" inside, and on the way out each "!" becomes a point, also those that were there: the JSON has "if
# ($request_method .= POST)" and "!~" is ".~". A line is cut at its first "#", in quotation marks too; what is left has no end, so that the next
# directive is glued to it. Directives of one name are gathered where the first of them stands. No error is thrown.
# Hurts: programs that add a server or an upstream to a node's proxy: nginx refuses the file that it took before ("invalid condition"), at
# the next restart perhaps, or it listens without the grpc_pass that was swallowed; rewrites run before what they depend on.
# Way out: nginx-conf (npm), shown beside it, keeps all three.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @webantic/nginx-config-parser@1.6.1 nginx-conf@2.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { readFileSync } = require("fs");
const Parser = require("@webantic/nginx-config-parser");
const { parse } = require("nginx-conf/dist/src/parser.js");
for (const name of ["@webantic/nginx-config-parser", "nginx-conf"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}

const source = `server {
    listen 443 ssl;
    if ($request_method != POST) {
        return 405;
    }
    if ($http_upgrade !~ websocket) {
        return 426;
    }
    location /rpc {
        add_header X-Note "call #1" always;
        grpc_pass grpc://127.0.0.1:4130;
    }
    location /old {
        set $node first;
        rewrite ^/old/(.*) /$node/$1;
        set $node second;
        break;
    }
}
`;
const again = (text) => text.split("\n").map((line) => line.trim().replace(/ +/g, " ")).filter((line) => line);
const written = again(new Parser().parse(new Parser().parse(source)));
console.log(written.join("\n"));
const lines = (first, count) => written.slice(written.indexOf(first) + 1, written.indexOf(first) + 1 + count);
assert.ok(written.includes("if ($request_method .= POST) {") && written.includes("if ($http_upgrade .~ websocket) {"));
assert.deepStrictEqual(lines("location /rpc {", 2), ['add_header X-Note "call grpc_pass grpc://127.0.0.1:4130;', "}"]);
assert.deepStrictEqual(lines("location /old {", 3), ["set $node first;", "set $node second;", "rewrite ^/old/(.*) /$node/$1;"]);

const flat = ({ name, value, children }) => [`${name} ${value}`.trim(), ...children.flatMap(flat)];
parse(source, (error, tree) => {
  assert.equal(error, null);
  const other = tree.children.flatMap(flat);
  console.log("nginx-conf:", other);
  const right = again(source).map((line) => line.replace(/ ?[;{]$/, "")).filter((line) => line !== "}");
  assert.deepStrictEqual(other, right);
  console.log("as described: not is a point");
});
JS
node finding.js
