"""Links with a node of the chain `dev` over its own protocol, from src/wire/PROTOCOL.md: agrees on keys, shakes hands, takes and
checks the whole chain, makes a block, and pays. Needs noiseprotocol, blake3 and cryptography.

P2P is the node's address, IP:PORT. Prints "ok STEP" or "FAIL STEP: reason" for each step.
"""

import os, socket, struct, sys, time

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from noise.connection import Keypair, NoiseConnection

REKEY_MESSAGES = 1 << 16
MAX_PAYLOAD = 4080
# With proof of work.
HEADER_BYTES = 125
KINDS = {1: "Version", 2: "Verack", 3: "Ping", 4: "Pong", 5: "GetPeers", 6: "Peers", 7: "GetSync", 8: "Sync", 9: "GetBlock",
         10: "Block", 11: "Absent", 12: "Transaction", 13: "GetMemoryPool", 14: "MemoryPool", 15: "Goodbye"}
NUMBERS = {name: number for number, name in KINDS.items()}
# The chain `dev` (section 7).
GENESIS_TIME, BLOCK_TIME, TARGET_LIMIT, SUBSIDY, GENESIS_COIN = 1767225600, 1, 0x207FFFFF, 5_000_000_000, 100_000_000_000_000
PARAMETERS = struct.pack("<QIIIQIII", GENESIS_TIME, BLOCK_TIME, 600, TARGET_LIMIT, SUBSIDY, 210000, 1, 7200) + struct.pack("<II", 0, 0) + b"dev"


def h(name, data):
    return blake3(data, key=name.encode().ljust(32, b"\0")).digest()


# ---- The ledger (section 4). ----

def dev_key(n):
    return Ed25519PrivateKey.from_private_bytes(h("tussock dev key", struct.pack("<I", n)))


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def address(key):
    return h("tussock address", public(key))[:20]


def many(items):
    return struct.pack("<I", len(items)) + b"".join(items)


def text(data):
    return struct.pack("<I", len(data)) + data


def transaction(inputs, outputs, memo, genesis):
    """Inputs are (txid, index, amount, key), outputs are (amount, address). Returns the encoding and the id."""
    outputs = many([struct.pack("<Q", amount) + to for amount, to in outputs])
    named = [txid + struct.pack("<IQ", index, amount) + public(key) for txid, index, amount, key in inputs]
    txid = h("tussock txid", struct.pack("<I", 2) + many(named) + outputs + text(memo))
    message = h("tussock signing", genesis + txid)
    signed = [name + key.sign(message) for name, (*_, key) in zip(named, inputs)]
    return struct.pack("<I", 2) + many(signed) + outputs + text(memo), txid


def merkle_root(transactions):
    level = [h("tussock merkle leaf", one) for one in transactions]
    while len(level) > 1:
        pairs = [h("tussock merkle node", level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) // 2 * 2:]
    return level[0]


def genesis_block():
    outputs = [(GENESIS_COIN, address(dev_key(n))) for n in range(10)]
    coinbase, _ = transaction([], outputs, struct.pack("<I", 0) + h("tussock parameters", PARAMETERS), b"")
    digest = State().digest()
    header = struct.pack("<II", 2, 0) + bytes(32) + merkle_root([coinbase]) + digest
    return header + struct.pack("<QBIQ", GENESIS_TIME, 0, TARGET_LIMIT, 0) + many([coinbase])


def header_hash(header):
    return h("tussock header", header)


def target(compact):
    size, digits = compact >> 24, compact & 0x7FFFFF
    return digits << 8 * (size - 3) if size > 3 else digits >> 8 * (3 - size)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data), "the end comes too early"
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def transaction(self):
        """Returns the encoding, the id, the inputs and the outputs."""
        start, version = self.at, self.take(4)
        inputs = [(self.take(32), self.number("I"), self.number("Q"), self.take(32), self.take(64))
                  for _ in range(self.number("I"))]
        outputs_at = self.at
        outputs = [(self.number("Q"), self.take(20)) for _ in range(self.number("I"))]
        self.take(self.number("I"))
        named = many([txid + struct.pack("<IQ", index, amount) + key for txid, index, amount, key, _ in inputs])
        return self.data[start:self.at], h("tussock txid", version + named + self.data[outputs_at:self.at]), inputs, outputs


