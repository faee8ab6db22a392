#!/usr/bin/env bash
# The npm package parse-prometheus-text-format makes one histogram of all label sets, without labels, sums and counts.
#
# Guess: a histogram with the label `kind` has one entry for each kind, with its labels, buckets, sum and count. The
# documentation says that the output aims to be compatible with prom2json, which does so; counters and gauges are right.
# Happens: there is one entry. Its buckets are those of the label set that comes last in the text, the others are gone, and
# so are labels, sum and count. Summaries with quantiles share this; without quantiles (the example in the documentation)
# they keep their labels. No error is raised.
# Hurts: dashboards, tests and alerts that read a node's /metrics: latency of "block" is shown where "transaction" is meant,
# and a rate computed from sum and count is NaN.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund parse-prometheus-text-format@1.1.1 >/dev/null
cat >metrics.txt <<'TEXT'
# HELP node_messages_total Messages received.
# TYPE node_messages_total counter
node_messages_total{kind="transaction"} 900
node_messages_total{kind="block"} 7
# HELP node_check_seconds Time to check a message.
# TYPE node_check_seconds histogram
node_check_seconds_bucket{kind="transaction",le="0.1"} 890
node_check_seconds_bucket{kind="transaction",le="+Inf"} 900
node_check_seconds_sum{kind="transaction"} 12.5
node_check_seconds_count{kind="transaction"} 900
node_check_seconds_bucket{kind="block",le="0.1"} 1
node_check_seconds_bucket{kind="block",le="+Inf"} 7
node_check_seconds_sum{kind="block"} 3.5
node_check_seconds_count{kind="block"} 7
TEXT
cat >finding.js <<'JS'
const assert = require("assert");
const parse = require("parse-prometheus-text-format");
console.log("parse-prometheus-text-format", require("parse-prometheus-text-format/package.json").version);
const [counter, histogram] = parse(require("fs").readFileSync("metrics.txt", "utf8"));
console.log(counter.name, JSON.stringify(counter.metrics));
console.log(histogram.name, JSON.stringify(histogram.metrics));
assert.deepStrictEqual(counter.metrics.map((metric) => metric.labels.kind), ["transaction", "block"]);
assert.deepStrictEqual(histogram.metrics, [{ buckets: { 0.1: "1", "+Inf": "7" } }]);
console.log("as described: of two histograms one is left, without labels, sum and count");
JS
node finding.js
