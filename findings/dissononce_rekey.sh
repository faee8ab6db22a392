#!/usr/bin/env bash
# dissononce's CipherState.rekey() leaves a key of 48 bytes behind, and the link cannot send another byte.
#
# Guess: rekey() follows section 4.2 of the Noise specification: the new key is the first 32 bytes of ENCRYPT(k, maxnonce,
# zerolen, zeros), and the nonce stays.
# Happens: all 48 bytes become the key (tag included), the nonce starts at 0 again, and the next encryption raises
# ValueError. The right key has to be cut by hand.
# Hurts: clients in Python of protocols that rekey after a number of messages: handshake and thousands of messages work,
# then the link dies at the first rekey.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check dissononce==0.34.3 cryptography==50.0.2
env/bin/python - <<'PYTHON'
import importlib.metadata
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from dissononce.cipher.chachapoly import ChaChaPolyCipher
from dissononce.processing.impl.cipherstate import CipherState

print("dissononce", importlib.metadata.version("dissononce"))
state = CipherState(ChaChaPolyCipher())
state.initialize_key(bytes(range(32)))
state.encrypt_with_ad(b"", b"one message")
by_the_specification = ChaCha20Poly1305(bytes(range(32))).encrypt(b"\0" * 4 + b"\xff" * 8, bytes(32), b"")[:32]
state.rekey()
print("bytes of the new key:", len(state._key), "nonce:", state._nonce)
try:
    state.encrypt_with_ad(b"", b"the next message")
    outcome = "sent"
except ValueError as error:
    outcome = f"ValueError: {error}"
print("next message:", outcome)
assert len(state._key) == 48 and state._key[:32] == by_the_specification and state._nonce == 0
assert outcome.startswith("ValueError"), outcome
print("as described: the tag became part of the key")
PYTHON
