"""What the kills have found, each as a story of its own: it is not left to chance whether it comes back."""
import os
import pathlib
import random
import sqlite3

import pytest

from archive import Archive
from disk import Disk
from judge import Judge, Verdict
from node import Node
from sender import Acknowledged, make_study, send

BIN = pathlib.Path(os.environ.get("VEDETTE_CRASH_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")).resolve()


class World:
    """A node on a disk that can lose power."""

    def __init__(self, folder: pathlib.Path):
        (folder / "ground").mkdir()
        self.folder = folder
        self.archive = Archive()
        self.node = Node(BIN, folder, self.archive.port, 4 << 20)
        self.node.disk = Disk(folder / "ground", folder, BIN / "libvedette_crash_disk.so")
        self.log = Acknowledged(folder / "acknowledged.log")
        self.judge = Judge(self.node, self.log, self.archive, random.Random(1))

    def start(self, crash_at: str = ""):
        self.node.launch(crash_at)
        if not crash_at:
            assert self.node.ready()

    def dies(self, within: float = 20):
        """Of what it is armed with."""
        self.node.process.wait(timeout=within)
        assert self.node.process.returncode == -9, self.node.log()[-2000:]
        self.node.clear()

    def loses_power(self):
        self.node.kill()
        self.node.disk.cut("nothing", random.Random(1))

    def study(self, way: str = "C-STORE"):
        study = make_study(self.folder, random.Random(len(self.log.studies)), way)
        self.log.studies.append(study)
        return study

    def judged(self) -> Verdict:
        verdict = Verdict()
        self.judge.acknowledged_is_there(verdict, everything=True)
        if self.judge.settled(verdict):
            self.judge.each_study_is_published_once(verdict)
        self.judge.ledger_holds(verdict)
        self.judge.index_and_blobs_agree(verdict)
        return verdict

    def end(self):
        self.node.kill()
        self.archive.close()


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.start()
    world.node.kill()
    world.node.add_reader()
    yield world
    world.end()


def test_what_a_killed_node_had_not_flushed_is_flushed_before_anybody_is_told_of_it(world):
    """Found by: instance kept whole but unflushed, node killed, restarted, the sender comes again and is told 'already here', power cut."""
    study = world.study()
    del study.images[1:]  # a flush for another image would be one for this, too
    world.start("vault.before_flush")
    assert world.node.ready()
    send(world.node, study, world.log, [])
    world.dies()
    assert not study.whole
    world.start()
    send(world.node, study, world.log, [])
    assert study.whole, "acknowledged by the restarted node"
    world.loses_power()
    world.start()
    assert not world.judged().texts


def test_a_segment_made_by_a_killed_node_keeps_its_name(world):
    """Found by: killed between making the file and flushing its folder; the next node writes to it, power cut."""
    world.node.kill()
    for segment in (world.node.data / "vault/segments").glob("*.seg"):
        segment.unlink()
    world.node.disk.fresh()
    world.start("vault.segment_made")
    world.dies()
    study = world.study("STOW")
    world.start()
    send(world.node, study, world.log, [])
    assert study.whole
    world.loses_power()
    world.start()
    assert not world.judged().texts


@pytest.mark.parametrize("point", ["report.objects_kept", "report.publishing", "report.sent", "analysis.masks_kept"])
def test_a_result_that_was_begun_twice_is_the_same_one(world, point):
    """Found by: killed between keeping the objects and their rows; the second attempt made others under the same UIDs."""
    study = world.study()
    world.start(point)
    assert world.node.ready()
    send(world.node, study, world.log, [])
    world.dies()
    world.start()
    verdict = world.judged()
    assert not verdict.texts
    assert verdict.checked["deliveries"] >= 2


@pytest.mark.parametrize("point", ["guard.key_written", "guard.key_made"])
@pytest.mark.parametrize("power", ["stays", "goes"])
def test_a_node_killed_while_its_key_is_made_starts_again_with_one_key(tmp_path, point, power):
    """Found by reading: an empty key file, with which the node never started again."""
    world = World(tmp_path)
    try:
        world.start(point)
        world.dies()
        if power == "goes":
            world.loses_power()
        world.start()
        key = (world.node.data / "node.key").read_bytes()
        assert len(key) == 65
        world.loses_power()
        world.start()
        assert (world.node.data / "node.key").read_bytes() == key, "the ledger names people by it"
    finally:
        world.end()


def test_verdicts_of_a_person_outlive_the_power(world):
    study = world.study()
    world.start()
    send(world.node, study, world.log, [])
    verdict = Verdict()
    assert world.judge.settled(verdict)
    finding = world.node.get(f"/api/studies/{study.uid}/findings").json()["findings"][0]
    etag = world.node.get(f"/api/findings/{finding['id']}").headers["ETag"]
    assert world.node.post(f"/api/findings/{finding['id']}/verdicts", json={"verdict": "confirm"}, headers={"If-Match": etag}).status_code == 200
    world.loses_power()
    world.start()
    with sqlite3.connect(f"file:{world.node.data}/index.sqlite?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT state FROM finding").fetchall() == [("confirmed",)]
