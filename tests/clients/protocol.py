"""A client of the protocol, written from src/wire/PROTOCOL.md alone: links (Noise XX or IK), syncs and checks the whole
chain, mines, pays, and sees the payment confirmed. Prints "ok STEP" after each step; ends with 1 and "FAIL KIND: reason"
after a fault. Needs bech32, blake3, cryptography and noiseprotocol."""
import argparse, os, random, socket, struct, sys, time, tomllib
from collections import namedtuple
from bech32 import CHARSET, bech32_hrp_expand, bech32_polymod, convertbits
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from noise.connection import Keypair, NoiseConnection

SEAL_TAG = b"\0"  # proof of work: the kind of the seal, which target and nonce follow
HEADER = struct.Struct(f"<II32s32s32sQ{len(SEAL_TAG)}sIQ")
class Fault(Exception): pass

def need(ok, what):
    if not ok: raise Fault(what)

# ---- Encodings ----
def H(name, data): return blake3(data, key=name.encode().ljust(32, b"\0")).digest()
def u32(n): return struct.pack("<I", n)
def u64(n): return struct.pack("<Q", n)
def listed(items): return u32(len(items)) + b"".join(items)

class Reader:
    def __init__(self, data): self.data, self.at = data, 0
    def raw(self, n):
        need(self.at + n <= len(self.data), "malformed: bytes are missing")
        self.at += n
        return self.data[self.at - n:self.at]
    def u(self, n): return int.from_bytes(self.raw(n), "little")
    def list(self, most, item):
        n = self.u(4)
        need(n <= most, "malformed: a count above its limit")
        return [item() for _ in range(n)]
    def end(self, result=None):
        need(self.at == len(self.data), "malformed: trailing bytes")
        return result

def to_text(prefix, data):
    words = convertbits(data, 8, 5)
    check = bech32_polymod(bech32_hrp_expand(prefix) + words + [0] * 6) ^ 0x2BC830A3  # bech32m's constant
    return prefix + "1" + "".join(CHARSET[w] for w in words + [check >> 5 * i & 31 for i in range(5, -1, -1)])

def from_text(text):
    prefix, _, rest = text.rpartition("1")
    words = [CHARSET.index(c) for c in rest]
    need(bech32_polymod(bech32_hrp_expand(prefix) + words) == 0x2BC830A3, "not bech32m: " + text)
    return bytes(convertbits(words[:-6], 5, 8, False))

# ---- Keys, transactions, headers, blocks ----
def public(seed): return ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
def address_of(key): return H("tussock address", key)[:20]
def dev_key(n): return H("tussock dev key", u32(n))

# inputs: list of [txid, index, amount, public key, signature]; outputs: list of (amount, address)
class Tx(namedtuple("Tx", "inputs outputs memo version", defaults=[2])):
    @staticmethod
    def read(r):
        version = r.u(4)
        t = Tx(r.list(64, lambda: [r.raw(32), r.u(4), r.u(8), r.raw(32), r.raw(64)]),
               r.list(256, lambda: (r.u(8), r.raw(20))), bytes(r.list(512, lambda: r.u(1))), version)
        need(len(t.encode()) <= 16384, "malformed: a large transaction")
        return t
    def encode(self, signed=True):
        inputs = [t + u32(i) + u64(a) + k + (s if signed else b"") for t, i, a, k, s in self.inputs]
        return (u32(self.version) + listed(inputs) + listed([u64(a) + to for a, to in self.outputs])
                + u32(len(self.memo)) + self.memo)
    def txid(self): return H("tussock txid", self.encode(False))
    def signing(self, genesis): return H("tussock signing", genesis + self.txid())
    def fee(self): return sum(i[2] for i in self.inputs) - sum(a for a, _ in self.outputs)
    def check(self, genesis):
        spent, made = [i[2] for i in self.inputs], [a for a, _ in self.outputs]
        need(self.version == 2, "transaction: version")
        need(min(spent + made, default=1) >= 1 and max(sum(spent), sum(made)) <= 1 << 62, "transaction: amounts")
        need(len({(i[0], i[1]) for i in self.inputs}) == len(spent), "transaction: a coin named twice")
        need(not spent or made and sum(made) <= sum(spent), "transaction: outputs")
        for _, _, _, key, signature in self.inputs:  # stricter than ZIP 215 for keys that no honest signer makes
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, self.signing(genesis))

