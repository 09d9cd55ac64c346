#!/usr/bin/env python3
"""Kills a node many times and looks whether anything that it had acknowledged is gone.

  run.py --bin build/release/bin --kills 100 --seed 1 --cut 0.6 --tracks 3

Exits with 1 on any fault. README.md says what is checked and what the power cut is.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback

import requests

from archive import Archive
from disk import Disk
from judge import Judge, Verdict
from node import DidNotStart, Node
from plan import Round, plan, points
from segment import all_records
from sender import Acknowledged, Load, make_study, send, send_rest

REACH_SECONDS = 10  # for an armed point, before the node is killed without having reached it


class Track:
    """One chain of kills, one after the other, on one data folder at a time."""

    def __init__(self, options, folder: pathlib.Path):
        self.options, self.folder = options, folder
        self.verdict = Verdict()
        self.table: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        self.reached: set[str] = set()
        self.archive = Archive()
        self.chapter = 0
        self.node = None
        self.slowest_start = 0.0

    # ---- a folder's life ----

    def new_chapter(self, round_: Round):
        self.chapter += 1
        place = self.folder / f"chapter-{self.chapter}"
        (place / "ground").mkdir(parents=True)
        (place / "sent").mkdir()
        self.place = place
        self.node = Node(self.options.bin, place, self.archive.port, random.Random(round_.seed).choice((2, 4)) << 20)
        self.log = Acknowledged(place / "acknowledged.log")
        self.judge = Judge(self.node, self.log, self.archive, random.Random(round_.seed))
        if round_.layered or self.options.lies:
            self.node.disk = Disk(place / "ground", place, self.options.layer, self.options.lies)
        self.has_reader = False

    def end_chapter(self):
        """Everything once more, by the node's own doctor too."""
        if self.node is None:
            return
        if not self.node.dead():
            self.judge.acknowledged_is_there(self.verdict, everything=True)
        self.table["(left-overs)"].update(self.verdict.explained)
        self.node.kill()
        done = self.node.command("doctor")
        if done.returncode != 0:
            self.verdict.fault("other", f"doctor: {done.stdout}{done.stderr}")
        if not self.verdict.counts:
            shutil.rmtree(self.place)
        self.node = None

    # ---- one kill ----

    def die(self, round_: Round) -> bool:
        """Starts the node, loads it, sees it die. Answers whether it died where it was to."""
        if round_.point.startswith("erase."):
            return self.die_erasing(round_)
        self.node.launch(round_.crash_at)
        if round_.fresh:
            end = time.monotonic() + (3 if round_.point else round_.seconds)
            while time.monotonic() < end and not self.node.dead():
                time.sleep(0.005)
            return self.node.dead() or not round_.point
        if not self.node.ready():
            return True  # of what it was armed with, while it started
        load = Load(self.node, self.log, self.place / "sent", round_.seed)
        end = time.monotonic() + (REACH_SECONDS if round_.point else round_.seconds)
        while time.monotonic() < end and not self.node.dead() and load.done_for() < 2:
            time.sleep(0.01)
            if random.random() < 0.1:
                self.judge.note_ledger()
        if round_.stop and not self.node.dead():
            self.node.stop_for(round_.stop)
            time.sleep(0.5)
        died = self.node.dead()
        self.node.kill()
        load.end()
        return died or not round_.point

    def die_erasing(self, round_: Round) -> bool:
        """A study comes, the node is killed, and the command that erases the study dies half-way: the next start has to end it."""
        study = make_study(self.place / "sent", random.Random(round_.seed), "STOW")
        self.log.studies.append(study)
        self.node.launch()
        if not self.node.ready():
            raise DidNotStart("killed, though not armed")
        send(self.node, study, self.log, [])
        self.judge.settled(self.verdict)  # the command refuses while a job is at work on the study
        self.node.kill()
        shown = self.node.command("patient", "erase", "--study", study.uid)
        code = re.search(r"--confirm (\w+)", shown.stdout)
        assert study.whole and code, f"{shown.stdout}{shown.stderr}"
        done = self.node.command("patient", "erase", "--study", study.uid, "--reason", "test", "--by", "anna", "--confirm", code.group(1),
                                 crash_at=round_.crash_at)
        assert done.returncode in (0, -signal.SIGKILL), f"{done.returncode} {done.stdout}{done.stderr}"
        self.log.erase(study)
        return done.returncode == -signal.SIGKILL

    def after(self, round_: Round):
        """Restart and judgement. Ends with a node at rest that is killed as well."""
        self.lap("cut")
        self.node.launch()
        if not self.node.ready():
            raise DidNotStart("killed, though not armed")
        self.slowest_start = max(self.slowest_start, self.node.slowest_start)
        self.lap("start")
        if self.has_reader:
            self.judge.acknowledged_is_there(self.verdict)
            self.judge.erased_is_gone(self.verdict)
        self.judge.ledger_holds(self.verdict)
        self.judge.person_is_kept(self.verdict)
        if self.has_reader:
            if self.verdict.counts and (self.options.sabotage or self.options.lies):
                return  # it was seen
            self.lap("ledger")
            send_rest(self.node, self.log)
            self.lap("rest")
            if self.judge.settled(self.verdict):
                self.lap("settle")
                self.judge.acknowledged_is_there(self.verdict)
                self.judge.each_study_is_published_once(self.verdict)
            self.judge.note_ledger()
        self.lap("once")
        self.judge.index_and_blobs_agree(self.verdict)
        self.lap("agree")

    def lap(self, name: str):
        now = time.monotonic()
        self.times[name] = round(now - self.tick, 2)
        self.tick = now

    def one(self, round_: Round):
        if round_.fresh:
            self.end_chapter()
            self.new_chapter(round_)
        if not round_.fresh and not self.has_reader:
            self.node.add_reader()
            self.has_reader = True
        self.times = {}
        self.tick = time.monotonic()
        before = len(self.log.images())
        faults = self.verdict.counts.total()
        as_planned = self.die(round_)
        self.node.clear()
        self.lap("die")
        row = self.table[round_.name]
        row["not reached"] += not as_planned
        if as_planned and round_.point:
            self.reached.add(round_.point)
        row["acknowledged"] += len(self.log.images()) - before
        self.cut(row, "nothing" if self.options.lies else round_.cut, round_.seed)
        if self.options.sabotage:
            sabotage(self.options.sabotage, self.node, self.log)
        self.after(round_)
        self.node.kill()
        self.cut(self.table["at rest"], round_.rest_cut, round_.seed + 1)
        row["kills"] += 1
        row["faults"] += self.verdict.counts.total() - faults
        if self.verdict.counts.total() > faults:
            print(f"FAULT in round {round_}: {self.verdict.texts[-1]}", flush=True)

    def cut(self, row: collections.Counter, way: str, seed: int):
        if not way:
            return
        done = self.node.disk.cut(way, random.Random(seed))
        row["power cuts"] += 1
        row["undone"] += done.changes_undone + len(done.entries_undone)

    def result(self) -> dict:
        return {"verdict": dict(self.verdict.counts), "texts": self.verdict.texts, "checked": dict(self.verdict.checked), "folder": str(self.folder),
                "table": {name: dict(row) for name, row in self.table.items()}, "reached": sorted(self.reached), "slowest_start": self.slowest_start,
                "again": self.archive.came_twice()}

    def run(self, rounds: list[Round]):
        try:
            for round_ in rounds:
                self.one(round_)
                self.options.json.write_text(json.dumps(self.result()))  # so that a run that is ended early can be told of
                if self.options.verbose:
                    print(round_, dict(self.table[round_.name]), self.times, flush=True)
                if self.verdict.counts.total() > 50 or (self.options.sabotage or self.options.lies) and self.verdict.counts:
                    break
            if not self.verdict.counts:
                self.node.launch()
                self.node.ready()
            self.end_chapter()
        except KeyboardInterrupt:
            self.verdict.explained.clear()  # of a round that was cut short
        except DidNotStart as error:
            self.verdict.fault("other", str(error))
        except (requests.RequestException, sqlite3.Error, AssertionError):
            self.verdict.fault("other", f"the node or its index cannot be asked: {traceback.format_exc()[-1500:]}")
        finally:
            if self.node:
                self.node.kill()
            self.archive.close()


