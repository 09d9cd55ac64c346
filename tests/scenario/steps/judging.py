"""Judges that the project did not write: Orthanc, dciodvfy, dsrdump, highdicom."""
import io
import pathlib
import shutil
import subprocess

import pydicom
import requests

from .reading import findings
from .world import Skip, step, until


def fetch(world, title, modality):
    """All instances of a modality of the story's study in the peer, as data sets."""
    url = world.peers[title]["url"]
    found = requests.post(url + "/tools/find", json={"Level": "Instance", "Query": {"StudyInstanceUID": world.study_uid, "Modality": modality}}, timeout=30).json()
    return [pydicom.dcmread(io.BytesIO(requests.get(f"{url}/instances/{i}/file", timeout=30).content)) for i in found]


def of_status(objects, status):
    wanted = {"proposed": "UNVERIFIED", "signed": "VERIFIED"}[status]
    return [o for o in objects if o.get("VerificationFlag") == wanted]


@step(r"within (\d+) s (\S+) has (?:an|a) (SR|SEG)")
def peer_has(world, seconds, title, modality):
    world.noted[modality] = until(float(seconds), f"{title} has {modality}", lambda: fetch(world, title, modality))


@step(r"(\S+) has a (proposed|signed) report: (\w+), (\w+)")
def report_flags(world, title, status, completion, verification):
    reports = until(20, f"a {status} report in {title}", lambda: of_status(fetch(world, title, "SR"), status))
    report = max(reports, key=lambda r: int(r.InstanceNumber))
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34", report.SOPClassUID
    assert report.CompletionFlag == completion and report.VerificationFlag == verification, (report.CompletionFlag, report.VerificationFlag)
    if verification == "VERIFIED":
        assert str(report.VerifyingObserverSequence[0].VerifyingObserverName), "who verified?"
    else:
        assert "VerifyingObserverSequence" not in report
    world.noted["report"] = report


@step(r"dciodvfy finds no error in the objects, and dsrdump reads the report")
def formal_judges(world):
    program = shutil.which("dciodvfy")
    if program is None or shutil.which("dsrdump") is None:
        raise Skip("dciodvfy or dsrdump is not installed")
    for number, data in enumerate([world.noted["report"], *world.noted.get("SEG", [])]):
        path = world.folder / f"judged-{number}.dcm"
        data.save_as(path)
        done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60)
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert not errors, errors
    report = world.folder / "judged-0.dcm"
    done = subprocess.run(["dsrdump", "+Pt", "+Pc", str(report)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "TID 1500" in done.stdout, done.stdout[:500] + done.stderr[:500]


@step(r"highdicom reads back the same values and (\d+) findings?")
def highdicom_values(world, count):
    import highdicom
    report = highdicom.sr.Comprehensive3DSR.from_dataset(world.noted["report"])
    content = highdicom.sr.MeasurementReport.from_sequence([report.content[0]] if not hasattr(report.content, "get_volumetric_roi_measurement_groups") else report.content)
    groups = content.get_volumetric_roi_measurement_groups() + content.get_planar_roi_measurement_groups() + content.get_image_measurement_groups()
    assert len(groups) == int(count), len(groups)
    by_uid = {f["tracking_uid"]: f for f in findings(world)}
    for group in groups:
        finding = by_uid[str(group.tracking_uid)]
        written = sorted(round(float(m.value), 4) for m in group.get_measurements())
        expected = sorted(round(m["value"], 4) for m in finding["measurements"])
        assert written == expected, (written, expected)


@step(r"the segmentation covers the finding's volume, at its place")
def segmentation_volume(world):
    import highdicom
    import numpy
    segmentation = highdicom.seg.Segmentation.from_dataset(world.noted["SEG"][-1])
    by_uid = {f["tracking_uid"]: f for f in findings(world)}
    for number in segmentation.segment_numbers:
        description = segmentation.get_segment_description(number)
        finding = by_uid[str(description.tracking_uid)]
        measures = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        voxel = float(measures.PixelSpacing[0]) * float(measures.PixelSpacing[1]) * float(measures.SpacingBetweenSlices)
        frames = [i for i, f in enumerate(segmentation.PerFrameFunctionalGroupsSequence)
                  if f.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number]
        pixels = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
        volume = sum(int(pixels[i].sum()) for i in frames) * voxel / 1000
        assert abs(volume - finding["region"]["volume_ml"]) < 0.02 * max(1.0, volume), (volume, finding["region"])
        orientation = numpy.array([float(v) for v in segmentation.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient])
        spacing = [float(v) for v in measures.PixelSpacing]
        total, weight = numpy.zeros(3), 0
        for i in frames:
            origin = numpy.array([float(v) for v in segmentation.PerFrameFunctionalGroupsSequence[i].PlanePositionSequence[0].ImagePositionPatient])
            rows, columns = numpy.nonzero(pixels[i])
            points = origin + numpy.outer(columns, orientation[:3] * spacing[1]) + numpy.outer(rows, orientation[3:] * spacing[0])
            total, weight = total + points.sum(axis=0), weight + len(points)
        distance = numpy.linalg.norm(total / weight - numpy.array(finding["region"]["centre_mm"]))
        low, high = numpy.array(finding["region"]["bounds_mm"])
        assert distance < max(5.0, numpy.linalg.norm(high - low) / 4), distance


@step(r"the report says who verified and names (\S+) as the tool")
def report_words(world, tool):
    texts = [str(element.value) for element in world.noted["report"].iterall() if element.keyword == "TextValue"]
    assert any(tool in text for text in texts), texts
    observer = world.noted["report"].VerifyingObserverSequence[0]
    assert str(observer.VerifyingObserverName) and observer.VerificationDateTime