class Header(namedtuple("Header", "version height previous root digest time tag target nonce")):
    @staticmethod
    def read(r):
        h = Header(*HEADER.unpack(r.raw(HEADER.size)))
        need(h.tag == SEAL_TAG, "header: seal")
        return h
    def encode(self): return HEADER.pack(*self)
    def hash(self): return H("tussock header", self.encode())

class Block(namedtuple("Block", "header txs")):
    @staticmethod
    def read(body):
        r = Reader(body)
        return r.end(Block(Header.read(r), r.list(1 << 20, lambda: Tx.read(r))))
    def encode(self): return self.header.encode() + listed([t.encode() for t in self.txs])
def tree(nodes, name):
    while len(nodes) > 1:
        nodes = [H(name, b"".join(nodes[i:i + 2])) if i + 1 < len(nodes) else nodes[i] for i in range(0, len(nodes), 2)]
    return nodes[0]
def merkle_root(txs): return tree([H("tussock merkle leaf", t.encode()) for t in txs], "tussock merkle node")
def expand_target(c):
    size, m = c >> 24, c & 0x7FFFFF
    return m << 8 * (size - 3) if size > 3 else m >> 8 * (3 - size)
def compact_target(t):
    size = (t.bit_length() + 7) // 8
    m = t >> 8 * (size - 3) if size > 3 else t << 8 * (3 - size)
    return m >> 8 | size + 1 << 24 if m & 0x800000 else m | size << 24
def asert(limit, block_time, half_life, height_delta, time_delta):
    n = (time_delta - block_time * (height_delta + 1)) << 16
    exponent = n // half_life if n >= 0 else -(-n // half_life)  # truncates towards zero, as in C
    shift, x = (exponent >> 16) - 16, exponent & 0xFFFF
    t = limit * (((195766423245049 * x + 971821376 * x * x + 5127 * x**3 + (1 << 47)) >> 48) + 65536)
    return min(max(t << shift if shift >= 0 else t >> -shift, 1), limit)
