"""The same operators against MONAI 1.3 on Debian's torch: `make monai` makes the environment and runs these."""
import itertools

import numpy as np
import pytest
from conftest import Volume, close, equal, index_on, oblique

monai = pytest.importorskip("monai", reason="MONAI is judged by `make monai`, which brings torch")
torch = pytest.importorskip("torch")

from monai.apps.detection.networks.retinanet_network import RetinaNet  # noqa: E402,F401  (fails early where MONAI is partial)
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape  # noqa: E402
from monai.apps.detection.utils.box_coder import BoxCoder  # noqa: E402
from monai.data import MetaTensor  # noqa: E402
from monai.data.box_utils import batched_nms  # noqa: E402
from monai.inferers import sliding_window_inference  # noqa: E402
from monai import transforms as mt  # noqa: E402
from test_values import mix  # noqa: E402

SEEDS = range(4)
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_monai(volume):
    """The tensor in the order of its axes, with the affine of tensor index to RAS mm."""
    affine = np.eye(4)
    affine[:3, :3] = volume.axes.T
    affine[:3, 3] = volume.origin
    return MetaTensor(torch.as_tensor(volume.values), affine=torch.as_tensor(TO_RAS @ affine))


def same_place(ours, theirs):
    affine = TO_RAS @ np.asarray(theirs.affine)
    np.testing.assert_allclose(ours.axes, affine[:3, :3].T, atol=1e-5)
    np.testing.assert_allclose(ours.origin, affine[:3, 3], atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("code", ["RAS", "LPS", "SPL", "AIR"])
def test_reorient(apply, seed, code):
    volume = oblique(seed)
    ours, theirs = apply(volume, {"operator": "reorient", "code": code}), mt.Orientation(code)(to_monai(volume))
    equal("reorient/MONAI", ours.values, theirs.numpy())
    same_place(ours, theirs)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_spacing(apply, seed, mode):
    volume = oblique(seed, smooth=True)
    pixdim = np.random.default_rng(seed).uniform(0.8, 3.0, size=3)
    order = "linear" if mode == "bilinear" else "nearest"
    ours = apply(volume, {"operator": "resample", "spacing": list(pixdim), "fit": "centres", "order": order})
    theirs = mt.Spacing(pixdim, mode=mode, padding_mode="border", dtype=np.float64)(to_monai(volume))
    same_place(ours, theirs)
    if mode == "bilinear":
        close("resample centres linear/MONAI", ours.values, theirs.numpy(), 1e-5)
        return
    at = index_on(volume, ours.places())
    sure = (np.abs(at - np.floor(at) - 0.5) > 1e-4).all(0)
    equal("resample centres nearest/MONAI", ours.values[0][sure], theirs.numpy().astype(np.float32)[0][sure])


@pytest.mark.parametrize("seed", SEEDS)
def test_cubic_spacing(apply, seed):
    volume = oblique(seed)
    pixdim = np.random.default_rng(seed).uniform(0.8, 3.0, size=3)
    ours = apply(volume, {"operator": "resample", "spacing": list(pixdim), "fit": "centres", "order": "cubic"})
    theirs = mt.Spacing(pixdim, mode=3, padding_mode="nearest", dtype=np.float64)(to_monai(volume))
    close("resample centres cubic/MONAI", ours.values, theirs.numpy(), 1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_resample_to_match(apply, seed):
    volume, target = oblique(seed, smooth=True), oblique(seed + 100)
    target.origin = volume.places().reshape(-1, 3).mean(0) - (np.array(target.values.shape[1:]) - 1) / 2 @ target.axes
    ours = apply(volume, {"operator": "resample_to", "outside": "edge"}, reference=target)
    theirs = mt.ResampleToMatch(mode="bilinear", padding_mode="border", dtype=np.float64)(to_monai(volume), to_monai(target))
    close("resample_to linear/MONAI", ours.values, theirs.numpy(), 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_resize(apply, seed):
    volume = oblique(seed, channels=2)
    ours = apply(volume, {"operator": "resize", "shape": [24, 13, 31]})
    theirs = mt.Resize((24, 13, 31), mode="trilinear", align_corners=False)(to_monai(volume))
    close("resize linear/MONAI", ours.values, theirs.numpy(), 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_values(apply, seed):
    volume = oblique(seed, channels=2)
    tensor = to_monai(volume)
    step = {"operator": "scale", "from_low": -57, "from_high": 164, "clip": True, "unit": "HU"}
    close("scale/MONAI", apply(volume, step).values, mt.ScaleIntensityRange(-57, 164, 0, 1, clip=True)(tensor).numpy(), 1e-5)
    close("scale/MONAI", apply(volume, {"operator": "scale", "from_data": True}).values,
          mt.ScaleIntensity(channel_wise=True)(tensor).numpy(), 1e-5)
    close("z_score/MONAI", apply(volume, {"operator": "z_score"}).values,
          mt.NormalizeIntensity(channel_wise=True)(tensor).numpy(), 1e-5)
    volume.values[np.abs(volume.values) < 200] = 0
    close("z_score not_zero/MONAI", apply(volume, {"operator": "z_score", "not_zero": True}).values,
          mt.NormalizeIntensity(nonzero=True, channel_wise=True)(to_monai(volume)).numpy(), 1e-5)
    close("softmax/MONAI", apply(volume, {"operator": "softmax"}).values,
          mt.Activations(softmax=True)(to_monai(volume)).numpy(), 1e-5)
    small = volume.like(volume.values / 100)
    close("sigmoid/MONAI", apply(small, {"operator": "sigmoid"}).values,
          mt.Activations(sigmoid=True)(to_monai(small)).numpy(), 1e-5)
    equal("argmax/MONAI", apply(volume, {"operator": "argmax"}).values, mt.AsDiscrete(argmax=True)(to_monai(volume)).numpy())
    equal("threshold/MONAI", apply(volume, {"operator": "threshold", "at": 10.0, "unit": "HU"}).values,
          mt.AsDiscrete(threshold=10.0)(to_monai(volume)).numpy())
    equal("flip/MONAI", apply(volume, {"operator": "flip", "axes": ["slice", "column"]}).values,
          mt.Flip(spatial_axis=(0, 2))(to_monai(volume)).numpy())


def test_foreground_and_padding(apply):
    values = np.zeros((1, 20, 22, 24), dtype=np.float32)
    values[0, 5:9, 2:20, 7:9] = 3
    volume = oblique(2).like(values)
    ours, theirs = apply(volume, {"operator": "crop_foreground", "margin": 1}), mt.CropForeground(margin=1)(to_monai(volume))
    equal("crop_foreground/MONAI", ours.values, theirs.numpy())
    same_place(ours, theirs)
    ours, theirs = apply(volume, {"operator": "pad", "shape": [25, 22, 31]}), mt.SpatialPad((25, 22, 31))(to_monai(volume))
    equal("pad/MONAI", ours.values, theirs.numpy())
    same_place(ours, theirs)
    ours, theirs = apply(volume, {"operator": "pad", "multiple": [16, 16, 16]}), mt.DivisiblePad(16)(to_monai(volume))
    equal("pad/MONAI", ours.values, theirs.numpy())
    ours, theirs = apply(volume, {"operator": "crop_centre", "shape": [9, 0, 12]}), mt.CenterSpatialCrop((9, -1, 12))(to_monai(volume))
    equal("crop_centre/MONAI", ours.values, theirs.numpy())


@pytest.mark.parametrize("shape, window", [((20, 22, 25), (8, 9, 11)), ((7, 30, 12), (16, 16, 16))])
@pytest.mark.parametrize("mode", ["constant", "gaussian"])
@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.8])
def test_sliding_window(apply, shape, window, mode, overlap):
    volume = oblique(21, shape=shape, channels=2)
    ours = apply(volume, {"operator": "sliding_window", "window": list(window), "overlap": [overlap], "weights": mode}, network=3)

    def network(batch):
        return torch.as_tensor(np.stack([mix(one.numpy().astype(np.float64), 3) for one in batch]))

    theirs = sliding_window_inference(torch.as_tensor(volume.values[None].astype(np.float64)), window, 1, network,
                                      overlap=overlap, mode=mode, sigma_scale=0.125)
    close("sliding_window/MONAI", ours.values, theirs.numpy()[0], 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_keep_largest(apply, seed):
    labels = np.random.default_rng(seed).choice([0, 1, 2], p=[0.7, 0.2, 0.1], size=(1, 15, 16, 17))
    volume = oblique(seed).like(labels.astype(np.uint16))
    ours = apply(volume, {"operator": "keep_parts", "largest": 1})
    theirs = mt.KeepLargestConnectedComponent(applied_labels=[1, 2], connectivity=3)(torch.as_tensor(labels))
    equal("keep_parts/MONAI", ours.values, theirs.numpy())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("linear", [True, False])
def test_invert(apply, seed, linear):
    volume = oblique(seed, smooth=True)
    steps = [mt.Orientationd("image", axcodes="RAS"), mt.Spacingd("image", pixdim=(1.5, 1.5, 2.0), mode="bilinear" if linear else "nearest", dtype=np.float64)]
    chain = mt.Compose(steps)
    data = {"image": to_monai(volume)}
    done = chain(data)
    back = chain.inverse(done)["image"]
    ours = apply(volume, {"operator": "reorient", "code": "RAS"},
                 {"operator": "resample", "spacing": [1.5, 1.5, 2.0], "fit": "centres", "order": "linear" if linear else "nearest"},
                 {"operator": "invert"})
    if linear:
        close("invert linear/MONAI", ours.values, back.numpy(), 1e-5)
    else:
        assert ours.values.shape == tuple(back.shape)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_invert(apply, seed):
    volume = oblique(seed, smooth=True)
    labels = volume.like((volume.values > 0).astype(np.uint16) + (volume.values > 50))
    chain = mt.Compose([mt.Orientationd("image", axcodes="RAS"), mt.Spacingd("image", pixdim=(1.31, 1.47, 1.93), mode="nearest", dtype=np.float64)])
    back = chain.inverse(chain({"image": to_monai(labels.like(labels.values.astype(np.float32)))}))["image"]
    ours = apply(labels, {"operator": "reorient", "code": "RAS"},
                 {"operator": "resample", "spacing": [1.31, 1.47, 1.93], "fit": "centres"}, {"operator": "invert"})
    equal("invert labels/MONAI", ours.values, back.numpy())


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes(apply, seed):
    random = np.random.default_rng(seed)
    volume = oblique(seed, shape=(16, 32, 32))
    sizes = [[6, 8, 8], [10, 12, 9]]
    anchors = AnchorGeneratorWithAnchorShape((1, 2), sizes).grid_anchors([[8, 8, 8], [4, 4, 4]], [[torch.tensor(s) for s in t] for t in ([2, 4, 4], [4, 8, 8])])
    anchors = torch.cat(anchors)
    deltas = (random.normal(size=(len(anchors), 6)) * 0.3).astype(np.float32)
    scores = (random.normal(size=(len(anchors), 1)) - 1).astype(np.float32)
    step = {"operator": "decode_boxes", "strides": [2, 4, 4, 4, 8, 8], "anchors": np.array(sizes, float).ravel().tolist(),
            "level_scales": [1, 2], "least_score": 0.4, "overlap": 0.1, "candidates": 100000, "most": 40}
    values = [Volume(v[None, None], np.zeros(3), np.eye(3), "") for v in (deltas, scores)]
    told = apply([volume, *values], step)["boxes"]
    boxes = BoxCoder((1.0,) * 6).decode_single(torch.as_tensor(deltas).double(), anchors.double()).numpy()
    boxes = np.clip(boxes, 0, [16, 32, 32] * 2)
    probability = torch.sigmoid(torch.as_tensor(scores[:, 0]).double()).numpy()
    good = (probability > 0.4) & ((boxes[:, 3:] - boxes[:, :3]).min(1) >= 0.01)
    boxes, probability = boxes[good], probability[good]
    kept = batched_nms(torch.as_tensor(boxes), torch.as_tensor(probability), torch.zeros(len(boxes)), 0.1, 40)
    close("decode_boxes/MONAI", [b["low"] + b["high"] for b in told], boxes[np.asarray(kept)] - 0.5, 1e-5)
