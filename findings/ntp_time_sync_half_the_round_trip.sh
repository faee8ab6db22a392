#!/usr/bin/env bash
# ntp-time-sync (npm): a clock that is right seems wrong by half the round trip to the time server.
#
# Guess: the offset of the clock is ((T2 - T1) + (T3 - T4)) / 2 as in RFC 5905, section 8, so that a path that takes equally
# long in both directions cancels out. The documentation promises the "calculated offset between local system time and NTP time".
# Happens: both differences are made positive before they are added, and the sign is chosen afterwards. As long as the clock
# is wrong by less than the path takes, the result is half the round trip, as if the clock were ahead. Only an error larger
# than the path takes is measured rightly. @hapi/sntp, with the same server, is right.
# Hurts: nodes that correct their time with it, or warn that a peer's clock is wrong: the better the clock, the more it is set
# back, by 100 ms over a satellite or mobile link. Sorting samples by delay and averaging them cannot help, as all of them
# err in the same direction. A test with a server on the same machine sees nothing.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund ntp-time-sync@0.5.0 @hapi/sntp@4.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const dgram = require("dgram");
const sntp = require("@hapi/sntp");
const { NtpTimeSync } = require("ntp-time-sync");
for (const name of ["ntp-time-sync", "@hapi/sntp"]) console.log(name, require(`${name}/package.json`).version);

const write = (packet, at, milliseconds) => {
  packet.writeUInt32BE(Math.floor(milliseconds / 1000) + 2208988800, at);
  packet.writeUInt32BE(Math.floor(((milliseconds % 1000) / 1000) * 2 ** 32), at + 4);
};

// A time server of stratum 1, behind a path that takes `delay` milliseconds each way, whose clock is `ahead` of ours.
const serve = (delay, ahead) => {
  const server = dgram.createSocket("udp4");
  server.on("message", (request, { port, address }) => {
    setTimeout(() => {
      const packet = Buffer.alloc(48);
      packet.set([0x24, 1, 4, 0xec]);
      packet.write("GPS", 12);
      write(packet, 16, Date.now() + ahead - 1000);
      request.copy(packet, 24, 40, 48);
      write(packet, 32, Date.now() + ahead);
      write(packet, 40, Date.now() + ahead);
      setTimeout(() => server.send(packet, port, address), delay);
    }, delay);
  });
  return new Promise((resolve) => server.bind(0, "127.0.0.1", () => resolve(server)));
};

const measure = async (delay, ahead) => {
  const server = await serve(delay, ahead);
  const { port } = server.address();
  const sync = new NtpTimeSync({ servers: [`127.0.0.1:${port}`], sampleCount: 4 });
  const offset = Math.round((await sync.getTime(true)).offset);
  const other = Math.round((await sntp.time({ host: "127.0.0.1", port, timeout: 5000 })).t);
  console.log(`each way ${delay} ms, clock to be moved by ${ahead} ms: ntp-time-sync ${offset}, @hapi/sntp ${other}`);
  server.close();
  return [offset, other];
};

const near = (got, wanted) => assert.ok(Math.abs(got - wanted) < 60, `${got} instead of ${wanted}`);
(async () => {
  for (const [delay, ahead, wrong] of [[0, 0, 0], [200, 0, -200], [200, 150, -200], [200, -150, -200], [200, 3000, 3000]]) {
    const [offset, other] = await measure(delay, ahead);
    near(other, ahead);
    near(offset, wrong);
  }
  console.log("as described: half the round trip is taken for an error of the clock");
})();
JS
node finding.js
