#!/usr/bin/env python3
"""Kills and stops worker processes over one queue of cheap jobs: no job is published twice, none is lost.

  workers.py --bin build/release/bin --events 10000 --seed 1
"""
import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

LEASE = 1.0  # queue_worker.cpp


class Workers:
    def __init__(self, program: pathlib.Path, database: pathlib.Path, chance: random.Random, count: int):
        self.program, self.database, self.chance = program, database, chance
        self.filled = 0
        self.fill(2000)
        self.running = [self.start() for _ in range(count)]
        self.asleep: dict[int, float] = {}  # place: when to wake it
        self.events = {"kills": 0, "kills of a stopped one": 0, "stops": 0, "stops past the lease": 0}
        self.faults: list[str] = []
        self.lock = threading.Lock()
        # Aside: one that sleeps inside a transaction holds up whoever asks for the queue meanwhile.
        threading.Thread(target=self.wake_for_ever, daemon=True).start()

    def wake_for_ever(self):
        while True:
            with self.lock:
                self.wake(time.monotonic())
            time.sleep(0.005)

    def call(self, *arguments) -> str:
        done = subprocess.run([self.program, arguments[0], self.database, *map(str, arguments[1:])], capture_output=True, text=True, timeout=700)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fill(self, count: int):
        self.call("fill", self.filled, count)
        self.filled += count

    def counts(self) -> dict:
        return json.loads(self.call("count"))

    def start(self) -> subprocess.Popen:
        return subprocess.Popen([self.program, "work", self.database, "4000"], stderr=subprocess.PIPE, text=True)

    def kill(self, place: int):
        worker = self.running[place]
        if worker.poll() is not None:
            self.faults.append(f"a worker ended by itself: {worker.stderr.read()}")
        worker.kill()
        worker.wait()
        worker.stderr.close()
        self.running[place] = self.start()

    def one_event(self):
        with self.lock:
            self.one_of_all()

    def one_of_all(self):
        place = self.chance.randrange(len(self.running))
        if place in self.asleep:
            if self.chance.random() < 0.05:
                self.kill(place)
                del self.asleep[place]
                self.events["kills of a stopped one"] += 1
            return
        what = self.chance.random()
        if what < 0.5:
            self.kill(place)
            self.events["kills"] += 1
        else:
            long = what > 0.92 and len(self.asleep) < len(self.running) - 2
            self.running[place].send_signal(signal.SIGSTOP)
            self.asleep[place] = time.monotonic() + (LEASE * self.chance.uniform(1.1, 1.6) if long else self.chance.uniform(0, 0.03))
            self.events["stops past the lease" if long else "stops"] += 1

    def wake(self, now: float):
        for place, at in list(self.asleep.items()):
            if at <= now:
                self.running[place].send_signal(signal.SIGCONT)
                del self.asleep[place]

    def end(self):
        with self.lock:
            self.wake(float("inf"))
        for worker in self.running:
            worker.kill()
            worker.wait()
            worker.stderr.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--events", type=int, default=500, help="kills and stops together")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=5)
    parser.add_argument("--folder", default="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None)
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vedette-workers-", dir=options.folder) as folder:
        workers = Workers(options.bin / "vedette_crash_queue_worker", pathlib.Path(folder) / "queue.sqlite", random.Random(seed), options.workers)
        looked = 0
        try:
            while sum(workers.events.values()) < options.events and not workers.faults:
                workers.one_event()
                time.sleep(workers.chance.uniform(0, 0.012))
                if sum(workers.events.values()) >= looked + 100:
                    looked += 100
                    if workers.counts()["unfinished"] < 1000:
                        workers.fill(2000)
        finally:
            workers.end()
        before = workers.counts()
        workers.call("drain")
        after = workers.counts()
    double = after["results"] - after["distinct"]
    lost = workers.filled - after["distinct"]
    print("| jobs | " + " | ".join(workers.events) + " | dead letters, brought back | woken too late and refused | double results | lost jobs |")
    print("|---|" + "---|" * (len(workers.events) + 4))
    print(f"| {workers.filled} | " + " | ".join(str(count) for count in workers.events.values())
          + f" | {before['dead']} | {after['late']} | {double} | {lost} |")
    print(f"\nseed {seed}, {options.workers} workers, {time.monotonic() - begun:.0f} s, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")
    for fault in workers.faults:
        print("FAULT", fault)
    if double or lost or after["unfinished"] or after["dead"]:
        print(f"FAULT {after}")
    if workers.events["stops past the lease"] > 20 and after["late"] == 0:
        print("FAULT no worker ever woke too late: this run shows nothing")
        return 1
    return 1 if workers.faults or double or lost or after["unfinished"] or after["dead"] else 0


if __name__ == "__main__":
    sys.exit(main())
