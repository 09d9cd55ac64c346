"""growth: an index of 10^5, 10^6, 10^7 instances against an empty one: intake, QIDO, restart."""
import shutil
import subprocess
import time

import objects
from intake import OBJECTS
from measure import WORK, Turn, interleave, load, middle, number, table
from peers import BIN, Vedette
from reads import http_load
from senders import files_of, send_all

PER_STUDY = 250


class Kept(Vedette):
    """A node on a data folder that stays."""

    def start(self):
        (self.folder / "no-tools").mkdir(parents=True, exist_ok=True)
        self.launch()
        return self

    def __exit__(self, *_):
        self.stop(keep=True)


def fill(folder, count: int, vault: bool):
    node = Kept(folder)
    with node:
        pass  # tables and keys
    program = [str(BIN / "vedette_bench_fill_index"), str(folder / "data"), str(count)]
    begun = time.monotonic()
    subprocess.run((["eatmydata"] if shutil.which("eatmydata") else []) + program + (["--vault"] if vault else []), check=True)
    subprocess.run(["sync"], check=True)
    print(f"  filled to {count} in {time.monotonic() - begun:.0f} s", flush=True)
    return node


def questions(count: int):
    studies = count // PER_STUDY
    some = [i * 7919 % studies for i in range(500)]
    days = [s * 7919 % 3360 for s in some]
    dates = [f"{2016 + d // 336}{d % 336 // 28 + 1:02}{d % 28 + 1:02}" for d in days]
    return {"patient": [f"/studies?PatientID=GEN{s // 2:08}" for s in some],
            "date": [f"/studies?StudyDate={d}&limit=100" for d in dates],
            "date range": [f"/studies?StudyDate={d[:6]}01-{d[:6]}28&limit=100" for d in dates],
            "modality": [f"/studies?ModalitiesInStudy={m}&limit=100&offset={o}" for m in ("CT", "MR", "PT") for o in ((0, 100) if studies > 1000 else (0,))],
            "modality and date": [f"/studies?ModalitiesInStudy=CT&StudyDate={d}&limit=100" for d in dates],
            "series of a study": [f"/studies/2.25.7{s:09}/series" for s in some]}


def restart_seconds(node) -> float:
    """SIGKILL, then until /readyz answers: the node looks at the vault and replays before any door opens."""
    node.process.kill()
    node.process.wait()
    node.log.close()
    settle, node.settle = node.settle, 0
    begun = time.monotonic()
    node.launch()
    seconds = time.monotonic() - begun
    node.settle = settle
    return seconds


def growth(options):
    maker, study = objects.ct(), 7000
    for exponent in options.exponents:
        count = 10**exponent
        vault = exponent <= 6
        folder = WORK / f"growth-{exponent}"
        shutil.rmtree(folder, ignore_errors=True)
        node = fill(folder, count, vault)
        notes, empty = [], Vedette(WORK / "run")
        try:
            with node:
                for name, paths in questions(count).items():
                    http_load(node, [node.web + p for p in paths], 1, 50)
                    said = http_load(node, [node.web + p for p in paths], 1, 1000)
                    notes.append(f"QIDO by {name}: p50 {said['p50']:.1f} ms, p99 {said['p99']:.1f} ms (≤ 10 ms: {'yes' if said['p99'] <= 10 else '**no**'}), load {load():.1f}")
                    print("  " + notes[-1], flush=True)
                times = [restart_seconds(node) for _ in range(5)]
                notes.append(f"Restart after SIGKILL, until /readyz: {middle(times)[0]:.2f} s ({min(times):.2f} – {max(times):.2f}; ≤ 2 s: {'yes' if middle(times)[0] <= 2 else '**no**'}); "
                             f"{'the vault holds a record for each instance' if vault else 'rows only, no records in the vault'}.")
                print("  " + notes[-1], flush=True)

            def ingest(peer):
                nonlocal study
                study += 1
                files = files_of(maker.folder(OBJECTS, study, 300))
                with peer:
                    rate = len(files) / send_all(peer, [[files]], False)
                shutil.rmtree(files[0].parent)
                return rate

            turns = [Turn(f"Vedette, {count:,} instances", Vedette.version(), "storescu unmodified, 300 CT", "1 fdatasync per instance", lambda: ingest(node)),
                     Turn("Vedette, empty", Vedette.version(), "the same", "the same", lambda: ingest(empty))]
            rounds = interleave(turns, options.pairs)
            size = sum(f.stat().st_size for f in (folder / "data").glob("index.sqlite*"))
            table(f"growth_{exponent}", f"growth: 10^{exponent} instances, index of {number(size / 1e9)} GB", "instances/s", turns, rounds,
                  targets={"Vedette, empty": 0.9}, notes=notes)
        finally:
            node.stop(keep=True)
            if not options.keep:
                shutil.rmtree(folder, ignore_errors=True)
