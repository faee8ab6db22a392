#!/usr/bin/env bash
# nmea-simple (npm): the time of an RMC sentence has a fraction if it has two digits, and else none.
#
# Guess: hhmmss may be followed by a fraction of any number of digits: u-blox sends two, SiRF and MediaTek receivers send three, some one. The
# same instant is the same Date from each sentence, and what is encoded again has the fraction.
# Happens: RMC (the one sentence with date, time and position) is read at its length: 123456.75 is right, 123456.750 and 123456.7 are 123456.000.
# GGA and ZDA are right with any number of digits. Encoded, each sentence has whole seconds: GGA, GLL and GNS of a receiver that
# reports ten times a second all come out with the same time, and an instant lies up to a second before where it was.
# Hurts: clocks that are set from RMC: up to a second late, by half a second on the average, with no sign of it, since the date and the
# seconds are right; and speeds reckoned from positions. Receivers that report at full seconds hide it.
# Way out: take the fraction from GGA or ZDA of the same instant, or from the text.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts nmea-simple@3.3.0 gps@0.9.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { readFileSync } = require("fs");
const GPS = require("gps");
const { encodeNmeaPacket, parseNmeaSentence } = require("nmea-simple");
for (const name of ["nmea-simple", "gps"]) console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

const sentence = (text) => {
  const sum = [...text].reduce((value, letter) => value ^ letter.charCodeAt(0), 0);
  return `$${text}*${sum.toString(16).toUpperCase().padStart(2, "0")}`;
};
const expected = {
  "123456": [0, 0],
  "123456.75": [750, 750],
  "123456.750": [0, 750],
  "123456.7": [0, 700],
  "123456.7500": [0, 750],
};
for (const [time, [wrong, right]] of Object.entries(expected)) {
  const rmc = sentence(`GPRMC,${time},A,4807.038,N,01131.000,E,022.4,084.4,230324,003.1,W`);
  const gga = sentence(`GPGGA,${time},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,`);
  const zda = sentence(`GPZDA,${time},23,03,2024,00,00`);
  const fix = parseNmeaSentence(gga);
  const found = {
    RMC: parseNmeaSentence(rmc).datetime.getUTCMilliseconds(),
    GGA: fix.time.getUTCMilliseconds(),
    ZDA: parseNmeaSentence(zda).datetime.getUTCMilliseconds(),
    "RMC by gps": GPS.Parse(rmc).time.getUTCMilliseconds(),
    "GGA written again": encodeNmeaPacket(fix, "GP").split(",")[1],
  };
  console.log(`${time}:`, found);
  assert.deepStrictEqual(found, { RMC: wrong, GGA: right, ZDA: right, "RMC by gps": right, "GGA written again": "123456" });
}
console.log("as described: only two digits are a fraction");
JS
node finding.js
