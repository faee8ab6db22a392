#!/usr/bin/env bash
# The npm package noise-protocol swaps the two transport keys after IK, though not after XX.
#
# Guess: `tx` and `rx` follow the Noise specification, section 5.3: the first key that Split() returns is for messages from
# initiator to responder, whatever the pattern.
# Happens: the first key goes to the side that *writes the last handshake message*. After XX (three messages) that is the
# initiator, as specified; after IK, NK, KK (two messages) it is the responder. Two programs with this package agree with
# each other; with any other library the handshake succeeds and the first transport message cannot be opened.
# Hurts: whoever writes a client in JavaScript for a server in another language, and has tested with XX.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund noise-protocol@3.0.2 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check noiseprotocol==0.3.1 cryptography==50.0.2
cat >initiator.js <<'JS'
// Speaks handshake messages in hexadecimal, a line each; at the end its two transport keys.
const noise = require('noise-protocol')
const lines = require('node:readline').createInterface({ input: process.stdin })
const [, , pattern, responder] = process.argv
const own = noise.seedKeygen(Buffer.alloc(32, 1))
const known = pattern === 'IK' ? Buffer.from(responder, 'hex') : null
const state = noise.initialize(pattern, true, Buffer.alloc(0), own, null, known)
const buffer = Buffer.alloc(256)
const say = text => process.stdout.write(text + '\n')
const write = () => {
  const split = noise.writeMessage(state, Buffer.alloc(0), buffer)
  say(buffer.subarray(0, noise.writeMessage.bytes).toString('hex'))
  return split
}
write()
lines.once('line', line => {
  const split = noise.readMessage(state, Buffer.from(line, 'hex'), buffer) || write()
  say(split.tx.subarray(0, 32).toString('hex') + ' ' + split.rx.subarray(0, 32).toString('hex'))
  lines.close()
})
JS
node -p '"noise-protocol " + require("noise-protocol/package.json").version + " with noiseprotocol 0.3.1 for Python"' 2>/dev/null ||
  grep '"version"' node_modules/noise-protocol/package.json
env/bin/python - <<'PYTHON'
import subprocess
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from noise.connection import Keypair, NoiseConnection

secret = b"\2" * 32
public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()

def order(pattern):
    here = NoiseConnection.from_name(f"Noise_{pattern}_25519_ChaChaPoly_BLAKE2b".encode())
    here.set_as_responder()
    here.set_keypair_from_private_bytes(Keypair.STATIC, secret)
    here.start_handshake()
    command = ["node", "initiator.js", pattern, public.hex()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as there:
        here.read_message(bytes.fromhex(there.stdout.readline()))
        print(here.write_message().hex(), file=there.stdin, flush=True)
        if pattern == "XX":
            here.read_message(bytes.fromhex(there.stdout.readline()))
        sends, receives = there.stdout.readline().split()
    protocol = here.noise_protocol
    keys = protocol.cipher_state_decrypt.k.hex(), protocol.cipher_state_encrypt.k.hex()
    assert here.handshake_finished and {sends, receives} == set(keys), "both sides have the same two keys"
    return "as specified" if (sends, receives) == keys else "swapped"

seen = {pattern: order(pattern) for pattern in ("XX", "IK")}
print(seen)
assert seen == {"XX": "as specified", "IK": "swapped"}, seen
print("as described: the keys depend on who spoke last")
PYTHON
