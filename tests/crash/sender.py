"""Senders: small studies by C-STORE and STOW over several associations, and a reader who gives verdicts. What was acknowledged is written down."""
import dataclasses
import hashlib
import pathlib
import random
import sys
import threading
import time

import pydicom
import requests
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.sop_class import MRImageStorage, SecondaryCaptureImageStorage

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import pynetdicom_race  # noqa: E402, F401

_config.STORE_SEND_CHUNKED_DATASET = True  # the file's bytes go out as they are


@dataclasses.dataclass
class Image:
    uid: str
    series: str
    path: pathlib.Path
    digest: str  # SHA-256 of the data set as it is sent, without file header
    acknowledged: bool = False


@dataclasses.dataclass
class Study:
    uid: str
    way: str  # "C-STORE" or "STOW"
    images: list[Image]

    @property
    def whole(self) -> bool:
        return all(image.acknowledged for image in self.images)


class Acknowledged:
    """The log of the senders: one line for each answer, before the next request."""

    def __init__(self, path: pathlib.Path):
        self.studies: list[Study] = []
        self.erased: list[Study] = []
        self.verdicts: dict[str, tuple[str, str]] = {}  # finding: study, state
        self.signatures: dict[str, str] = {}  # study: signature time
        self._file = open(path, "a")
        self._lock = threading.Lock()

    def image(self, image: Image):
        with self._lock:
            image.acknowledged = True
            print("image", image.uid, image.digest, file=self._file, flush=True)

    def verdict(self, study: str, finding: str, state: str):
        with self._lock:
            self.verdicts[finding] = study, state
            print("verdict", finding, state, file=self._file, flush=True)

    def signature(self, study: str, at: str):
        with self._lock:
            self.signatures[study] = at
            print("signature", study, at, file=self._file, flush=True)

    def erase(self, study: Study):
        """From now on it must be gone, with all that anybody said about it."""
        with self._lock:
            self.studies.remove(study)
            self.erased.append(study)
            self.verdicts = {finding: one for finding, one in self.verdicts.items() if one[0] != study.uid}
            self.signatures.pop(study.uid, None)
            print("erased", study.uid, file=self._file, flush=True)

    def images(self) -> list[tuple[Study, Image]]:
        return [(study, image) for study in list(self.studies) for image in study.images if image.acknowledged]


def uid(chance: random.Random) -> str:
    return f"2.25.{chance.getrandbits(120)}"


def make_study(folder: pathlib.Path, chance: random.Random, way: str, filling: bool = False) -> Study:
    """A series of MR for the tool, and often one of captures of very different sizes; `filling`: so many that segments come to their end."""
    study = Study(uid(chance), way, [])
    frame = uid(chance)
    series = [("MR", MRImageStorage, 32, chance.randint(1, 4))]
    if filling:
        series.append(("OT", SecondaryCaptureImageStorage, 200, 30))
    elif chance.random() < 0.7:
        series.append(("OT", SecondaryCaptureImageStorage, chance.choice((8, 64, 200, 256, 700, 700)), chance.randint(1, 3)))
    for number, (modality, sop_class, side, count) in enumerate(series, 1):
        series_uid = uid(chance)
        for slice_ in range(count):
            data = pydicom.Dataset()
            data.file_meta = pydicom.dataset.FileMetaDataset()
            data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = sop_class
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uid(chance)
            data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study.uid, series_uid, frame
            data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Crash^Test", f"C{study.uid[-8:]}", "19500101", "O"
            data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20260101", "120000", "", "1"
            data.ReferringPhysicianName, data.Manufacturer = "", "Vedette tests"
            data.Modality, data.SeriesNumber, data.InstanceNumber = modality, number, slice_ + 1
            data.ImageType, data.PositionReferenceIndicator = ["ORIGINAL", "PRIMARY", "M"], ""
            data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, slice_ * 2]
            data.PixelSpacing, data.SliceThickness = [1, 1], 2
            data.Rows = data.Columns = side
            data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
            data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
            data.PixelData = chance.randbytes(side * side * 2)
            path = folder / f"{data.SOPInstanceUID}.dcm"
            pydicom.dcmwrite(path, data, enforce_file_format=True)
            text = path.read_bytes()
            start = 144 + int.from_bytes(text[140:144], "little")  # behind preamble, DICM and group 0002
            study.images.append(Image(str(data.SOPInstanceUID), series_uid, path, hashlib.sha256(text[start:]).hexdigest()))
    return study


def send_by_association(node, study: Study, log: Acknowledged, opened: list):
    entity = AE(ae_title="MODALITY")
    for context in (MRImageStorage, SecondaryCaptureImageStorage):
        entity.add_requested_context(context, ExplicitVRLittleEndian)
    entity.acse_timeout, entity.dimse_timeout, entity.network_timeout = 3, 10, 10
    association = entity.associate("127.0.0.1", node.dicom_port, ae_title="VEDETTE")
    opened.append(association)
    try:
        for image in study.images:
            if not association.is_established:
                return
            answer = association.send_c_store(image.path)
            if "Status" in answer and answer.Status == 0x0000:
                log.image(image)
    except (RuntimeError, ValueError):
        pass  # the node has died
    finally:
        if association.is_established:
            association.release()
        else:
            association.kill()


