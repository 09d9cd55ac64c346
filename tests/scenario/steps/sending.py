"""Studies and how they come: phantoms, the real patient, DCMTK's senders, broken input."""
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import time

import pydicom
from pydicom.uid import generate_uid

from .world import REPOSITORY, Skip, step, until

# An unmodified sender: nothing of the test's environment may help it.
CLEAN = {key: value for key, value in os.environ.items() if key != "TCP_NODELAY"}


def dcmtk(world, program, *arguments, expect=0):
    path = shutil.which(program)
    if path is None:
        raise Skip(f"DCMTK's {program} is not installed")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=180, env=CLEAN)
    world.output = done.stdout + done.stderr
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"{program} ended with {done.returncode}: {world.output[-1500:]}")
    return done


def shared() -> pathlib.Path:
    folder = pathlib.Path(os.environ.get("VEDETTE_SHARED", REPOSITORY.parent / "shared"))
    if not folder.exists():
        raise Skip(f"the shared data folder {folder} is not here")
    return folder


def files_of(folder: pathlib.Path):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in (".dcm", ""))


def note_study(world, folder: pathlib.Path):
    world.sent = folder
    first = pydicom.dcmread(files_of(folder)[0], stop_before_pixels=True)
    world.study_uid = str(first.get("StudyInstanceUID", ""))
    words = [part for part in str(first.get("PatientName", "")).split("^") if len(part) > 3]
    world.noted["patient_words"] = words + ([str(first.PatientID)] if len(str(first.get("PatientID", ""))) > 3 else [])


@step(r"a phantom (\S+)(?: with seed (\d+))?(?: and options? (.+))?")
def phantom(world, kind, seed, options):
    folder = world.folder / f"phantom-{kind}-{len(list(world.folder.iterdir()))}"
    done = subprocess.run([world.vedette, "phantom", kind, "--out", str(folder), "--seed", seed or "1", *(options or "").split()],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    world.truth = json.loads((folder / "truth.json").read_text())
    note_study(world, folder)


@step(r"the real PET/CT patient")
def real_patient(world):
    source = shared() / "data" / "ibsi-pet-ct-mr" / "dicom" / "STS_025"
    if not source.exists():
        raise Skip(f"{source} is not here")
    folder = world.folder / "patient"
    for modality in ("PET", "CT"):
        shutil.copytree(source / modality / "image", folder / modality)
    world.truth = {}
    note_study(world, folder)


@step(r"its (PT|CT) images have (\w+) = (\S+)")
def change_header(world, modality, keyword, value):
    for path in files_of(world.sent):
        image = pydicom.dcmread(path)
        if image.Modality == modality:
            setattr(image, keyword, "" if value == "nothing" else value)
            image.save_as(path)


@step(r"the last (\d+) images are kept back")
def keep_back(world, count):
    kept = world.folder / "kept-back"
    kept.mkdir()
    for path in files_of(world.sent)[-int(count):]:
        path.rename(kept / path.name)
    world.noted["kept_back"] = kept


@step(r"storescu sends it")
def storescu(world):
    dcmtk(world, "storescu", "-aet", "MODALITY", "-aec", "VEDETTE", "127.0.0.1", str(world.dicom_port), *map(str, files_of(world.sent)))


@step(r"storescu sends what was kept back")
def storescu_late(world):
    files = files_of(world.noted["kept_back"])
    dcmtk(world, "storescu", "-aet", "MODALITY", "-aec", "VEDETTE", "127.0.0.1", str(world.dicom_port), *map(str, files))


@step(r"storescu is killed in the middle of sending it")
def storescu_killed(world):
    # Everything three times over, so that it is surely still at it when the first image is seen; the association is cut, not released.
    process = subprocess.Popen(["storescu", "-aet", "MODALITY", "-aec", "VEDETTE", "127.0.0.1", str(world.dicom_port), *map(str, files_of(world.sent) * 3)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=CLEAN)
    until(30, "the first image arrives", lambda: images_in(world))
    assert process.poll() is None, "storescu had ended before it could be killed"
    process.kill()
    process.wait()


def images_in(world) -> int:
    """How many images of the study the node has, results of tools left out."""
    answer = world.person.call("GET", f"/dicom-web/studies/{world.study_uid}/instances?limit=5000&includefield=00080060", expect=(200, 204, 404),
                               headers={"Accept": "application/dicom+json"})
    rows = answer.json() if answer.status_code == 200 else []
    return len({row["00080018"]["Value"][0] for row in rows if row.get("00080060", {}).get("Value", [""])[0] not in ("SR", "SEG")})


@step(r"storescu is refused with the title (\S+)")
def wrong_title(world, title):
    done = dcmtk(world, "storescu", "-aec", title, "127.0.0.1", str(world.dicom_port), str(files_of(world.sent)[0]), expect=None)
    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in world.output, world.output


@step(r"an image without (\S+) is refused, and the sender is told which tag")
def image_without(world, keyword):
    from pynetdicom import AE
    image = pydicom.dcmread(files_of(world.sent)[0])
    tag = pydicom.datadict.tag_for_keyword(keyword)
    class_uid, instance_uid = str(image.SOPClassUID), str(image.SOPInstanceUID)
    setattr(image, keyword, "")
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(class_uid, image.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", world.dicom_port, ae_title="VEDETTE")
    assert association.is_established
    image.SOPClassUID = image.SOPClassUID or class_uid
    if keyword == "SOPInstanceUID":
        image.file_meta.MediaStorageSOPInstanceUID = instance_uid
    status = association.send_c_store(image) if keyword != "SOPInstanceUID" else send_raw(association, image, class_uid, instance_uid)
    association.release()
    assert status.Status >= 0xA700, hex(status.Status)
    comment = str(status.get("ErrorComment", ""))
    assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})".lower() in comment.lower() or keyword.lower() in comment.lower().replace(" ", ""), comment


def send_raw(association, image, class_uid, instance_uid):
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode
    import io
    context = next(iter(association.accepted_contexts))
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = class_uid
    request.AffectedSOPInstanceUID = instance_uid
    request.Priority = 2
    syntax = context.transfer_syntax[0]
    request.DataSet = io.BytesIO(encode(image, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated))
    # As pynetdicom's own senders do: its reactor must not take the answer away.
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.01)
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    status = pydicom.Dataset()
    status.Status = answer.Status
    if getattr(answer, "ErrorComment", None):
        status.ErrorComment = answer.ErrorComment
    return status


