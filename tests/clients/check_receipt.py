#!/usr/bin/env python3
"""Checks a receipt of a chain that authorities seal, with the Python standard library only.

    check_receipt.py RECEIPT KEY...    KEY: the public keys of the chain's authorities, hex, in the order of its file

Prints height and time of the block and exits with 0; exits with 1 if the receipt shows nothing. src/cli/receipts/RECEIPTS.md says
what each step is for. Left out: sets of authorities that follow the first, and what the transaction itself says.
"""
import hashlib, json, struct, sys

# BLAKE3, keyed, 32 bytes: from its specification (O'Connor and others, 2020).
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16
M32 = 0xFFFFFFFF


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
        for i in range(4):
            mix(i, i + 4, i + 8, i + 12, m[2 * i], m[2 * i + 1])
        for i in range(4):
            mix(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[2 * i + 8], m[2 * i + 9])
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
    inverse = lambda n: pow(n, P - 2, P)
    return ((x1 * y2 + x2 * y1) * inverse(1 + k) % P, (y1 * y2 + x1 * x2) * inverse(1 - k) % P)


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
    for partner in path:
        if partner:
            pair = (bytes.fromhex(partner), leaf) if index % 2 else (leaf, bytes.fromhex(partner))
            leaf = tagged("merkle node", b"".join(pair))
        elif index % 2:
            raise ValueError("the path is none")
        index //= 2
    assert index == 0, "the path is none"
    return leaf


def check(receipt, keys):
    assert receipt["tussock_receipt"] == 1 and not any(c in "ABCDEF" for c in receipt["transaction"])
    transaction, header = bytes.fromhex(receipt["transaction"]), bytes.fromhex(receipt["header"])
    assert follow(tagged("merkle leaf", transaction), receipt["index"], receipt["path"]) == header[40:72], "not in the block"
    last, block = header, tagged("header", header)
    for above in map(bytes.fromhex, receipt.get("headers", [])):
        assert above[8:40] == block, "the headers do not follow each other"
        last, block = above, tagged("header", above)
    certificate, genesis = bytes.fromhex(receipt["certificate"]), bytes.fromhex(receipt["genesis"])
    epoch, stage, view, signers = struct.unpack("<IBQ32xQ", certificate[:53])
    votes = [certificate[53 + 72 * i : 125 + 72 * i] for i in range((len(certificate) - 53) // 72)]
    names = [n for n in range(64) if signers >> n & 1]
    assert len(certificate) == 53 + 72 * len(names) and max(names) < len(keys), "votes of others"
    assert (stage, certificate[13:45]) == (2, block) and view == struct.unpack("<Q", last[113:121])[0], "of another block"
    assert len(names) >= len(keys) - (len(keys) - 1) // 3, "too few signed"
    for name, vote in zip(names, votes):
        signed = tagged("statement", genesis + certificate[:45] + vote[:8])
        assert holds(keys[name], signed, vote[8:]), f"the signature of authority {name}"
    return struct.unpack("<I", header[4:8])[0], struct.unpack("<Q", header[104:112])[0]


if __name__ == "__main__":
    try:
        with open(sys.argv[1]) as file:
            height, time = check(json.load(file), [bytes.fromhex(key) for key in sys.argv[2:]])
        print(f"final in block {height}, whose time is {time}")
    except (AssertionError, ValueError, KeyError, struct.error) as fault:
        sys.exit(f"the receipt shows nothing: {fault}")
