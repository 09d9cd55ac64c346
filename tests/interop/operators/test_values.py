"""Grey values, channels, labels, segments, boxes and windows, against NumPy, SciPy, pydicom, SimpleITK."""
import itertools

import numpy as np
import pydicom
import pytest
import scipy.ndimage
import scipy.spatial.distance
import scipy.special
import SimpleITK as sitk
from conftest import Refused, Volume, close, equal, oblique, to_itk
from pydicom.pixels.processing import apply_windowing

SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_grey_values_are_numpys(apply, seed):
    volume = oblique(seed, channels=2)
    v = volume.values.astype(np.float64)
    close("clip/NumPy", apply(volume, {"operator": "clip", "low": -150, "high": 200.5, "unit": "HU"}).values,
          np.clip(v, -150, 200.5), 1e-6)
    steps = {"operator": "scale", "from_low": -57, "from_high": 164, "to_low": -1, "to_high": 2, "unit": "[hnsf'U]"}
    close("scale/NumPy", apply(volume, steps).values, (v + 57) / 221 * 3 - 1, 1e-6)
    close("scale/NumPy", apply(volume, {**steps, "clip": True}).values, np.clip((v + 57) / 221 * 3 - 1, -1, 2), 1e-6)
    low, high = v.min((1, 2, 3), keepdims=True), v.max((1, 2, 3), keepdims=True)
    close("scale/NumPy", apply(volume, {"operator": "scale", "from_data": True}).values, (v - low) / (high - low), 1e-6)
    low, high = [np.percentile(v, p, axis=(1, 2, 3), keepdims=True) for p in (0.5, 99.5)]
    close("percentile_clip/NumPy", apply(volume, {"operator": "percentile_clip"}).values, np.clip(v, low, high), 1e-6)
    mean, sd = v.mean((1, 2, 3), keepdims=True), v.std((1, 2, 3), keepdims=True)
    close("z_score/NumPy", apply(volume, {"operator": "z_score"}).values, (v - mean) / sd, 1e-5)
    close("z_score/NumPy", apply(volume, {"operator": "z_score", "per_channel": False}).values, (v - v.mean()) / v.std(), 1e-5)
    given = {"operator": "z_score", "mean": 100.1, "sd": 37.5, "unit": "HU"}
    close("z_score/NumPy", apply(volume, given).values, (v - 100.1) / 37.5, 1e-6)
    close("softmax/SciPy", apply(volume, {"operator": "softmax"}).values, scipy.special.softmax(v, axis=0), 1e-5)
    small = volume.like(volume.values / 100)
    close("sigmoid/SciPy", apply(small, {"operator": "sigmoid"}).values, scipy.special.expit(v / 100), 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_voxels_of_zero_can_be_left_out(apply, seed):
    volume = oblique(seed)
    volume.values[np.abs(volume.values) < 300] = 0
    v = volume.values.astype(np.float64)
    inside = v != 0
    theirs = np.where(inside, (v - v[inside].mean()) / v[inside].std(), 0)
    close("z_score not_zero/NumPy", apply(volume, {"operator": "z_score", "not_zero": True}).values, theirs, 1e-5)
    low, high = np.percentile(v[inside], [2, 98])
    ours = apply(volume, {"operator": "percentile_clip", "low": 2, "high": 98, "not_zero": True})
    close("percentile_clip not_zero/NumPy", ours.values, np.where(inside, np.clip(v, low, high), 0), 1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("centre, width", [(40, 400), (-600, 1500), (0.5, 1), (127.5, 255)])
def test_windows_are_pydicoms(apply, function, centre, width):
    volume = oblique(2)
    volume.values = np.round(volume.values * 3)
    header = pydicom.Dataset()
    header.PhotometricInterpretation = "MONOCHROME2"
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = centre, width, function
    header.BitsStored, header.PixelRepresentation = 16, 0
    theirs = apply_windowing(volume.values.astype(np.float64), header)
    ours = apply(volume, {"operator": "window", "centre": centre, "width": width, "function": function.lower(),
                          "low": 0, "high": 65535, "unit": "HU"})
    close(f"window {function.lower()}/pydicom", ours.values, theirs, 1e-6)


def test_monochrome1_is_mirrored_and_monochrome2_left_alone(apply):
    volume = oblique(3)
    step = {"operator": "invert_monochrome1", "low": -1000, "high": 3095}
    equal("invert_monochrome1/NumPy", apply(volume, step).values, volume.values)
    volume.info = {"monochrome1": True}
    close("invert_monochrome1/NumPy", apply(volume, step).values, 2095 - volume.values.astype(np.float64), 1e-6)


def test_channels_are_stacked_and_repeated(apply):
    volume = oblique(1)
    others = [volume.like(volume.values + i) for i in range(3)]
    equal("stack_channels/NumPy", apply(others, {"operator": "stack_channels"}).values,
          np.concatenate([o.values for o in others]))
    equal("repeat_channel/NumPy", apply(volume, {"operator": "repeat_channel"}).values, np.repeat(volume.values, 3, 0))


def mix(window, channels):
    """The network of vedette-operators."""
    k, r, x = np.meshgrid(*[np.arange(n) for n in window.shape[1:]], indexing="ij")
    ramp = 0.01 * (k + 2 * r + 3 * x)
    return np.stack([(c + 1) * window[c % len(window)] + (ramp if c % 2 == 0 else -ramp) for c in range(channels)])


def places(size, window, overlap, even):
    if window >= size:
        return [0]
    if even:
        count = int(np.ceil((size - window) / (window * (1 - overlap)))) + 1
        return [int(np.round((size - window) / (count - 1) * i)) for i in range(count)]
    step = max(1, int(window * (1 - overlap)))
    return sorted({min(i, size - window) for i in range(0, size, step)})


def slid(values, window, overlap, gaussian, even, network):
    """Sliding windows over the whole image at once, as they are described."""
    shape = values.shape[1:]
    wide = [max(n, w) for n, w in zip(shape, window)]
    add = [(w - n) // 2 for n, w in zip(shape, wide)]
    padded = np.pad(values, [(0, 0)] + [(a, w - n - a) for a, n, w in zip(add, shape, wide)])
    weight = np.ones(window)
    for axis, w in enumerate(window):
        line = np.exp(-((np.arange(w) - (w - 1) / 2) ** 2) / (2 * (0.125 * w) ** 2)) if gaussian else np.ones(w)
        weight = weight * line.reshape([-1 if a == axis else 1 for a in range(3)])
    weight = np.maximum(weight, 1e-3)
    total, weights = None, np.zeros(wide)
    for start in itertools.product(*[places(n, w, overlap, even) for n, w in zip(wide, window)]):
        part = tuple(slice(s, s + w) for s, w in zip(start, window))
        given = network(padded[(slice(None), *part)])
        total = np.zeros((len(given), *wide)) if total is None else total
        total[(slice(None), *part)] += given * weight
        weights[part] += weight
    inner = tuple(slice(a, a + n) for a, n in zip(add, shape))
    return (total / weights)[(slice(None), *inner)]


@pytest.mark.parametrize("shape, window", [((20, 22, 25), (8, 9, 11)), ((7, 30, 12), (16, 16, 16)), ((1, 40, 40), (1, 24, 24))])
@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.8])
def test_sliding_windows_blend_as_described(apply, shape, window, gaussian, even, overlap):
    volume = oblique(17, shape=shape, channels=2)
    step = {"operator": "sliding_window", "window": list(window), "overlap": [overlap],
            "weights": "gaussian" if gaussian else "constant", "places": "even" if even else "stepped"}
    ours = apply(volume, step, network=3)
    theirs = slid(volume.values.astype(np.float64), window, overlap, gaussian, even, lambda w: mix(w, 3))
    close("sliding_window/NumPy", ours.values, theirs, 1e-5)


def test_flips_are_averaged(apply):
    volume = oblique(18, shape=(12, 13, 14))
    ours = apply(volume, {"operator": "sliding_window", "window": [0, 8, 0], "overlap": [0.5], "mirror": ["slice", "column"]},
                 network=2)

    def flipped(window):
        axes = [(), (1,), (3,), (1, 3)]
        return np.mean([np.flip(mix(np.flip(window, a), 2), a) for a in axes], axis=0)

    close("mirror/NumPy", ours.values, slid(volume.values.astype(np.float64), (12, 8, 14), 0.5, False, False, flipped), 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_deciding_while_blending_changes_nothing(apply, seed):
    volume = oblique(seed, shape=(19, 21, 23), channels=2, unit="1")
    before = [{"operator": "reorient", "code": "RAS"}, {"operator": "resample", "spacing": [1.4, 1.1, 1.9]}]
    window = {"window": [9, 10, 11], "overlap": [0.5], "weights": "gaussian"}
    whole = apply(volume, *before, {"operator": "sliding_window", **window}, {"operator": "labels_to_source"}, network=6)
    streamed = apply(volume, *before, {"operator": "sliding_window_labels", **window}, network=6)
    equal("sliding_window_labels/whole", streamed.values, whole.values)
    assert len(np.unique(streamed.values)) > 2


def test_argmax_and_threshold_are_numpys(apply):
    volume = oblique(6, channels=5)
    volume.values = np.round(volume.values / 100)  # many equal values: the first class wins
    equal("argmax/NumPy", apply(volume, {"operator": "argmax"}).values[0], volume.values.argmax(0))
    equal("threshold/NumPy", apply(volume, {"operator": "threshold", "at": 2}).values, volume.values >= 2)


STRUCTURE = {6: 1, 18: 2, 26: 3}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("neighbours", [6, 18, 26])
def test_parts_are_scipys(apply, seed, neighbours):
    random = np.random.default_rng(seed)
    volume = oblique(seed, shape=(17, 19, 23))
    values = random.choice([0, 1, 2, 3], p=[0.62, 0.18, 0.12, 0.08], size=(17, 19, 23)).astype(np.uint16)
    labels = volume.like(values[None])
    structure = scipy.ndimage.generate_binary_structure(3, STRUCTURE[neighbours])

    def kept(least, largest):
        out = np.zeros_like(values)
        for label in (1, 2, 3):
            parts, count = scipy.ndimage.label(values == label, structure)
            sizes = np.bincount(parts.ravel())[1:]
            order = np.argsort(-sizes, kind="stable")[:largest or None]
            for part in order:
                if sizes[part] >= least:
                    out[parts == part + 1] = label
        return out

    for least, largest in ((5, 0), (0, 1), (3, 2)):
        ours = apply(labels, {"operator": "keep_parts", "least_voxels": least, "largest": largest, "neighbours": neighbours})
        equal("keep_parts/SciPy", ours.values[0], kept(least, largest))
    ml = abs(np.linalg.det(volume.axes)) / 1000
    ours = apply(labels, {"operator": "keep_parts", "least": 4.5 * ml, "neighbours": neighbours})
    equal("keep_parts/SciPy", ours.values[0], kept(5, 0))
    only = apply(labels, {"operator": "keep_parts", "largest": 1, "labels": [2], "neighbours": neighbours})
    equal("keep_parts/SciPy", only.values[0], np.where(values == 2, kept(0, 1), values))


def test_labels_are_renumbered(apply):
    labels = oblique(1).like(np.random.default_rng(1).integers(0, 4, size=(1, 9, 9, 9)).astype(np.uint16))
    equal("relabel/NumPy", apply(labels, {"operator": "relabel", "table": [0, 4, 1, 2]}).values,
          np.array([0, 4, 1, 2])[labels.values])
    with pytest.raises(Refused, match="does not name label 3"):
        apply(labels, {"operator": "relabel", "table": [0, 4, 1]})


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("apart", [False, True])
def test_segments_are_measured_as_simpleitk_does(apply, seed, apart):
    volume = oblique(seed, shape=(18, 20, 22), smooth=True)
    blobs = scipy.ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(18, 20, 22)), 2)
    values = ((blobs > 0.05).astype(np.uint16) + (blobs > 0.1)).astype(np.uint16)
    told = apply(volume.like(values[None]), {"operator": "segments", "names": ["shell", "core"], "apart": apart},
                 {"operator": "measure"}, reference=volume)["segments"]
    structure = scipy.ndimage.generate_binary_structure(3, 3)
    expected = []
    for label in (1, 2):
        parts = scipy.ndimage.label(values == label, structure)[0] if apart else (values == label).astype(int)
        expected += [(label, parts == p) for p in range(1, parts.max() + 1)]
    assert [s["label"] for s in told] == [label for label, _ in expected]
    assert {s["name"] for s in told} == {"shell", "core"}
    for ours, (label, mask) in zip(told, expected):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        image.CopyInformation(to_itk(volume))
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.ComputeFeretDiameterOn()
        shape.Execute(image)
        assert ours["voxels"] == mask.sum()
        close("measure volume/SimpleITK", ours["volume_ml"], shape.GetPhysicalSize(1) / 1000, 1e-9)
        if mask.sum() > 1:
            close("measure longest/SimpleITK", ours["longest_mm"], shape.GetFeretDiameter(1), 1e-6)
        close("measure centre/SimpleITK", ours["centre"], shape.GetCentroid(1), 1e-6)
        under = volume.values[0][mask].astype(np.float64)
        close("measure mean, sd/NumPy", [ours["mean"], ours["sd"]], [under.mean(), under.std()], 1e-6)
        assert (ours["minimum"], ours["maximum"]) == (under.min(), under.max())
        flat = 0
        for k in range(len(mask)):
            points = volume.places()[k][mask[k]]
            if len(points) > 1:
                flat = max(flat, scipy.spatial.distance.pdist(points).max())
        if flat > 0:
            close("measure longest in slice/SciPy", ours["longest_in_slice_mm"], flat, 1e-6)
        else:
            assert ours["longest_in_slice_mm"] == 0


