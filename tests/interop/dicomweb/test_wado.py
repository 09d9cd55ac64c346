import io
import zlib

import numpy
import pydicom
import pytest
from objects import file_of, image, multipart, parts_of, path_of, store
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid)

DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


@pytest.fixture(scope="module")
def slice_(web):
    one = image()
    store(web, one)
    return one


@pytest.fixture(scope="module")
def movie(web):
    one = image(frames=5, modality="OT")
    store(web, one)
    return one


@pytest.fixture(scope="module")
def compressed(web):
    one = image(frames=3, modality="OT")
    one.compress(RLELossless)
    one.file_meta.TransferSyntaxUID = RLELossless
    store(web, one)
    return one


def test_a_series_and_a_study_come_in_parts(web):
    study, series = generate_uid(), generate_uid()
    slices = [image(study, series, number) for number in (3, 1, 2)]
    store(web, *slices)
    for level in ("series", "study"):
        parts = parts_of(web.get(path_of(slices[0], level), DICOM))
        assert [pydicom.dcmread(io.BytesIO(content)).InstanceNumber for _, content in parts] == [1, 2, 3]
        assert parts[0][0]["Content-Type"] == "application/dicom; transfer-syntax=" + ExplicitVRLittleEndian


def test_a_single_instance_as_one_part(web, slice_):
    answer = web.get(path_of(slice_), "application/dicom")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/dicom")
    assert pydicom.dcmread(io.BytesIO(answer.content)).PixelData == slice_.PixelData


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_implicit_and_big_endian_leave_as_explicit_unless_the_stored_one_is_asked_for(web, syntax):
    one = image(syntax=syntax)
    if syntax == ExplicitVRBigEndian:
        one.PixelData = numpy.frombuffer(one.PixelData, "<u2").astype(">u2").tobytes()
    sent = file_of(one)
    body, kind = multipart([sent])
    assert web.request("POST", "/studies", data=body, headers={"Content-Type": kind}).status_code == 200
    expected = numpy.frombuffer(image(number=1).PixelData, "<u2").reshape(32, 24)
    if syntax != DeflatedExplicitVRLittleEndian:
        (headers, content), = parts_of(web.get(path_of(one), DICOM))
        assert headers["Content-Type"].endswith("transfer-syntax=" + ExplicitVRLittleEndian)
        turned = pydicom.dcmread(io.BytesIO(content))
        assert turned.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert (turned.pixel_array == expected).all() and turned.PatientName == one.PatientName
    (headers, content), = parts_of(web.get(path_of(one), DICOM + "; transfer-syntax=*"))
    assert headers["Content-Type"].endswith("transfer-syntax=" + syntax)
    assert (pydicom.dcmread(io.BytesIO(content)).pixel_array == expected).all()
    (headers, content), = parts_of(web.get(path_of(one), DICOM + "; transfer-syntax=" + ExplicitVRLittleEndian))
    assert (pydicom.dcmread(io.BytesIO(content)).pixel_array == expected).all()
    (_, frame), = parts_of(web.get(path_of(one) + "/frames/1", OCTETS))
    assert (numpy.frombuffer(frame, "<u2").reshape(32, 24) == expected).all()


def test_metadata_have_everything_but_bulk(web, slice_):
    header, = web.get(path_of(slice_) + "/metadata", "application/dicom+json").json()
    assert header["00100010"]["Value"][0]["Alphabetic"] == str(slice_.PatientName)
    assert header["00281050"]["Value"] == [500]
    assert not [key for key in header if key.startswith("0002")]
    uri = header["7FE00010"]["BulkDataURI"]
    assert uri.startswith("http://") and "Value" not in header["7FE00010"]
    (part, pixels), = parts_of(web.get(uri, OCTETS))
    assert pixels == slice_.PixelData
    assert web.get(uri, "application/octet-stream").content == slice_.PixelData
    for level in ("series", "study"):
        assert web.get(path_of(slice_, level) + "/metadata").json() == [header]
    assert web.get(path_of(slice_) + "/metadata", 'multipart/related; type="application/dicom+xml"').status_code == 406


