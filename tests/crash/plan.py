"""When and how the node dies: every named point in turn and moments by chance, all from one seed."""
import dataclasses
import pathlib
import random
import re

from disk import WAYS

SOURCES = pathlib.Path(__file__).resolve().parents[2]
# How often a point is passed in a few seconds of load, roughly: the passage to die at is chosen up to this.
PASSAGES = {"database": 80, "jobs": 20, "intake": 12, "vault": 12, "vault.segment_made": 2, "vault.sealing": 1, "vault.preparing": 3}
# Passed only, or above all, when a folder is new.
FIRST_START = ("database.migrating", "guard.key_written", "guard.key_made", "vault.segment_made", "vault.preparing", "database.before_commit",
               "database.after_commit")
NEVER_LATER = FIRST_START[:3]


@dataclasses.dataclass(frozen=True)
class Round:
    number: int
    point: str     # "" : at a moment
    passage: int   # of the point
    seconds: float  # the moment, from the begin of the load; of a fresh folder, from the launch
    stop: float    # seconds for which the whole node is stopped (SIGSTOP) before that, past the leases of its jobs; 0: not
    layered: bool  # on the disk that can lose power
    cut: str       # "" : only killed, the disk goes on; else what the power cut leaves
    rest_cut: str  # the same for the restarted node, which is killed at rest
    fresh: bool    # on a new data folder, in its very first start
    seed: int

    @property
    def name(self) -> str:
        return self.point or ("first start" if self.fresh else "a moment, after a stop" if self.stop else "a moment")

    @property
    def crash_at(self) -> str:
        return f"{self.point}:{self.passage}" if self.point else ""


def points() -> list[str]:
    """Every crash_point of the product, found in its sources: a new one needs no mention here."""
    found = set()
    for folder in ("src", "doors", "apps"):
        for path in (SOURCES / folder).rglob("*.cpp"):
            if not path.name.endswith("_test.cpp"):
                found.update(re.findall(r'crash_point\("([^"]+)"\)', path.read_text()))
    return sorted(found)


def plan(kills: int, seed: int, cut_share: float, track: int = 0, tracks: int = 1, chapter: int = 18) -> list[Round]:
    """Chapters of `chapter` kills on one folder each; the first start of a folder is killed, too. Tracks deal out the points: together each has
    been there once, at its first passage, before any comes again."""
    dealt = random.Random(seed)
    named = dealt.sample(later := [point for point in points() if point not in NEVER_LATER], len(later))
    chance = random.Random(f"{seed} {track}")
    turns = {True: list(FIRST_START[track::tracks]), False: named[track::tracks]}
    first_time = {True: True, False: True}
    out = []
    for number in range(kills):
        fresh = number % chapter < 3
        if not turns[fresh]:
            turns[fresh] = chance.sample(FIRST_START if fresh else named, len(FIRST_START if fresh else named))
            first_time[fresh] = False
        point, passage = "", 1
        if chance.random() < (1 if fresh and first_time[fresh] else 0.7):
            point = turns[fresh].pop()
            if not first_time[fresh] and chance.random() < 0.6:
                often = PASSAGES.get(point, PASSAGES.get(point.split(".")[0], 2))
                passage = chance.randint(1, min(often, 12) if fresh else often)
        stop = chance.uniform(2.5, 4) if not point and not fresh and chance.random() < 0.15 else 0.0
        # A disk that was on the log once stays there: what a killed process left unflushed may still be lost later.
        place = number // chapter * tracks + track  # of the chapter, among those of all tracks
        layered = int((place + 1) * cut_share) > int(place * cut_share)
        cut = chance.choice(WAYS) if layered and chance.random() < 0.75 else ""
        rest_cut = chance.choice(WAYS) if layered and chance.random() < 0.3 else ""
        seconds = chance.uniform(0, 0.25) if fresh else chance.uniform(0.02, 2.5)
        out.append(Round(number, point, passage, seconds, stop, layered, cut, rest_cut, fresh, chance.getrandbits(32)))
    return out
