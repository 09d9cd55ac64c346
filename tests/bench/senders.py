"""Unmodified senders, and what they are timed with."""
import os
import pathlib
import subprocess
import threading
import time


def storescu(peer, files, nodelay: bool):
    environment = {**os.environ, **({"TCP_NODELAY": "1"} if nodelay else {})}
    if not nodelay:
        environment.pop("TCP_NODELAY", None)
    return subprocess.Popen(["storescu", "-aec", peer.title, "127.0.0.1", str(peer.dicom), *map(str, files)], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(sender):
    said, _ = sender.communicate(timeout=3600)
    if sender.returncode != 0 or "error" in said.lower():
        raise RuntimeError(f"storescu failed with {sender.returncode}: {said[-600:]}")


def files_of(folder: pathlib.Path):
    return sorted(folder.glob("*.dcm"))


def send_all(peer, lists, nodelay: bool) -> float:
    """Each list of file lists is one sender: its associations one after the other, senders side by side. Seconds until the last is done."""
    faults = []

    def one(associations):
        try:
            for files in associations:
                finished(storescu(peer, files, nodelay))
        except (RuntimeError, subprocess.TimeoutExpired) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(associations,)) for associations in lists]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    if faults:
        raise faults[0]
    return seconds


def flushes(peer, files) -> str:
    """What one instance costs in flushes, counted on a peer of its own."""
    with peer:
        counts = peer.count_flushes(lambda: send_all(peer, [[files]], True))
    parts = [f"{count / len(files):.2f} {name}" for name, count in counts.items() if count]
    return (" + ".join(parts) + " per instance") if parts else "no flush"