def test_metadata_of_a_long_series(web):
    study, series = generate_uid(), generate_uid()
    store(web, *[image(study, series, number, rows=8, columns=8) for number in range(1, 301)])
    headers = web.get(f"/studies/{study}/series/{series}/metadata").json()
    assert [one["00200013"]["Value"][0] for one in headers] == list(range(1, 301))


def test_native_frames(web, movie):
    size = 32 * 24 * 2
    (one, pixels), = parts_of(web.get(path_of(movie) + "/frames/2", OCTETS))
    assert pixels == movie.PixelData[size:2 * size]
    assert one["Content-Type"] == "application/octet-stream; transfer-syntax=" + ExplicitVRLittleEndian
    assert one["Content-Location"].endswith("/frames/2")
    several = parts_of(web.get(path_of(movie) + "/frames/1,5,3", OCTETS + "; transfer-syntax=*"))
    assert [content for _, content in several] == [movie.PixelData[i * size:(i + 1) * size] for i in (0, 4, 2)]
    assert web.get(path_of(movie) + "/frames/4", "application/octet-stream").content == movie.PixelData[3 * size:4 * size]
    for accept in ("*/*", "multipart/related; type=application/octet-stream", OCTETS + "; transfer-syntax=" + ExplicitVRLittleEndian,
                   "application/dicom+json, multipart/related;type=application/octet-stream", 'multipart/related; type="image/jls", ' + OCTETS):
        answer = web.get(path_of(movie) + "/frames/1", accept)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("multipart/related"), accept


def test_compressed_frames_as_stored_and_decoded(web, compressed):
    size = 32 * 24 * 2
    plain = image(frames=3).PixelData
    stored = [bytes(one) for one in pydicom.encaps.generate_frames(compressed.PixelData, number_of_frames=3)]
    (headers, content), = parts_of(web.get(path_of(compressed) + "/frames/2", OCTETS + "; transfer-syntax=*"))
    assert content == stored[1] and headers["Content-Type"] == "application/octet-stream; transfer-syntax=" + RLELossless
    (headers, content), = parts_of(web.get(path_of(compressed) + "/frames/3", 'multipart/related; type="image/dicom-rle"'))
    assert content == stored[2] and headers["Content-Type"].startswith("image/dicom-rle")
    (headers, content), = parts_of(web.get(path_of(compressed) + "/frames/2", OCTETS))
    assert content == plain[size:2 * size] and headers["Content-Type"].endswith(ExplicitVRLittleEndian)
    assert web.get(path_of(compressed) + "/frames/1", 'multipart/related; type="image/jls"').status_code == 406
    (headers, content), = parts_of(web.get(path_of(compressed), DICOM + "; transfer-syntax=" + ExplicitVRLittleEndian))
    assert pydicom.dcmread(io.BytesIO(content)).PixelData == plain


def test_frames_that_are_not_there(web, movie):
    assert web.get(path_of(movie) + "/frames/6").status_code == 404
    for wrong in ("0", "x", "-1", "1,,2"):
        assert web.get(path_of(movie) + "/frames/" + wrong).status_code == 400, wrong


def test_what_is_not_here_is_404_and_what_is_no_uid_is_400(web, slice_):
    assert web.get(f"/studies/{generate_uid()}").status_code == 404
    assert web.get(f"/studies/{slice_.StudyInstanceUID}/series/{generate_uid()}/metadata").status_code == 404
    wrong_parent = path_of(slice_).replace(slice_.SeriesInstanceUID, generate_uid())
    assert web.get(wrong_parent).status_code == 404
    assert web.get("/studies/1.2.x").status_code == 400


def test_unacceptable_media_types_are_406_and_mixed_ones_400(web, slice_):
    assert web.get(path_of(slice_), "text/html").status_code == 406
    assert web.get(path_of(slice_), DICOM + "; transfer-syntax=1.2.840.10008.1.2.4.90").status_code == 406
    assert web.get(path_of(slice_), "application/dicom, image/jpeg").status_code == 400
    assert web.get(path_of(slice_), "application/dicom;transfer-syntax=*").status_code == 200


