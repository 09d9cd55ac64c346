"""The judge can fail: each of these runs does something to the node or to its disk that must be found."""
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("VEDETTE_CRASH_BIN", HERE.parents[1] / "build/release/bin")).resolve()


def run(*arguments: str) -> tuple[int, dict[str, int], str]:
    done = subprocess.run([sys.executable, HERE / "run.py", "--bin", BIN, "--seed", "1", "--tracks", "1", "--kills", "8", *arguments],
                          capture_output=True, text=True, timeout=300)
    lines = done.stdout.splitlines()
    names = next(line for line in lines if line.startswith("| Fault |")).strip("| ").split(" | ")[1:]
    counts = next(line for line in lines if line.startswith("| found |")).strip("| ").split(" | ")[1:]
    return done.returncode, dict(zip(names, map(int, counts))), done.stdout + done.stderr


@pytest.mark.parametrize("what, columns", [("blob", ("wrong_bytes", "lost")), ("row", ("lost", "blob_without_index")), ("result", ("analyses",))])
def test_damage_is_found(what, columns):
    code, counts, text = run("--cut", "0", "--sabotage", what)
    assert code == 1 and any(counts[column] for column in columns), text


@pytest.mark.parametrize("files, columns", [(".seg", ("lost", "index_without_blob", "wrong_bytes")), ("all", ("lost", "person", "ledger", "other"))])
def test_a_disk_that_lies_is_found(files, columns):
    """What the node would lose if it did not flush."""
    code, counts, text = run("--cut", "1", "--lies", files)
    assert code == 1 and any(counts[column] for column in columns), text
