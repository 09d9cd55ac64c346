"""stow: 300 CT in one request against Orthanc's DICOMweb; memory while 10 GB pass in one body."""
import http.client
import threading
import time

import objects
from intake import OBJECTS, disk_rate
from measure import WORK, Turn, interleave, table
from peers import Orthanc, Vedette
from senders import files_of

BOUNDARY = b"vedette-bench-boundary"


def body_file(maker, study: int, count: int):
    path = OBJECTS / f"stow-{maker.size}-{study}-{count}.body"
    if not path.exists():
        files = files_of(maker.folder(OBJECTS, study, count))
        with open(path, "wb") as out:
            for file in files:
                out.write(b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n")
            out.write(b"--" + BOUNDARY + b"--\r\n")
    return path


def post(peer, body, length: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", peer.http, timeout=3600, blocksize=1 << 20)
    headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}', "Content-Length": str(length),
               "Accept": "application/dicom+json", **peer.authorization()}
    begun = time.monotonic()
    connection.request("POST", peer.web + "/studies", body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    seconds = time.monotonic() - begun
    if answer.status != 200:
        raise RuntimeError(f"{peer.name} answered {answer.status}: {text[:500]}")
    return seconds


def flushes(peer, path) -> str:
    with peer:
        counts = peer.count_flushes(lambda: post(peer, open(path, "rb"), path.stat().st_size))
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) + " for 20 instances"


def stow(options):
    maker, count = objects.ct(), max(20, int(300 * options.share))
    path, probe, run = body_file(maker, 700, count), body_file(maker, 701, 20), WORK / "run"

    def turn(name, make, settings, probe_of):
        def one():
            with make() as peer, open(path, "rb") as body:
                return count / post(peer, body, path.stat().st_size)
        return Turn(name, type(make()).version(), settings, flushes(probe_of(), probe), one)

    turns = [turn("Vedette", lambda: Vedette(run), "default", lambda: Vedette(run)),
             turn("Orthanc DICOMweb", lambda: Orthanc(run, True), "orthanc-dicomweb 1.7, KeepAlive, TcpNoDelay", lambda: Orthanc(run, True)),
             Turn("write + fdatasync (limit of the disk)", "", "1 writer", "1 fdatasync per instance", lambda: disk_rate(1, count, maker.size), True)]
    rounds = interleave(turns, options.pairs)
    notes = ["The body comes from the page cache by one connection of Python's http.client."]
    if options.gigabytes:
        notes.append(memory_of_large_body(options.gigabytes))
    table("stow", f"stow: {count} CT of 512 KB in one request", "instances/s", turns, rounds, targets={"Orthanc DICOMweb": 4}, notes=notes)


class Generated:
    """A body that is made while it is sent."""

    def __init__(self, maker, count: int):
        self.maker, self.count = maker, count
        one = len(self.part(1))
        self.length = one * count + len(self.end())

    def part(self, number: int) -> bytes:
        return b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + self.maker.make(800, number) + b"\r\n"

    @staticmethod
    def end() -> bytes:
        return b"--" + BOUNDARY + b"--\r\n"

    def __iter__(self):
        for i in range(1, self.count + 1):
            yield self.part(i)
        yield self.end()


def memory_of_large_body(gigabytes: float) -> str:
    """Growth of what is resident and not a file's, looked at each 50 ms, from just before the request to its end."""
    maker = objects.ct()
    body = Generated(maker, max(2, int(gigabytes * 1e9 / maker.size)))
    with Vedette(WORK / "run", settings={"data.reserve_bytes": 0}) as peer:
        post(peer, Generated(maker, 2), Generated(maker, 2).length)  # threads and buffers are there
        before, most, done = peer.memory()["RssAnon"], 0, threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.05):
                most = max(most, peer.memory()["RssAnon"])

        watcher = threading.Thread(target=watch)
        watcher.start()
        seconds = post(peer, body, body.length)
        done.set()
        watcher.join()
    growth = (most - before) / 2**20
    return (f"A generated body of {body.length / 1e9:.1f} GB ({body.count} instances) in one request took {seconds:.0f} s ({body.length / 1e6 / seconds:.0f} MB/s) and "
            f"{growth:.0f} MiB of extra resident memory (must be < 64 MB: {'yes' if growth * 2**20 < 64e6 else '**no**'}).")
