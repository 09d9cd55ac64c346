#!/usr/bin/env python3
"""Bringing the classes of a segmentation back to the source grid: the operator labels_to_source beside the same steps in
Python, as nnU-Net's export does them (scikit-image's resize of each class, order 1, mode "edge"; argmax; un-crop), on the
same logits. Python's side keeps a running maximum instead of all resized classes, which spares it memory and time.

    build/venv/bin/python tests/bench/operators_bench.py [--classes 100] [--source 200 256 256] [--spacing 2.5 2 2]
    build/venv/bin/python tests/bench/operators_bench.py --memory       100 classes on 600 × 512 × 512: peak memory

Rounds are interleaved. Prints one line of JSON per measurement and the ratio of the medians. No timed test."""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXES = [[0, 0, 1.0], [0, 1.0, 0], [1.0, 0, 0]]


def order(folder, source, shape, steps, classes, output, threads):
    written = folder / "order.json"
    written.write_text(json.dumps({
        "inputs": [{"file": str(source), "shape": [1, *shape], "origin": [0, 0, 0], "axes": AXES, "unit": "HU"}],
        "steps": steps, "network": {"kind": "mix", "channels": classes}, "threads": threads, "output": str(output)}))
    return written


def run(program, written):
    done = subprocess.run([program, written], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def exported(logits, crop, shape):
    """nnU-Net's way; returns labels on the source grid, seconds by the clock and of the processor."""
    import skimage.transform
    begun, used = time.perf_counter(), time.process_time()
    size = [high - low for low, high in crop]
    best, label = None, None
    for number, one in enumerate(logits):
        here = skimage.transform.resize(one.astype(float), size, order=1, mode="edge", anti_aliasing=False, clip=True)
        if best is None:
            best, label = here, np.zeros(size, dtype=np.uint8)
        else:
            more = here > best
            best[more] = here[more]
            label[more] = number
    out = np.zeros(shape, dtype=np.uint8)
    out[tuple(slice(low, high) for low, high in crop)] = label
    return out, time.perf_counter() - begun, time.process_time() - used


def ratio(program, folder, wanted):
    shape = wanted.source
    crop = [(n // 20, n - n // 20) for n in shape]
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    source, output = folder / "source.raw", folder / "out.raw"
    values.tofile(source)
    steps = [{"operator": "crop", "low": [c[0] for c in crop], "high": [c[1] for c in crop]},
             {"operator": "resample", "spacing": wanted.spacing},
             {"operator": "sliding_window", "window": [0, 0, 0], "memory": 64}]
    told = run(program, order(folder, source, shape, steps, wanted.classes, output, wanted.threads))
    logits = np.fromfile(output, dtype=np.float32).reshape(told["channels"], *told["grid"]["shape"])
    print(json.dumps({"logits": logits.shape, "source": shape, "cores": os.cpu_count(), "load": os.getloadavg()[0]}))
    ours, theirs = [], []
    for _ in range(wanted.rounds):
        labels, *seconds = exported(logits, crop, shape)
        theirs.append(seconds)
        print(json.dumps({"who": "python", "seconds": round(seconds[0], 3), "processor": round(seconds[1], 3)}), flush=True)
        told = run(program, order(folder, source, shape, steps + [{"operator": "labels_to_source"}], wanted.classes, output,
                                  wanted.threads))
        ours.append([told["seconds"][-1], told["processor_seconds"][-1]])
        print(json.dumps({"who": "vedette", "seconds": round(ours[-1][0], 3), "processor": round(ours[-1][1], 3)}), flush=True)
    equal = float((np.fromfile(output, dtype=np.uint16).reshape(shape) == labels).mean())
    by_clock, by_processor = [statistics.median(t[i] for t in theirs) / statistics.median(o[i] for o in ours) for i in (0, 1)]
    # On a busy machine the clock says little; the processor's seconds count all threads of both.
    print(json.dumps({"ratio": round(by_clock, 1), "ratio_of_processor_seconds": round(by_processor, 1), "equal_voxels": equal}))


def memory(program, folder, wanted):
    shape = [600, 512, 512]
    source, output = folder / "source.raw", folder / "out.raw"
    with open(source, "wb") as out:
        random = np.random.default_rng(1)
        for _ in range(shape[0]):
            out.write(random.normal(size=shape[1:]).astype(np.float32).tobytes())
    steps = [{"operator": "sliding_window_labels", "window": wanted.window, "overlap": wanted.overlap, "weights": "gaussian"}]
    told = run(program, order(folder, source, shape, steps, wanted.classes, output, wanted.threads))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1 << 20)
    print(json.dumps({"classes": wanted.classes, "shape": shape, "window": wanted.window, "peak_gib": round(peak, 2),
                      "seconds": round(told["seconds"][0], 1), "labels": output.stat().st_size // 2}))
    return 0 if peak < 12 else 1


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--program", default=ROOT / "build" / "release" / "bin" / "vedette-operators")
    words.add_argument("--classes", type=int, default=100)
    words.add_argument("--source", type=int, nargs=3, default=[200, 256, 256])
    words.add_argument("--spacing", type=float, nargs=3, default=[2.5, 2.0, 2.0])
    words.add_argument("--window", type=int, nargs=3, default=[96, 96, 96])
    words.add_argument("--overlap", type=float, nargs="+", default=[0.25])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--threads", type=int, default=0)
    words.add_argument("--memory", action="store_true")
    wanted = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return (memory if wanted.memory else ratio)(wanted.program, pathlib.Path(folder), wanted) or 0


if __name__ == "__main__":
    sys.exit(main())
