"""A worker that was stopped past its lease and is woken again cannot publish, whatever it had ready."""
import json
import os
import pathlib
import signal
import subprocess
import time

BIN = pathlib.Path(os.environ.get("VEDETTE_CRASH_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")).resolve()


def call(database, *arguments) -> str:
    done = subprocess.run([BIN / "vedette_crash_queue_worker", arguments[0], database, *map(str, arguments[1:])], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def holder(database) -> subprocess.Popen:
    """A worker that has claimed a job and waits with its result ready."""
    worker = subprocess.Popen([BIN / "vedette_crash_queue_worker", "hold", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline().startswith("claimed 0 ")
    return worker


def answer(worker: subprocess.Popen) -> str:
    return worker.communicate("go\n", timeout=30)[0].strip()


def test_woken_after_another_has_published_it_cannot(tmp_path):
    database = tmp_path / "queue.sqlite"
    call(database, "fill", 0, 1)
    first = holder(database)
    first.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    call(database, "drain")
    first.send_signal(signal.SIGCONT)
    assert answer(first) == "jobs.lease_lost"
    assert json.loads(call(database, "count")) == {"results": 1, "distinct": 1, "unfinished": 0, "dead": 0, "late": 0}


def test_woken_while_another_holds_the_job_it_cannot(tmp_path):
    database = tmp_path / "queue.sqlite"
    call(database, "fill", 0, 1)
    first = holder(database)
    first.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    second = holder(database)
    first.send_signal(signal.SIGCONT)
    assert answer(first) == "jobs.lease_lost"
    assert answer(second) == "published"
    assert json.loads(call(database, "count"))["results"] == 1


def test_a_short_stop_costs_nothing(tmp_path):
    database = tmp_path / "queue.sqlite"
    call(database, "fill", 0, 1)
    first = holder(database)
    first.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    first.send_signal(signal.SIGCONT)
    assert answer(first) == "published"
