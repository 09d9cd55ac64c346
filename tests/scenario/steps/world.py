"""What a story stands on: its folder, its node, its peers, its people, and the table of steps."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
_steps = []


class Skip(Exception):
    """The story cannot be told here; the message says why."""


def step(pattern: str):
    """Registers a function for sentences that match; groups become arguments."""
    def register(function):
        _steps.append((re.compile(pattern + r"\Z"), function))
        return function
    return register


def find_step(line: str):
    sentence = re.sub(r"^(Given|When|Then|And) ", "", line)
    for pattern, function in _steps:
        match = pattern.match(sentence)
        if match:
            return function, match.groups()
    return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(seconds: float, what: str, ask):
    """Asks until the answer is true; fails with the last answer."""
    end = time.monotonic() + seconds
    answer = None
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}; last: {answer!r}")


class Person:
    def __init__(self, name: str, token: str, world: "World"):
        self.name, self.world = name, world
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = "Bearer " + token

    def call(self, method: str, path: str, expect=(200, 201, 202, 204), **rest):
        answer = self.session.request(method, self.world.url + path, timeout=60, **rest)
        if expect is not None and answer.status_code not in expect:
            raise AssertionError(f"{method} {path} answered {answer.status_code}: {answer.text[:600]}")
        return answer

    def get(self, path: str, **rest):
        return self.call("GET", path, **rest).json()


class World:
    def __init__(self, bin_folder: pathlib.Path, keep: bool):
        self.bin = bin_folder
        self.vedette = str(bin_folder / "vedette")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vedette-story-"))
        self.keep = keep
        self.data = self.folder / "data"
        self.http_port, self.dicom_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.settings: dict[str, str] = {}
        self.destinations: list[str] = []
        self.node = None
        self.peers: dict[str, dict] = {}
        self.people: dict[str, Person] = {}
        self.person: Person | None = None
        self.sent: pathlib.Path | None = None
        self.study_uid = ""
        self.truth: dict = {}
        self.answer = None
        self.output = ""
        self.noted: dict = {}
        self.node_environment: dict[str, str] = {}
        self.at_end: list = []

    # ---- the node ----

    def run(self, *arguments, expect=0, **rest) -> str:
        """A command of the binary on the story's data folder."""
        done = subprocess.run([self.vedette, *map(str, arguments), *self.settings_arguments()], capture_output=True, text=True,
                              timeout=120, cwd=self.folder, **rest)
        self.output = done.stdout + done.stderr
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"vedette {' '.join(map(str, arguments))} ended with {done.returncode}: {self.output[-2000:]}")
        return done.stdout

    def settings_file(self) -> pathlib.Path:
        path = self.folder / "vedette.toml"
        sections: dict[str, list[str]] = {}
        values = {"data.folder": json.dumps(str(self.data)), "http.listen": f'"127.0.0.1:{self.http_port}"',
                  "dicom.listen": f'"127.0.0.1:{self.dicom_port}"', **self.settings}
        for name, value in values.items():
            section, key = name.split(".", 1)
            sections.setdefault(section, []).append(f"{key} = {value}")
        text = "".join(f"[{section}]\n" + "\n".join(rows) + "\n\n" for section, rows in sections.items())
        path.write_text(text + "\n".join(self.destinations))
        return path

    def settings_arguments(self):
        return ["--settings", str(self.settings_file())]

    def start(self):
        self.log = open(self.folder / "node.log", "ab")
        self.node = subprocess.Popen([self.vedette, "serve", *self.settings_arguments()], stdout=self.log, stderr=self.log, cwd=self.folder,
                                     start_new_session=True, env={**os.environ, **self.node_environment})
        until(30, "the node is ready", self.ready)

    def ready(self) -> bool:
        if self.node.poll() is not None:
            raise AssertionError(f"the node ended with {self.node.returncode}: {self.log_text()[-3000:]}")
        try:
            return requests.get(self.url + "/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, how=signal.SIGTERM, within: float = 25) -> int:
        self.node.send_signal(how)
        code = self.node.wait(timeout=within)
        self.node = None
        return code

    def log_text(self) -> str:
        return (self.folder / "node.log").read_text(errors="replace")

    # ---- people ----

    def add_person(self, name: str, roles: list[str]) -> Person:
        password = self.folder / f"{name}.password"
        password.write_text(f"a long password of {name}")
        arguments = [part for role in roles for part in ("--role", role)]
        self.run("user", "add", name, *arguments, "--password-file", password)
        token = self.run("token", "create", name, *arguments).strip().splitlines()[-1].strip()
        self.people[name] = Person(name, token, self)
        if self.person is None:
            self.person = self.people[name]
        return self.people[name]

    # ---- peers ----

    def start_orthanc(self, title: str, dicom_port: int | None = None):
        program = shutil.which("Orthanc")
        if program is None:
            raise Skip("Orthanc is not installed")
        ports = {"dicom": dicom_port or free_port(), "http": free_port()}
        folder = self.folder / title
        folder.mkdir(exist_ok=True)
        config = folder / "orthanc.json"
        config.write_text(json.dumps({
            "Name": title, "DicomAet": title, "DicomPort": ports["dicom"], "HttpPort": ports["http"], "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"), "RemoteAccessAllowed": True, "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": False, "HttpDescribeErrors": True, "Plugins": ["/usr/share/orthanc/plugins"],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}))
        log = open(folder / "log", "ab")
        process = subprocess.Popen([program, str(config)], stdout=log, stderr=log, start_new_session=True)
        self.peers[title] = {"process": process, "url": f"http://127.0.0.1:{ports['http']}", **ports}
        until(90, f"{title} answers", lambda: self.answers(self.peers[title]["url"] + "/system"))

    @staticmethod
    def answers(url: str) -> bool:
        try:
            return requests.get(url, timeout=2).ok
        except requests.RequestException:
            return False

    # ---- the end ----

    def tell(self):
        print("  ---- end of the node's log ----")
        print("\n".join("  " + line for line in self.log_text().splitlines()[-25:]) if (self.folder / "node.log").exists() else "  (none)")
        if self.output:
            print("  ---- last command ----\n  " + self.output[-1500:].replace("\n", "\n  "))

    def end(self):
        processes = [self.node] + [peer.get("process") for peer in self.peers.values()]
        for process in filter(None, processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for done in self.at_end:
            done()
        if self.keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