class State:
    """The coins, and their digest."""

    def __init__(self):
        self.coins, self.sums = {}, [[0] * 1024 for _ in range(64)]

    def change(self, outpoint, coin, sign):
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
        amount, owner, height, coinbase = coin
        data = outpoint[0] + struct.pack("<IQ", outpoint[1], amount) + owner + struct.pack("<IB", height, coinbase)
        stream = Cipher(algorithms.ChaCha20(h("tussock coin", data), bytes(16)), None).encryptor().update(bytes(2048))
        values = struct.unpack("<1024H", stream)
        leaf = h("tussock coin key", outpoint[0] + struct.pack("<I", outpoint[1]))[0] >> 2
        self.sums[leaf] = [(sum_ + sign * value) % 65536 for sum_, value in zip(self.sums[leaf], values)]

    def digest(self):
        nodes = [h("tussock state leaf", struct.pack("<1024H", *sums)) for sums in self.sums]
        while len(nodes) > 1:
            nodes = [h("tussock state node", nodes[at] + nodes[at + 1]) for at in range(0, len(nodes), 2)]
        return nodes[0]

    def apply(self, block, genesis):
        header, reader = block[:HEADER_BYTES], Reader(block[HEADER_BYTES:])
        height = struct.unpack("<I", header[4:8])[0]
        transactions = [reader.transaction() for _ in range(reader.number("I"))]
        assert reader.at == len(block) - HEADER_BYTES, "bytes behind the block"
        assert header[40:72] == merkle_root([one[0] for one in transactions]), "another merkle root"
        assert height == 0 or header[72:104] == self.digest(), "another state digest"
        fees = 0
        for place, (_, txid, inputs, outputs) in enumerate(transactions):
            assert (place == 0) == (not inputs), "a coinbase where none belongs"
            for spent, index, amount, key, signature in inputs:
                coin = self.coins.pop((spent, index))
                assert h("tussock address", key)[:20] == coin[1], "another's coin"
                assert amount == coin[0], "another amount than the coin's"
                Ed25519PublicKey.from_public_bytes(key).verify(signature, h("tussock signing", genesis + txid))
                self.change((spent, index), coin, -1)
                fees += coin[0]
            fees -= sum(amount for amount, _ in outputs) if inputs else 0
            for index, (amount, owner) in enumerate(outputs):
                coin = (amount, owner, height, int(place == 0))
                self.coins[txid, index] = coin
                self.change((txid, index), coin, 1)
        made = sum(amount for amount, _ in transactions[0][3])
        assert height == 0 or made == SUBSIDY + fees, "another amount in the coinbase"


# ---- The link (sections 1 and 2). ----

class Link:
    def __init__(self, where, genesis):
        host, port = where.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.noise = NoiseConnection.from_name(b"Noise_XX_25519_ChaChaPoly_BLAKE2s")
        self.noise.set_as_initiator()
        self.noise.set_keypair_from_private_bytes(Keypair.STATIC, os.urandom(32))
        self.noise.set_prologue(b"tussock/2")
        self.noise.start_handshake()
        self.write(self.noise.write_message())
        self.noise.read_message(self.read())
        self.write(self.noise.write_message())
        self.sent = self.received = 0
        self.plain, self.magic, self.genesis = b"", genesis[:4], genesis

    def write(self, message):
        self.socket.sendall(struct.pack("<H", len(message)) + message)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            some = self.socket.recv(count - len(data))
            assert some, "the node has closed the link"
            data += some
        return data

    def read(self):
        return bytes(self.exactly(struct.unpack("<H", self.exactly(2))[0]))

    def send(self, kind, body):
        frame = self.magic + struct.pack("<BI", NUMBERS[kind], len(body)) + h("tussock frame", body)[:4] + body
        for at in range(0, len(frame), MAX_PAYLOAD):
            self.write(self.noise.encrypt(frame[at:at + MAX_PAYLOAD]))
            self.sent += 1
            if self.sent % REKEY_MESSAGES == 0:
                self.noise.rekey_outbound_cipher()

    def fill(self, count):
        while len(self.plain) < count:
            self.plain += self.noise.decrypt(self.read())
            self.received += 1
            if self.received % REKEY_MESSAGES == 0:
                self.noise.rekey_inbound_cipher()

    def receive(self):
        self.fill(13)
        assert self.plain[:4] == self.magic, "another magic"
        kind, length = struct.unpack("<BI", self.plain[4:9])
        self.fill(13 + length)
        body, checksum = self.plain[13:13 + length], self.plain[9:13]
        self.plain = self.plain[13 + length:]
        assert h("tussock frame", body)[:4] == checksum, "a wrong checksum"
        assert KINDS[kind] != "Goodbye", f"the node says goodbye, code {body[0]}"
        if KINDS[kind] == "Ping":
            self.send("Pong", body[:8])
        return KINDS[kind], body

    def until(self, *kinds):
        while True:
            kind, body = self.receive()
            if kind in kinds:
                return kind, body

    def shake_hands(self):
        nonce = os.urandom(8)
        version = struct.pack("<IQ", 2, 0) + self.genesis + struct.pack("<I", 0) + self.genesis + bytes(32)
        self.send("Version", version + struct.pack("<Q", int(time.time())) + nonce + struct.pack("<H", 0) + text(b"python"))
        _, theirs = self.until("Version")
        assert theirs[12:44] == self.genesis, "another network"
        assert self.until("Verack")[1] == nonce, "another nonce"
        self.send("Verack", theirs[120:128])


