"""Reads the segments of a vault from their description in src/vault/layout.hpp: a second reader, so that the judge does not trust the node's."""
import dataclasses
import hashlib
import pathlib
import struct

FIRST = 4096


@dataclasses.dataclass(frozen=True)
class Record:
    segment: int
    offset: int  # of the data
    length: int
    digest: bytes  # as the trailer says
    sound: bool    # the data have it
    label: bytes
    data_offset: int = 0

    @property
    def is_mask(self) -> bool:
        return self.label == b"analysis.mask"


def tag(salt: bytes, *parts: bytes) -> bytes:
    return hashlib.sha256(salt + b"".join(parts)).digest()[:16]


def records(path: pathlib.Path) -> list[Record]:
    bytes_ = path.read_bytes()
    identity = next((bytes_[at:at + 64] for at in (0, 2048) if bytes_[at:at + 14] == b"VEDETTE VAULT\n"), None)
    if identity is None:
        return []  # the node died while it made the file: nothing can have been kept in it
    number, salt = struct.unpack_from("<q", identity, 20)[0], identity[32:48]
    assert tag(salt, identity[:48]) == identity[48:64], f"{path}: identity"
    out, at = [], FIRST
    while at + 64 <= len(bytes_):
        head = bytes_[at:at + 64]
        if head[:4] != b"VREC" or tag(salt, head[:48]) != head[48:64]:
            break
        dead, start, _, data_length, label_length = struct.unpack_from("<Iqqqq", head, 4)
        if start != at:
            break
        data, label = at + 64, at + 64 + data_length
        trailer = label + label_length
        if not dead:
            end = bytes_[trailer:trailer + 64]
            if end[48:52] != b"VEND" or tag(salt, head, bytes_[label:trailer], end[:32]) != end[32:48]:
                break
            sound = hashlib.sha256(bytes_[data:label]).digest() == end[:32]
            out.append(Record(number, data, data_length, end[:32], sound, bytes_[label:trailer]))
        at = (trailer + 64 + 63) // 64 * 64
    return out


def all_records(vault: pathlib.Path) -> list[Record]:
    return [record for path in sorted((vault / "segments").glob("*.seg")) for record in records(path)]
