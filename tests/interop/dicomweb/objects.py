"""Synthetic objects made with pydicom, and multipart bodies made by hand."""
import io
import uuid

import numpy
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_MULTIFRAME_WORD = "1.2.840.10008.5.1.4.1.1.7.3"


def image(study=None, series=None, number=1, syntax=ExplicitVRLittleEndian, name="Prüf^Änne", rows=32, columns=24, frames=1, modality="CT", **more):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID = CT if frames == 1 else SECONDARY_MULTIFRAME_WORD
    data.SOPInstanceUID = generate_uid()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.StudyInstanceUID = study or generate_uid()
    data.SeriesInstanceUID = series or generate_uid()
    data.StudyDate, data.StudyTime = "20260317", "101112"
    data.AccessionNumber = "ACC-" + data.StudyInstanceUID[-6:]
    data.PatientName, data.PatientID = name, "PID-" + data.StudyInstanceUID[-6:]
    data.PatientBirthDate, data.PatientSex = "19550102", "F"
    data.ReferringPhysicianName = "Über^Weiser"
    data.StudyID, data.StudyDescription = "S1", "Thorax nativ"
    data.Modality, data.SeriesNumber, data.InstanceNumber = modality, 3, number
    data.SeriesDescription = "axial"
    data.Manufacturer = "Synthetic"
    data.Rows, data.Columns = rows, columns
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.WindowCenter, data.WindowWidth = 500, 1000
    if frames > 1:
        data.NumberOfFrames = frames
    pixels = (numpy.arange(rows * columns * frames, dtype=numpy.uint32) * 7 + number * 31) % 1000
    data.PixelData = pixels.astype("<u2").tobytes()
    data["PixelData"].VR = "OW"
    for key, value in more.items():
        setattr(data, key, value)
    return data


def file_of(data):
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def multipart(files, kind="application/dicom"):
    boundary = uuid.uuid4().hex
    body = b""
    for one in files:
        body += b"--" + boundary.encode() + b"\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + one + b"\r\n"
    return body + b"--" + boundary.encode() + b"--\r\n", 'multipart/related; type="application/dicom"; boundary=' + boundary


def parts_of(response):
    """[(headers, bytes)] of a multipart answer, read with our own eyes (no library of ours or theirs)."""
    kind = response.headers["Content-Type"]
    assert kind.startswith("multipart/related"), kind
    boundary = kind.split("boundary=")[1].split(";")[0].strip('"').encode()
    body = response.content
    assert body.endswith(b"--" + boundary + b"--\r\n")
    out = []
    for part in body.split(b"--" + boundary)[1:-1]:
        assert part.startswith(b"\r\n") and part.endswith(b"\r\n")
        head, _, content = part[2:-2].partition(b"\r\n\r\n")
        out.append((dict(line.split(": ", 1) for line in head.decode().split("\r\n")), content))
    return out


def store(web, *data):
    body, kind = multipart([file_of(one) for one in data])
    answer = web.request("POST", "/studies", data=body, headers={"Content-Type": kind, "Accept": "application/dicom+json"})
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def path_of(data, level="instance"):
    out = f"/studies/{data.StudyInstanceUID}"
    if level == "study":
        return out
    out += f"/series/{data.SeriesInstanceUID}"
    return out if level == "series" else out + f"/instances/{data.SOPInstanceUID}"