def overlap(a, b):
    low, high = np.maximum(a[0], b[0]), np.minimum(a[1], b[1])
    both = np.prod(np.clip(high - low, 0, None))
    return both / (np.prod(a[1] - a[0]) + np.prod(b[1] - b[0]) - both)


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_are_decoded_as_described(apply, seed):
    random = np.random.default_rng(seed)
    volume = oblique(seed, shape=(16, 32, 32))
    sizes = np.array([[6, 8, 8], [10, 12, 9.0]])
    anchors = []
    for cells, stride in (((8, 8, 8), (2, 4, 4)), ((4, 4, 4), (4, 8, 8))):
        for cell in itertools.product(*map(range, cells)):
            for size in sizes * (1 if stride[0] == 2 else 2):
                half = np.round(size / 2)
                anchors.append((np.array(cell) * stride - half, np.array(cell) * stride + half))
    deltas = random.normal(size=(len(anchors), 6)) * 0.3
    scores = random.normal(size=(len(anchors), 2)) - 1
    step = {"operator": "decode_boxes", "strides": [2, 4, 4, 4, 8, 8], "anchors": sizes.ravel().tolist(), "level_scales": [1, 2],
            "least_score": 0.5, "overlap": 0.1, "candidates": 200, "most": 25}
    values = [Volume(v.astype(np.float32)[None, None], np.zeros(3), np.eye(3), "") for v in (deltas, scores)]
    told = apply([volume, *values], step)["boxes"]
    found = []
    for (low, high), delta, score in zip(anchors, deltas.astype(np.float32), scores.astype(np.float32)):
        for label in range(2):
            centre, size = (low + high) / 2 + delta[:3] * (high - low), np.exp(delta[3:]) * (high - low)
            box = np.clip([centre - size / 2, centre + size / 2], 0, [16, 32, 32])
            if scipy.special.expit(np.float64(score[label])) > 0.5 and (box[1] - box[0]).min() >= 0.01:
                found.append((scipy.special.expit(np.float64(score[label])), label, box))
    found = sorted(found, key=lambda f: -f[0])[:200]
    kept = []
    for one in found:
        if not any(other[1] == one[1] and overlap(other[2], one[2]) > 0.1 for other in kept):
            kept.append(one)
    kept = kept[:25]
    assert len(kept) > 5
    close("decode_boxes score/NumPy", [b["score"] for b in told], [k[0] for k in kept], 1e-6)
    assert [b["label"] for b in told] == [k[1] for k in kept]
    close("decode_boxes corners/NumPy", [[b["low"], b["high"]] for b in told], [k[2] - 0.5 for k in kept], 1e-5)
    middle = [volume.origin + ((k[2][0] + k[2][1]) / 2 - 0.5) @ volume.axes for k in kept]
    close("decode_boxes place/NumPy", [b["centre"] for b in told], middle, 1e-5)


