"""A running node for the API's tests: the real program on a fresh data folder, with one person or token per role.

VEDETTE_BIN names the program (default: build/release/bin/vedette); without it the tests are skipped.
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PASSWORD = "correct horse battery staple"
PEOPLE = ["reader", "screening_reader", "radiographer", "tool_engineer", "administrator", "data_steward", "coordinator", "auditor"]
ROLES = PEOPLE + ["service"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"


class Client:
    """One caller: nobody, a token, or a session with its cookie."""

    def __init__(self, base, token=None, cookie=None, csrf=None):
        self.base, self.token, self.cookie, self.csrf = base, token, cookie, csrf

    def send(self, method, path, body=None, headers=None, data=None):
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.csrf and method not in ("GET", "HEAD"):
            headers.setdefault("X-CSRF-Token", self.csrf)
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.send("POST", path, body=body, **more)


class Node:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.http, self.dicom = free_port(), free_port()
        self.settings = folder / "vedette.toml"
        self.settings.write_text(
            f'[data]\nfolder = "{folder}/data"\n[http]\nlisten = "127.0.0.1:{self.http}"\n[dicom]\nlisten = "127.0.0.1:{self.dicom}"\n'
            f'[intake]\nquiet_seconds = 0.3\n'
            f'[[destination]]\nname = "NOWHERE"\nkind = "dimse"\nhost = "127.0.0.1"\nport = {free_port()}\nae_title = "NOWHERE"\nsend = ["signed"]\n')
        self.password = folder / "password"
        self.password.write_text(PASSWORD)
        self.password.chmod(0o600)
        self.base = f"http://127.0.0.1:{self.http}"
        self.process = None
        self.tokens = {}

    def command(self, *words):
        done = subprocess.run([self.program, *words, "--settings", str(self.settings)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def start(self):
        for role in PEOPLE:
            self.command("user", "add", role + "1", "--role", role, "--password-file", str(self.password))
        self.command("user", "add", "reader2", "--role", "reader", "--password-file", str(self.password))
        for role in ROLES:
            self.tokens[role] = self.command("token", "create", (role + "1") if role != "service" else "robot", "--role", role).split()[-1]
        log = open(self.folder / "node.log", "w")
        self.process = subprocess.Popen([self.program, "serve", "--settings", str(self.settings)], stdout=log, stderr=log)
        for _ in range(300):
            try:
                if Client(self.base).get("/readyz").status == 200:
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail("the node did not start:\n" + (self.folder / "node.log").read_text()[-3000:])

    def stop(self):
        if self.process:
            self.process.terminate()
            assert self.process.wait(60) == 0

    def phantom(self, kind="pet-ct", seed=1):
        out = self.folder / f"phantom-{kind}-{seed}"
        if not out.exists():
            done = subprocess.run([self.program, "phantom", kind, "--out", str(out), "--seed", str(seed)], capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
        return sorted(p for p in out.rglob("*") if p.is_file() and p.suffix != ".json")

    def anyone(self):
        return Client(self.base)

    def by_token(self, role):
        return Client(self.base, token=self.tokens[role])

    def signed_in(self, name):
        answer = Client(self.base).post("/api/session", {"user": name, "password": PASSWORD})
        assert answer.status == 200, answer
        cookie = re.match(r"[^;]+", answer.headers["Set-Cookie"]).group(0)
        return Client(self.base, cookie=cookie, csrf=answer.json["csrf"])


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    program = os.environ.get("VEDETTE_BIN", str(ROOT / "build" / "release" / "bin" / "vedette"))
    if not os.access(program, os.X_OK):
        pytest.skip(f"no program {program}: build it, or set VEDETTE_BIN")
    node = Node(program, tmp_path_factory.mktemp("node"))
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def openapi(node):
    return node.by_token("reader").get("/openapi.json").json


@pytest.fixture(scope="session")
def study(node):
    """The phantom study, uploaded and analysed; its Study Instance UID."""
    boundary = "vedette-test"
    parts = b"".join(
        b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="file"; filename="' + file.name.encode() + b'"\r\n\r\n' + file.read_bytes() + b"\r\n"
        for file in node.phantom())
    answer = node.by_token("radiographer").send("POST", "/api/uploads", data=parts + b"--" + boundary.encode() + b"--\r\n",
                                                headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert answer.status == 200, answer
    report = answer.json
    assert report["refused"] == [] and report["accepted"] > 0 and len(report["studies"]) == 1, report
    uid = report["studies"][0]
    reader = node.by_token("reader")
    for _ in range(600):
        body = reader.get(f"/api/studies/{uid}").json
        states = {tool["state"] for tool in body["tools"]}
        if body["state"] == "complete" and states and not states & {"queued", "running"}:
            return uid
        time.sleep(0.1)
    pytest.fail(f"the study was not analysed: {body['state']} {body['tools']}")
