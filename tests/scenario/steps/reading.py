"""What a reader sees and does through the API: list, findings, verdicts, signature, results."""
import json
import pathlib
import shutil
import stat

from .world import REPOSITORY, Skip, step, until


def row(world, uid=None):
    uid = uid or world.study_uid
    rows = world.person.get("/api/worklist?limit=1000")["rows"]
    return next((r for r in rows if r["study_uid"] == uid), None)


def findings(world):
    return world.person.get(f"/api/studies/{world.study_uid}/findings")["findings"]


@step(r"within (\d+) s the list has the study with (\d+) proposed findings?")
def list_has(world, seconds, count):
    def proposed():
        found = row(world)
        return found and found["findings"]["proposed"] == int(count) and all(t["state"] not in ("queued", "running") for t in found["tools"]) and found["tools"]
    until(float(seconds), f"{count} proposed findings; the row is {json.dumps(row(world))[:1500]}", proposed)


@step(r"within (\d+) s the study is complete")
def complete(world, seconds):
    until(float(seconds), "complete", lambda: (row(world) or {}).get("complete_at"))


@step(r"its row says why it stands there, since when, and what it would be without AI")
def says_why(world):
    found = row(world)
    assert found["reasons"] and all(r["code"] and r["text"] and r["since"] for r in found["reasons"]), found["reasons"]
    assert isinstance(found["place"], int) and isinstance(found["place_without_ai"], int), found
    assert found["place"] <= found["place_without_ai"], "AI may raise, never lower"


@step(r"its level is (\w+) and its ordered level is (\w+)")
def levels(world, level, ordered):
    found = row(world)
    assert found["level"] == level, (found["level"], found["reasons"])
    assert found["ordered"]["level"] == ordered, found["ordered"]


@step(r"it stands before the other study")
def before_the_other(world):
    places = {r["study_uid"]: r["place"] for r in world.person.get("/api/worklist?limit=1000")["rows"]}
    other = world.noted["other_study"]
    assert places[world.study_uid] < places[other], places


@step(r"that study is remembered as the other study")
def remember_other(world):
    world.noted["other_study"] = world.study_uid


@step(r"the tool (\S+) is (refused|failed) with the words (.+)")
def tool_words(world, tool, state, words):
    def told():
        found = row(world)
        return found and [t for t in found["tools"] if t["id"] == tool and t["state"] == state]
    state_of = until(60, f"{tool} {state}; the row is {json.dumps(row(world))[:1200]}", told)[0]
    assert words.lower() in state_of["message"].lower(), state_of["message"]


@step(r"the finding has SUVmax ([\d.]+) and a volume of ([\d.]+) ml")
def values(world, maximum, volume):
    measured = findings(world)[0]["measurements"]
    numbers = [m["value"] for m in measured]
    assert any(abs(v - float(maximum)) < 0.0015 for v in numbers), measured
    assert any(abs(v - float(volume)) < 0.02 for v in numbers), measured
    for m in measured:
        assert m["unit"] and m["code"]["value"], m


@step(r"each truth sphere is found within (\d+) mm")
def spheres_found(world, limit):
    centres = [f["region"]["centre_mm"] for f in findings(world)]
    expected = [s for s in world.truth["spheres"] if s.get("expected", True)]
    assert expected
    for sphere in expected:
        distances = [sum((a - b) ** 2 for a, b in zip(centre, sphere["centre_mm"])) ** 0.5 for centre in centres]
        assert min(distances) <= float(limit), (sphere, centres)


@step(r"the finding's centre lies inside the contour (\S+)")
def inside_contour(world, name):
    import pydicom
    from .sending import shared
    folder = shared() / "data" / "ibsi-pet-ct-mr" / "dicom" / "STS_025" / "PET" / "mask"
    structures = pydicom.dcmread(next(folder.rglob("*.dcm")))
    number = next(r.ROINumber for r in structures.StructureSetROISequence if r.ROIName == name)
    contours = next(c for c in structures.ROIContourSequence if c.ReferencedROINumber == number).ContourSequence
    x, y, z = findings(world)[0]["region"]["centre_mm"]
    nearest = min(contours, key=lambda c: abs(float(c.ContourData[2]) - z))
    points = [(float(nearest.ContourData[i]), float(nearest.ContourData[i + 1])) for i in range(0, len(nearest.ContourData), 3)]
    inside = False
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    assert inside, (x, y, z)


