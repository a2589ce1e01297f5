#!/usr/bin/env python3
"""Writes protocol-vectors.json: the byte tables of docs/protocol.md, built a second time with hashlib and hmac only.

Nothing here is shared with the C++ code; where the two disagree, one of them or the document is wrong.
Usage: make_vectors.py > protocol-vectors.json
"""
import hashlib
import hmac
import json
import struct


def h(personal, message, key=b""):
    return hashlib.blake2b(message, digest_size=32, key=key, person=personal.encode()).digest()


def kdf(master, number, context):
    salt = struct.pack("<Q", number)
    return hashlib.blake2b(b"", digest_size=32, key=master, salt=salt, person=context.encode()).digest()


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def tag(name):
    return b"TRN1-" + name.encode() + b"\0"


def u8(n):
    return struct.pack(">B", n)


def u16(n):
    return struct.pack(">H", n)


def u32(n):
    return struct.pack(">I", n)


def u64(n):
    return struct.pack(">Q", n)


def i64(n):
    return struct.pack(">q", n)


def sized(b):
    return u32(len(b)) + b


def optional(b):
    return b"\xff\xff\xff\xff" if b is None else sized(b)


def fill(byte, count):
    return bytes([byte]) * count


def run(first, count):
    return bytes((first + i) % 256 for i in range(count))


def merkle_root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:k]) + merkle_root(leaves[k:])).digest()


CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def crockford(raw):
    bits = "".join(f"{b:08b}" for b in raw)
    bits += "0" * (-len(bits) % 5)
    text = "".join(CROCKFORD[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))
    return "-".join(text[i:i + 4] for i in range(0, len(text), 4))


def statement(name, signer, body):
    """All of a statement but its signature, which needs Ed25519."""
    return tag(name) + u8(1) + signer + body


def leaf_bytes(set_hash, commit_seq, time_ms, outcomes):
    return tag("LF") + set_hash + u64(commit_seq) + i64(time_ms) + h("TRN1-OUTCOME", outcomes)


def receipt_bytes(epoch, seq, index, leaf, outcomes):
    return u8(1) + u64(epoch) + u64(seq) + u64(index) + leaf + sized(outcomes)


def receipts():
    items = []
    for i in range(3):
        outcomes = b"outcome-%d" % i
        leaf = leaf_bytes(fill(0x20 + i, 32), 100 + i, 1_700_000_000_000 + i, outcomes)
        items.append({"epoch": 1, "seq": 5 + i, "index": 2 + i, "set_hash": fill(0x20 + i, 32).hex(),
                      "commit_seq": 100 + i, "time_ms": 1_700_000_000_000 + i, "outcomes": outcomes.hex(),
                      "outcome_hash": h("TRN1-OUTCOME", outcomes).hex(), "leaf": leaf.hex(),
                      "leaf_hash": hashlib.sha256(b"\0" + leaf).hexdigest(),
                      "receipt": receipt_bytes(1, 5 + i, 2 + i, leaf, outcomes).hex()})
    stored = [bytes.fromhex(item["receipt"]) for item in items]
    list_hash = h("TRN1-RCLIST", u32(len(stored)) + b"".join(sized(r) for r in stored))
    others = [hashlib.sha256(b"\0" + bytes([i])).digest() for i in range(2)]
    hashes = others + [bytes.fromhex(item["leaf_hash"]) for item in items]
    root = merkle_root(hashes)
    signer = fill(0x0B, 16)
    head = statement("RC", signer, fill(0x0E, 16) + fill(0x22, 16) + u64(5) + u64(7) + list_hash + u64(5) + root)
    return {"items": items, "other_leaf_hashes": [o.hex() for o in others], "list_hash": list_hash.hex(),
            "root": root.hex(), "signer": signer.hex(), "server_epoch": fill(0x0E, 16).hex(),
            "device_id": fill(0x22, 16).hex(), "head_signed_part": head.hex()}