@step(r"something that is no DICOM at all is sent to the DICOM port")
def not_dicom(world):
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00" + struct.pack(">I", 0xFFFFFFF0) + b"x" * 100, os.urandom(4096), b""):
        with socket.create_connection(("127.0.0.1", world.dicom_port), timeout=10) as peer:
            peer.sendall(noise)
            peer.settimeout(2)
            try:
                peer.recv(100)
            except (TimeoutError, ConnectionError):
                pass


@step(r"a file that is no DICOM is uploaded and refused by name")
def upload_noise(world):
    files = {"file": ("holiday.txt", b"not an image of anyone", "application/octet-stream")}
    answer = world.person.call("POST", "/api/uploads", expect=(200, 400, 422), files=files)
    assert "holiday.txt" in answer.text, answer.text


@step(r"the same study is sent again")
def again(world):
    storescu(world)


@step(r"an image with the same UID and other pixels is sent")
def same_uid_other_pixels(world):
    path = files_of(world.sent)[0]
    image = pydicom.dcmread(path)
    world.noted["conflict_uid"] = str(image.SOPInstanceUID)
    world.noted["conflict_series"] = str(image.SeriesInstanceUID)
    world.noted["first_pixels"] = bytes(image.PixelData)
    pixels = bytearray(image.PixelData)
    pixels[0] ^= 0xFF
    image.PixelData = bytes(pixels)
    other = world.folder / "other.dcm"
    image.save_as(other)
    dcmtk(world, "storescu", "-aet", "MODALITY", "-aec", "VEDETTE", "127.0.0.1", str(world.dicom_port), str(other))


@step(r"the first one is still the one that is retrieved, and the other is reported")
def first_kept(world):
    path = f"/dicom-web/studies/{world.study_uid}/series/{world.noted['conflict_series']}/instances/{world.noted['conflict_uid']}"
    answer = world.person.call("GET", path, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert world.noted["first_pixels"] in answer.content
    def reported():
        study = world.person.get(f"/api/studies/{world.study_uid}")
        return [c for c in study["conflicts"] if c["sop_instance_uid"] == world.noted["conflict_uid"]]
    until(10, "the conflict is reported", reported)


@step(r"every image comes back bit for bit")
def bit_for_bit(world):
    count = 0
    for path in files_of(world.sent):
        sent = pydicom.dcmread(path)
        where = f"/dicom-web/studies/{sent.StudyInstanceUID}/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}"
        answer = world.person.call("GET", where, headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})
        assert bytes(sent.PixelData) in answer.content, path
        count += 1
    assert count > 0


@step(r"the study has been taken in with (all|some) of its images")
def taken_in(world, how_many):
    wanted = len({str(pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID) for p in files_of(world.sent)})
    until(20, "images", lambda: images_in(world) == wanted if how_many == "all" else 0 < images_in(world) <= wanted)


STEP_CLASS = "1.2.840.10008.3.1.2.3.3"


def to_step(world):
    """An association for performed procedure steps, by a peer that is none of ours: pynetdicom."""
    from pynetdicom import AE
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(STEP_CLASS)
    association = entity.associate("127.0.0.1", world.dicom_port, ae_title="VEDETTE")
    assert association.is_established
    return association


def begun_step(study_uid):
    step_data, scheduled = pydicom.Dataset(), pydicom.Dataset()
    scheduled.StudyInstanceUID = study_uid
    step_data.ScheduledStepAttributesSequence = [scheduled]
    step_data.PatientName = "Test^Step"
    step_data.PatientID = "STEP-4711"
    step_data.PerformedProcedureStepID = "1"
    step_data.PerformedStationAETitle = "MODALITY"
    step_data.PerformedProcedureStepStartDate = "20260102"
    step_data.PerformedProcedureStepStartTime = "101500"
    step_data.PerformedProcedureStepStatus = "IN PROGRESS"
    step_data.Modality = "PT"
    step_data.PerformedSeriesSequence = []
    return step_data