def sabotage(what: str, node: Node, log: Acknowledged):
    """What a wrong node would do; the judge must see it."""
    if not log.images():
        return
    if what == "blob":
        record = all_records(node.data / "vault")[0]
        with open(node.data / "vault" / "segments" / f"{record.segment:08}.seg", "r+b") as file:
            file.seek(record.offset)
            file.write(bytes(record.length))
    elif what == "row":
        with sqlite3.connect(node.data / "index.sqlite") as connection:
            connection.execute("DELETE FROM instance WHERE uid = ?", (log.images()[0][1].uid,))
    elif what == "result":
        with sqlite3.connect(node.data / "index.sqlite") as connection:
            connection.execute("INSERT INTO finding SELECT id || 'x', study_uid, number + 1, state, urgency, tool_id, tool_version, demonstrator, run_id,"
                               " text, revision, created_at, changed_at, document FROM finding LIMIT 1")


# ---- tracks side by side, and the table ----


def run_track(options) -> int:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vedette-crash-", dir=options.folder))
    track = Track(options, folder)
    track.run(plan(options.kills, options.seed, options.cut, *options.track))
    options.json.write_text(json.dumps(track.result()))
    if not track.verdict.counts or options.sabotage or options.lies:
        shutil.rmtree(folder)
    return 1 if track.verdict.counts else 0