def send_by_stow(node, study: Study, log: Acknowledged, opened: list):
    parts = b"".join(b"--part\r\nContent-Type: application/dicom\r\n\r\n" + image.path.read_bytes() + b"\r\n" for image in study.images)
    try:
        answer = node.post("/dicom-web/studies", data=parts + b"--part--\r\n",
                           headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=part', "Accept": "application/dicom+json"})
    except requests.RequestException:
        return
    if answer.status_code not in (200, 202):
        return
    stored = {item["00081155"]["Value"][0] for item in answer.json().get("00081199", {}).get("Value", [])}
    for image in study.images:
        if image.uid in stored:
            log.image(image)


def send(node, study: Study, log: Acknowledged, opened: list):
    """Associations are added to `opened` while they last."""
    (send_by_stow if study.way == "STOW" else send_by_association)(node, study, log, opened)


class Load:
    """Everything that happens on a node at once, until it dies or is to stop."""

    def __init__(self, node, log: Acknowledged, folder: pathlib.Path, seed: int, studies: int = 3, filling: bool = False):
        self.node, self.log, self.folder, self.studies, self.filling = node, log, folder, studies, filling
        self.stopping = threading.Event()
        self.opened: list = []
        self.sent_all: float | None = None
        ways = ("C-STORE", "C-STORE", "STOW")
        self.threads = [threading.Thread(target=self._send, args=(way, random.Random(seed * 10 + i)), daemon=True) for i, way in enumerate(ways)]
        self.threads.append(threading.Thread(target=self._read, args=(random.Random(seed * 10 + 9),), daemon=True))
        for thread in self.threads:
            thread.start()

    def over(self) -> bool:
        return self.stopping.is_set() or self.node.dead()

    def end(self):
        self.stopping.set()
        end = time.monotonic() + 30
        while time.monotonic() < end and any(thread.is_alive() for thread in self.threads):
            for association in self.opened:
                association.dimse.msg_queue.put((None, None))  # pynetdicom goes on waiting for an answer when the connection has broken
            time.sleep(0.05)
        assert not any(thread.is_alive() for thread in self.threads), "a sender hangs"

    def done_for(self) -> float:
        """Seconds since everything was sent; negative until then. The reader goes on."""
        if self.sent_all is None and not any(thread.is_alive() for thread in self.threads[:-1]):
            self.sent_all = time.monotonic()
        return -1 if self.sent_all is None else time.monotonic() - self.sent_all

    def _send(self, way: str, chance: random.Random):
        for _ in range(self.studies):
            if self.over():
                return
            study = make_study(self.folder, chance, way, self.filling and way == "STOW")
            self.log.studies.append(study)
            send(self.node, study, self.log, self.opened)
            self.stopping.wait(chance.uniform(0, 1.2))

    def _read(self, chance: random.Random):
        while not self.over():
            try:
                read_one(self.node, self.log, chance)
            except (requests.RequestException, KeyError, ValueError):
                pass  # the node has died in the middle of an answer
            self.stopping.wait(0.05)


def read_one(node, log: Acknowledged, chance: random.Random):
    """A verdict on a finding of some study, and often the signature."""
    rows = [row for row in node.get("/api/worklist?limit=200").json()["rows"] if row["findings"]["proposed"]]
    if not rows:
        return
    study = chance.choice(rows[-6:])["study_uid"]
    for finding in node.get(f"/api/studies/{study}/findings").json()["findings"]:
        if finding["state"] != "proposed":
            continue
        etag = node.get(f"/api/findings/{finding['id']}").headers["ETag"]
        body = chance.choice(({"verdict": "confirm"}, {"verdict": "defer"}, {"verdict": "edit", "changes": {"text": "Seen by a person"}}))
        answer = node.post(f"/api/findings/{finding['id']}/verdicts", json=body, headers={"If-Match": etag})
        if answer.status_code == 200:
            log.verdict(study, finding["id"], answer.json()["state"])
    if chance.random() < 0.6:
        preview = node.get(f"/api/studies/{study}/signature")
        answer = node.post(f"/api/studies/{study}/signature", json={"leave_unreviewed": True}, headers={"If-Match": preview.json()["etag"]})
        if answer.status_code in (200, 201):
            log.signature(study, answer.json()["signed"]["at"])


def send_rest(node, log: Acknowledged):
    """What a modality does when the node is back: the whole of each study that was not acknowledged to its end."""
    for study in log.studies:
        for _ in range(3):
            if not study.whole:
                send(node, study, log, [])
