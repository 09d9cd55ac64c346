"""Generated instances: headers of ordinary scanners, pixels of smoothed noise (flat ones would flatter every codec and disk)."""
import io
import pathlib

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CT, MR, PET = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
DX, MG, US = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.3.1"
PLACE = "2.25.1" + "0" * 33  # as long as each UID that is put in its place
NUMBER = "77777777"


def uid(kind: int, study: int, series: int, instance: int) -> str:
    out = f"2.25.1{kind:04}{study:09}{series:04}{instance:016}"
    assert len(out) == len(PLACE)
    return out


def noise(rows: int, columns: int, seed: int, bits: int = 16) -> bytes:
    random = numpy.random.default_rng(seed)
    coarse = random.normal(0, 1, (rows // 8 + 2, columns // 8 + 2))
    smooth = numpy.kron(coarse, numpy.ones((8, 8)))[:rows, :columns]
    for axis in (0, 1):
        smooth = (numpy.roll(smooth, 3, axis) + numpy.roll(smooth, -3, axis) + smooth) / 3
    picture = 1000 + 300 * smooth + random.normal(0, 12, (rows, columns))
    return numpy.clip(picture, 0, 4095).astype("<u2").tobytes() if bits == 16 else numpy.clip(picture / 16, 0, 255).astype("u1").tobytes()


def template(sop_class: str, modality: str, rows: int, columns: int, frames: int, bits: int) -> bytes:
    """A Part 10 file up to and without the pixels' bytes; UIDs and numbers to be put in."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = sop_class, PLACE[:-1] + "4", ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SOPClassUID, data.SOPInstanceUID = sop_class, PLACE[:-1] + "4"
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = "20260301"
    data.StudyTime = data.SeriesTime = data.AcquisitionTime = data.ContentTime = "101500"
    data.AccessionNumber, data.Modality, data.Manufacturer = "B" + NUMBER, modality, "Generated"
    data.InstitutionName, data.ReferringPhysicianName = "Bench", "Generated^Referrer"
    data.StudyDescription, data.SeriesDescription, data.ManufacturerModelName = "Bench " + modality, "Series of the bench", "None"
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex, data.PatientAge = "Bench^Person", "B" + NUMBER, "19600101", "O", "066Y"
    data.BodyPartExamined, data.SliceThickness, data.KVP = "CHEST", "1.25", "120"
    data.SoftwareVersions, data.ProtocolName = "1", "BENCH"
    data.SpacingBetweenSlices, data.GantryDetectorTilt, data.TableHeight, data.ExposureTime = "1.25", "0", "150", "500"
    data.XRayTubeCurrent, data.Exposure, data.FilterType, data.ConvolutionKernel, data.PatientPosition = "200", "100", "BODY", "B40f", "HFS"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.StudyID = PLACE[:-1] + "2", PLACE[:-1] + "3", NUMBER
    data.SeriesNumber, data.AcquisitionNumber, data.InstanceNumber = "1", "1", NUMBER
    data.ImagePositionPatient, data.ImageOrientationPatient = ["-250", "-250", "100"], ["1", "0", "0", "0", "1", "0"]
    data.FrameOfReferenceUID, data.SliceLocation = "2.25.77", "100"
    data.SamplesPerPixel, data.PhotometricInterpretation, data.Rows, data.Columns = 1, "MONOCHROME2", rows, columns
    if frames > 1:
        data.NumberOfFrames = frames
    data.PixelSpacing = ["0.976562", "0.976562"]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = bits, min(bits, 12), min(bits, 12) - 1, 0
    data.WindowCenter, data.WindowWidth, data.RescaleIntercept, data.RescaleSlope = "40", "400", "-1024", "1"
    data.PixelData = b""
    data["PixelData"].VR = "OW"
    out = io.BytesIO()
    pydicom.dcmwrite(out, data, enforce_file_format=True) if pydicom.__version__ >= "3" else pydicom.dcmwrite(out, data, write_like_original=False)
    return out.getvalue()[:-4]  # the length of the pixels


class Maker:
    """Instances of one kind: bytes of any study, series and number."""

    def __init__(self, kind: int, sop_class: str, modality: str, rows: int, columns: int, frames: int = 1, bits: int = 16):
        self.kind, self.modality = kind, modality
        self.head = template(sop_class, modality, rows, columns, frames, bits)
        self.size = rows * columns * frames * bits // 8
        base = noise(rows, columns, kind, bits)
        self.pixels = base * (frames + 1)

    def make(self, study: int, number: int, series: int = 1) -> bytes:
        at = self.head.rindex(NUMBER.encode())  # Instance Number stands last
        head = self.head[:at].replace(NUMBER.encode(), f"{study:08}".encode()) + f"{number:08}".encode() + self.head[at + 8:]
        for mark, text in ((PLACE[:-1] + "4", uid(self.kind, study, series, number)), (PLACE[:-1] + "2", uid(self.kind, study, 0, 0)),
                           (PLACE[:-1] + "3", uid(self.kind, study, series, 0))):
            head = head.replace(mark.encode(), text.encode())
        shift = number * 7919 * 2 % (len(self.pixels) - self.size)
        return head + self.size.to_bytes(4, "little") + self.pixels[shift:shift + self.size]

    def study_uid(self, study: int) -> str:
        return uid(self.kind, study, 0, 0)

    def series_uid(self, study: int, series: int = 1) -> str:
        return uid(self.kind, study, series, 0)

    def folder(self, root: pathlib.Path, study: int, count: int, first: int = 1) -> pathlib.Path:
        """One study's files; written once, used again."""
        folder = root / f"{self.modality.lower()}{self.kind}-{self.size}" / f"{study:09}-{count}-{first}"
        if not (folder / "whole").exists():
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(first, first + count):
                (folder / f"{i:06}.dcm").write_bytes(self.make(study, i))
            (folder / "whole").write_text("")
        return folder


def ct() -> Maker:
    return Maker(1, CT, "CT", 512, 512)


def mr_128() -> Maker:
    return Maker(2, MR, "MR", 256, 256)


def mr_12() -> Maker:
    return Maker(3, MR, "MR", 80, 72)


def day() -> list[tuple[Maker, int, int]]:
    """W1 in twenty studies: kind, studies, instances of each."""
    return [(ct(), 8, 300), (mr_128(), 4, 200), (Maker(4, DX, "DX", 2500, 2500), 5, 2), (Maker(5, MG, "MG", 4096, 3328), 1, 4),
            (Maker(6, US, "US", 600, 800, frames=208, bits=8), 1, 1), (Maker(7, PET, "PT", 160, 160), 1, 300)]
