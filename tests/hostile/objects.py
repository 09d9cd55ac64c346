"""Objects that no sender should make, each with what has to become of it; and seeded damage to good ones."""
import random
import struct
import zlib

from peer import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, even

OPEN = 0xFFFFFFFF
LONG = (b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"OF", b"OD")
ITEM, ITEM_END, END = (struct.pack("<HHI", 0xFFFE, number, length) for number, length in ((0xE000, OPEN), (0xE00D, 0), (0xE0DD, 0)))


def put(group, number, vr, value=b"", length=None) -> bytes:
    value = even(value if isinstance(value, bytes) else value.encode(), b"\0" if vr in (b"UI", b"OB", b"UN") else b" ")
    size = len(value) if length is None else length
    head = struct.pack("<HH", group, number) + vr
    return head + (struct.pack("<HI", 0, size) if vr in LONG else struct.pack("<H", size)) + value


def us(value: int) -> bytes:
    return struct.pack("<H", value)


def ct(instance: str, study="1.2.826.0.1.3680043.10.99.1", before=b"", extra=b"", pixels: bytes | None = None, side=16, **changes) -> bytes:
    """An explicit little endian CT image of this size; `changes` replace values by name, `extra` goes before the pixels."""
    values = {"sop_class": CT, "instance": instance, "study": study, "series": study + ".1", "rows": us(side), "columns": us(side), "bits": us(16),
              "frames": None, "photometric": "MONOCHROME2", "samples": us(1), "high": us(15), "charset": "ISO_IR 192", **changes}
    out = before + put(8, 5, b"CS", values["charset"]) + put(8, 0x16, b"UI", values["sop_class"]) + put(8, 0x18, b"UI", values["instance"])
    out += put(8, 0x20, b"DA", "20260102") + put(8, 0x60, b"CS", "CT") + put(0x10, 0x10, b"PN", "Hostile^Made") + put(0x10, 0x20, b"LO", "H1")
    out += put(0x20, 0xD, b"UI", values["study"]) + put(0x20, 0xE, b"UI", values["series"]) + put(0x20, 0x13, b"IS", "1")
    out += put(0x28, 2, b"US", values["samples"]) + put(0x28, 4, b"CS", values["photometric"])
    if values["frames"] is not None:
        out += put(0x28, 8, b"IS", values["frames"])
    rows = values["rows"]
    out += rows if rows[:2] == b"\x28\0" else put(0x28, 0x10, b"US", rows)
    out += put(0x28, 0x11, b"US", values["columns"]) + put(0x28, 0x100, b"US", values["bits"]) + put(0x28, 0x101, b"US", values["bits"])
    out += put(0x28, 0x102, b"US", values["high"]) + put(0x28, 0x103, b"US", us(0)) + extra
    return out + (put(0x7FE0, 0x10, b"OW", bytes(side * side * 2)) if pixels is None else pixels)


def nested(depth: int) -> bytes:
    out = put(0x40, 0xA40A, b"LO", "x")
    for _ in range(depth):
        out = put(0x40, 0xA730, b"SQ", b"", OPEN) + ITEM + out + ITEM_END + END
    return out


