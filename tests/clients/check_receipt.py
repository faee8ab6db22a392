#!/usr/bin/env python3
"""Checks a receipt of a chain that authorities seal, with the Python standard library only.

    check_receipt.py RECEIPT GENESIS KEY...    the hash of the chain's genesis block, its authorities' public keys, in hex

Prints the block's height and the time by which it was there, and exits with 0; with 1 if the receipt shows nothing.
src/cli/receipts/RECEIPTS.md says what each step is for. Left out: later sets of authorities, and what the transaction says.
"""
import hashlib, json, struct, sys

def need(holds, why):
    """An assert would do nothing under python -O."""
    if not holds:
        raise ValueError(why)

def unhex(text):
    need(type(text) is str and all(c in "0123456789abcdef" for c in text), "lower-case hex is needed")
    return bytes.fromhex(text)

# BLAKE3, keyed, 32 bytes: from its specification (O'Connor and others, 2020).
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, M32 = 1, 2, 4, 8, 16, 0xFFFFFFFF

def compress(cv, block, counter, length, flags):
    v = [*cv, *IV[:4], counter & M32, counter >> 32, length, flags]
    m = list(struct.unpack("<16I", block.ljust(64, b"\0")))

    def mix(a, b, c, d, x, y):
        for add, first, second in ((x, 16, 12), (y, 8, 7)):
            v[a] = (v[a] + v[b] + add) & M32
            v[d] ^= v[a]
            v[d] = (v[d] >> first | v[d] << (32 - first)) & M32
            v[c] = (v[c] + v[d]) & M32
            v[b] ^= v[c]
            v[b] = (v[b] >> second | v[b] << (32 - second)) & M32

    for _ in range(7):
        for i in range(8):  # the columns, then the diagonals
            shift = i // 4
            mix(i % 4, *((i + n * shift) % 4 + 4 * n for n in (1, 2, 3)), m[2 * i], m[2 * i + 1])
        m = [m[i] for i in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]

def blake3(key, data):
    def chunk(part, counter, root):
        cv, blocks = key, [part[i : i + 64] for i in range(0, len(part), 64)] or [b""]
        for at, block in enumerate(blocks):
            last = at == len(blocks) - 1
            flags = KEYED | CHUNK_START * (at == 0) | CHUNK_END * last | root * last
            cv = compress(cv, block, counter, len(block), flags)
        return cv

    def tree(part, counter, root):
        if len(part) <= 1024:
            return chunk(part, counter, root)
        left = 1024 << ((len(part) - 1) // 1024).bit_length() - 1
        sides = tree(part[:left], counter, 0) + tree(part[left:], counter + left // 1024, 0)
        return compress(key, struct.pack("<16I", *sides), 0, 64, KEYED | PARENT | root)

    return struct.pack("<8I", *tree(data, 0, ROOT))

def tagged(name, data):
    """Every hash of tussock is keyed by what it is for."""
    return blake3(struct.unpack("<8I", f"tussock {name}".encode().ljust(32, b"\0")), data)

# Ed25519, as ZIP 215 has it: the equation times 8, points of any encoding.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def point(data):
    number = int.from_bytes(data, "little")
    y, odd = number % 2**255 % P, number >> 255
    u, v = y * y - 1, D * y * y + 1
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (v * x * x - u) % P:
        raise ValueError("not a point")
    return (-x % P if x % 2 != odd else x, y)

def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P)

def times(n, a):
    total = (0, 1)
    for bit in bin(n)[2:]:
        total = add(total, total)
        total = add(total, a) if bit == "1" else total
    return total

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def holds(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, BASE), add(point(signature[:32]), times(k, point(key)))
    return s < L and times(8, left) == times(8, right)

def follow(leaf, index, path):
    """The root of a merkle tree, from a leaf and its partners; an empty partner: it rises unchanged."""
    need(type(index) is int and len(path) <= 64, "the path is none")
    for partner in map(unhex, path):
        need(len(partner) in ((32,) if index % 2 else (0, 32)), "the path is none")
        if partner:
            leaf = tagged("merkle node", partner + leaf if index % 2 else leaf + partner)
        index //= 2
    need(index == 0, "the path is none")
    return leaf

NAMES = {"tussock_receipt", "chain", "genesis", "transaction", "index", "path", "header", "headers", "certificate"}

def once(pairs):
    need(len(dict(pairs)) == len(pairs), "a name is there twice")
    return dict(pairs)

def check(text, genesis, *keys):
    receipt = json.loads(text, object_pairs_hook=once)
    need(repr(receipt["tussock_receipt"]) == "1" and set(receipt) <= NAMES, "this checker does not know what it says")
    need(unhex(receipt["genesis"]) == genesis, "of another network")
    transaction, header = unhex(receipt["transaction"]), unhex(receipt["header"])
    need(follow(tagged("merkle leaf", transaction), receipt["index"], receipt["path"]) == header[40:72], "not in the block")
    chain = [header, *map(unhex, receipt.get("headers", []))]
    for below, above in zip(chain, chain[1:]):
        need(above[8:40] == tagged("header", below), "the headers do not follow each other")
    last, certificate = chain[-1], unhex(receipt["certificate"])
    epoch, stage, view, signers = struct.unpack("<IBQ32xQ", certificate[:53])
    names = [n for n in range(64) if signers >> n & 1]
    votes = [certificate[53 + 72 * i : 125 + 72 * i] for i in range(len(names))]
    need(epoch == 0 and len(certificate) == 53 + 72 * len(names), "votes of another set of authorities")
    need(len(keys) > max(names) and len(names) >= len(keys) - (len(keys) - 1) // 3, "too few signed, or others")
    need((stage, certificate[13:45]) == (2, tagged("header", last)), "of another block")
    need(view >= struct.unpack("<Q", last[113:121])[0], "of an earlier view")
    for name, vote in zip(names, votes):
        signed = tagged("statement", genesis + certificate[:45] + vote[:8])
        need(holds(keys[name], signed, vote[8:]), f"the signature of authority {name}")
    # Both are medians of clocks of authorities who had the block: the next header's time, else the certificate's.
    clocks = sorted(struct.unpack("<Q", vote[:8])[0] for vote in votes)
    time = struct.unpack("<Q", chain[1][104:112])[0] if len(chain) > 1 else clocks[(len(clocks) - 1) // 2] // 1000
    return struct.unpack("<I", header[4:8])[0], time

if __name__ == "__main__":
    try:
        height, time = check(open(sys.argv[1]).read(), *map(unhex, sys.argv[2:]))
        print(f"final in block {height}, there by {time}")
    except (ValueError, LookupError, TypeError, RecursionError, OSError, struct.error) as fault:
        sys.exit(f"the receipt shows nothing: {fault}")