def work(headers): return sum((1 << 256) // (expand_target(h.target) + 1) for h in headers)

# ---- The chain ----
class Params:
    def __init__(self, chain):
        local = chain == "local"
        values = dict(name=chain, genesis_time=1767225600, block_time=5 if local else 1, half_life=600,
                      target_limit="1f3fffff" if local else "207fffff", subsidy=5000000000, halving_interval=210000,
                      maturity=5 if local else 1, future_limit=7200, address_prefix="ltus" if local else "dtus")
        self.__dict__.update(values if chain in ("local", "dev") else tomllib.load(open(chain, "rb")))
        gifts = [(10**14, address_of(public(dev_key(n)))) for n in range(10 if chain in ("local", "dev") else 0)]
        gifts += [(a["amount"], from_text(a["address"])) for a in getattr(self, "allocations", [])]
        self.limit = int(self.target_limit, 16)
        commitment = H("tussock parameters", struct.pack(
            "<QIIIQIIIII", self.genesis_time, self.block_time, self.half_life, self.limit, self.subsidy,
            self.halving_interval, self.maturity, self.future_limit, 0, 0) + self.name.encode())
        txs = [Tx([], gifts, u32(0) + commitment)]
        h = Header(2, 0, bytes(32), merkle_root(txs), Ledger().digest(), self.genesis_time, SEAL_TAG, self.limit, 0)
        self.genesis, self.id = Block(h, txs), h.hash()
    def subsidy_at(self, h): return self.subsidy >> (h // self.halving_interval if self.halving_interval else 0)
class Ledger:
    """The coins, and the 64 sums of coins whose tree is the state digest."""
    def __init__(self):
        self.coins, self.sums, self.leaves = {}, [(0,) * 1024] * 64, [None] * 64
    def change(self, txid, index, coin, sign):
        place = txid + u32(index)
        key = H("tussock coin", place + struct.pack("<Q20sIB", *coin))
        stream = Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor().update(bytes(2048))
        i = H("tussock coin key", place)[0] >> 2
        self.sums[i] = [a + sign * b & 0xFFFF for a, b in zip(self.sums[i], struct.unpack("<1024H", stream))]
        self.leaves[i] = None
    def digest(self):
        for i, leaf in enumerate(self.leaves):
            self.leaves[i] = leaf or H("tussock state leaf", struct.pack("<1024H", *self.sums[i]))
        return tree(self.leaves, "tussock state node")
    def apply(self, tx, height, maturity):
        for txid, index, amount, key, _ in tx.inputs:
            coin = self.coins.pop((txid, index), None)  # (amount, address, height, coinbase)
            need(coin, "ledger: no such coin")
            need(coin[:2] == (amount, address_of(key)), "ledger: another owner or amount")
            need(not coin[3] or coin[2] == 0 or height >= coin[2] + maturity, "ledger: an immature coin")
            self.change(txid, index, coin, -1)
        for n, (amount, address) in enumerate(tx.outputs):
            self.coins[tx.txid(), n] = coin = (amount, address, height, int(not tx.inputs))
            self.change(tx.txid(), n, coin, 1)

class Chain:
    def __init__(self, params, blocks=None):
        self.p, self.blocks, self.headers, self.at, self.ledger = params, [], [], {}, Ledger()
        for b in blocks or [params.genesis]: self.append(b)
    def tip(self): return self.headers[-1]
    def target_after(self, parent):
        p, t = self.p, parent.time - self.p.genesis_time + self.p.block_time
        return compact_target(asert(expand_target(p.limit), p.block_time, p.half_life, parent.height, t))
    def check_header(self, h, before):
        need((h.version, h.previous, h.height) == (2, before[-1].hash(), before[-1].height + 1), "header: link")
        need(h.target == self.target_after(before[-1]), "header: target")
        need(int.from_bytes(h.hash(), "big") <= expand_target(h.target), "header: proof of work")
        need(h.time > median(before), "header: time")
        need(h.time <= time.time() + self.p.future_limit, "header: from the future")
    def append(self, b):
        h = b.header
        if self.blocks:
            self.check_header(h, self.headers)
            need(b.txs and h.root == merkle_root(b.txs), "block: merkle root")
            need(sum(len(t.encode()) for t in b.txs) + 4 <= 1 << 20, "block: size")
            need([i for i, t in enumerate(b.txs) if not t.inputs] == [0], "block: coinbase")
            need(b.txs[0].memo[:4] == u32(h.height), "block: the coinbase's height")
            for t in b.txs: t.check(self.p.id)
            need(h.digest == self.ledger.digest(), "block: state digest")
            reward = self.p.subsidy_at(h.height) + sum(t.fee() for t in b.txs[1:])
            need(sum(a for a, _ in b.txs[0].outputs) == reward, "block: reward")
        for t in b.txs: self.ledger.apply(t, h.height, self.p.maturity)
        self.blocks.append(b)
        self.headers.append(h)
        self.at[h.hash()] = h.height
    def locator(self):
        at, step, out = len(self.blocks) - 1, 1, []
        while at > 0:
            out.append(self.headers[at].hash())
            step *= 2 if len(out) >= 10 else 1
            at -= step
        return out + [self.p.id]
    def mine(self, address, txs):
        parent, height = self.tip(), len(self.blocks)
        reward = self.p.subsidy_at(height) + sum(t.fee() for t in txs)
        txs = [Tx([], [(reward, address)] if reward else [], u32(height) + b" fresh client")] + txs
        when = max(int(time.time()), median(self.headers) + 1)
        h = Header(2, height, parent.hash(), merkle_root(txs), self.ledger.digest(), when, SEAL_TAG,
                   self.target_after(parent), random.getrandbits(48))
        while int.from_bytes(h.hash(), "big") > expand_target(h.target): h = h._replace(nonce=h.nonce + 1)
        return Block(h, txs)
def median(headers):
    times = sorted(h.time for h in headers[-11:])
    return times[len(times) // 2]

# ---- The link ----
KINDS = ("", "Version", "Verack", "Ping", "Pong", "GetPeers", "Peers", "GetSync", "Sync", "GetBlock", "Block", "Absent",
         "Transaction", "GetMemoryPool", "MemoryPool", "Goodbye")
CAPS = (0, 256, 128, 128, 128, 0, 8192, 4096, 32768, 128, 1053353, 128, 16384, 32784, 32784, 128)

class Link:
    def __init__(self, host, port, chain):
        self.chain, self.raw, self.inbox, self.bodies, self.sent, self.received = chain, b"", b"", {}, 0, 0
        self.until, self.sock = time.time() + 10, socket.create_connection((host, port), 10)
    def agree(self, secret, node, members):
        """`node`: the identity to expect; on a chain with members it must be known."""
        n = self.noise = NoiseConnection.from_name(b"Noise_%s_25519_ChaChaPoly_BLAKE2s" % (b"IK" if members else b"XX"))
        n.set_as_initiator()
        n.set_prologue(b"tussock/2")
        n.set_keypair_from_private_bytes(Keypair.STATIC, secret)
        if members: n.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, node)
        n.start_handshake()
        state = n.noise_protocol.handshake_state
        self.send_message(n.write_message())
        n.read_message(self.read_message(48 if members else 96))
        need(node in (None, state.rs.public_bytes), "another node than the one that was dialled")
        if not members: self.send_message(n.write_message())
        return state.rs.public_bytes
    def send_message(self, m): self.sock.sendall(struct.pack("<H", len(m)) + m)
    def read_exactly(self, n, until):
        while len(self.raw) < n:
            self.sock.settimeout(max(until - time.time(), 0.001))
            got = self.sock.recv(65536)
            need(got, "the node closed the connection")
            self.raw += got
        out, self.raw = self.raw[:n], self.raw[n:]
        return out
    def read_message(self, length=None, until=None):
        n = int.from_bytes(self.read_exactly(2, until or self.until), "little")
        need(n == length if length else 17 <= n <= 4096, f"a message of {n} bytes")
        return self.read_exactly(n, time.time() + 30)
    def send(self, kind, body=b""):
        frame = self.chain.p.id[:4] + bytes([KINDS.index(kind)]) + u32(len(body)) + H("tussock frame", body)[:4] + body
        for i in range(0, len(frame), 4080):
            self.send_message(self.noise.encrypt(frame[i:i + 4080]))
            self.sent += 1
            if self.sent % 65536 == 0: self.noise.rekey_outbound_cipher()
    def fill(self, n, until):
        while len(self.inbox) < n:
            self.inbox += self.noise.decrypt(self.read_message(None, until))
            self.received += 1
            if self.received % 65536 == 0: self.noise.rekey_inbound_cipher()
    def frame(self, until):
        self.fill(1, until)
        self.fill(13, time.time() + 30)
        magic, kind, length, check = struct.unpack("<4sBI4s", self.inbox[:13])
        need(magic == self.chain.p.id[:4], "a frame of another network: " + magic.hex())
        need(0 < kind < len(KINDS) and length <= CAPS[kind], f"a frame of kind {kind} with {length} bytes")
        self.fill(13 + length, time.time() + 120)
        body, self.inbox = self.inbox[13:13 + length], self.inbox[13 + length:]
        need(H("tussock frame", body)[:4] == check, "frame: checksum")
        need(KINDS[kind] != "Goodbye", f"Goodbye, code {body[:1].hex()}")
        return KINDS[kind], body
    def handshake(self):
        c, nonce = self.chain, os.urandom(8)
        self.send("Version", u32(2) + u64(0) + c.p.id + u32(c.tip().height) + c.tip().hash()
                  + work(c.headers).to_bytes(32, "big") + u64(int(time.time())) + nonce + b"\0\0" + u32(5) + b"fresh")
        kind, body = self.frame(self.until)
        need(kind == "Version", kind + " instead of Version")
        r = Reader(body)
        protocol, _, genesis, height, tip = r.u(4), r.u(8), r.raw(32), r.u(4), r.raw(32)
        claim, _, its_nonce, _ = int.from_bytes(r.raw(32), "big"), r.u(8), r.raw(8), r.u(2)
        agent = r.end(bytes(r.list(64, lambda: r.u(1))))
        need((protocol, genesis) == (2, c.p.id), "another version or network")
        need(self.frame(self.until) == ("Verack", nonce), "no Verack with my nonce")
        self.send("Verack", its_nonce)
        self.pinged = time.time()
        return height, tip, claim, agent
    def serve(self, kind, body):
        c, r = self.chain, Reader(body)
        if kind == "Ping":
            self.pinged = time.time()
            self.send("Pong", body[:8])
        elif kind in ("GetPeers", "GetMemoryPool"):
            self.send({"GetPeers": "Peers"}.get(kind, "MemoryPool"), u32(0))
        elif kind == "GetSync":
            fork = next((c.at[x] for x in r.list(64, lambda: r.raw(32)) if x in c.at), len(c.blocks))
            self.send("Sync", listed([h.encode() for h in c.headers[fork + 1:fork + 101]]))
        elif kind == "GetBlock":
            self.send(*("Block", c.blocks[c.at[body]].encode()) if body in c.at else ("Absent", body))
        elif kind == "Block":
            self.bodies[Block.read(body).header.hash()] = body
    def wait(self, *kinds):
        until = time.time() + 20
        while True:
            if time.time() - self.pinged > 20:  # no wait is longer than 20 s, so this is often enough
                self.pinged = time.time()
                self.send("Ping", os.urandom(8) + u32(self.chain.tip().height) + self.chain.tip().hash())
            kind, body = self.frame(until)
            self.serve(kind, body)
            if kind in kinds: return body
    def sync(self):
        c, new = self.chain, 0
        while True:
            self.send("GetSync", listed(c.locator()))
            r = Reader(self.wait("Sync"))
            headers = r.end(r.list(100, lambda: Header.read(r)))
            if not headers: return new
            need(headers[0].previous in c.at, "Sync does not follow the locator")
            fork = c.at[headers[0].previous]
            for i, h in enumerate(headers):
                c.check_header(h, c.headers[max(0, fork - 10):fork + 1] + headers[:i])
            if fork < c.tip().height:  # the node serves only its best chain; it must have more work
                need(len(headers) == 100 or work(headers) >= work(c.headers[fork + 1:]), "a branch with less work")
                c.__init__(c.p, c.blocks[:fork + 1])
            wanted = [h.hash() for h in headers]
            for n, want in enumerate(wanted):
                for ask in wanted[:16] if n == 0 else wanted[n + 15:n + 16]: self.send("GetBlock", ask)
                while want not in self.bodies:
                    need(self.wait("Block", "Absent") not in wanted, "Absent for a block of its Sync")
                c.append(Block.read(self.bodies.pop(want)))
                new += 1

# ---- The steps ----
def step(text): print("ok " + text, flush=True)

def mine(link, key, txs=()):
    """Mines until a block of mine is on the node's chain: it comes back by GetSync and GetBlock."""
    for _ in range(10):
        txs = [t for t in txs if (t.txid(), 0) not in link.chain.ledger.coins]
        block = link.chain.mine(address_of(public(key)), txs)
        link.send("Block", block.encode())
        until = time.time() + 10
        while not link.sync() and time.time() < until: time.sleep(0.2)
        if block.header.hash() in link.chain.at: return block
    raise Fault("the node did not take my block")
def mempool(link):
    link.send("GetMemoryPool", u32(0))
    r = Reader(link.wait("MemoryPool"))
    return r.end(r.list(1000, lambda: r.raw(32)))
def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("address", help="HOST:PORT of the node")
    a.add_argument("--chain", default="local", help="local, dev, or a chain specification in TOML")
    a.add_argument("--node", help="the id that the node must have")
    a.add_argument("--members", action="store_true", help="a chain with members: Noise IK; needs --node")
    a.add_argument("--key", required=True, help="file of this client's identity, made if it is missing")
    a.add_argument("--id", action="store_true", help="print this client's id and stop")
    a.add_argument("--patience", type=float, default=3, help="seconds to wait for a block of the node with the payment")
    a = a.parse_args()
    if not os.path.exists(a.key):
        os.write(os.open(a.key, os.O_WRONLY | os.O_CREAT, 0o600), os.urandom(32))
    secret, key, chain = open(a.key, "rb").read(), os.urandom(32), Chain(Params(a.chain))
    prefix = chain.p.address_prefix
    me = to_text(prefix + "node", x25519.X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())
    if a.id: return print(me)
    step(f"genesis of {chain.p.name} from its parameters: {chain.p.id.hex()}")
    link = Link(*a.address.rsplit(":", 1), chain)
    node = link.agree(secret, a.node and from_text(a.node), a.members)
    step(f"Noise {'IK' if a.members else 'XX'} as {me} with {to_text(prefix + 'node', node)}")
    height, tip, claim, agent = link.handshake()
    step(f"handshake: height {height}, tip {tip.hex()}, agent {agent.decode('ascii', 'replace')}")
    link.sync()
    need(tip in chain.at, "the tip of the node's Version is not on its chain")
    need(work(chain.headers[:chain.at[tip] + 1]) == claim, "the work in the node's Version is not that of its chain")
    step(f"synced and checked {len(chain.blocks)} blocks")
    first = mine(link, key)
    step(f"the node took my block {first.header.height}, {first.header.hash().hex()}")
    while len(chain.blocks) < first.header.height + chain.p.maturity: mine(link, key)
    step(f"my reward is mature: height {chain.tip().height}")
    reward, payee, pay, fee = first.txs[0].outputs[0][0], address_of(public(dev_key(1))), 250000, 1000
    coin = [first.txs[0].txid(), 0, reward, public(key), b""]
    tx = Tx([coin], [(pay, payee), (reward - pay - fee, address_of(public(key)))], b"from a fresh client")
    coin[4] = ed25519.Ed25519PrivateKey.from_private_bytes(key).sign(tx.signing(chain.p.id))
    link.send("Transaction", tx.encode())
    def confirmed(): return link.sync() >= 0 and (tx.txid(), 0) in chain.ledger.coins
    until = time.time() + 10
    while not (where := "mempool" if tx.txid() in mempool(link) else "chain" if confirmed() else ""):
        need(time.time() < until, "the payment did not reach the mempool")
        time.sleep(0.2)
    step(f"the node's {where} has my payment {tx.txid().hex()} to {to_text(prefix, payee)}")
    until = time.time() + a.patience
    while not confirmed() and time.time() < until: time.sleep(0.3)
    if not confirmed(): mine(link, key, [tx])
    height = chain.ledger.coins[tx.txid(), 0][2]
    need(tx.txid() not in mempool(link), "the payment is confirmed, but still in the mempool")
    step(f"confirmed at height {height}, by {'me' if b'fresh' in chain.blocks[height].txs[0].memo else 'the node'}")
    mine(link, key)
    step(f"the node took a block with the state digest after it; height {chain.tip().height}")
    link.send("Goodbye", b"\x01" + u32(0))

if __name__ == "__main__":
    try: main()
    except Exception as e: sys.exit(print(f"FAIL {type(e).__name__}: {e}") or 1)