def fragments(*parts: bytes, end=END) -> bytes:
    out = put(0x7FE0, 0x10, b"OB", b"", OPEN)
    for part in parts:
        out += struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part
    return out + end


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def bomb(megabytes: int) -> bytes:
    """A deflated data set with one element that grows to so much."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    out = packer.compress(ct("1.2.3.77", pixels=put(0x7FE0, 0x10, b"OW", b"", megabytes << 20)))
    block = bytes(1 << 20)
    for _ in range(megabytes):
        out += packer.compress(block)
    return out + packer.flush()


def part10(data: bytes, syntax: str, sop_class: str = CT, instance: str = "1.2.3") -> bytes:
    meta = put(2, 1, b"OB", b"\0\1") + put(2, 2, b"UI", sop_class) + put(2, 3, b"UI", instance) + put(2, 0x10, b"UI", syntax) + put(2, 0x12, b"UI", "1.2.3.9")
    return bytes(128) + b"DICM" + put(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + data


def uid(number: int) -> str:
    return f"1.2.826.0.1.3680043.10.99.1.1.{number}"


def made(whole: bool):
    """(name, transfer syntax, data set, what must become of it: kept, refused or None for either)"""
    number = iter(range(100, 10_000))
    nxt = lambda: uid(next(number))  # noqa: E731
    yield "healthy", EXPLICIT, ct(nxt()), "kept"
    for name, value in (("path", "../../etc/passwd"), ("absolute", "/etc/x"), ("dots", ".."), ("dot", "."), ("empty", ""), ("control", "1.2\r\n3"),
                        ("null", b"1.2\0.3"), ("long", "1." + "2" * 80), ("shell", "1.2;reboot"), ("percent", "%s%n%s"), ("slash", "1.2/3"), ("letters", "abc"),
                        ("unicode", "1.2.\u0663")):
        value = value if isinstance(value, bytes) else value.encode()
        yield f"instance uid {name}", EXPLICIT, ct(value), "refused"
        yield f"study uid {name}", EXPLICIT, ct(nxt(), study="1.2.3").replace(put(0x20, 0xD, b"UI", "1.2.3"), put(0x20, 0xD, b"UI", value)), "refused"
        yield f"series uid {name}", EXPLICIT, ct(nxt(), series=value), "refused"
    yield "depth 63", EXPLICIT, ct(nxt(), extra=nested(63)), "kept"
    yield "depth 65", EXPLICIT, ct(nxt(), extra=nested(65)), "refused"
    yield "depth 5000", EXPLICIT, ct(nxt(), extra=nested(5000)), "refused"
    yield "depth 200000 unclosed", EXPLICIT, ct(nxt(), extra=(put(0x40, 0xA730, b"SQ", b"", OPEN) + ITEM) * 200_000), "refused"
    yield "implicit unclosed", IMPLICIT, (struct.pack("<HHI", 0x40, 0xA730, OPEN) + ITEM) * 50_000, "refused"
    yield "a million items", EXPLICIT, ct(nxt(), extra=put(0x40, 0xA730, b"SQ", b"", OPEN) + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1_000_001 + END), "refused"
    yield "character set for items", EXPLICIT, ct(nxt(), charset="A" * 60_000, extra=put(0x40, 0xA730, b"SQ", b"", OPEN) + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 100_000 + END), "refused"
    yield "descending tags", EXPLICIT, ct(nxt()) [:-524] + b"".join(put(0x28 - 0, 0x2000, b"SH") for _ in range(1)) + \
        b"".join(put(0x5FFF - 2 * (i // 60_000), 0xFF00 - i % 60_000, b"SH") for i in range(300_000)), None
    yield "backslashes", IMPLICIT, implicit(nxt(), struct.pack("<HHI", 0x32, 0x4000, 8 << 20) + b"\\" * (8 << 20)), None
    for vr in (b"OB", b"UN", b"SQ", b"UT"):
        yield f"length {vr.decode()} 4 GB", EXPLICIT, ct(nxt(), extra=put(0x41, 0x1010, vr, b"abcd", 0xFFFFFFFE)), "refused"
    yield "length beyond the end", EXPLICIT, ct(nxt(), pixels=put(0x7FE0, 0x10, b"OW", bytes(64), 1 << 20)), "refused"
    yield "length odd", EXPLICIT, ct(nxt(), extra=put(0x41, 0x1010, b"LO", b"abc", 3)[:-1]), None
    yield "undefined length text", EXPLICIT, ct(nxt(), extra=put(0x41, 0x1010, b"UT", b"", OPEN)), "refused"
    yield "vr zero", EXPLICIT, ct(nxt(), extra=struct.pack("<HH", 0x41, 0x1010) + b"\0\0\4\0abcd"), "refused"
    yield "vr unknown", EXPLICIT, ct(nxt(), extra=struct.pack("<HH", 0x41, 0x1010) + b"ZZ\0\0\4\0\0\0abcd"), None
    yield "delimiter alone", EXPLICIT, ct(nxt(), extra=ITEM_END), "refused"
    yield "sequence end alone", EXPLICIT, ct(nxt(), extra=END), "refused"
    yield "item alone", EXPLICIT, ct(nxt(), extra=ITEM), "refused"
    yield "group 2 inside", EXPLICIT, ct(nxt(), before=put(2, 0x10, b"UI", DEFLATED)), None
    yield "command group inside", EXPLICIT, ct(nxt(), before=put(0, 0x100, b"US", us(1))), None
    yield "uid twice", EXPLICIT, ct(nxt(), extra=put(8, 0x18, b"UI", "1.2.3.4")), "refused"
    yield "rows as UL", EXPLICIT, ct(nxt(), rows=put(0x28, 0x10, b"UL", struct.pack("<I", 0xFFFFFFFF))), None
    yield "rows and columns 65535", EXPLICIT, ct(nxt(), rows=us(65535), columns=us(65535)), None
    yield "frames two billion", EXPLICIT, ct(nxt(), frames="2147483647"), None
    yield "frames negative", EXPLICIT, ct(nxt(), frames="-1"), None
    yield "bits 0", EXPLICIT, ct(nxt(), bits=us(0)), None
    yield "bits 65535", EXPLICIT, ct(nxt(), bits=us(65535)), None
    yield "high bit beyond", EXPLICIT, ct(nxt(), high=us(64)), None
    yield "samples 65535", EXPLICIT, ct(nxt(), samples=us(65535)), None
    yield "palette without table", EXPLICIT, ct(nxt(), photometric="PALETTE COLOR"), None
    yield "palette table beyond", EXPLICIT, ct(nxt(), photometric="PALETTE COLOR", extra=b"".join(put(0x28, 0x1101 + i, b"US", us(0) + us(65535) + us(16)) for i in range(3)) +
                                               b"".join(put(0x28, 0x1201 + i, b"OW", b"ab") for i in range(3))), None
    yield "overlay beyond", EXPLICIT, ct(nxt(), extra=put(0x6000, 0x10, b"US", us(65535)) + put(0x6000, 0x11, b"US", us(65535)) + put(0x6000, 0x100, b"US", us(1)) +
                                         put(0x6000, 0x102, b"US", us(15)) + put(0x6000, 0x3000, b"OW", b"ab")), None
    yield "window nan", EXPLICIT, ct(nxt(), extra=put(0x28, 0x1050, b"DS", "nan") + put(0x28, 0x1051, b"DS", "-1e308")), None
    yield "slope 1e308", EXPLICIT, ct(nxt(), extra=put(0x28, 0x1052, b"DS", "1e308") + put(0x28, 0x1053, b"DS", "1e308")), None
    for name, syntax in (("rle", "1.2.840.10008.1.2.5"), ("jpeg", "1.2.840.10008.1.2.4.50"), ("jpeg lossless", "1.2.840.10008.1.2.4.70"), ("jpeg-ls", "1.2.840.10008.1.2.4.80"),
                         ("j2k", "1.2.840.10008.1.2.4.90"), ("htj2k", "1.2.840.10008.1.2.4.201"), ("unknown", "1.2.3.4.5.6"), ("pmsct rle1", "1.3.46.670589.33.1.4.1")):
        yield f"{name} of nothing", syntax, ct(nxt(), pixels=fragments(b"")), None
        yield f"{name} of noise", syntax, ct(nxt(), pixels=fragments(b"", random.Random(3).randbytes(700))), None
        yield f"{name} short fragments", syntax, ct(nxt(), pixels=fragments(b"\1\0", b"\xff", b"\xff\xd8")), None
        yield f"{name} table beyond", syntax, ct(nxt(), pixels=fragments(struct.pack("<II", 0, 0xFFFFFFF0), bytes(64))), None
        yield f"{name} without end", syntax, ct(nxt(), pixels=fragments(b"", bytes(64), end=b"")), None
    yield "rle header beyond", "1.2.840.10008.1.2.5", ct(nxt(), pixels=fragments(b"", struct.pack("<16I", 15, *([0xFFFFFFF0] * 15)) + bytes(64))), None
    yield "fragment length forged", EXPLICIT, ct(nxt(), pixels=put(0x7FE0, 0x10, b"OB", b"", OPEN) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFF0) + b"abcd"), "refused"
    yield "deflate noise", DEFLATED, random.Random(1).randbytes(500), "refused"
    yield "deflate cut", DEFLATED, deflate(ct(nxt()))[:-20], None
    yield "deflate bomb", DEFLATED, bomb(2000 if whole else 400), "refused"
    yield "big endian that is little", BIG, ct(nxt()), None
    yield "little endian that is big", EXPLICIT, b"\0\x08\0\x16UI\0\x04" + b"1.2\0", "refused"
    yield "nothing", EXPLICIT, b"", "refused"
    yield "one byte", EXPLICIT, b"\x08", "refused"
    yield "zeros", EXPLICIT, bytes(5000), "refused"
    yield "ones", EXPLICIT, b"\xff" * 5000, "refused"
    yield "text", EXPLICIT, b"GET / HTTP/1.1\r\n\r\n" * 50, "refused"
    yield "executable", EXPLICIT, b"MZ\x90\0" + bytes(300) + b"PE\0\0" * 40, "refused"


def implicit(instance: str, extra: bytes) -> bytes:
    out = b""
    for group, number, value in ((8, 0x16, CT), (8, 0x18, instance), (0x20, 0xD, "1.2.826.0.1.3680043.10.99.1"), (0x20, 0xE, "1.2.826.0.1.3680043.10.99.1.1")):
        value = even(value.encode())
        out += struct.pack("<HHI", group, number, len(value)) + value
    return out + extra


def damaged(good: bytes, seed: int, count: int):
    """The same bytes with bits flipped, parts cut out, doubled or overwritten; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        out = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(max(len(out), 1))
            way = chance.randrange(6)
            if way == 0 and out:
                out[at] ^= 1 << chance.randrange(8)
            elif way == 1 and out:
                out[at] = chance.choice((0, 0xFF, 0x7F, 0x80, chance.randrange(256)))
            elif way == 2:
                del out[at:at + chance.choice((1, 2, 4, 8, 64))]
            elif way == 3:
                out[at:at] = out[at:at + chance.choice((1, 4, 16, 128))]
            elif way == 4:
                out[at:at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\xfe\xff\xff\x7f", b"\0\0\0\0", b"\xfe\xff\x00\xe0"))
            elif chance.random() < 0.3:
                del out[at:]
        yield bytes(out)
