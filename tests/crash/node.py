"""The node under test: starts, is asked, dies."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import requests

HERE = pathlib.Path(__file__).resolve().parent


class DidNotStart(Exception):
    pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """One data folder, and the process that runs on it."""

    def __init__(self, bin_folder: pathlib.Path, folder: pathlib.Path, archive_port: int, segment_bytes: int):
        self.vedette, self.folder, self.data = str(bin_folder / "vedette"), folder, folder / "ground" / "data"  # made by the node
        self.http_port, self.dicom_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.process: subprocess.Popen | None = None
        self.session = requests.Session()
        self.slowest_start = 0.0
        self.disk = None  # where every process of this folder runs on a disk that can lose power
        (folder / "vedette.toml").write_text(f"""
[data]
folder = {json.dumps(str(self.data))}
reserve_bytes = 1048576
[vault]
segment_bytes = {segment_bytes}
[http]
listen = "127.0.0.1:{self.http_port}"
[dicom]
listen = "127.0.0.1:{self.dicom_port}"
[intake]
quiet_seconds = 0.3
[jobs]
lease_seconds = 2
attempts = 5
[tools]
folder = {json.dumps(str(HERE / "tools"))}
[delivery]
retry_seconds = 1
[[destination]]
name = "ARCHIVE"
kind = "dimse"
host = "127.0.0.1"
port = {archive_port}
ae_title = "ARCHIVE"
send = ["proposed", "signed"]
""")

    def command(self, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess:
        return subprocess.run([self.vedette, *arguments, "--settings", str(self.folder / "vedette.toml")], capture_output=True, text=True, timeout=120,
                              env=self.environment(crash_at))

    def environment(self, crash_at: str = "") -> dict[str, str]:
        out = {**os.environ, **(self.disk.environment() if self.disk else {})}
        out.pop("VEDETTE_CRASH_AT", None)
        if crash_at:
            out["VEDETTE_CRASH_AT"] = crash_at
        return out

    def add_reader(self):
        password = self.folder / "password"
        password.write_text("a long password of the reader")
        for arguments in (("user", "add", "anna", "--role", "reader", "--role", "administrator", "--password-file", str(password)),
                          ("token", "create", "anna", "--role", "reader", "--role", "administrator")):
            done = self.command(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
        self.session.headers["Authorization"] = "Bearer " + done.stdout.strip().splitlines()[-1].strip()

    def launch(self, crash_at: str = ""):
        """Starts the process without waiting for it."""
        with open(self.folder / "node.log", "ab") as log:
            self.process = subprocess.Popen([self.vedette, "serve", "--settings", str(self.folder / "vedette.toml")], stdout=log, stderr=log,
                                            cwd=self.folder, env=self.environment(crash_at), start_new_session=True)

    def ready(self, within: float = 30) -> bool:
        """True once it serves; False when it has died of what it was armed with."""
        begun = time.monotonic()
        while time.monotonic() - begun < within:
            if self.dead():
                if self.process.returncode != -signal.SIGKILL:
                    raise DidNotStart(f"the node ended with {self.process.returncode}: {self.log()[-2000:]}")
                return False
            try:
                if requests.get(self.url + "/readyz", timeout=2).status_code == 200:
                    self.slowest_start = max(self.slowest_start, time.monotonic() - begun)
                    return True
            except requests.RequestException:
                pass
            time.sleep(0.02)
        raise DidNotStart(f"the node is not ready after {within} s: {self.log()[-2000:]}")

    def dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self):
        if not self.dead():
            os.killpg(self.process.pid, signal.SIGKILL)  # its tools too: they are gone with the machine
        if self.process:
            self.process.wait()

    def stop_for(self, seconds: float):
        """Stopped past the leases of its jobs, then woken."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(self.process.pid, signal.SIGCONT)

    def clear(self):
        """What is left of a node that killed itself: its tools."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def log(self) -> str:
        path = self.folder / "node.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- what it answers ----

    def get(self, path: str, **rest) -> requests.Response:
        return self.session.get(self.url + path, timeout=20, **rest)

    def post(self, path: str, **rest) -> requests.Response:
        return self.session.post(self.url + path, timeout=20, **rest)
