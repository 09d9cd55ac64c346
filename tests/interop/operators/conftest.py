"""Runs vedette-operators on arrays. A volume here is [channel, slice, row, column] with its origin and steps in LPS mm."""
import json
import os
import pathlib
import subprocess
from dataclasses import dataclass, field

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


@dataclass
class Volume:
    values: np.ndarray
    origin: np.ndarray
    axes: np.ndarray  # rows: step of slice, row, column
    unit: str = "HU"
    info: dict = field(default_factory=dict)

    @property
    def spacing(self):
        return np.linalg.norm(self.axes, axis=1)

    def places(self):
        """LPS mm of every voxel, [slice, row, column, 3]."""
        index = np.stack(np.meshgrid(*[np.arange(n) for n in self.values.shape[1:]], indexing="ij"), -1)
        return self.origin + index @ self.axes

    def like(self, values):
        return Volume(values, self.origin, self.axes, self.unit)


def rotation(random):
    """A random rotation by up to about 35 degrees about any axis (Rodrigues)."""
    axis = random.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = random.uniform(0.1, 0.6)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def oblique(seed, shape=None, channels=1, smooth=False, unit="HU"):
    """A random anisotropic, oblique volume with randomly turned and mirrored axes."""
    random = np.random.default_rng(seed)
    shape = shape or tuple(random.integers(9, 23, size=3))
    values = random.normal(size=(channels, *shape)) * 400 - 100
    if smooth:
        import scipy.ndimage
        values = np.stack([scipy.ndimage.gaussian_filter(v, 1.2) for v in values])
    steps = np.eye(3)[random.permutation(3)] * random.choice([-1, 1], size=(3, 1)) * random.uniform(0.5, 4, size=(3, 1))
    return Volume(values.astype(np.float32), random.uniform(-200, 200, size=3), steps @ rotation(random).T, unit)


class Refused(Exception):
    pass


@pytest.fixture(scope="session")
def program():
    named = os.environ.get("VEDETTE_OPERATORS")
    path = pathlib.Path(named) if named else ROOT / "build" / "release" / "bin" / "vedette-operators"
    assert path.exists(), f"{path} is not built: ninja -C build/release vedette_operators"
    return path


@pytest.fixture
def apply(program, tmp_path):
    """apply(volume or volumes, step, step …, reference=, network=, threads=) → Volume of the result."""
    count = 0

    def described(volume, labels):
        nonlocal count
        count += 1
        path = tmp_path / f"{count}.raw"
        values = np.ascontiguousarray(volume.values, dtype=np.uint16 if labels else np.float32)
        values.tofile(path)
        return {"file": str(path), "kind": "labels" if labels else "image", "shape": list(values.shape),
                "origin": list(map(float, volume.origin)), "axes": [list(map(float, a)) for a in volume.axes],
                "unit": volume.unit, **volume.info}

    def run(volumes, *steps, reference=None, network=None, threads=0):
        nonlocal count
        volumes = volumes if isinstance(volumes, list) else [volumes]
        count += 1
        output = tmp_path / f"{count}.out"
        order = {"inputs": [described(v, v.values.dtype.kind == "u") for v in volumes], "steps": list(steps),
                 "threads": threads, "output": str(output)}
        if reference is not None:
            order["reference"] = described(reference, False)
        if network is not None:
            order["network"] = {"kind": "mix", "channels": network}
        written = tmp_path / f"{count}.json"
        written.write_text(json.dumps(order))
        done = subprocess.run([program, written], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise Refused(done.stderr)
        told = json.loads(done.stdout)
        if told["kind"] in ("boxes", "segments"):
            return told
        grid = told["grid"]
        values = np.fromfile(output, dtype=np.float32 if told["kind"] == "image" else np.uint16)
        return Volume(values.reshape(told["channels"], *grid["shape"]), np.array(grid["origin"]), np.array(grid["axes"]),
                      told.get("unit", ""), told)

    return run


def to_itk(volume, channel=0):
    import SimpleITK as sitk
    image = sitk.GetImageFromArray(volume.values[channel])
    spacing = volume.spacing
    image.SetSpacing([float(s) for s in spacing[::-1]])
    image.SetOrigin([float(v) for v in volume.origin])
    direction = (volume.axes / spacing[:, None])[::-1].T
    image.SetDirection(direction.flatten().tolist())
    return image


def axes_of_itk(image):
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return (direction * np.array(image.GetSpacing())).T[::-1]


def index_on(volume, places):
    """Continuous indices [3, ...] of places in LPS mm."""
    return np.moveaxis((places - volume.origin) @ np.linalg.inv(volume.axes), -1, 0)


worst = {}


def close(name, ours, theirs, relative):
    """Greatest difference relative to the greatest value of the judge's result; kept for the summary."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    assert ours.shape == theirs.shape, f"{name}: {ours.shape} is not {theirs.shape}"
    error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30)
    worst[name] = max(worst.get(name, 0), error)
    assert error <= relative, f"{name}: relative error {error:.3g} over {relative:.0e}"


def equal(name, ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{name}: {ours.shape} is not {theirs.shape}"
    differing = int((ours != theirs).sum())
    worst[name] = max(worst.get(name, 0), differing)
    assert differing == 0, f"{name}: {differing} of {ours.size} differ"


def pytest_terminal_summary(terminalreporter):
    for name, error in sorted(worst.items()):
        terminalreporter.write_line(f"worst {name}: {error:.2e}")
