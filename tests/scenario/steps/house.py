"""The node, its settings, its people and its peers."""
import signal
import time

import requests

from .world import REPOSITORY, step, until


@step(r"a PACS called (\S+)")
def a_pacs(world, title):
    world.start_orthanc(title)


@step(r"(\S+) goes down")
def goes_down(world, title):
    world.peers[title]["process"].terminate()
    world.peers[title]["process"].wait(timeout=20)


@step(r"(proposed and signed|proposed|signed) results go to (\S+) by (DICOM|STOW)")
def destination(world, what, title, way):
    peer = world.peers[title]
    send = ", ".join(f'"{word}"' for word in ("proposed", "signed") if word in what)
    if way == "DICOM":
        place = f'kind = "dimse"\nhost = "127.0.0.1"\nport = {peer["dicom"]}\nae_title = "{title}"'
    else:
        place = f'kind = "stow"\nurl = "{peer["url"]}/dicom-web"'
    world.destinations.append(f'[[destination]]\nname = "{title} {way}"\n{place}\nsend = [{send}]\n')


@step(r"results go to a PACS (\S+) that is down")
def destination_down(world, title):
    from .world import free_port
    world.noted["down_port"] = free_port()
    world.settings["delivery.retry_seconds"] = "1"
    world.destinations.append(f'[[destination]]\nname = "{title}"\nkind = "dimse"\nhost = "127.0.0.1"\nport = {world.noted["down_port"]}\n'
                              f'ae_title = "{title}"\nsend = ["proposed", "signed"]\n')


@step(r"(\S+) comes up")
def comes_up(world, title):
    world.start_orthanc(title, world.noted["down_port"])


@step(r"the setting (\S+) = (.+)")
def setting(world, name, value):
    world.settings[name] = value


@step(r"a running node")
def running_node(world):
    world.start()


@step(r"the node is killed")
def killed(world):
    world.stop(signal.SIGKILL)


@step(r"the node starts again")
def starts_again(world):
    world.start()


@step(r"SIGTERM ends the node with 0 within (\d+) s")
def drained(world, limit):
    begun = time.monotonic()
    code = world.stop(signal.SIGTERM, within=float(limit) + 5)
    assert code == 0, f"ended with {code}: {world.log_text()[-1500:]}"
    assert time.monotonic() - begun <= float(limit)


@step(r"(?:a|an) (\S+(?: and \S+)*) called (\S+)")
def person(world, roles, name):
    world.add_person(name, roles.split(" and "))


@step(r"(\S+) takes over")
def takes_over(world, name):
    world.person = world.people[name]


@step(r"nobody may read (\S+) without signing in")
def anonymous(world, path):
    for method in ("GET", "POST"):
        answer = requests.request(method, world.url + path, timeout=20)
        assert answer.status_code in (401, 405), f"{method} {path} answered {answer.status_code}"


@step(r"every route refuses the anonymous, but the open ones")
def every_route(world):
    routes = world.person.get("/openapi.json")["paths"]
    open_routes = {"/livez", "/readyz", "/api/session", "/api/page"}
    checked = 0
    for path, methods in routes.items():
        for method in methods:
            if path in open_routes or method not in ("get", "post", "put", "delete", "patch"):
                continue
            concrete = path
            for name in ("{uid}", "{study}", "{series}", "{instance}"):
                concrete = concrete.replace(name, "1.2.3")
            concrete = concrete.replace("{", "").replace("}", "")
            answer = requests.request(method.upper(), world.url + concrete, timeout=20)
            assert answer.status_code == 401, f"{method} {path} answered {answer.status_code} to nobody"
            checked += 1
    assert checked > 20, checked


@step(r"(\S+) gets (\d+) from (GET|POST|DELETE) (\S+)")
def gets_status(world, name, status, method, path):
    path = path.replace("{study}", world.study_uid)
    body = {"json": {}} if method == "POST" else {}
    answer = world.people[name].call(method, path, expect=None, **body)
    assert answer.status_code == int(status), f"{answer.status_code}: {answer.text[:400]}"


@step(r"(\S+) signs in on the page's way, and changes need the CSRF token")
def session(world, name):
    session = requests.Session()
    wrong = session.post(world.url + "/api/session", json={"user": name, "password": "not the password"}, timeout=20)
    assert wrong.status_code == 401, wrong.status_code
    answer = session.post(world.url + "/api/session", json={"user": name, "password": f"a long password of {name}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
    assert session.get(world.url + "/api/worklist", timeout=20).status_code == 200
    assert session.delete(world.url + "/api/session", timeout=20).status_code == 403
    done = session.delete(world.url + "/api/session", headers={"X-CSRF-Token": answer.json()["csrf"]}, timeout=20)
    assert done.status_code == 204, done.text
    assert session.get(world.url + "/api/worklist", timeout=20).status_code == 401


@step(r"the ledger verifies")
def ledger_verifies(world):
    world.run("ledger", "verify")


@step(r"doctor finds nothing wrong")
def doctor(world):
    world.run("doctor")


@step(r"the ledger has (\S+)(?: (\d+) times?)?")
def ledger_has(world, kind, times):
    def count():
        rows = world.people["checker"].get("/api/ledger?limit=500")["rows"] if "checker" in world.people else []
        return sum(1 for row in rows if row["kind"] == kind)
    if "checker" not in world.people:
        world.add_person("checker", ["auditor"])
    if times is None:
        until(20, f"{kind} in the ledger", count)
    else:
        until(20, f"{kind} {times} times", lambda: count() == int(times))


@step(r"neither log nor ledger names the patient")
def no_patient(world):
    names = world.noted.get("patient_words")
    assert names, "no study was sent"
    if "checker" not in world.people:
        world.add_person("checker", ["auditor"])
    rows = world.people["checker"].call("GET", "/api/ledger?limit=500").text
    for word in names:
        assert word not in world.log_text(), f"the log carries '{word}'"
        assert word not in rows, f"the ledger carries '{word}'"


@step(r"the node still serves: echo, list and readiness")
def still_serves(world):
    from .sending import dcmtk
    dcmtk(world, "echoscu", "-aec", "VEDETTE", "127.0.0.1", str(world.dicom_port))
    assert requests.get(world.url + "/readyz", timeout=10).status_code == 200
    world.person.get("/api/worklist")


@step(r"the repository's tests/(\S+) passes against the node")
def other_test(world, path):
    import os
    import subprocess
    import sys
    token = world.person.session.headers["Authorization"].split()[-1]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(REPOSITORY / "tests" / path)], capture_output=True, text=True, timeout=280,
                          env={**os.environ, "VEDETTE_URL": world.url, "VEDETTE_TOKEN": token, "VEDETTE_STUDY": world.study_uid,
                               "VEDETTE_BIN": str(world.bin), "VEDETTE_DICOM_PORT": str(world.dicom_port)})
    world.output = done.stdout + done.stderr
    assert done.returncode == 0, world.output[-3000:]
