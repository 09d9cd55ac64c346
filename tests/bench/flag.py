"""flag: from the last byte of a study to its finding by the API, against the tool alone."""
import json
import pathlib
import subprocess
import time

import numpy
import pydicom

import objects
from measure import WORK, Turn, interleave, table
from peers import BIN, Vedette
from senders import finished, storescu


def pet(slices: int) -> pathlib.Path:
    """The PET of the product's own phantom (96 slices), interpolated to thinner slices over the same length."""
    out = WORK / "objects" / f"flag-pet-{slices}"
    if (out / "whole").exists():
        return out
    source = WORK / "objects" / "phantom-pet-ct"
    subprocess.run([str(BIN / "vedette"), "phantom", "pet-ct", "--out", str(source), "--seed", "3"], check=True, capture_output=True)
    images = [pydicom.dcmread(path) for path in sorted(source.glob("pt-*.dcm"))]
    stack = numpy.stack([image.pixel_array for image in images]).astype(float)
    places = numpy.array([[float(v) for v in image.ImagePositionPatient] for image in images])
    out.mkdir(parents=True, exist_ok=True)
    for i in range(slices):
        at = i * (len(images) - 1) / (slices - 1)
        low = min(int(at), len(images) - 2)
        share = at - low
        image = images[low]
        image.PixelData = numpy.rint(stack[low] * (1 - share) + stack[low + 1] * share).astype(image.pixel_array.dtype).tobytes()
        image.ImagePositionPatient = [f"{v:.6f}" for v in places[low] * (1 - share) + places[low + 1] * share]
        image.SliceThickness = f"{numpy.linalg.norm(places[-1] - places[0]) / (slices - 1):.6f}"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = objects.uid(90, slices, 1, i + 1)
        image.SeriesInstanceUID, image.StudyInstanceUID = objects.uid(90, slices, 1, 0), objects.uid(90, slices, 0, 0)
        image.InstanceNumber, image.NumberOfSlices, image.ImageIndex = i + 1, slices, i + 1
        image.save_as(out / f"{i:04}.dcm")
    (out / "whole").write_text("")
    return out


def study_of(folder: pathlib.Path) -> str:
    return str(pydicom.dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).StudyInstanceUID)


def until_finding(peer, uid: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            body = json.loads(peer.get(f"/api/studies/{uid}/findings"))
            if (body if isinstance(body, list) else body.get("findings", body.get("items", []))):
                return
        except OSError:
            pass
        time.sleep(0.005)
    raise TimeoutError("no finding within 120 s: " + peer.get(f"/api/studies/{uid}").decode()[:1500])


def flag_of(name: str, folder: pathlib.Path, tool: str, options):
    files, uid = sorted(folder.glob("*.dcm")), study_of(folder)

    def whole() -> float:
        with Vedette(WORK / "run", tools=True) as peer:
            finished(storescu(peer, files, False))
            begun = time.monotonic()
            until_finding(peer, uid)
            return time.monotonic() - begun

    def alone() -> float:
        begun = time.monotonic()
        subprocess.run([str(BIN / "vedette"), "tool", "run", tool, "--input", str(folder), "--output", str(WORK / "tool-out")], check=True, capture_output=True)
        return time.monotonic() - begun

    turns = [Turn("Vedette", Vedette.version(), "storescu's end to the first answer of /api/studies/…/findings that holds one", "every step durable", whole),
             Turn("the tool alone", Vedette.version(), f"vedette tool run {tool}", "none", alone, True)]
    rounds = interleave(turns, options.pairs)
    extra = sorted(r["Vedette"] - r["the tool alone"] for r in rounds)
    median = extra[len(extra) // 2]
    table(f"flag_{name}", f"flag: {len(files)} instances of {name.upper()}", "s", turns, rounds, more_is_better=False,
          notes=[f"Beyond the tool alone: {median:.2f} s (median; {extra[0]:.2f} – {extra[-1]:.2f}; must be ≤ 0.5 s: {'yes' if median <= 0.5 else '**no**'})."])


def flag(options):
    flag_of("pet", pet(max(30, int(300 * options.share))), "pet_uptake", options)
