"""The disk layer itself: what was flushed stays, what was not is lost, and a disk that lies loses what was flushed."""
import os
import pathlib
import random
import subprocess

import pytest

from disk import Disk

BIN = pathlib.Path(os.environ.get("VEDETTE_CRASH_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")).resolve()


def after(tmp_path, way: str, cut: str = "nothing", lies: str = "", seed: int = 1, before: bytes | None = None):
    """Runs the probe on the disk, kills it, cuts the power; answers what is there."""
    root, side = tmp_path / "root", tmp_path / "side"
    for folder in (root, side):
        folder.mkdir(exist_ok=True)
    if before is not None:
        (root / "file").write_bytes(before)
    disk = Disk(root, side, BIN / "libvedette_crash_disk.so", lies)
    process = subprocess.Popen([str(BIN / "vedette_crash_disk_probe"), str(root), way], stdout=subprocess.PIPE, env={**os.environ, **disk.environment()})
    assert process.stdout.readline() == b"done\n"
    process.kill()
    process.wait()
    if cut:
        disk.cut(cut, random.Random(seed))
    return {path.name: path.read_bytes() for path in root.iterdir()}


def test_what_was_never_flushed_is_lost(tmp_path):
    assert after(tmp_path, "written") == {"file": b""}


def test_what_was_flushed_stays(tmp_path):
    assert after(tmp_path, "flushed") == {"file": b"a" * 4000}


def test_a_killed_process_alone_loses_nothing(tmp_path):
    assert after(tmp_path, "written", cut="") == {"file": b"a" * 4000}


def test_what_a_killed_process_left_unflushed_is_lost_later(tmp_path):
    assert after(tmp_path, "written", cut="") == {"file": b"a" * 4000}
    assert after(tmp_path, "idle") == {"file": b""}


def test_a_flush_of_the_next_process_saves_it(tmp_path):
    after(tmp_path, "written", cut="")
    assert after(tmp_path, "only-flush") == {"file": b"a" * 4000}


def test_what_came_after_the_flush_is_taken_back(tmp_path):
    assert after(tmp_path, "half") == {"file": b"a" * 4000}


def test_sectors_may_survive_one_by_one_but_no_flushed_byte_changes(tmp_path):
    seen = set()
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        left = after(folder, "half", cut="torn", seed=seed)["file"]
        assert left[:3000] == b"a" * 3000 and len(left) in (4000, 5000)
        whole = b"a" * 3000 + b"b" * 1000 + b"c" * 1000
        for at in range(2560, len(left), 512):
            part = left[at:at + 512]
            later = whole[at:at + 512][:len(part)]
            earlier = (b"a" * 4000 + bytes(1000))[at:at + 512][:len(part)]
            assert part in (earlier, later), f"sector at {at}: half of one and half of the other"
        seen.add(left)
    assert len(seen) > 5, "the seed decides"


def test_a_file_whose_folder_was_not_flushed_has_no_name(tmp_path):
    assert after(tmp_path, "no-entry") == {}


def test_a_stream_of_the_library_is_seen(tmp_path):
    assert after(tmp_path, "stream") == {"file": b""}
    (tmp_path / "again").mkdir()
    assert after(tmp_path / "again", "stream", cut="") == {"file": b"by a stream"}


def test_a_rename_lasts_once_its_folder_was_flushed(tmp_path):
    assert after(tmp_path, "renamed", before=b"old") == {"file": b"new"}


def test_a_rename_without_that_brings_back_what_it_replaced(tmp_path):
    assert after(tmp_path, "replaced", before=b"old") == {"file": b"old"}


def test_what_was_unlinked_comes_back(tmp_path):
    assert after(tmp_path, "unlinked", before=b"old") == {"file": b"old"}


def test_a_shortened_file_gets_its_end_back(tmp_path):
    assert after(tmp_path, "shortened", before=b"0123456789") == {"file": b"0123456789"}


@pytest.mark.parametrize("lies, left", [("all", b""), ("file", b""), (".seg", b"a" * 4000)])
def test_a_disk_that_lies_loses_what_was_flushed(tmp_path, lies, left):
    expected = {} if lies == "all" else {"file": left}
    assert after(tmp_path, "flushed", lies=lies) == expected
