"""intake_ct, intake_small, intake_mixed: unmodified storescu against Vedette, Orthanc, storescp and the limits."""
import subprocess

import objects
from measure import WORK, Turn, interleave, table
from peers import BIN, Bare, Orthanc, Storescp, Vedette
from senders import files_of, flushes, send_all

OBJECTS = WORK / "objects"


def disk_rate(writers: int, each: int, size: int) -> float:
    folder = WORK / "limit"
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([str(BIN / "vedette_bench_disk_limit"), str(folder), str(writers), str(each), str(size)], capture_output=True, text=True, check=True)
    return writers * each / float(done.stdout)


class Intake:
    """Contestants of one way of sending."""

    def __init__(self, lists, size: int):
        self.lists, self.size = lists, size
        self.count = sum(len(files) for sender in lists for files in sender)
        self.cpu, self.probe, self.durability = {}, lists[0][0][:40], {}

    def turn(self, name, make, nodelay, settings, limit=False, lists=None, before=None) -> Turn:
        """`before`: what is sent first, without being measured."""
        lists = lists or self.lists
        count = sum(len(files) for sender in lists for files in sender)

        def run():
            with make() as peer:
                if before:
                    send_all(peer, before, nodelay)
                used = peer.cpu_seconds()
                seconds = send_all(peer, lists, nodelay)
                self.cpu.setdefault(name, []).append(peer.cpu_seconds() - used)
            return count / seconds

        kind = type(make())
        key = (kind, settings.split(";")[-1])
        if key not in self.durability:
            self.durability[key] = flushes(make(), self.probe)
        return Turn(name, kind.version(), settings, self.durability[key], run, limit)

    def disk(self) -> Turn:
        each = max(1, self.count // len(self.lists))
        return Turn("write + fdatasync (limit of the disk)", "", f"{len(self.lists)} writers, a file each", "1 fdatasync per instance",
                    lambda: disk_rate(len(self.lists), each, self.size), True)

    def cpu_note(self, gigabytes: float) -> str:
        parts = [f"{name} {sorted(values)[len(values) // 2] / gigabytes:.2f}" for name, values in self.cpu.items()]
        return "CPU-seconds of the server per GB: " + "; ".join(parts) + "."


def contestants(intake: Intake, options, default_peers: bool, default_lists=None, steady=None) -> list[Turn]:
    run = WORK / "run"
    turns = [intake.turn("Vedette", lambda: Vedette(run), False, "storescu unmodified"),
             intake.turn("bare receiver (limit of the protocol)", lambda: Bare(run), False, "storescu unmodified", True),
             intake.turn("Orthanc, NODELAY", lambda: Orthanc(run, True), True, "TCP_NODELAY=1 on both ends")]
    if steady:
        turns.insert(1, intake.turn("Vedette, steady", lambda: Vedette(run), False, "storescu unmodified", before=steady))
    if options.only_ours:
        return turns[:-1]
    turns.append(intake.turn("storescp, NODELAY", lambda: Storescp(run, True), True, "TCP_NODELAY=1 on both ends; --fork"))
    turns.append(intake.turn("Vedette, sender NODELAY", lambda: Vedette(run), True, "storescu with TCP_NODELAY=1"))
    if default_peers:
        turns.append(intake.turn("Orthanc, default", lambda: Orthanc(run), False, "as installed", lists=default_lists))
        turns.append(intake.turn("storescp, default", lambda: Storescp(run), False, "as installed; --fork", lists=default_lists))
    return turns


def intake_ct(options):
    maker, each = objects.ct(), max(20, int(300 * options.share))
    for associations in options.associations:
        lists = [[files_of(maker.folder(OBJECTS, 100 + i, each))] for i in range(associations)]
        intake = Intake(lists, maker.size + len(maker.head))
        steady = [[files_of(maker.folder(OBJECTS, 150 + i, each))] for i in range(associations)]
        turns = contestants(intake, options, not options.no_defaults, steady=steady)
        turns.append(intake.disk())
        disk = turns[-1].name
        protocol = turns[2].name
        rounds = interleave(turns, options.pairs)
        targets = {"Orthanc, default": 20, "Orthanc, NODELAY": 2.5, (protocol if associations == 1 else disk): 0.8}
        table(f"intake_ct_{associations}", f"intake_ct: {each} CT of 512 KB in each of {associations} association{'s' if associations > 1 else ''}", "instances/s", turns,
              rounds, targets=targets, notes=[intake.cpu_note(intake.count * maker.size / 1e9), *common_notes()])


def common_notes():
    return ["A turn is a fresh server on a fresh folder and the whole process storescu, its start and its look at the files included; "
            "Vedette was idle for 4 s before (room written ahead, decision 0003); \"steady\" is a second sending straight after the first.",
            "Durability: flushes counted by strace in a run of its own. storescp flushes nothing; Orthanc flushes the file, its SQLite index is flushed "
            "every 10 s by a thread of its own (a power cut can lose rows of what it acknowledged)."]


def intake_small(options):
    for maker, name in ((objects.mr_12(), "12 KB"), (objects.mr_128(), "128 KB")):
        count = max(200, int(20_000 * options.share))
        for associations in options.associations:
            lists = [[files_of(maker.folder(OBJECTS, 300 + i, count // associations))] for i in range(associations)]
            intake = Intake(lists, maker.size + len(maker.head))
            slow = [[files[:max(50, len(files) // 20)] for files in sender] for sender in lists]
            turns = contestants(intake, options, not options.no_defaults, slow)
            turns.append(intake.disk())
            rounds = interleave(turns, options.pairs)
            table(f"intake_small_{name.split()[0]}_{associations}", f"intake_small: {count} MR of {name}, {associations} association{'s' if associations > 1 else ''}",
                  "instances/s", turns, rounds, targets={"Orthanc, NODELAY": 4},
                  notes=[f"Peers as installed get a twentieth of the instances ({sum(len(f) for s in slow for f in s)}).",
                         intake.cpu_note(intake.count * maker.size / 1e9), *common_notes()])


def intake_mixed(options):
    studies = []
    for maker, how_many, each in objects.day():
        for i in range(max(1, round(how_many * options.share))):
            studies.append((maker, 500 + i, max(1, round(each * min(1, options.share * 2)))))
    for associations in options.associations:
        lists = [[] for _ in range(associations)]
        sizes = [0] * associations
        total = 0
        for maker, number, each in sorted(studies, key=lambda s: -s[0].size * s[2]):
            least = sizes.index(min(sizes))
            lists[least].append(files_of(maker.folder(OBJECTS, number, each)))
            sizes[least] += maker.size * each
            total += maker.size * each
        intake = Intake(lists, 0)
        intake.probe = files_of(objects.mr_128().folder(OBJECTS, 900, 40))
        intake.size = total // intake.count
        turns = contestants(intake, options, False)
        turns.append(intake.disk())
        rounds = interleave(turns, options.pairs)
        table(f"intake_mixed_{associations}", f"intake_mixed: the day of W1, {len(studies)} studies, {intake.count} instances, {total / 1e9:.2f} GB, "
              f"{associations} sender{'s' if associations > 1 else ''}, one association for each study", "instances/s", turns, rounds,
              targets={"Orthanc, NODELAY": 2 if associations == 1 else 1.5},
              notes=["The limit of the disk writes as many blocks of the mean size.", intake.cpu_note(total / 1e9), *common_notes()])
