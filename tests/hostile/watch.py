"""What a node costs and whether it serves."""
import contextlib
import os
import time

import requests

from objects import ct
from peer import CT, Peer


class Watch:
    def __init__(self, world):
        self.world = world
        self.count = 0

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.world.node.pid}/task"))

    def files(self) -> int:
        """Sockets. Files of the vault and the index come with what is stored, so they are counted apart."""
        return sum(target.startswith("socket:") for target in self.targets())

    def targets(self):
        folder = f"/proc/{self.world.node.pid}/fd"
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(f"{folder}/{name}")

    def other_files(self) -> int:
        return sum(not target.startswith("socket:") for target in self.targets())

    def memory(self, what: str = "VmRSS") -> int:
        """KiB."""
        with open(f"/proc/{self.world.node.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(what + ":"))

    def forget_peak(self):
        with open(f"/proc/{self.world.node.pid}/clear_refs", "w", encoding="ascii") as control:
            control.write("5")

    def settled(self, files: int, threads: int, within: float = 30):
        """Waits until connections and threads are back to these numbers; answers what is there then."""
        end = time.monotonic() + within
        while time.monotonic() < end and (self.files() > files or self.threads() > threads):
            time.sleep(0.1)
        return self.files(), self.threads()

    def serves(self):
        """A healthy image goes in from an address of its own, is found and comes back bit for bit; the page is ready."""
        assert self.world.node.poll() is None, f"the node ended with {self.world.node.returncode}"
        assert self.other_files() < 100, f"the node holds {self.other_files()} files open"
        self.count += 1
        instance, study = f"1.2.826.0.1.3680043.10.99.5.{self.count}", f"1.2.826.0.1.3680043.10.99.6.{self.count}"
        data = ct(instance, study=study)
        with Peer(self.world.dicom_port, "127.0.0.99") as peer:
            assert peer.open(calling=b"HEALTHY"), "a healthy sender gets no association"
            assert peer.store(CT, instance, data) == (0, ""), "a healthy image is not taken"
        assert requests.get(self.world.url + "/readyz", timeout=10).status_code == 200
        answer = self.world.person.call("GET", f"/dicom-web/studies/{study}/series/{study}.1/instances/{instance}",
                                        headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})
        assert data in answer.content, "a healthy image does not come back bit for bit"