def anchor():
    signer = fill(0x0B, 16)
    body = (fill(0x11, 16) + fill(0x0E, 16) + u64(9) + i64(1_700_000_000_123) + u64(5) + fill(0x33, 32) + u64(3)
            + u64(20_000) + fill(0x44, 32))
    signed = statement("TB", signer, body)
    signature = run(0, 64)
    return {"signer": signer.hex(), "tenant_id": fill(0x11, 16).hex(), "epoch": fill(0x0E, 16).hex(), "anchor_seq": 9,
            "time_ms": 1_700_000_000_123, "tree_size": 5, "root": fill(0x33, 32).hex(), "backup_stable_seq": 3,
            "number_block": 20_000, "previous": fill(0x44, 32).hex(), "signed_part": signed.hex(),
            "signature": signature.hex(), "anchor_hash": h("TRN1-ANCHOR", signed + signature).hex()}


def statements():
    """Each with every field set to something else, as the signed part without signature."""
    signer = fill(0x0B, 16)
    tenant, device, key, epoch = fill(0x11, 16), fill(0x22, 16), fill(0x55, 16), fill(0x0E, 16)
    name, cause = fill(0x22, 16) + run(1, 8), fill(0x23, 16) + run(9, 8)
    bodies = {
        "RV": tenant + device + key + epoch + u64(77) + i64(1000) + u8(2),
        "ER": tenant + i64(2000) + u32(1) + name + fill(0x66, 32),
        "AM": tenant + epoch + u64(88) + i64(3000) + fill(0x77, 16) + u32(1) + name + u8(1) + u8(3) + u16(258) + cause,
        "EP": tenant + epoch + u64(99) + fill(0x33, 32) + fill(0x0F, 16) + i64(4000) + u8(1),
        "WO": tenant + device + fill(0x78, 16) + i64(5000),
        "AW": tenant + epoch + u64(4) + u64(6) + i64(6000),
        "EC": u64(12) + tenant + fill(0x34, 16) + device + fill(0x79, 32) + u8(1) + u64(1) + epoch + i64(7000)
        + fill(0x7A, 16),
    }
    log_key = fill(0x7B, 32)
    bodies["KL"] = (u64(3) + fill(0x7C, 16) + i64(8000) + u8(1) + fill(0x7D, 32) + u16(1)
                    + h("TRN1-KEYID", log_key)[:16] + log_key + u8(1) + i64(10) + i64(0) + u64(2**64 - 1))
    return {"signer": signer.hex()} | {name: statement(name, signer, body).hex() for name, body in bodies.items()}


def session():
    root, tenant, device, key = fill(0x7A, 16), fill(0x11, 16), fill(0x22, 16), fill(0x55, 16)
    hs, server_key, device_key = fill(0x01, 16), fill(0x02, 32), fill(0x03, 32)
    device_head = u64(1) + u64(7) + fill(0x04, 32)
    server_head = fill(0x0E, 16) + u64(5) + fill(0x05, 32)
    t1 = u8(1) + u8(1) + root + tenant + device + key + hs + server_key + device_key + device_head + server_head
    sig_d, sid, log_key = run(10, 64), fill(0x06, 16), fill(0x0B, 16)
    head = fill(0x0E, 16) + u64(6) + fill(0x07, 32)
    t2 = t1 + sig_d + sid + i64(1_700_000_000_000) + log_key + u64(3) + head + u8(0)
    t2 += u64(1) + u64(6) + fill(0x08, 32)
    transcript = h("TRN1-TRANSCRIPT", t2)
    up, down = fill(0x61, 32), fill(0x62, 32)
    k_up, k_down = h("TRN1-SESSION", transcript, up), h("TRN1-SESSION", transcript, down)
    keys = {"request": kdf(k_up, 1, "TRN1req_"), "answer": kdf(k_down, 1, "TRN1rsp_"),
            "frame_up": kdf(k_up, 1, "TRN1fup_"), "frame_down": kdf(k_down, 1, "TRN1fdn_")}
    body = b"an exchange"
    digest = h("TRN1-BODYSUM", body)
    rq = (tag("RQ") + sid + u64(41) + i64(1_700_000_000_500) + sized(b"POST") + sized(b"/sync/v1/exchange?x=1")
          + optional(b"application/x-protobuf") + optional(b"zstd") + optional(None) + optional(b"") + optional(None)
          + optional(u64(len(body))) + optional(digest))
    request_mac = mac(keys["request"], rq)
    header = (f"v=1,sid={sid.hex()},ctr=41,ts=1700000000500,len={len(body)},digest={digest.hex()},"
              f"mac={request_mac.hex()}")
    bare = (tag("RQ") + sid + u64(42) + i64(-1) + sized(b"GET") + sized(b"/") + optional(None) * 7)
    bare_mac = mac(keys["request"], bare)
    rs = (tag("RS") + request_mac + u16(200) + optional(b"application/x-protobuf") + optional(None)
          + optional(h("TRN1-BODYSUM", b"an answer")))
    answer_mac = mac(keys["answer"], rs)
    stream_up = h("TRN1-STREAM", request_mac, keys["frame_up"])
    frame_body = b"a frame"
    frame = u64(0) + mac(stream_up, tag("FR") + u8(0) + u64(0) + frame_body) + frame_body
    second = u64(1) + mac(stream_up, tag("FR") + u8(0) + u64(1) + b"") + b""
    return {
        "t1": t1.hex(), "t1_hash": h("TRN1-TRANSCRIPT", t1).hex(), "t2": t2.hex(), "t2_hash": transcript.hex(),
        "device_signature": sig_d.hex(), "agreed_up": up.hex(), "agreed_down": down.hex(),
        "keys": {k: v.hex() for k, v in keys.items()},
        "confirm": mac(keys["answer"], tag("HC") + transcript).hex(),
        "body": body.hex(), "request_header": header,
        "bare_header": f"v=1,sid={sid.hex()},ctr=42,ts=-1,len=-,digest=-,mac={bare_mac.hex()}",
        "answer_body": b"an answer".hex(),
        "answer_header": f"v=1,digest={h('TRN1-BODYSUM', b'an answer').hex()},mac={answer_mac.hex()}",
        "stream_up": stream_up.hex(), "frame_body": frame_body.hex(), "frame": frame.hex(), "second_frame": second.hex(),
    }