def test_rendered_images_are_windowed_scaled_and_encoded(web, slice_):
    pillow = pytest.importorskip("PIL.Image")
    answer = web.get(path_of(slice_) + "/rendered", "image/png")
    assert answer.status_code == 200, answer.text
    shown = numpy.asarray(pillow.open(io.BytesIO(answer.content))).astype(int)
    assert shown.shape == (32, 24)
    expected = pydicom.pixels.apply_voi_lut(slice_.pixel_array.astype(float), slice_)
    assert abs(shown - (expected - expected.min()) / (expected.max() - expected.min()) * 255).max() < 8
    jpeg = web.get(path_of(slice_) + "/rendered?viewport=12,12&quality=50&window=400,100,linear", "image/jpeg")
    assert jpeg.headers["Content-Type"] == "image/jpeg" and pillow.open(io.BytesIO(jpeg.content)).size == (9, 12)
    frame = web.get(path_of(slice_) + "/frames/1/rendered", "image/png")
    assert frame.content == answer.content
    for wrong in ("window=1", "window=a,b", "viewport=0,0", "quality=101", "viewport=1,2,3"):
        assert web.get(path_of(slice_) + "/rendered?" + wrong).status_code == 400, wrong
    assert web.get(path_of(slice_) + "/rendered", "application/dicom").status_code == 406


def test_thumbnails_at_every_level(web, slice_, movie):
    for path in (path_of(slice_, "study"), path_of(slice_, "series"), path_of(slice_), path_of(slice_) + "/frames/1", path_of(movie, "study")):
        answer = web.get(path + "/thumbnail", "image/*")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/jpeg", path
    burned = image(BurnedInAnnotation="YES")
    store(web, burned)
    plain = web.get(path_of(burned) + "/thumbnail", "image/png").content
    assert len(set(zlib.crc32(plain[i:i + 4]) for i in range(0, 8))) and len(plain) < 600, "a plain tile, not the pixels"


def test_dicomweb_client_retrieves(client, slice_, compressed):
    one = client.retrieve_instance(slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.SOPInstanceUID)
    assert one.PixelData == slice_.PixelData
    assert len(client.retrieve_series(slice_.StudyInstanceUID, slice_.SeriesInstanceUID)) == 1
    assert len(client.retrieve_study(slice_.StudyInstanceUID)) == 1
    header = pydicom.Dataset.from_json(client.retrieve_instance_metadata(slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.SOPInstanceUID))
    assert header.PatientID == slice_.PatientID and header.Rows == 32
    frames = client.retrieve_instance_frames(compressed.StudyInstanceUID, compressed.SeriesInstanceUID, compressed.SOPInstanceUID, [1, 2])
    assert len(frames) == 2
    bulk = client.retrieve_bulkdata(client.retrieve_instance_metadata(slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.SOPInstanceUID)["7FE00010"]["BulkDataURI"])
    assert bulk == [slice_.PixelData]


def test_every_transfer_syntax_of_the_shared_files_is_kept_and_its_frames_are_readable(web, shared):
    folder = shared / "data" / "orthanc-transfer-syntaxes"
    if not folder.exists():
        pytest.skip("no transfer syntax samples")
    seen = set()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            one = pydicom.dcmread(file)
            syntax = one.file_meta.TransferSyntaxUID
        except Exception:  # not DICOM: a note beside the files
            continue
        if "PixelData" not in one:
            continue
        body, kind = multipart([file.read_bytes()])
        answer = web.request("POST", "/studies", data=body, headers={"Content-Type": kind})
        assert answer.status_code in (200, 202), (file.name, answer.text)
        if answer.status_code == 202:
            continue  # the same UID in another syntax: kept apart
        (headers, content), = parts_of(web.get(path_of(one), DICOM + "; transfer-syntax=*"))
        assert headers["Content-Type"].endswith("=" + syntax), file.name
        assert pydicom.dcmread(io.BytesIO(content)).PixelData == one.PixelData, file.name
        frame = web.get(path_of(one) + "/frames/1", OCTETS + "; transfer-syntax=*, */*")
        assert frame.status_code == 200, (file.name, frame.text)
        rendered = web.get(path_of(one) + "/rendered")
        assert rendered.status_code == 200, (file.name, rendered.text)
        seen.add(syntax)
    assert seen
