"""What a power cut leaves: takes a folder back to what was flushed, by the log of disk.cpp.

The log holds, for each change, what it covered and what it wrote, in the order in which things happened. A change of a file is on the disk
for certain when a flush of that file follows it; a change of a folder's entries, when a flush of that folder follows it. Of all others this
module decides, by seed, what the disk had already taken by itself:

  nothing   none of them
  torn      each 512-byte sector of each write with some probability, as it was at that moment; of a file's sizes and of a folder's
            changes, those before some moment
"""
import dataclasses
import os
import pathlib
import random
import shutil
import struct

SECTOR = 512
LINE = struct.Struct("<IBBBBQQQQQQQHHHH")
WRITE, SIZE, FLUSH, CREATE, UNLINK, RENAME = range(1, 7)
WAYS = ("nothing", "torn")


@dataclasses.dataclass
class Change:
    number: int  # in the order of all
    kind: int
    file: int
    offset: int
    old_size: int
    new_size: int
    old: bytes
    new: bytes
    other: int
    folder: bool
    path: str
    path2: str
    kept: str


@dataclasses.dataclass
class Cut:
    """What a power cut did, for the table and for finding out."""
    way: str
    files: int = 0
    changes_undone: int = 0
    sectors_kept: int = 0
    sectors_lost: int = 0
    entries_undone: list = dataclasses.field(default_factory=list)


class Disk:
    """Starts a program on this disk, and cuts its power."""

    def __init__(self, root: pathlib.Path, side: pathlib.Path, library: pathlib.Path, lies: str = ""):
        self.root, self.log, self.kept, self.library, self.lies = root.resolve(), side / "disk.log", side / "kept", library, lies
        self.kept.mkdir(parents=True, exist_ok=True)

    def fresh(self):
        self.log.unlink(missing_ok=True)
        shutil.rmtree(self.kept, ignore_errors=True)
        self.kept.mkdir(parents=True)

    def environment(self) -> dict[str, str]:
        out = {"LD_PRELOAD": str(self.library), "VEDETTE_DISK_ROOT": str(self.root), "VEDETTE_DISK_LOG": str(self.log),
               "VEDETTE_DISK_KEPT": str(self.kept)}
        if self.lies:
            out["VEDETTE_DISK_LIES"] = self.lies
        return out

    def cut(self, way: str, chance: random.Random) -> Cut:
        """After the process is dead. The log begins anew."""
        done = take_back(self.root, changes_of(self.log), way, chance)
        self.fresh()
        return done


def changes_of(log: pathlib.Path) -> list[Change]:
    bytes_ = log.read_bytes() if log.exists() else b""
    out, at = [], 0
    while at + LINE.size <= len(bytes_):
        magic, kind, old_zero, new_zero, folder, file, offset, old_size, new_size, old_length, new_length, other, *paths, _ = LINE.unpack_from(bytes_, at)
        assert magic == 0x4B534456, f"the log is damaged at {at}"
        at += LINE.size
        texts = []
        for length in paths:
            texts.append(bytes_[at:at + length].decode())
            at += length
        parts = []
        for length, zero in ((old_length, old_zero), (new_length, new_zero)):
            parts.append(bytes(length) if zero else bytes_[at:at + length])
            at += 0 if zero else length
        if at > len(bytes_):
            break  # the process died while it wrote the line: what it announces was not done
        out.append(Change(len(out), kind, file, offset, old_size, new_size, *parts, other, bool(folder), *texts))
    return out


def take_back(root: pathlib.Path, changes: list[Change], way: str, chance: random.Random) -> Cut:
    assert way in WAYS, way
    cut = Cut(way)
    pending: dict[int, list[Change]] = {}
    for change in changes:
        if change.kind == FLUSH:
            pending.pop(change.file, None)
        else:
            pending.setdefault(change.file, []).append(change)
            if change.kind == RENAME and change.other != change.file:
                pending.setdefault(change.other, [])  # both folders must be flushed; the first one's list holds it
    files = paths_by_file(root, changes)
    for file, waiting in pending.items():
        if waiting and waiting[0].kind in (WRITE, SIZE) and file in files:
            rewrite(files[file], waiting, way, chance, cut)
    take_entries_back(pending, way, chance, cut)
    for path in root.rglob("*-shm"):
        path.unlink()  # SQLite's shared memory: not a file to anybody
    return cut