def give(world, finding, body, expect=(200,)):
    answer = world.person.call("GET", f"/api/findings/{finding['id']}")
    return world.person.call("POST", f"/api/findings/{finding['id']}/verdicts", json=body, headers={"If-Match": answer.headers["ETag"]}, expect=expect)


@step(r"(\S+) (confirms|defers) finding (\d+)")
def confirms(world, name, verdict, number):
    world.person = world.people[name]
    finding = next(f for f in findings(world) if f["number"] == int(number))
    done = give(world, finding, {"verdict": {"confirms": "confirm", "defers": "defer"}[verdict]}).json()
    assert done["state"] == {"confirms": "confirmed", "defers": "deferred"}[verdict], done


@step(r"(\S+) rejects finding (\d+) with the first coded reason")
def rejects(world, name, number):
    world.person = world.people[name]
    reason = world.person.get("/api/reasons")["reject"][0]["code"]
    finding = next(f for f in findings(world) if f["number"] == int(number))
    give(world, finding, {"verdict": "reject"}, expect=(400, 422))
    done = give(world, finding, {"verdict": "reject", "reason": {"code": reason}}).json()
    assert done["state"] == "rejected", done


@step(r"(\S+) takes the last verdict on finding (\d+) back")
def takes_back(world, name, number):
    finding = next(f for f in findings(world) if f["number"] == int(number))
    done = world.people[name].call("DELETE", f"/api/findings/{finding['id']}/verdicts/last").json()
    assert done["state"] == "proposed", done


@step(r"a verdict without If-Match, or with an old one, is refused")
def stale(world):
    finding = findings(world)[0]
    path = f"/api/findings/{finding['id']}/verdicts"
    world.person.call("POST", path, json={"verdict": "confirm"}, expect=(412, 428))
    world.person.call("POST", path, json={"verdict": "confirm"}, headers={"If-Match": '"0"'}, expect=(412,))


@step(r"signing would say what goes where, and that (\d+) findings? stays? unreviewed")
def preview(world, count):
    shown = world.person.get(f"/api/studies/{world.study_uid}/signature")
    assert len(shown["unreviewed"]) == int(count), shown
    assert shown["words"] and (shown["will_send"] or not world.destinations), shown


@step(r"(\S+) signs(, leaving the rest unreviewed)?")
def signs(world, name, leaving):
    world.person = world.people[name]
    shown = world.person.call("GET", f"/api/studies/{world.study_uid}/signature")
    world.noted["signed_etag"] = shown.headers.get("ETag") or shown.json()["etag"]
    done = world.person.call("POST", f"/api/studies/{world.study_uid}/signature", json={"leave_unreviewed": bool(leaving)},
                             headers={"If-Match": world.noted["signed_etag"]}, expect=(200, 201)).json()
    assert done["signed"]["by"] and done["signed"]["at"], done


@step(r"(\S+) cannot sign any more and reads who did")
def cannot_sign(world, name):
    answer = world.people[name].call("POST", f"/api/studies/{world.study_uid}/signature", json={"leave_unreviewed": True},
                                     headers={"If-Match": world.noted["signed_etag"]}, expect=None)
    assert answer.status_code in (409, 412), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
    if answer.status_code == 409:
        assert "signed" in answer.text, answer.text


@step(r"a verdict after signing is refused")
def verdict_after(world):
    finding = findings(world)[0]
    answer = world.person.call("GET", f"/api/findings/{finding['id']}")
    world.person.call("POST", f"/api/findings/{finding['id']}/verdicts", json={"verdict": "confirm"}, headers={"If-Match": answer.headers["ETag"]},
                      expect=(409,))


@step(r"a token of role (\S+) can neither give a verdict nor sign")
def role_cannot(world, role):
    person = world.add_person(f"the-{role}", [role]) if role != "service" else service(world)
    finding = findings(world)[0]
    person.call("POST", f"/api/findings/{finding['id']}/verdicts", json={"verdict": "confirm"}, headers={"If-Match": '"1"'}, expect=(403,))
    person.call("POST", f"/api/studies/{world.study_uid}/signature", json={"leave_unreviewed": True}, headers={"If-Match": '"1"'}, expect=(403,))


def service(world):
    from .world import Person
    token = world.run("token", "create", "machine", "--role", "service").strip().splitlines()[-1].strip()
    world.people["machine"] = Person("machine", token, world)
    return world.people["machine"]