class Client:
    def __init__(self, where):
        block = genesis_block()
        self.genesis = header_hash(block[:HEADER_BYTES])
        self.chain, self.state = [block[:HEADER_BYTES]], State()
        self.state.apply(block, self.genesis)
        self.link = Link(where, self.genesis)

    def sync(self):
        while True:
            locator = [header_hash(header) for header in self.chain[:-11:-1]] + [self.genesis]
            self.link.send("GetSync", many(locator))
            reader = Reader(self.link.until("Sync")[1])
            headers = [reader.take(HEADER_BYTES) for _ in range(reader.number("I"))]
            if not headers:
                return
            for header in headers:
                hash_ = header_hash(header)
                assert header[8:40] == header_hash(self.chain[-1]), "headers that do not link"
                assert int.from_bytes(hash_, "big") <= target(struct.unpack("<I", header[113:117])[0]), "no proof of work"
                self.link.send("GetBlock", hash_)
                kind, block = self.link.until("Block", "Absent")
                assert kind == "Block" and block[:HEADER_BYTES] == header, "another block"
                self.state.apply(block, self.genesis)
                self.chain.append(header)

    def mine(self):
        """Makes an empty block on the tip for account 5. Each block of this chain has the same target as long as it is easy."""
        tip = self.chain[-1]
        height = struct.unpack("<I", tip[4:8])[0] + 1
        coinbase, _ = transaction([], [(SUBSIDY, address(dev_key(5)))], struct.pack("<I", height), b"")
        stamp = max(int(time.time()), struct.unpack("<Q", tip[104:112])[0] + 1)
        start = struct.pack("<II", 2, height) + header_hash(tip) + merkle_root([coinbase]) + self.state.digest()
        start += struct.pack("<QBI", stamp, 0, TARGET_LIMIT)
        nonce = 0
        while int.from_bytes(header_hash(start + struct.pack("<Q", nonce)), "big") > target(TARGET_LIMIT):
            nonce += 1
        block = start + struct.pack("<Q", nonce) + many([coinbase])
        self.link.send("Block", block)
        return header_hash(block[:HEADER_BYTES])

    def pay(self):
        """Account 3 pays 1,234 to account 7, with a fee of 1,000."""
        key = dev_key(3)
        (txid, index), coin = next((at, coin) for at, coin in self.state.coins.items() if coin[1] == address(key))
        outputs = [(1234, address(dev_key(7))), (coin[0] - 2234, address(key))]
        paid, txid = transaction([(txid, index, coin[0], key)], outputs, b"from python", self.genesis)
        self.link.send("Transaction", paid)
        return txid

    def ask(self, question, body, is_there):
        """Asks again and again until the answer is there."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self.link.send(question, body)
            if is_there(*self.link.until("Block", "Absent", "MemoryPool")):
                return
        raise TimeoutError(question)


def main():
    step, made = "links", []
    try:
        client = Client(os.environ["P2P"])
        client.link.shake_hands()
        print("ok links")
        step = "syncs"
        client.sync()
        print("ok syncs")
        step = "mines"
        made.append(client.mine())
        client.ask("GetBlock", made[0], lambda kind, _: kind == "Block")
        client.sync()
        assert header_hash(client.chain[-1]) == made[0], "the node has not taken the block"
        print("ok mines")
        step = "pays"
        txid = client.pay()
        client.ask("GetMemoryPool", many([]), lambda kind, ids: kind == "MemoryPool" and txid in ids)
        client.link.send("GetMemoryPool", many([txid]))
        assert client.link.until("Transaction")[1].endswith(text(b"from python")), "another transaction"
        print("ok pays")
    except Exception as problem:
        print(f"FAIL {step}: {type(problem).__name__}: {problem}")
        sys.exit(1)


main()