def run_tracks(options) -> list[dict]:
    share = [options.kills // options.tracks + (i < options.kills % options.tracks) for i in range(options.tracks)]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vedette-crash-tracks-"))
    processes = []
    for i, kills in enumerate(share):
        own = ["--track", str(i), str(options.tracks), "--kills", str(kills), "--json", str(folder / f"{i}.json")]
        processes.append(subprocess.Popen([sys.executable, __file__, *sys.argv[1:], *own]))
    try:
        end = None if options.minutes is None else time.monotonic() + 60 * options.minutes
        for process in processes:
            process.wait(None if end is None else max(1, end - time.monotonic()))
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        for process in processes:
            process.terminate()  # they end their nodes
        for process in processes:
            process.wait()
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    if len(results) != len(processes):
        results.append({"verdict": {"other": 1}, "texts": ["other: a track of the harness itself ended early"], "checked": {}, "table": {}, "reached": [],
                        "slowest_start": 0, "again": 0, "folder": ""})
    shutil.rmtree(folder)
    return results


def tell(options, results: list[dict], seconds: float) -> int:
    table: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    checked, counts, reached = collections.Counter(), collections.Counter(), set()
    for result in results:
        for name, row in result["table"].items():
            table[name].update(row)
        checked.update(result["checked"])
        counts.update(result["verdict"])
        reached.update(result["reached"])
    left_over = table.pop("(left-overs)", {})
    columns = ("kills", "power cuts", "undone", "acknowledged", "not reached", "faults")
    print(f"\n| Killed at | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name in sorted(table):
        print(f"| {name} | {' | '.join(str(table[name][column]) for column in columns)} |")
    print(f"| **all** | {' | '.join(str(sum(row[column] for row in table.values())) for column in columns)} |")
    print(f"\n| Fault | {' | '.join(Verdict.COLUMNS)} |\n|---|{'---|' * len(Verdict.COLUMNS)}")
    print(f"| found | {' | '.join(str(counts[column]) for column in Verdict.COLUMNS)} |")
    print(f"\nchecked: {', '.join(f'{count} {name}' for name, count in sorted(checked.items()))}")
    print(f"left over and explained: {', '.join(f'{count} × {name}' for name, count in left_over.items()) or 'nothing'}; "
          f"results that came more than once to the destination, with the same bytes: {sum(result['again'] for result in results)}")
    print(f"slowest start after a kill: {max(result['slowest_start'] for result in results):.2f} s")
    never = [point for point in points() if point not in reached]
    if never:
        print(f"points not reached in this run: {' '.join(never)}")
    done = sum(row["kills"] for row in table.values())
    print(f"seed {options.seed}, {done} of {options.kills} kills in {options.tracks} tracks, {seconds:.0f} s, "
          f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")
    for result in results:
        for text in result["texts"][:20]:
            print(f"FAULT {text}")
        if result["texts"] and pathlib.Path(result["folder"]).is_dir():
            print(f"kept: {result['folder']}")
    if options.every_point and never:
        print("FAULT a named point was never reached")
        return 1
    return 1 if counts else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="default: by the clock; printed at the end")
    parser.add_argument("--minutes", type=float, default=None, help="end after this time, with what was done until then")
    parser.add_argument("--cut", type=float, default=0.7, help="share of the data folders whose disk loses power, too")
    parser.add_argument("--tracks", type=int, default=3, help="chains of kills side by side")
    parser.add_argument("--folder", default="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None, help="for data folders; memory will do")
    parser.add_argument("--lies", default="", help="the disk lies for files that end so ('all': every one): the judge must see losses")
    parser.add_argument("--sabotage", default="", choices=("", "blob", "row", "result"), help="damage something after each kill: the judge must see it")
    parser.add_argument("--every-point", action="store_true", help="a named point that is never reached is a fault")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--track", nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options.layer = options.bin / "libvedette_crash_disk.so"
    if options.seed is None:
        options.seed = int(time.time())
        sys.argv += ["--seed", str(options.seed)]
    if options.track:
        return run_track(options)
    begun = time.monotonic()
    print(f"seed {options.seed}", flush=True)
    return tell(options, run_tracks(options), time.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())
