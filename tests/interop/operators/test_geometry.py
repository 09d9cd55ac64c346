"""Turning, resampling, resizing, cropping and the way back, against SimpleITK, SciPy, scikit-image and NumPy."""
import itertools

import numpy as np
import pytest
import scipy.ndimage
import SimpleITK as sitk
import skimage.transform
from conftest import Volume, axes_of_itk, close, equal, index_on, oblique, to_itk

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("code", ["LPS", "RAS", "SPL", "ASR", "IRP"])
def test_reorient_is_simpleitks_dicom_orient(apply, seed, code):
    volume = oblique(seed)
    ours = apply(volume, {"operator": "reorient", "code": code})
    # SimpleITK names its axes column, row, slice.
    theirs = sitk.DICOMOrient(to_itk(volume), code[::-1])
    equal("reorient/SimpleITK", ours.values[0], sitk.GetArrayFromImage(theirs))
    np.testing.assert_allclose(ours.origin, theirs.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(ours.axes, axes_of_itk(theirs), atol=1e-9)


@pytest.mark.parametrize("axes", [["slice"], ["row", "column"], ["slice", "row", "column"]])
def test_flip_is_numpys_and_voxels_keep_their_place(apply, axes):
    volume = oblique(11, channels=2)
    ours = apply(volume, {"operator": "flip", "axes": axes})
    numbers = [["slice", "row", "column"].index(a) for a in axes]
    equal("flip/NumPy", ours.values, np.flip(volume.values, [n + 1 for n in numbers]))
    np.testing.assert_allclose(ours.places(), np.flip(volume.places(), numbers), atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("order", ["nearest", "linear"])
def test_onto_an_oblique_grid_is_simpleitks_resample(apply, seed, order):
    volume, target = oblique(seed, smooth=True), oblique(seed + 100)
    target.origin = volume.places().reshape(-1, 3).mean(0) - (np.array(target.values.shape[1:]) - 1) / 2 @ target.axes
    ours = apply(volume, {"operator": "resample_to", "order": order, "fill": -777.0}, reference=target)
    kind = sitk.sitkLinear if order == "linear" else sitk.sitkNearestNeighbor
    theirs = sitk.GetArrayFromImage(sitk.Resample(to_itk(volume), to_itk(target), sitk.Transform(), kind, -777.0))
    # Voxels whose centre lies on the very border of the body fall to either side.
    at = index_on(volume, target.places())
    size = np.array(volume.values.shape[1:]).reshape(3, 1, 1, 1)
    sure = (np.minimum(np.abs(at + 0.5), np.abs(at - size + 0.5)) > 1e-5).all(0)
    assert sure.mean() > 0.99
    if order == "linear":
        close("resample_to linear/SimpleITK", ours.values[0][sure], theirs[sure], 1e-5)
    else:
        sure &= (np.abs(at - np.floor(at) - 0.5) > 1e-5).all(0)
        equal("resample_to nearest/SimpleITK", ours.values[0][sure], theirs[sure])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("order", [0, 1, 3])
def test_onto_an_oblique_grid_with_edges_is_scipys_map_coordinates(apply, seed, order):
    volume, target = oblique(seed), oblique(seed + 200)
    target.origin = volume.places().reshape(-1, 3).mean(0) - (np.array(target.values.shape[1:]) - 1) / 2 @ target.axes
    name = {0: "nearest", 1: "linear", 3: "cubic"}[order]
    ours = apply(volume, {"operator": "resample_to", "order": name, "outside": "edge"}, reference=target)
    at = index_on(volume, target.places())
    theirs = scipy.ndimage.map_coordinates(volume.values[0].astype(np.float64), at, order=order, mode="nearest")
    if order == 0:
        sure = (np.abs(at - np.floor(at) - 0.5) > 1e-5).all(0)
        equal("resample_to nearest/SciPy", ours.values[0][sure], theirs.astype(np.float32)[sure])
    else:
        close(f"resample_to {name}/SciPy", ours.values[0], theirs, 1e-5 if order == 1 else 1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_onto_an_oblique_grid_are_exact(apply, seed):
    random = np.random.default_rng(seed)
    volume, target = oblique(seed), oblique(seed + 300)
    labels = volume.like(random.integers(0, 200, size=volume.values.shape).astype(np.uint16))
    target.origin = volume.places().reshape(-1, 3).mean(0) - (np.array(target.values.shape[1:]) - 1) / 2 @ target.axes
    ours = apply(labels, {"operator": "resample_to"}, reference=target)
    image = to_itk(labels)
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, to_itk(target), sitk.Transform(), sitk.sitkNearestNeighbor, 0))
    at = index_on(volume, target.places())
    sure = (np.abs(at - np.floor(at) - 0.5) > 1e-5).all(0)
    equal("resample_to labels/SimpleITK", ours.values[0][sure], theirs[sure])


def resized(values, shape, order, clip=True, smooth=False):
    return np.stack([skimage.transform.resize(v.astype(np.float64), shape, order=order, mode="edge", clip=clip,
                                              anti_aliasing=smooth, preserve_range=True) for v in values])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("order", [1, 3])
def test_resample_by_extent_is_scikit_images_resize(apply, seed, order):
    volume = oblique(seed, channels=2)
    spacing = np.random.default_rng(seed).uniform(0.6, 3.5, size=3)
    name = {1: "linear", 3: "cubic"}[order]
    ours = apply(volume, {"operator": "resample", "spacing": list(spacing), "order": name, "keep_range": order == 3})
    shape = [int(round(n * s / t)) for n, s, t in zip(volume.values.shape[1:], volume.spacing, spacing)]
    close(f"resample extent {name}/scikit-image", ours.values, resized(volume.values, shape, order),
          1e-5 if order == 1 else 1e-3)
    np.testing.assert_allclose(ours.places().reshape(-1, 3).mean(0), volume.places().reshape(-1, 3).mean(0), atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("order", ["nearest", "linear"])
def test_resample_by_centres_is_simpleitks_recipe(apply, seed, order):
    volume = oblique(seed, smooth=True)
    spacing = np.random.default_rng(seed).uniform(0.7, 3.5, size=3)
    ours = apply(volume, {"operator": "resample", "spacing": list(spacing), "order": order, "fit": "centres"})
    shape = [int(np.round((n - 1) * s / t + 1)) for n, s, t in zip(volume.values.shape[1:], volume.spacing, spacing)]
    image = to_itk(volume)
    kind = sitk.sitkLinear if order == "linear" else sitk.sitkNearestNeighbor
    theirs = sitk.Resample(image, shape[::-1], sitk.Transform(), kind, image.GetOrigin(), list(map(float, spacing[::-1])),
                           image.GetDirection(), 0.0, sitk.sitkFloat32, True)
    np.testing.assert_allclose(ours.axes, axes_of_itk(theirs), atol=1e-9)
    if order == "linear":
        # Beyond the body SimpleITK takes the nearest voxel along all axes, the edge here holds along one.
        at = index_on(volume, ours.places())
        inside = (at < np.array(volume.values.shape[1:]).reshape(3, 1, 1, 1) - 0.5).all(0)
        close("resample centres linear/SimpleITK", ours.values[0][inside], sitk.GetArrayFromImage(theirs)[inside], 1e-5)
    else:
        equal("resample centres nearest/SimpleITK", ours.values[0], sitk.GetArrayFromImage(theirs))


def nnunets_resample(values, shape, spacing, new_spacing):
    """The rule of nnU-Net's resample_data_or_seg (order 3, order_z 0), from its description."""
    coarse = None
    for s in (spacing, new_spacing):
        if coarse is None and s.max() / s.min() > 3:
            where = np.flatnonzero(s == s.max())
            coarse = int(where[0]) if len(where) == 1 else -1
    if coarse is None or coarse < 0:
        return resized(values, shape, 3)
    out = []
    for channel in values:
        planes = np.moveaxis(channel.astype(np.float64), coarse, 0)
        flat = [n for a, n in enumerate(shape) if a != coarse]
        planes = np.stack([skimage.transform.resize(p, flat, order=3, mode="edge", anti_aliasing=False, clip=False)
                           for p in planes])
        at = (np.arange(shape[coarse]) + 0.5) * channel.shape[coarse] / shape[coarse] - 0.5
        grid = np.stack(np.meshgrid(at, *[np.arange(n) for n in flat], indexing="ij"))
        out.append(np.moveaxis(scipy.ndimage.map_coordinates(planes, grid, order=0, mode="nearest"), 0, coarse))
    return np.stack(out)


@pytest.mark.parametrize("coarse", [0, 1, 2])
@pytest.mark.parametrize("target", [1.1, 2.3])
def test_resample_follows_nnunets_rule_for_anisotropic_images(apply, coarse, target):
    shape = [17, 19, 23]
    shape[coarse] = 7
    volume = oblique(50 + coarse, shape=tuple(shape))
    spacing = np.array([0.9, 0.9, 0.9])
    spacing[coarse] = 5.0
    volume.axes = volume.axes / volume.spacing[:, None] * spacing[:, None]
    new = np.array([target] * 3)
    ours = apply(volume, {"operator": "resample", "spacing": list(new), "order": "cubic", "anisotropy": 3})
    shape = [int(round(n * s / t)) for n, s, t in zip(shape, spacing, new)]
    close("resample anisotropic cubic/nnU-Net's rule", ours.values,
          nnunets_resample(volume.values, shape, spacing, new), 1e-3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("order", [1, 3])
def test_resize_is_scikit_images(apply, seed, smooth, order):
    volume = oblique(seed, shape=(1, 61, 47) if seed % 2 else (21, 33, 29))
    shape = (0, 24, 65) if seed % 2 else (11, 48, 7)
    name = {1: "linear", 3: "cubic"}[order]
    ours = apply(volume, {"operator": "resize", "shape": list(shape), "order": name, "antialias": smooth})
    full = [n or old for n, old in zip(shape, volume.values.shape[1:])]
    close(f"resize {name}{' antialias' * smooth}/scikit-image", ours.values,
          resized(volume.values, full, order, clip=False, smooth=smooth), 1e-5 if order == 1 else 1e-3)


@pytest.mark.parametrize("size", [(40, 90), (91, 40), (33, 33)])
def test_letterbox_keeps_proportions(apply, size):
    volume = oblique(5, shape=(1, *size))
    ours = apply(volume, {"operator": "letterbox", "shape": [0, 64, 64], "fill": -5.0})
    factor = 64 / max(size)
    inner = [int(np.round(n * factor)) for n in size]
    theirs = resized(volume.values, (1, *inner), 1)
    add = [(0, 0), (0, 0)] + [((64 - n) // 2, 64 - n - (64 - n) // 2) for n in inner]
    close("letterbox/scikit-image", ours.values, np.pad(theirs, add, constant_values=-5), 1e-5)


def test_crops_and_pads_are_numpys_and_keep_their_place(apply):
    volume = oblique(8, shape=(12, 15, 18), channels=2)
    part = (slice(None), slice(2, 9), slice(0, 7), slice(5, 18))
    ours = apply(volume, {"operator": "crop", "low": [2, 0, 5], "high": [9, 7, 40]})
    equal("crop/NumPy", ours.values, volume.values[part])
    np.testing.assert_allclose(ours.places(), volume.places()[part[1:]], atol=1e-6)
    middle = apply(volume, {"operator": "crop_centre", "shape": [5, 0, 9]})
    equal("crop_centre/NumPy", middle.values, volume.values[:, 4:9, :, 5:14])
    for mode in ("constant", "edge", "reflect"):
        ours = apply(volume, {"operator": "pad", "before": [1, 0, 4], "after": [2, 3, 0], "mode": mode, "fill": 3.0})
        more = {"constant_values": 3} if mode == "constant" else {}
        equal("pad/NumPy", ours.values, np.pad(volume.values, [(0, 0), (1, 2), (0, 3), (4, 0)], mode=mode, **more))
        np.testing.assert_allclose(ours.places()[1:13, :15, 4:], volume.places(), atol=1e-6)
    assert apply(volume, {"operator": "pad", "shape": [16, 0, 0], "multiple": [0, 8, 8]}).values.shape == (2, 16, 16, 24)


def test_foreground_and_body_are_found(apply):
    random = np.random.default_rng(3)
    values = np.zeros((2, 20, 24, 28), dtype=np.float32)
    values[0, 4:9, 6:20, 3:17] = random.uniform(0.1, 5, size=(5, 14, 14))
    values[1, 6:12, 8:22, 5:7] = -2
    volume = oblique(1).like(values)
    ours = apply(volume, {"operator": "crop_foreground"})
    equal("crop_foreground/NumPy", ours.values, values[:, 4:9, 6:20, 3:17])
    ours = apply(volume, {"operator": "crop_foreground", "not_zero": True, "margin": 2})
    equal("crop_foreground/NumPy", ours.values, values[:, 2:14, 4:24, 1:19])
    for seed in SEEDS:
        body = oblique(seed, shape=(20, 22, 24), smooth=True)
        ours = apply(body, {"operator": "crop_body", "above": 20.0, "margin": 3.0})
        parts, count = scipy.ndimage.label(body.values[0] > 20)
        largest = np.argmax(np.bincount(parts.ravel())[1:]) + 1
        found = scipy.ndimage.find_objects((parts == largest).astype(int))[0]
        more = np.ceil(3.0 / body.spacing).astype(int)
        cut = tuple(slice(max(s.start - int(m), 0), s.stop + int(m)) for s, m in zip(found, more))
        equal("crop_body/SciPy", ours.values[0], body.values[0][cut])


CHAIN = [{"operator": "reorient", "code": "RAS"},
         {"operator": "crop", "low": [1, 2, 0], "high": [12, 14, 13]},
         {"operator": "resample", "spacing": [1.3, 0.9, 1.7]},
         {"operator": "pad", "shape": [40, 40, 40], "fill": 1000.0}]


def stepwise(volume, processed, crop=((1, 12), (2, 14), (0, 13)), order=1):
    """Un-pads, resizes to the cropped size, un-crops and turns back, one after the other, with other libraries."""
    image = sitk.DICOMOrient(to_itk(volume), "SAR")
    shape = sitk.GetArrayFromImage(image).shape
    low = [a for a, _ in crop]
    cropped = [min(b, n) - a for (a, b), n in zip(crop, shape)]
    spacing = np.array(image.GetSpacing())[::-1]
    inner = [int(round(n * s / t)) for n, s, t in zip(cropped, spacing, (1.3, 0.9, 1.7))]
    before = [(max(40, n) - n) // 2 for n in inner]
    part = processed[(slice(None), *[slice(b, b + n) for b, n in zip(before, inner)])]
    back = resized(part, cropped, order)
    full = np.zeros((len(back), *shape))
    full[(slice(None), *[slice(a, a + n) for a, n in zip(low, cropped)])] = back
    out = []
    for channel in full:
        turned = sitk.GetImageFromArray(channel)
        turned.CopyInformation(image)
        code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(to_itk(volume).GetDirection())
        out.append(sitk.GetArrayFromImage(sitk.DICOMOrient(turned, code)))
    return np.stack(out)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_whole_chain_goes_back_to_the_source(apply, seed):
    volume = oblique(seed, shape=(16, 15, 17), channels=2)
    processed = apply(volume, *CHAIN)
    ours = apply(volume, *CHAIN, {"operator": "invert"})
    np.testing.assert_allclose(ours.axes, volume.axes, atol=1e-12)
    np.testing.assert_allclose(ours.origin, volume.origin, atol=1e-9)
    close("invert linear/stepwise", ours.values, stepwise(volume, processed.values), 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_classes_go_back_as_nnunet_exports_them(apply, seed):
    volume = oblique(seed, shape=(16, 15, 17), channels=7)
    processed = apply(volume, *CHAIN)
    ours = apply(volume, *CHAIN, {"operator": "labels_to_source"})
    theirs = stepwise(volume, processed.values)
    ordered = np.sort(theirs, axis=0)
    sure = (ordered[-1] - ordered[-2] > 1e-3) | (theirs == 0).all(0)
    assert sure.mean() > 0.99
    equal("labels_to_source/resize then argmax", ours.values[0][sure], theirs.argmax(0)[sure])
    both = apply(volume, *CHAIN, {"operator": "invert"}, {"operator": "argmax"})
    equal("labels_to_source/invert then argmax", ours.values[0][sure], both.values[0][sure])
    over = apply(volume, *CHAIN, {"operator": "labels_to_source", "by": "threshold", "at": 30.0})
    clear = np.abs(theirs - 30) > 1e-2
    equal("labels_to_source threshold", over.values[clear], (theirs >= 30)[clear])


@pytest.mark.parametrize("seed", SEEDS)
def test_turns_crops_and_pads_go_back_exactly(apply, seed):
    random = np.random.default_rng(seed)
    volume = oblique(seed, shape=(12, 13, 14))
    labels = volume.like(random.integers(0, 9, size=volume.values.shape).astype(np.uint16))
    steps = [{"operator": "reorient", "code": "PIR"}]
    equal("invert turn", apply(labels, *steps, {"operator": "invert"}).values, labels.values)
    steps += [{"operator": "flip", "axes": ["row"]}, {"operator": "pad", "before": [3, 1, 0], "after": [0, 2, 5]}]
    equal("invert turn, flip, pad", apply(volume, *steps, {"operator": "invert"}).values, volume.values)
    kept = apply(volume, *steps, {"operator": "invert", "keep": 1})
    equal("invert keep", kept.values, apply(volume, steps[0]).values)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_of_a_spacing_go_back_by_the_nearest(apply, seed):
    volume = oblique(seed, shape=(12, 13, 14), smooth=True)
    labels = volume.like((volume.values > 0).astype(np.uint16) + (volume.values > 60))
    ours = apply(labels, {"operator": "resample", "spacing": [0.73, 0.81, 0.77]}, {"operator": "invert"})
    # To a finer grid and back: the nearest fine voxel lies in the coarse one it came from.
    fine = [int(round(n * s / t)) for n, s, t in zip((12, 13, 14), volume.spacing, (0.73, 0.81, 0.77))]
    if all(f >= n for f, n in zip(fine, (12, 13, 14))):
        equal("invert labels", ours.values, labels.values)
    else:
        assert ours.values.shape == labels.values.shape


def test_an_oblique_resampling_goes_back_too(apply):
    volume, target = oblique(4, shape=(14, 15, 16)), oblique(104, shape=(30, 30, 30))
    x, y, z = np.moveaxis(volume.places(), -1, 0)
    volume.values = (0.5 * x - 0.3 * y + 0.2 * z).astype(np.float32)[None]
    target.axes = target.axes / target.spacing[:, None] * 1.1
    target.origin = volume.places().reshape(-1, 3).mean(0) - (np.array([30, 30, 30]) - 1) / 2 @ target.axes
    there = apply(volume, {"operator": "resample_to", "outside": "edge"}, reference=target)
    back = apply(volume, {"operator": "resample_to", "outside": "edge"}, {"operator": "invert"}, reference=target)
    at = index_on(target, volume.places())
    theirs = scipy.ndimage.map_coordinates(there.values[0].astype(np.float64), at, order=1, mode="nearest")
    close("invert oblique/SciPy", back.values[0], theirs, 1e-5)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_results_do_not_depend_on_threads(apply, threads):
    volume, target = oblique(9, shape=(21, 40, 33), channels=3), oblique(109)
    for steps in (CHAIN + [{"operator": "invert"}], CHAIN + [{"operator": "labels_to_source"}],
                  [{"operator": "resample_to", "order": "cubic"}], [{"operator": "z_score"}, {"operator": "softmax"}],
                  [{"operator": "resize", "shape": [9, 60, 20], "order": "cubic", "antialias": True}]):
        one = apply(volume, *steps, reference=target, threads=1)
        assert one.values.tobytes() == apply(volume, *steps, reference=target, threads=threads).values.tobytes()
