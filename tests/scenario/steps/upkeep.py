"""What an administrator does: a disk that runs full or fails, scrub, rebuild, erasure."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess

import pydicom
import requests

from .sending import CLEAN, dcmtk, files_of
from .world import REPOSITORY, Skip, step, until

# ---- a disk of its own ----


@step(r"a data folder on a disk of (\d+) MB, (\d+) MB of it a reserve")
def small_disk(world, megabytes, reserve):
    world.data.mkdir()
    if shutil.which("mount") is None:
        raise Skip("there is no mount here")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,size={megabytes}m", "tmpfs", str(world.data)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    world.at_end.append(lambda: subprocess.run(["umount", "-l", str(world.data)]))
    world.settings["data.reserve_bytes"] = str(int(reserve) << 20)


def free_bytes(world) -> int:
    status = os.statvfs(world.data)
    return status.f_bavail * status.f_frsize


@step(r"something else fills the disk up to (?:the reserve|(\d+) MB above the reserve)")
def fill(world, above):
    reserve = int(world.settings["data.reserve_bytes"]) + (int(above or 0) << 20)
    with open(world.data / "ballast", "wb") as ballast:
        while free_bytes(world) > reserve + (256 << 10):
            ballast.write(b"b" * min(1 << 20, free_bytes(world) - reserve - (128 << 10)))
            ballast.flush()


@step(r"that is taken away again")
def unfill(world):
    (world.data / "ballast").unlink()


def send_until_refused(world, folder):
    """Sends copies with new UIDs, one association each; answers (acknowledged, status of the refusal)."""
    from pynetdicom import AE
    from pydicom.uid import generate_uid
    source = pydicom.dcmread(files_of(folder)[0])
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(source.SOPClassUID, source.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", world.dicom_port, ae_title="VEDETTE")
    assert association.is_established
    study, series, acknowledged = generate_uid(), generate_uid(), []
    try:
        for number in range(2000):
            source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID = study, series, generate_uid()
            source.file_meta.MediaStorageSOPInstanceUID = source.SOPInstanceUID
            source.InstanceNumber = number + 1
            status = association.send_c_store(source)
            if status.Status != 0:
                return acknowledged, status.Status, str(study)
            acknowledged.append((str(study), str(series), str(source.SOPInstanceUID), bytes(source.PixelData)))
    finally:
        association.release()
    raise AssertionError("2000 images, and none was refused")


@step(r"other images are sent until one is refused, with the status (\w+)")
def until_refused(world, status):
    acknowledged, found, _ = send_until_refused(world, world.sent)
    assert found == int(status, 16), hex(found)
    world.noted.setdefault("acknowledged", []).extend(acknowledged)


@step(r"STOW answers (\d+)")
def stow_answers(world, expected):
    image = files_of(world.sent)[0]
    dataset = pydicom.dcmread(image)
    from pydicom.uid import generate_uid
    dataset.StudyInstanceUID, dataset.SOPInstanceUID = generate_uid(), generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path = world.folder / "stow.dcm"
    dataset.save_as(path)
    body = b"--part\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n--part--\r\n"
    answer = world.person.session.post(world.url + "/dicom-web/studies", data=body, timeout=60,
                                       headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=part', "Accept": "application/dicom+json"})
    assert answer.status_code == int(expected), f"{answer.status_code}: {answer.text[:800]}"
    if answer.status_code != 200:
        assert "A700" in answer.text or "42752" in answer.text or "full" in answer.text.lower() or "room" in answer.text.lower(), answer.text[:800]


@step(r"readiness says (\d+)(?: with the words (.+))?")
def readiness(world, status, words):
    answer = requests.get(world.url + "/readyz", timeout=10)
    assert answer.status_code == int(status), answer.text
    if words:
        assert words in (answer.json().get("reason") or ""), answer.text


@step(r"within (\d+) s readiness says (\d+)(?: with the words (.+))?")
def readiness_within(world, seconds, status, words):
    def said():
        answer = requests.get(world.url + "/readyz", timeout=10)
        return answer.status_code == int(status) and (words is None or words in (answer.json().get("reason") or ""))
    until(float(seconds), f"readiness {status}: " + requests.get(world.url + "/readyz", timeout=10).text, said)


@step(r"its tools wait, and use up no attempt")
def tools_wait(world):
    import time
    from .reading import row
    until(20, "complete", lambda: (row(world) or {}).get("complete_at"))
    for _ in range(16):  # longer than one wait for room
        tools = row(world)["tools"]
        assert all(tool["state"] == "queued" for tool in tools), tools
        time.sleep(0.25)
    with index(world) as rows:
        assert rows.execute("SELECT max(attempt) FROM analysis_run r JOIN study s ON s.uid = r.study_uid WHERE s.uid = ?", (world.study_uid,)).fetchone()[0] == 0


@step(r"the reserve is whole")
def reserve_whole(world):
    # The index and its journal may grow into it: that is what it is for. Images may not.
    reserve = int(world.settings["data.reserve_bytes"])
    assert free_bytes(world) > reserve * 3 // 4, (free_bytes(world), reserve)


@step(r"every acknowledged image comes back bit for bit")
def acknowledged_back(world):
    assert world.noted["acknowledged"]
    for study, series, instance, pixels in world.noted["acknowledged"]:
        answer = world.person.call("GET", f"/dicom-web/studies/{study}/series/{series}/instances/{instance}",
                                   headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})
        assert pixels in answer.content, instance


# ---- a disk that fails ----


@step(r"a disk that can be made to fail")
def failing_disk(world):
    library = world.bin / "libfailing_disk.so"
    if not library.exists():
        raise Skip(f"{library} is not built")
    world.noted["order"] = world.folder / "fail"
    world.node_environment.update({"LD_PRELOAD": str(library), "VEDETTE_TEST_FAIL_ORDER": str(world.noted["order"])})


@step(r"the next (\w+) on (\S+) fails with EIO")
def arm(world, call, name):
    staged = world.folder / "fail.new"
    staged.write_text(f"{call} {name}\n")
    staged.rename(world.noted["order"])


@step(r"the disk has failed as ordered")
def has_failed(world):
    until(10, "the call failed", lambda: not world.noted["order"].exists())


@step(r"one image is sent and (acknowledged|refused with the status (\w+))")
def one_image(world, what, status):
    from pynetdicom import AE
    from pydicom.uid import generate_uid
    source = pydicom.dcmread(files_of(world.sent)[0])
    series = world.noted.setdefault("other_series", str(generate_uid()))
    study = world.noted.setdefault("single_study", str(generate_uid()))
    source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID = study, series, generate_uid()
    source.file_meta.MediaStorageSOPInstanceUID = source.SOPInstanceUID
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(source.SOPClassUID, source.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", world.dicom_port, ae_title="VEDETTE")
    assert association.is_established
    answer = association.send_c_store(source).Status
    association.release()
    if what == "acknowledged":
        assert answer == 0, hex(answer)
        world.noted.setdefault("acknowledged", []).append((study, series, str(source.SOPInstanceUID), bytes(source.PixelData)))
    else:
        assert answer == int(status, 16), hex(answer)
        world.noted.setdefault("refused", []).append(str(source.SOPInstanceUID))


@step(r"nothing that was refused is in the index")
def refused_absent(world):
    world.person.get("/api/worklist")  # settles
    for uid in world.noted["refused"]:
        answer = world.person.call("GET", f"/dicom-web/instances?SOPInstanceUID={uid}", expect=(200, 204), headers={"Accept": "application/dicom+json"})
        assert answer.status_code == 204 or answer.json() == [], answer.text[:400]


@step(r"(\S+) confirms finding (\d+), and is told that it was not saved")
def verdict_refused(world, name, number):
    from .reading import findings
    world.person = world.people[name]
    finding = next(f for f in findings(world) if f["number"] == int(number))
    tag = world.person.call("GET", f"/api/findings/{finding['id']}").headers["ETag"]
    answer = world.person.call("POST", f"/api/findings/{finding['id']}/verdicts", json={"verdict": "confirm"}, headers={"If-Match": tag}, expect=None)
    assert answer.status_code >= 500, f"{answer.status_code}: {answer.text[:300]}"
    finding = next(f for f in findings(world) if f["number"] == int(number))
    assert finding["state"] == "proposed", finding["state"]


@step(r"the node is quiet")
def quiet(world):
    """Nothing is queued and no line was written for two seconds: whatever writes next is what the story does."""
    import time
    seen, since = -1, time.monotonic()

    def settled():
        nonlocal seen, since
        with index(world) as rows:
            now = (rows.execute("SELECT max(seq) FROM ledger").fetchone()[0], rows.execute("SELECT count(*) FROM jobs WHERE state <> 'dead'").fetchone()[0])
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 2.5
    until(60, "the node is quiet", settled)


# ---- scrub ----


@contextlib.contextmanager
def index(world, mode="ro"):
    """The index beside the node. Closed at once: whoever holds it open keeps its journal from being taken in."""
    database = sqlite3.connect(f"file:{world.data}/index.sqlite?mode={mode}", uri=True)
    try:
        yield database
        database.commit()
    finally:
        database.close()


def segment(world, number) -> pathlib.Path:
    return world.data / "vault" / "segments" / f"{number:08}.seg"


@step(r"a bit of the stored bytes of image (\d+) flips")
def flip_bit(world, number):
    with index(world) as rows:
        found = rows.execute("SELECT i.uid, i.segment_number, i.segment_offset, i.byte_length FROM instance i JOIN series e ON e.number = i.series JOIN study s "
                             "ON s.number = e.study WHERE s.uid = ? ORDER BY i.number", (world.study_uid,)).fetchall()
    uid, number, offset, length = found[int(number) - 1]
    at = offset + length // 3
    with open(segment(world, number), "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))
    world.noted.setdefault("flipped", []).append((uid, number, at, byte))


@step(r"a bit of the label of image (\d+) flips")
def flip_label(world, number):
    with index(world) as rows:
        found = rows.execute("SELECT i.uid, i.segment_number, i.segment_offset, i.byte_length FROM instance i JOIN series e ON e.number = i.series JOIN study s "
                             "ON s.number = e.study WHERE s.uid = ? ORDER BY i.number", (world.study_uid,)).fetchall()
    uid, number, offset, length = found[int(number) - 1]
    at = offset + length + 10
    with open(segment(world, number), "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))
    world.noted.setdefault("flipped", []).append((uid, number, at, byte))


@step(r"a bit of a finding's mask flips")
def flip_mask(world):
    with index(world) as rows:
        finding, document = rows.execute("SELECT id, document FROM finding WHERE study_uid = ? ORDER BY number", (world.study_uid,)).fetchone()
    number, offset, length = json.loads(document)["mask"]["place"]
    with open(segment(world, number), "r+b") as file:
        file.seek(offset + length // 2)
        byte = file.read(1)[0]
        file.seek(offset + length // 2)
        file.write(bytes([byte ^ 1]))
    world.noted.setdefault("flipped", []).append((finding, number, offset + length // 2, byte))


@step(r"the bits are put back")
def flip_back(world):
    for _, number, at, byte in world.noted.pop("flipped"):
        with open(segment(world, number), "r+b") as file:
            file.seek(at)
            file.write(bytes([byte]))


@step(r"scrub finds nothing wrong")
def scrub_clean(world):
    out = world.run("doctor", "--scrub")
    assert re.search(r"faults +none", out), out


@step(r"scrub ends with 1, counts (\d+) faults?, and names (?:it|each)")
def scrub_faults(world, count):
    out = world.run("doctor", "--scrub", expect=1)
    assert re.search(rf"faults +{count}; the first: ", out), out
    for name, *_ in world.noted["flipped"]:
        assert name in out, (name, out)


@step(r"scrub at (\d+) MiB/s takes its time")
def scrub_slow(world, rate):
    import time
    size = sum(path.stat().st_size for path in (world.data / "vault" / "segments").iterdir())
    with index(world) as rows:
        held = rows.execute("SELECT sum(byte_length) FROM instance").fetchone()[0]
    begun = time.monotonic()
    world.run("doctor", "--scrub", "--rate", rate)
    took = time.monotonic() - begun
    assert took >= 0.9 * held / (int(rate) << 20), (took, held, size)


# ---- rebuild ----

CATALOGUE = ("study", "study_modality", "series", "instance", "instance_header", "instance_conflict")


def all_rows(world):
    rows = {}
    with index(world) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall():
            rows[table] = sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608 - names of our own tables
    return rows


@step(r"the index is remembered, row for row")
def remember_index(world):
    world.noted["rows"] = all_rows(world)
    assert all(world.noted["rows"][table] for table in ("study", "series", "instance", "instance_header", "finding", "review_verdict", "ledger", "guard_people"))


@step(r"the rebuilt index has the same rows")
def same_rows(world):
    now = all_rows(world)
    before = world.noted["rows"]
    assert set(now) == set(before), set(now) ^ set(before)
    for table, rows in before.items():
        assert now[table] == rows, (table, [r for r in now[table] if r not in rows][:2], [r for r in rows if r not in now[table]][:2])


@step(r"the index is rebuilt from the vault, and says that every row is the same")
def rebuild(world):
    out = world.run("doctor", "--rebuild-index")
    assert "every row is the same as before" in out, out
    assert not list(world.data.glob("index.*rebuild*")), "nothing may be left over"


@step(r"rebuilding is refused while the node runs")
def rebuild_refused(world):
    world.run("doctor", "--rebuild-index", expect=1)
    assert "Another node runs" in world.output, world.output


@step(r"rebuilding is refused, because an image would be lost, and nothing has changed")
def rebuild_would_lose(world):
    before = all_rows(world)
    world.run("doctor", "--rebuild-index", expect=1)
    assert world.noted["flipped"][0][0] in world.output and "Nothing was changed" in world.output, world.output
    assert all_rows(world) == before
    assert not list(world.data.glob("index.*rebuild*"))


@step(r"the index is rebuilt from the vault")
def rebuild_any(world):
    world.run("doctor", "--rebuild-index")
    (world.data / "index.before-rebuild.sqlite").unlink()


@step(r"the catalogue's rows are damaged by hand")
def damage_catalogue(world):
    with index(world, "rw") as database:
        database.execute("DELETE FROM instance_header WHERE instance % 3 = 0")
        database.execute("DELETE FROM instance WHERE number % 5 = 0")
        database.execute("UPDATE series SET modality = 'XX'")
        database.execute("DELETE FROM study_modality")


@step(r"the index is rebuilt from the vault, and names rows that differ")
def rebuild_different(world):
    out = world.run("doctor", "--rebuild-index")
    assert re.search(r"compared +\d+ rows differ", out) and "only in the new index" in out, out
    left = world.data / "index.before-rebuild.sqlite"
    assert left.exists()
    left.unlink()


@step(r"the pages of the table (\w+) are overwritten with noise")
def damage_pages(world, table):
    with index(world, "rw") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    with open(world.data / "index.sqlite", "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)


@step(r"doctor says that the index is damaged, and what to do")
def doctor_damaged(world):
    world.run("doctor", expect=1)
    assert "damaged" in world.output and "--rebuild-index" in world.output, world.output


@step(r"the index is rebuilt from the vault, with the life of studies from the ledger")
def rebuild_ledger(world):
    out = world.run("doctor", "--rebuild-index")
    assert "read from the ledger" in out, out
    (world.data / "index.before-rebuild.sqlite").unlink()


@step(r"the rebuilt index has the same rows, but for the microsecond of completion")
def same_rows_nearly(world):
    now = all_rows(world)
    before = world.noted["rows"]
    for table, rows in before.items():
        if table == "study":
            assert len(now[table]) == len(rows)
            for a, b in zip(now[table], rows):
                assert a[:-1] == b[:-1], (a, b)
                assert abs(a[-1] - b[-1]) < 1_000_000, (a[-1], b[-1])
        else:
            assert now[table] == rows, table


# ---- erasure ----


@step(r"the words of this patient are remembered")
def remember_patient(world):
    first = pydicom.dcmread(files_of(world.sent)[0], stop_before_pixels=True)
    words = {str(first.PatientID), str(first.StudyInstanceUID), str(first.SeriesInstanceUID)}
    words |= {str(first.PatientName), str(first.PatientName).lower(), str(first.PatientName).split("^")[-1]}
    words |= {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in files_of(world.sent)}
    world.noted["patient_id"] = str(first.PatientID)
    world.noted["words"] = words
    # Some stored bytes that no header holds: a stretch of pixels.
    world.noted["pixels"] = [bytes(pydicom.dcmread(path).PixelData)[4096:4160] for path in files_of(world.sent)[::7]]
    world.noted["pixels"] = [piece for piece in world.noted["pixels"] if len(set(piece)) > 20]
    assert world.noted["pixels"], "the phantom has no pixels to search for"


def raw_hits(world):
    hits = []
    for path in sorted(world.data.rglob("*")):
        if not path.is_file():
            continue
        content = re.sub(rb"\0{512,}", b"\0", path.read_bytes())  # room written ahead
        hits += [(path.name, word) for word in world.noted["words"] if word.encode() in content or word.encode("utf-16-le") in content]
        hits += [(path.name, "pixels") for piece in world.noted["pixels"] if piece in content]
    return hits


@step(r"its study is the one that stays")
def stays(world):
    world.noted["staying"] = (world.study_uid, world.sent)


@step(r"the first study is meant again")
def meant_again(world):
    world.study_uid = world.noted["other_study"]


@step(r"the study that stays is still there, bit for bit")
def still_there(world):
    from .reading import findings
    from .sending import bit_for_bit
    world.study_uid, world.sent = world.noted["staying"]
    bit_for_bit(world)
    assert len(findings(world)) == 2


@step(r"the raw files of the data folder hold them")
def raw_present(world):
    names = {name for name, _ in raw_hits(world)}
    assert any(name.endswith(".seg") for name in names) and any(name.startswith("index.sqlite") for name in names), names


@step(r"the raw files of the data folder hold nothing of them")
def raw_absent(world):
    assert not raw_hits(world), raw_hits(world)[:10]


def erase(world, *more, expect=0):
    return world.run("patient", "erase", "--id", world.noted["patient_id"], *more, expect=expect)


@step(r"erasing the patient shows what would go, and erases nothing")
def erase_dry(world):
    before = all_rows(world)
    out = erase(world)
    assert world.study_uid in out and "nothing has been erased" in out, out
    world.noted["code"] = re.search(r"--confirm (\w+)", out).group(1)
    world.noted["shown"] = out
    if world.node is None:
        assert all_rows(world) == before


@step(r"it names what was sent to (\S+) already")
def erase_sent(world, title):
    assert re.search(rf"sent .* went to {title}.*cannot be called back", world.noted["shown"]), world.noted["shown"]


@step(r"erasing without a reason, with a wrong code, by nobody, or beside the node is refused")
def erase_refused(world):
    code = world.noted["code"]
    for arguments, words in ((("--reason", "request", "--by", "steward", "--confirm", code), "A node runs"),
                             (("--reason", "request", "--by", "nobody", "--confirm", code), "may erase"),
                             (("--reason", "request", "--by", "anna", "--confirm", code), "may erase")):
        erase(world, *arguments, expect=1)
        assert words in world.output, world.output
    world.stop(signal.SIGTERM)
    for arguments, words in ((("--reason", "because", "--by", "steward", "--confirm", code), "no such reason"),
                             (("--reason", "request", "--by", "steward", "--confirm", "00000000"), "not what the code")):
        erase(world, *arguments, expect=1)
        assert words in world.output, world.output


@step(r"(\S+) erases the patient because of a (\w+)")
def erase_now(world, name, reason):
    out = erase(world, "--reason", reason, "--by", name, "--confirm", world.noted["code"])
    assert "written over and read back" in out, out


@step(r"(\S+) erases the patient, and is killed at (\S+)")
def erase_killed(world, name, point):
    done = subprocess.run([world.vedette, "patient", "erase", "--id", world.noted["patient_id"], "--reason", "request", "--by", name, "--confirm", world.noted["code"],
                           *world.settings_arguments()], capture_output=True, text=True, timeout=120, cwd=world.folder, env={**os.environ, "VEDETTE_CRASH_AT": point})
    world.output = done.stdout + done.stderr
    assert done.returncode == -signal.SIGKILL, f"{done.returncode}: {world.output}"


@step(r"the erasure goes on when it is asked for again")
def erase_again(world):
    out = erase(world, "--reason", "request", "--by", "steward", "--confirm", world.noted["code"])
    assert "had been interrupted" in out, out


@step(r"nothing of the patient is found by any question")
def nothing_found(world):
    assert world.person.call("GET", f"/dicom-web/studies?PatientID={world.noted['patient_id']}", expect=(200, 204), headers={"Accept": "application/dicom+json"}).text in ("", "[]")
    world.person.call("GET", f"/api/studies/{world.study_uid}", expect=(404,))
    assert world.study_uid not in world.person.call("GET", "/api/worklist?limit=1000").text


@step(r"the ledger says once that everything was erased, with counts and without the person")
def ledger_erased(world):
    if "checker" not in world.people:
        world.add_person("checker", ["auditor"])
    text = world.people["checker"].call("GET", "/api/ledger?limit=500").text
    rows = [row for row in json.loads(text)["rows"] if row["kind"] == "patient.erased"]
    assert len(rows) == 1, rows
    details = rows[0]["details"]
    details = json.loads(details) if isinstance(details, str) else details
    assert details["images"] > 0 and details["findings"] > 0 and details["reason"] == "request", details
    for word in world.noted["words"]:
        assert word not in text, word