def paths_by_file(root: pathlib.Path, changes: list[Change]) -> dict[int, pathlib.Path]:
    out = {path.stat().st_ino: path for path in root.rglob("*") if path.is_file()}
    for change in changes:
        if change.kept and os.path.exists(change.kept):
            out.setdefault(os.stat(change.kept).st_ino, pathlib.Path(change.kept))
    return out


def undone(content: bytearray, waiting: list[Change]) -> bytearray:
    for change in reversed(waiting):
        if len(content) < change.old_size:
            content.extend(bytes(change.old_size - len(content)))
        content[change.offset:change.offset + len(change.old)] = change.old
        del content[change.old_size:]
    return content


def rewrite(path: pathlib.Path, waiting: list[Change], way: str, chance: random.Random, cut: Cut):
    """The file as the disk has it."""
    durable = undone(bytearray(path.read_bytes()), waiting)
    cut.files += 1
    cut.changes_undone += len(waiting)
    if way == "torn":
        durable = torn(durable, waiting, chance, cut)
    path.write_bytes(durable)


def torn(disk: bytearray, waiting: list[Change], chance: random.Random, cut: Cut) -> bytearray:
    """Forward from what was flushed: after each change every sector it touched may have reached the disk as it stood then."""
    likely = chance.choice((0.05, 0.5, 0.95))
    cache, size = bytearray(disk), len(disk)
    last_size = chance.randrange(len(waiting) + 1)
    for number, change in enumerate(waiting):
        if len(cache) < change.new_size:
            cache.extend(bytes(change.new_size - len(cache)))
        if change.kind == SIZE:
            del cache[change.new_size:]
        cache[change.offset:change.offset + len(change.new)] = change.new
        if number < last_size:
            size = change.new_size
            del disk[size:]  # what a shorter size cut off is gone, whatever comes back over it
        for at in range(change.offset - change.offset % SECTOR, change.offset + len(change.new), SECTOR):
            if chance.random() >= likely:
                cut.sectors_lost += 1
                continue
            cut.sectors_kept += 1
            if len(disk) < at + SECTOR:
                disk.extend(bytes(at + SECTOR - len(disk)))
            part = cache[at:at + SECTOR]
            disk[at:at + len(part)] = part
    disk.extend(bytes(max(0, size - len(disk))))
    del disk[size:]
    return disk


def take_entries_back(pending: dict[int, list[Change]], way: str, chance: random.Random, cut: Cut):
    """Of each folder's changes some first ones last; the others are undone, the latest of all folders first."""
    doomed = []
    for waiting in pending.values():
        entries = [change for change in waiting if change.kind in (CREATE, UNLINK, RENAME)]
        doomed += entries[chance.randrange(len(entries) + 1) if way == "torn" else 0:]
    for change in sorted(doomed, key=lambda change: change.number, reverse=True):
        if not os.path.isdir(os.path.dirname(change.path)):
            continue  # in a folder that is itself gone
        cut.entries_undone.append(f"{ {CREATE: 'create', UNLINK: 'unlink', RENAME: 'rename'}[change.kind]} {change.path}")
        if change.kind == CREATE:
            shutil.rmtree(change.path, ignore_errors=True) if change.folder else pathlib.Path(change.path).unlink(missing_ok=True)
        elif change.kind == UNLINK:
            os.mkdir(change.path) if change.folder else os.rename(change.kept, change.path)
        elif os.path.exists(change.path2):
            os.rename(change.path2, change.path)
            if change.kept:
                os.rename(change.kept, change.path2)