def test_boxes_come_home_through_a_chain(apply):
    volume = oblique(5, shape=(16, 32, 32))
    volume.axes = np.array([[0, 0, 2.0], [0, 1.5, 0], [1.0, 0, 0]])
    corners = np.array([[2, 3, 4, 8, 9, 13]], dtype=np.float32)
    scores = np.array([[0.9]], dtype=np.float32)
    values = [Volume(v[None, None], np.zeros(3), np.eye(3), "") for v in (corners, scores)]
    steps = [{"operator": "decode_boxes", "corners": True, "logits": False}]
    plain = apply([volume, *values], *steps)["boxes"][0]
    assert plain["low"] == [1.5, 2.5, 3.5] and plain["high"] == [7.5, 8.5, 12.5]
    turned = apply([volume, *values], {"operator": "reorient", "code": "RAS"}, *steps, {"operator": "invert"})["boxes"][0]
    # RAS of this volume: tensor axes column backwards, row backwards, slice.
    size = np.array([32, 32, 16]) - 1
    assert np.allclose(turned["low"], [3.5, size[1] - 8.5, size[0] - 7.5])
    assert np.allclose(turned["high"], [12.5, size[1] - 2.5, size[0] - 1.5])


def test_a_unit_that_is_not_the_images_is_refused(apply):
    volume = oblique(1, unit="HU")
    with pytest.raises(Refused, match='in "HU", the step\'s numbers in "g/ml{SUVbw}"'):
        apply(volume, {"operator": "clip", "low": 0, "high": 10, "unit": "g/ml{SUVbw}"})
    with pytest.raises(Refused, match='Did you mean "spacing"'):
        apply(volume, {"operator": "resample", "spacings": [1, 1, 1]})