def enrolment():
    code = run(0xC0, 10)
    key = h("TRN1-ENRKEY", code)
    public_key, nonce = fill(0x79, 32), fill(0x7E, 32)
    head = (tag("EQ") + u8(1) + h("TRN1-ENRID", code)[:16] + public_key + nonce + sized("Grün".encode())
            + sized(b"linux x86_64"))
    self_signed = tag("ES") + h("TRN1-ENRREQ", head)
    request = head + run(3, 64)
    request += mac(kdf(key, 1, "TRN1enrl"), request)
    answer = (tag("EA") + u8(1) + sized(b"certificate") + u8(1) + fill(0x7D, 32) + sized(b"key list") + sized(b"anchor")
              + sized(b"Ops") + sized("Zoë".encode()))
    covered = tag("EA") + h("TRN1-ENRREQ", request) + h("TRN1-ENRANS", answer)
    return {"code": code.hex(), "code_text": crockford(code), "id": h("TRN1-ENRID", code)[:16].hex(), "key": key.hex(),
            "device_mac_key": kdf(key, 1, "TRN1enrl").hex(), "server_mac_key": kdf(key, 2, "TRN1enrl").hex(),
            "public_key": public_key.hex(), "nonce": nonce.hex(), "self_signed": self_signed.hex(),
            "request": request.hex(), "root": fill(0x7D, 32).hex(),
            "answer": (answer + mac(kdf(key, 2, "TRN1enrl"), covered)).hex()}


def recovery():
    key = run(0x80, 32)
    return {"key": key.hex(), "text": crockford(key + h("TRN1-RECOVERY", key)[:3]),
            "root_seed": kdf(key, 1, "TRN1root").hex(), "backup_seed": kdf(key, 2, "TRN1bkup").hex()}


def merkle():
    leaves = [hashlib.sha256(b"\0" + u32(i)).digest() for i in range(13)]
    return {"leaf_hashes": [leaf.hex() for leaf in leaves],
            "roots": [merkle_root(leaves[:n]).hex() for n in range(len(leaves) + 1)]}


print(json.dumps({"note": "written by make_vectors.py with Python's hashlib and hmac; signatures are filler",
                  "receipts": receipts(), "anchor": anchor(), "statements": statements(), "session": session(),
                  "enrolment": enrolment(), "recovery": recovery(), "merkle": merkle()}, indent=1))