def ended_step(paths, state="COMPLETED"):
    series: dict[str, pydicom.Dataset] = {}
    for path in paths:
        image = pydicom.dcmread(path, stop_before_pixels=True)
        one = series.setdefault(str(image.SeriesInstanceUID), pydicom.Dataset())
        one.SeriesInstanceUID = image.SeriesInstanceUID
        reference = pydicom.Dataset()
        reference.ReferencedSOPClassUID = image.SOPClassUID
        reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
        one.ReferencedImageSequence = [*one.get("ReferencedImageSequence", []), reference]
    step_data = pydicom.Dataset()
    step_data.PerformedProcedureStepStatus = state
    step_data.PerformedProcedureStepEndDate = "20260102"
    step_data.PerformedProcedureStepEndTime = "103000"
    step_data.PerformedSeriesSequence = list(series.values())
    return step_data


@step(r"the modality begins its procedure step")
def begin_step(world):
    uid = world.noted["step_uid"] = generate_uid()
    association = to_step(world)
    status, _ = association.send_n_create(begun_step(world.study_uid), STEP_CLASS, uid)
    association.release()
    assert status.Status == 0x0000, status
    world.noted["patient_words"] += ["STEP-4711", "Test^Step"]


@step(r"procedure steps that the standard forbids are refused, each with its status and its tag")
def refused_steps(world):
    def changed(data, keyword, value):
        setattr(data, keyword, value) if value is not None else delattr(data, keyword)
        return data
    def begun(keyword, value):
        return changed(begun_step(world.study_uid), keyword, value)
    def ended(keyword, value):
        return changed(ended_step(files_of(world.sent)[:1]), keyword, value)
    association = to_step(world)
    create = lambda data, uid: association.send_n_create(data, STEP_CLASS, uid)[0]
    change = lambda data, uid: association.send_n_set(data, STEP_CLASS, uid)[0]
    mine, new = world.noted["step_uid"], generate_uid()
    for said, status, words in [
            (create(begun_step(world.study_uid), mine), 0x0111, "(0000,1000)"),
            (change(ended("Modality", "PT"), new), 0x0112, "(0000,1001)"),
            (create(begun("ScheduledStepAttributesSequence", None), new), 0x0120, "(0040,0270)"),
            (create(begun("ScheduledStepAttributesSequence", [pydicom.Dataset()]), new), 0x0120, "(0020,000D)"),
            (create(begun("PerformedStationAETitle", ""), new), 0x0121, "(0040,0241)"),
            (create(begun("PerformedProcedureStepStatus", "COMPLETED"), new), 0x0106, "(0040,0252)"),
            (change(ended("PerformedProcedureStepStatus", "FINISHED"), mine), 0x0106, "(0040,0252)"),
            (change(ended("PerformedSeriesSequence", []), mine), 0x0121, "(0040,0340)"),
            (change(ended("PerformedProcedureStepEndTime", None), mine), 0x0120, "(0040,0251)"),
            (change(ended_step([]), generate_uid()), 0x0112, "(0000,1001)")]:
        assert said.Status == status and words in said.ErrorComment, (said, status, words)
    association.release()


@step(r"storescu sends it and the modality ends its procedure step as (COMPLETED|DISCONTINUED)")
def send_and_end_step(world, state):
    # All is ready before the images go: with the step in progress the node waits for its end, two seconds at most.
    kept = world.noted.get("kept_back")
    ended = ended_step(files_of(world.sent) + (files_of(kept) if kept else []), state)
    association = to_step(world)
    storescu(world)
    status, _ = association.send_n_set(ended, STEP_CLASS, world.noted["step_uid"])
    association.release()
    assert status.Status == 0x0000, status


@step(r"the ended step takes no more changes")
def ended_stays(world):
    association = to_step(world)
    late, _ = association.send_n_set(ended_step(files_of(world.sent)), STEP_CLASS, world.noted["step_uid"])
    association.release()
    assert late.Status == 0x0110 and late.ErrorID == 0xA710 and "no longer be updated" in late.ErrorComment, late


@step(r"the ledger says version (\d+) of the study is complete by (\S+?)(?:, with (\d+) images missing)?")
def complete_by(world, version, evidence, missing):
    if "checker" not in world.people:
        world.add_person("checker", ["auditor"])
    def told():
        rows = [row for row in world.people["checker"].get("/api/ledger?limit=500")["rows"] if row["kind"] == "study.completed"]
        details = [json.loads(row["details"]) if isinstance(row["details"], str) else row["details"] for row in rows]
        return [one for one in details if one["generation"] == int(version)]
    rows = until(20, f"study.completed of version {version} in the ledger", told)
    assert len(rows) == 1, rows
    assert rows[0]["evidence"] == evidence and rows[0].get("missing") == (int(missing) if missing else None), rows
