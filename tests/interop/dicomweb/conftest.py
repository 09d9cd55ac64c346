"""A node to talk to: VEDETTE_URL and VEDETTE_TOKEN, or the door alone (build/…/bin/vedette_dicomweb_node) on a fresh folder."""
import json
import os
import pathlib
import socket
import subprocess

import pytest
import requests
from dicomweb_client.api import DICOMwebClient

ROOT = pathlib.Path(__file__).resolve().parents[3]


def find_node():
    named = os.environ.get("VEDETTE_DICOMWEB_NODE")
    if named:
        return pathlib.Path(named)
    for preset in ("release", "dev", "asan"):
        program = ROOT / "build" / preset / "bin" / "vedette_dicomweb_node"
        if program.exists():
            return program
    return None


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    if os.environ.get("VEDETTE_URL"):
        yield {"url": os.environ["VEDETTE_URL"], "token": os.environ["VEDETTE_TOKEN"], "pid": None}
        return
    program = find_node()
    if program is None:
        pytest.skip("neither VEDETTE_URL nor a built vedette_dicomweb_node")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([program, tmp_path_factory.mktemp("node"), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    said = json.loads(process.stdout.readline())
    said["pid"] = process.pid
    yield said
    process.stdin.close()
    assert process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def web(node):
    """requests with the token; paths below /dicom-web."""
    session = requests.Session()
    session.headers["Authorization"] = "Bearer " + node["token"]

    class Web:
        base = node["url"] + "/dicom-web"

        def request(self, method, path, **more):
            more.setdefault("timeout", 60)
            url = path if path.startswith("http") else self.base + path
            return session.request(method, url, **more)

        def get(self, path, accept="*/*", **more):
            return self.request("GET", path, headers={"Accept": accept}, **more)

    return Web()


@pytest.fixture(scope="session")
def client(node):
    session = requests.Session()
    session.headers["Authorization"] = "Bearer " + node["token"]
    return DICOMwebClient(node["url"] + "/dicom-web", session=session)


@pytest.fixture(scope="session")
def shared():
    folder = pathlib.Path(os.environ.get("VEDETTE_SHARED", ROOT.parent / "shared"))
    if not folder.exists():
        pytest.skip("no shared data on this machine")
    return folder
