"""What src/dicom reads and decodes against pydicom (with pylibjpeg), over every DICOM file beside the project."""
import json
import math
import os
import subprocess
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("VEDETTE_SHARED", ROOT.parent / "shared"))
BUILD = Path(os.environ.get("VEDETTE_BUILD", ROOT / "build/release"))
DUMP = BUILD / "bin/vedette_dicom_dump"
OTHER = {".json", ".csv", ".txt", ".md", ".png", ".jpg", ".nii", ".gz", ".onnx", ".bin", ".py", ".toml", ".icc", ".raw", ".jpeg", ".dump"}
# Files that pydicom reads and this reader refuses, with the reason.
REFUSED = {
    "DICOMDIR-nooffset": "an item says more bytes than its sequence has",
    "rtplan_truncated.dcm": "cut short", "MR_truncated.dcm": "cut short",
    "TC0405_latin1_utf8_payload.dcm": "the patient's name stands twice with different values",
}


@pytest.fixture(scope="module")
def dumped(tmp_path_factory):
    if not DUMP.exists():
        pytest.skip(f"{DUMP} is not built")
    if not (SHARED / "data").exists():
        pytest.skip(f"{SHARED / 'data'} is not here: the reader was not compared with pydicom")
    folder = tmp_path_factory.mktemp("dump")
    files = [path for path in sorted((SHARED / "data").rglob("*")) if path.is_file() and path.suffix not in OTHER]
    lines = []
    for start in range(0, len(files), 200):
        pixels = folder / f"{start}.raw"
        done = subprocess.run([DUMP, pixels, *files[start:start + 200]], capture_output=True, check=True, timeout=300)
        lines += [{**json.loads(line), "pixels": pixels} for line in done.stdout.decode("utf-8").splitlines()]
    return lines


def read(path: str):
    import pydicom
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def same(mine, theirs) -> bool:
    """Equal values: numbers nearly (FL is printed shortest here), texts without padding, empty and absent alike."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return all(same(mine.get(key), theirs.get(key)) for key in set(mine) | set(theirs))
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)):
        return math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-30)
    if isinstance(mine, str) and isinstance(theirs, str):
        return mine.strip(" \0") == theirs.strip(" \0")
    return (mine or None) == (theirs or None)


def compare(mine: dict, theirs: dict, path: str, wrong: list) -> None:
    for tag in sorted(set(mine) | set(theirs)):
        if tag == "00080005" or tag.startswith(("7FE0", "0002")) or tag.endswith("0000"):
            continue  # said as UTF-8 here; pixel data has its own test; group lengths
        a, b = mine.get(tag), theirs.get(tag)
        if a is None or b is None:
            if int(tag[3], 16) % 2 == 0 and b is not None:
                wrong.append((path + tag, "missing here", b))
            continue  # pydicom leaves out what it finds invalid
        if "UN" in (a["vr"], b["vr"]):
            continue  # private dictionaries of pydicom; values over 64 KiB
        if a["vr"] == b["vr"] == "SQ":
            items, others = a.get("Value", []), b.get("Value", [])
            if len(items) != len(others):
                wrong.append((path + tag, len(items), len(others)))
            for index, (one, other) in enumerate(zip(items, others)):
                compare(one or {}, other or {}, f"{path}{tag}/{index}/", wrong)
        elif a["vr"] != b["vr"] and {a["vr"], b["vr"]} != {"OB", "OW"} or not same(a.get("Value"), b.get("Value")):
            wrong.append((path + tag, str(a)[:80], str(b)[:80]))


def test_every_element_is_read_as_pydicom_reads_it(dumped):
    wrong, compared = [], 0
    for entry in dumped:
        if "error" in entry:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = read(entry["path"]).to_json_dict(suppress_invalid_tags=True)
        compared += 1
        before = len(wrong)
        compare(entry["json"], theirs, "", wrong)
        wrong[before:] = [(Path(entry["path"]).name, *row) for row in wrong[before:]]
    assert compared > 500
    assert not wrong, wrong[:20]


def test_what_is_refused_is_broken_or_no_dicom(dumped):
    unexplained = []
    for entry in dumped:
        name = Path(entry["path"]).name
        if "error" not in entry or name in REFUSED or entry["error"] == "dicom.not_dicom" or "fuzz-sample" in entry["path"]:
            continue
        unexplained.append((name, entry["text"]))
    assert not unexplained


def test_every_frame_is_decoded_as_pydicom_decodes_it(dumped):
    import numpy
    from pydicom.pixels import pixel_array

    wrong, syntaxes, unjudged = [], {}, {}
    for entry in dumped:
        for frame in entry.get("frames", []):
            if "error" in frame:
                continue
            kind = "f" if frame["float"] else "i" if frame["signed"] else "u"
            shape = (frame["rows"], frame["columns"]) + ((frame["samples"],) if frame["samples"] > 1 else ())
            mine = numpy.fromfile(entry["pixels"], numpy.uint8, frame["bytes"], offset=frame["at"]).view(f"<{kind}{frame['bits'] // 8}").reshape(shape)
            data = read(entry["path"])
            if "TransferSyntaxUID" not in data.file_meta:
                data.file_meta.TransferSyntaxUID = entry["syntax"]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    theirs = pixel_array(data, index=frame["frame"])
            except Exception as error:  # no plug-in, or a header that pydicom refuses: nothing to compare with
                unjudged.setdefault(entry["syntax"], f"{Path(entry['path']).name}: {error}")
                continue
            away = numpy.abs(mine.astype(float) - theirs.astype(float)) if mine.shape == theirs.shape else numpy.array([numpy.inf])
            worst, mean = away.max(), away.mean()
            syntaxes[entry["syntax"]] = syntaxes.get(entry["syntax"], 0) + 1
            # ISO 10918 leaves the inverse transform and the upsampling of colour to the decoder: plug-ins of pydicom differ among each other.
            most, most_mean = (16, 0.5) if entry["syntax"].endswith((".50", ".51")) else (1, 0.01) if entry["syntax"].endswith((".91", ".203")) else (0, 0)
            if worst > most or mean > most_mean:
                wrong.append((Path(entry["path"]).name, entry["syntax"], frame["frame"], worst, mean))
    assert not wrong
    assert len(syntaxes) >= 13, f"only {syntaxes}; not judged: {unjudged}"


def test_frames_that_cannot_be_decoded_are_known(dumped):
    """Files with an image whose pixels are absent, damaged or contradict the header."""
    undecoded = {Path(entry["path"]).name for entry in dumped for frame in entry.get("frames", [])
                 if "error" in frame and "fuzz-sample" not in entry["path"]}
    assert undecoded <= {
        "chrJapMultiExplicitIR6.dcm", "chrJapMulti.dcm", "chrKoreanMulti.dcm", "CR000000.dcm", "DummyCT.dcm",  # no pixel data
        "badVR.dcm",  # the number of frames is "1A"
        "JPEG2000-embedded-sequence-delimiter.dcm",  # its stream has a wrong header; no plug-in of pydicom decodes it either
    }
