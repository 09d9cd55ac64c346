"""What must hold after every restart. Looks at the node from outside, at its index by SQL, and at its vault with a reader of its own."""
import collections
import hashlib
import json
import random
import sqlite3
import time

import requests

from segment import all_records

RECEIVING = 0
SETTLE_SECONDS = 60


class Verdict:
    """Counts by reason, with a line of text for each fault."""
    COLUMNS = ("lost", "wrong_bytes", "index_without_blob", "blob_without_index", "ledger", "analyses", "jobs", "person", "archive", "other")

    def __init__(self):
        self.counts = collections.Counter()
        self.texts: list[str] = []
        self.explained = collections.Counter()  # left-overs that are no fault, by what they are
        self.checked = collections.Counter()

    def fault(self, column: str, text: str):
        assert column in self.COLUMNS
        self.counts[column] += 1
        if len(self.texts) < 200:
            self.texts.append(f"{column}: {text}")

    def add(self, other: "Verdict"):
        self.counts.update(other.counts)
        self.texts += other.texts
        self.checked.update(other.checked)


class Judge:
    """Of one data folder over its whole life."""

    def __init__(self, node, log, archive, chance: random.Random):
        self.node, self.log, self.archive, self.chance = node, log, archive, chance
        self.retrieved: set[str] = set()
        self.head = (0, "")  # the last line of the ledger that somebody has seen

    def query(self, sql: str, *values) -> list[tuple]:
        connection = sqlite3.connect(f"file:{self.node.data}/index.sqlite?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    # ---- before a kill: what the world has seen ----

    def note_ledger(self):
        """The head of the ledger as the node tells it: from now on it may not be gone."""
        try:
            rows = self.node.get("/api/ledger?limit=1").json().get("rows", [])
            if rows:
                self.head = max(self.head, (rows[0]["seq"], rows[0]["hash"]))
        except (requests.RequestException, ValueError):
            pass  # the node has died meanwhile

    # ---- after the restart ----

    def acknowledged_is_there(self, verdict: Verdict, everything: bool = False):
        """By query and bit for bit, before anything is sent again. Everything new, and a sample of the rest."""
        all_ = self.log.images()
        new = [one for one in all_ if one[1].uid not in self.retrieved]
        old = [one for one in all_ if one[1].uid in self.retrieved]
        chosen = new + (old if everything else self.chance.sample(old, min(10, len(old))))
        listed: dict[str, set[str]] = {}
        for study, image in chosen:
            if study.uid not in listed:
                answer = self.node.get(f"/dicom-web/studies/{study.uid}/instances?limit=1000", headers={"Accept": "application/dicom+json"})
                listed[study.uid] = {row["00080018"]["Value"][0] for row in answer.json()} if answer.status_code == 200 else set()
            verdict.checked["retrieved"] += 1
            if image.uid not in listed[study.uid]:
                verdict.fault("lost", f"image {image.uid} of study {study.uid} is not found by query")
                continue
            try:
                answer = self.node.get(f"/dicom-web/studies/{study.uid}/series/{image.series}/instances/{image.uid}",
                                       headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})
            except requests.RequestException as error:
                verdict.fault("lost", f"image {image.uid} is not answered to its end: {error}")
                continue
            if answer.status_code != 200:
                verdict.fault("lost", f"image {image.uid} is answered with {answer.status_code}")
            elif digest_of(part_of(answer)) != image.digest:
                verdict.fault("wrong_bytes", f"image {image.uid}")
            self.retrieved.add(image.uid)

    def index_and_blobs_agree(self, verdict: Verdict):
        """Both ways, by a reader of segments of our own and by SQL."""
        records = all_records(self.node.data / "vault")
        by_place = {(r.segment, r.offset): r for r in records}
        rows = self.query("SELECT uid, digest, segment_number, segment_offset, byte_length FROM instance"
                          " UNION ALL SELECT uid, other, segment_number, segment_offset, byte_length FROM instance_conflict")
        masks = [json.loads(document)["mask"] for (document,) in self.query("SELECT document FROM finding") if json.loads(document).get("mask", {}).get("blob")]
        wanted = [(uid, digest, segment, offset, length) for uid, digest, segment, offset, length in rows]
        wanted += [("a mask", bytes.fromhex(mask["blob"]), *mask["place"]) for mask in masks]
        used = set()
        for uid, digest, segment, offset, length in wanted:
            record = by_place.get((segment, offset))
            used.add((segment, offset))
            if record is None or record.length != length or record.digest != bytes(digest):
                verdict.fault("index_without_blob", f"{uid} at {segment}:{offset}")
            elif not record.sound:
                verdict.fault("wrong_bytes", f"{uid} at {segment}:{offset} has not its hash")
        known = {bytes(digest) for _, digest, *_ in wanted}
        verdict.explained = collections.Counter()  # as it stands now
        for record in records:
            if (record.segment, record.offset) in used:
                continue
            if record.is_mask:
                verdict.explained["mask of an attempt that was not published"] += 1
            elif record.digest in known:
                verdict.explained["second copy of an indexed object"] += 1
            else:
                verdict.fault("blob_without_index", f"record at {record.segment}:{record.offset}")
        verdict.checked["blobs"] += len(records)
        for (uid,) in self.query("SELECT uid FROM instance_conflict"):
            verdict.fault("other", f"{uid} was made or sent with two contents")

    def erased_is_gone(self, verdict: Verdict):
        """Not found by query, and the bytes in no segment."""
        for study in self.log.erased[-3:]:
            answer = self.node.get(f"/dicom-web/studies?StudyInstanceUID={study.uid}", headers={"Accept": "application/dicom+json"})
            if answer.status_code != 204 and answer.json():
                verdict.fault("other", f"the erased study {study.uid} is found")
        segments = [path.read_bytes() for path in (self.node.data / "vault" / "segments").glob("*.seg")] if self.log.erased else []
        for image in (image for study in self.log.erased for image in study.images):
            verdict.checked["erased images"] += 1
            if any(image.path.read_bytes()[-64:] in segment for segment in segments):
                verdict.fault("other", f"pixels of the erased image {image.uid} are still in the vault")

    def ledger_holds(self, verdict: Verdict):
        """The chain by the description in src/ledger, and what was seen of it is still there."""
        before, hashes = "0" * 64, {}
        for number, row in enumerate(self.query("SELECT seq, at, kind, subject, actor, details, previous, hash FROM ledger ORDER BY seq"), 1):
            seq, *fields, previous, hash_ = row
            expected = chained(previous, seq, *fields)
            if seq != number or previous != before or hash_ != expected:
                verdict.fault("ledger", f"row {number} does not follow")
                return
            before, hashes[seq] = hash_, hash_
        verdict.checked["ledger rows"] += len(hashes)
        if self.head[0] and hashes.get(self.head[0]) != self.head[1]:
            verdict.fault("ledger", f"row {self.head[0]}, which somebody has read, is gone or another one")

    def person_is_kept(self, verdict: Verdict):
        states = dict(self.query("SELECT id, state FROM finding"))
        for finding, (_, state) in self.log.verdicts.items():
            if states.get(finding) != state:
                verdict.fault("person", f"the verdict {state} on {finding} is {states.get(finding)}")
        signed = {study for (study,) in self.query("SELECT study_uid FROM review_signature")}
        for study in self.log.signatures:
            if study not in signed:
                verdict.fault("person", f"the signature of {study} is gone")
        verdict.checked["verdicts and signatures"] += len(states) + len(signed)

    def settled(self, verdict: Verdict) -> bool:
        """Waits until every study is complete and every job is done: a lost job ends here."""
        end = time.monotonic() + SETTLE_SECONDS
        left = None
        while time.monotonic() < end:
            self.node.get("/dicom-web/studies?limit=1", headers={"Accept": "application/dicom+json"})  # a question lets the index catch up
            ((receiving, unfinished, unfollowed),) = self.query(
                "SELECT (SELECT count(*) FROM study WHERE state = ?), (SELECT coalesce(group_concat(kind || ' ' || state || ' ' || cause), '') FROM jobs"
                " WHERE state <> 'dead'), (SELECT coalesce(max(seq), 0) FROM ledger) - (SELECT seq FROM flow_cursor)", RECEIVING)
            left = (receiving, unfinished, unfollowed)
            if left == (0, "", 0):
                return True
            if self.node.dead():
                break
            time.sleep(0.05)
        verdict.fault("jobs", f"not settled: receiving, jobs, lines not followed = {left}")
        return False

    def each_study_is_published_once(self, verdict: Verdict):
        for kind, cause in self.query("SELECT kind, cause FROM jobs WHERE state = 'dead'"):
            verdict.fault("jobs", f"dead letter {kind}: {cause}")
        lines = collections.Counter()
        for kind, details in self.query("SELECT kind, details FROM ledger WHERE kind IN ('tool.finished', 'findings.proposed')"):
            lines[kind, json.loads(details)["run"]] += 1
        studies = dict(self.query("SELECT uid, version FROM study"))
        runs = collections.defaultdict(list)
        for study, generation, run, state, findings in self.query("SELECT study_uid, generation, id, state, findings FROM analysis_run"):
            runs[study].append((generation, run, state, findings))
        found = collections.Counter(json.loads(document).get("run_id") or run for run, document in self.query("SELECT run_id, document FROM finding"))
        results = self.query("SELECT study_uid, object, sop_instance_uid, status, version FROM result")
        once = collections.Counter((study, object_, status, version) for study, object_, _, status, version in results)
        verdict.checked["studies"] += len(studies)
        with_images = {study for (study,) in self.query("SELECT DISTINCT st.uid FROM study st JOIN series s ON s.study = st.number WHERE s.modality = 'MR'")}
        for study, version in studies.items():
            newest = [run for run in runs[study] if run[0] == version]
            wanted = "done" if study in with_images else "not_applicable"
            if [run[2] for run in newest] != [wanted]:
                verdict.fault("analyses", f"study {study} version {version} has runs {runs[study]}")
                continue
            for _, run, state, findings in runs[study]:
                published = 1 if state == "done" else 0
                counted = (lines["tool.finished", run], lines["findings.proposed", run], found[run])
                if state in ("queued", "running") or counted != (published,) * 3 or findings != published:
                    verdict.fault("analyses", f"run {run} is {state} with {findings} findings; finished, proposed, rows = {counted}")
        indexed = {uid for (uid,) in self.query("SELECT uid FROM instance")}
        for study, object_, uid, status, version in results:
            if uid not in indexed:
                verdict.fault("analyses", f"the {object_} {uid} is no stored object")
        generations = collections.Counter(study for study, all_ in runs.items() for run in all_ if run[2] == "done")
        for (study, object_, status, version), count in once.items():
            if count > (generations[study] if status == "proposed" else 1):
                verdict.fault("analyses", f"study {study} has {count} {status} {object_}, version {version}")
        for uid, state, error in self.query("SELECT r.sop_instance_uid, d.state, d.last_error FROM delivery d JOIN result r ON r.id = d.result_id"):
            verdict.checked["deliveries"] += 1
            if state != "sent":
                verdict.fault("jobs", f"a delivery is {state}: {error}")
            elif uid not in self.archive.objects:
                verdict.fault("archive", f"{uid} is said to be sent and never came")
        for uid in self.archive.changed():
            verdict.fault("archive", f"{uid} came with two contents")


def part_of(answer: requests.Response) -> bytes:
    boundary = answer.headers["Content-Type"].split("boundary=")[1].split(";")[0].strip('"').encode()
    return answer.content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--" + boundary + b"--", 1)[0]


def digest_of(file: bytes) -> str:
    """Of the data set in a DICOM file: behind preamble, DICM and group 0002. Nothing where there is none."""
    if file[128:132] != b"DICM" or file[132:136] != b"\x02\x00\x00\x00":
        return ""
    return hashlib.sha256(file[144 + int.from_bytes(file[140:144], "little"):]).hexdigest()


def chained(previous: str, *fields) -> str:
    hash_ = hashlib.sha256()
    for field in (previous, *fields):
        text = str(field).encode()
        hash_.update(len(text).to_bytes(8, "little") + text)
    return hash_.hexdigest()
