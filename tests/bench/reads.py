"""metadata and retrieve: what viewers ask for, against Orthanc and against nginx with the same bytes."""
import json
import pathlib
import subprocess

import objects
from intake import OBJECTS
from measure import WORK, Turn, interleave, table
from peers import BIN, Nginx, Orthanc, Vedette
from senders import files_of, send_all

STAYS = "reading; nothing is written"


def http_load(peer, paths, clients: int, requests: int, headers=()) -> dict:
    listing = WORK / "paths.txt"
    listing.write_text("\n".join(paths) + "\n")
    sent = [f"{k}: {v}" for k, v in {**peer.authorization(), **dict(headers)}.items()]
    done = subprocess.run([str(BIN / "vedette_bench_http_load"), str(peer.http), str(listing), str(clients), str(requests), *sent], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"http_load: {done.stderr}")
    said = json.loads(done.stdout)
    if said["failed"]:
        raise RuntimeError(f"{peer.name}: {said['failed']} of {said['requests']} requests failed ({paths[0]})")
    return said


def filled(make, folders) -> Vedette | Orthanc:
    peer = make().start()
    for folder in folders:
        send_all(peer, [[files_of(folder)]], True)
    return peer


def metadata(options):
    maker, count = objects.ct(), max(50, int(1000 * options.share))
    folder = maker.folder(OBJECTS, 710, count)
    path = f"/studies/{maker.study_uid(710)}/series/{maker.series_uid(710)}/metadata"
    asks = {"Accept": "application/dicom+json", "Accept-Encoding": "gzip"}
    plain = {"Accept": "application/dicom+json"}
    vedette = filled(lambda: Vedette(WORK / "run-vedette"), [folder])
    orthanc = filled(lambda: Orthanc(WORK / "run-orthanc", True), [folder])
    try:
        def cold():
            vedette.stop(keep=True)
            vedette.launch()
            drop_caches()
            return http_load(vedette, [vedette.web + path], 1, 1, asks.items())["p50"]

        sizes = {p.name: (len(p.get(p.web + path, asks)), len(p.get(p.web + path, plain))) for p in (vedette, orthanc)}
        turns = [Turn("Vedette", Vedette.version(), "warm, p95 of 200, gzip accepted", STAYS, lambda: http_load(vedette, [vedette.web + path], 1, 200, asks.items())["p95"]),
                 Turn("Vedette, without gzip", Vedette.version(), "warm, p95 of 200", STAYS, lambda: http_load(vedette, [vedette.web + path], 1, 200, plain.items())["p95"]),
                 Turn("Vedette, cold", Vedette.version(), "first request after a restart, caches of the system dropped", STAYS, cold),
                 Turn("Orthanc DICOMweb", Orthanc.version(), "orthanc-dicomweb 1.7, p95 of 3, gzip accepted", STAYS,
                      lambda: http_load(orthanc, [orthanc.web + path], 1, 3, asks.items())["p95"])]
        rounds = interleave(turns, options.pairs)
        table("metadata", f"metadata: series of {count} slices", "ms", turns, rounds, more_is_better=False,
              targets={"Vedette": 15, "Orthanc DICOMweb": 10},
              notes=["Bytes on the wire with and without gzip: " + "; ".join(f"{name} {a:,} / {b:,}" for name, (a, b) in sizes.items()) + "."])
    finally:
        vedette.stop()
        orthanc.stop()


def drop_caches():
    subprocess.run(["sync"], check=True)
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        pass  # not root: then cold means only a fresh process


def retrieve(options):
    maker, count = objects.ct(), max(20, int(300 * options.share))
    study = 720
    folder = maker.folder(OBJECTS, study, count)
    series = f"/studies/{maker.study_uid(study)}/series/{maker.series_uid(study)}"
    frames = [f"{series}/instances/{objects.uid(maker.kind, study, 1, i)}/frames/1" for i in range(1, count + 1)]
    whole = {"Accept": 'multipart/related; type="application/dicom"'}
    pixels = {"Accept": 'multipart/related; type="application/octet-stream"'}
    vedette = filled(lambda: Vedette(WORK / "run-vedette"), [folder])
    orthanc = filled(lambda: Orthanc(WORK / "run-orthanc", True), [folder])
    nginx = Nginx(WORK / "run-nginx").start()
    try:
        root = nginx.folder / "root"
        (root / "series").write_bytes(vedette.get(vedette.web + series, whole))
        for i, frame in enumerate(frames):
            (root / f"frame{i}").write_bytes(vedette.get(vedette.web + frame, pixels))
        static = [f"/frame{i}" for i in range(count)]
        for clients in (1, 16):
            for name, ours, theirs, asks, requests, slow in (("series", [series], ["/series"], whole, 8 * max(1, clients // 4), max(1, clients // 4)),
                                                           ("frame", frames, static, pixels, count * (4 if clients == 1 else 8), count)):
                def rate(peer, paths, how_many, asks=asks, clients=clients):
                    said = http_load(peer, paths, clients, how_many, asks.items())
                    return said["bytes"] / 1e6 / said["seconds"]
                turns = [Turn("Vedette", Vedette.version(), f"{clients} client(s), signed in by token", STAYS, lambda: rate(vedette, [vedette.web + p for p in ours], requests)),
                         Turn("nginx (limit)", Nginx.version(), "sendfile, open_file_cache, the same bytes", STAYS, lambda: rate(nginx, theirs, requests), True),
                         Turn("Orthanc DICOMweb", Orthanc.version(), "orthanc-dicomweb 1.7, KeepAlive, TcpNoDelay", STAYS,
                              lambda: rate(orthanc, [orthanc.web + p for p in ours], slow))]
                rounds = interleave(turns, options.pairs)
                table(f"retrieve_{name}_{clients}", f"retrieve: {'whole series of ' + str(count) + ' CT' if name == 'series' else 'single frames of 512 KB'}, {clients} client{'s' if clients > 1 else ''}",
                      "MB/s", turns, rounds, targets={"nginx (limit)": 0.9},
                      notes=["From the page cache; the client throws the bodies away inside the kernel (MSG_TRUNC)."])
    finally:
        for peer in (vedette, orthanc, nginx):
            peer.stop()