@step(r"within (\d+) s every (proposed|signed) result has reached its destination")
def reached(world, seconds, status):
    def all_sent():
        results = [r for r in world.person.get(f"/api/studies/{world.study_uid}/results")["results"] if r["status"] == status]
        deliveries = [d for r in results for d in r["deliveries"]]
        return deliveries and all(d["state"] == "sent" for d in deliveries)
    until(float(seconds), f"{status} results sent: " + world.person.call("GET", f"/api/studies/{world.study_uid}/results").text[:1500], all_sent)


@step(r"the result is waiting to be sent again, and says why")
def waiting(world):
    def retrying():
        results = world.person.get(f"/api/studies/{world.study_uid}/results")["results"]
        return [d for r in results for d in r["deliveries"] if d["state"] in ("retrying", "dead") and d["last_error"]]
    until(30, "a delivery is retried", retrying)


@step(r"the node gives up sending, and keeps a dead letter that says why")
def given_up(world):
    def dead():
        results = world.person.get(f"/api/studies/{world.study_uid}/results")["results"]
        deliveries = [d for r in results for d in r["deliveries"]]
        return deliveries and all(d["state"] == "dead" and d["last_error"] for d in deliveries)
    until(60, "every delivery is given up", dead)


@step(r"(\S+) asks to send again what was given up")
def send_again(world, name):
    for result in world.person.get(f"/api/studies/{world.study_uid}/results")["results"]:
        for delivery in result["deliveries"]:
            done = world.people[name].call("POST", f"/api/results/{result['id']}/deliveries/{delivery['destination']}/retry")
            assert done.status_code == 202, done.text


@step(r"nothing is left to send, and nothing was sent twice")
def nothing_left(world):
    if "checker" not in world.people:
        world.add_person("checker", ["auditor"])
    sent = [json.dumps(row) for row in world.people["checker"].get("/api/ledger?limit=500")["rows"] if row["kind"] == "delivery.sent"]
    deliveries = [d for r in world.person.get(f"/api/studies/{world.study_uid}/results")["results"] for d in r["deliveries"]]
    assert len(sent) == len(deliveries), (sent, deliveries)
    world.run("doctor")


@step(r"nothing was sent as signed")
def nothing_signed(world):
    results = world.person.get(f"/api/studies/{world.study_uid}/results")["results"]
    assert not [r for r in results if r["status"] == "signed"], results


@step(r"the study is no longer in the list")
def gone(world):
    until(10, "gone from the list", lambda: row(world) is None)


@step(r"the earlier findings are withdrawn and version (\d+) of the study is analysed")
def withdrawn(world, version):
    def again():
        found = row(world)
        study = world.person.get(f"/api/studies/{world.study_uid}")
        return found and study["version"] == int(version) and found["complete_at"] and found["findings"]["proposed"] >= 1 and all(t["state"] not in ("queued", "running") for t in found["tools"])
    until(40, "analysed again", again)
    states = [f["state"] for f in findings(world)]
    assert "withdrawn" in states, states


# ---- tools that misbehave ----

HOSTILE = REPOSITORY / "tests" / "hostile_tools"


@step(r"the tools folder has pet_uptake and the hostile tool (\S+)")
def hostile_tool(world, name):
    if not (HOSTILE / name).exists():
        raise Skip(f"there is no hostile tool {name}")
    folder = world.folder / "tools"
    shutil.copytree(HOSTILE / name, folder / name)
    shutil.copytree(REPOSITORY / "tools" / "pet_uptake", folder / "pet_uptake", ignore=shutil.ignore_patterns("*.cpp", "*.hpp", "CMakeLists.txt"))
    for path in (folder / name).iterdir():
        if path.suffix in ("", ".sh", ".py"):
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
    world.settings["tools.folder"] = json.dumps(str(folder))
    world.noted["hostile"] = f"hostile_{name}"


@step(r"the hostile tool has failed on the study and says why: (.+)")
def hostile_failed(world, words):
    def failed():
        found = row(world)
        mine = [t for t in (found or {}).get("tools", []) if t["id"] == world.noted["hostile"]]
        return mine if mine and mine[0]["state"] in ("failed", "refused") else None
    state = until(120, "the tool has failed: " + json.dumps(row(world))[:1500], failed)[0]
    assert any(word.strip().lower() in state["message"].lower() for word in words.split(" or ")), state["message"]
