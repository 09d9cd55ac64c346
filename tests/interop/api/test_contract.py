"""The outer contract of the API, from outside: shapes, who may what, CSRF, If-Match, events, errors."""
import http.client
import json
import time

import jsonschema
import pytest

from conftest import PEOPLE, ROLES

READERS = {"reader", "screening_reader"}
ISSUE_ROW = {"study_uid", "patient", "modalities", "description", "received_at", "complete_at", "place", "place_without_ai", "level", "ordered", "suggested", "wait",
             "reasons", "displaced", "tools", "findings", "with"}
ISSUE_FINDING = {"id", "state", "code", "site", "laterality", "urgency", "score", "measurements", "region", "tracking_uid", "tool"}


def checked(openapi, name, value):
    schema = {"$ref": "#/components/schemas/" + name, "components": openapi["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def is_problem(answer, status, code=None):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer
    body = answer.json
    assert {"type", "title", "status", "detail", "code"} <= set(body), body
    assert body["status"] == status
    if code:
        assert body["code"] == code, body
    return body


def routes(openapi):
    for path, methods in sorted(openapi["paths"].items()):
        for method, row in methods.items():
            yield method.upper(), path, row


def filled(path):
    return path.replace("{uid}", "1.2.3.4").replace("{rest}", "studies").replace("{id}", "1").replace("{destination}", "X").replace("{name}", "X").replace(
        "{study}", "1.2.3.4").replace("{series}", "1.2.3.5").replace("{instance}", "1.2.3.6").replace("{frames}", "1")


def test_openapi_is_a_valid_document(openapi):
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(openapi)
    assert openapi["openapi"].startswith("3.1")


def test_every_operation_of_the_contract_is_there(openapi):
    wanted = """POST /api/session|DELETE /api/session|GET /api/worklist|GET /api/studies/{uid}|GET /api/studies/{uid}/findings|POST /api/studies/{uid}/findings|
      POST /api/findings/{id}/verdicts|GET /api/studies/{uid}/signature|POST /api/studies/{uid}/signature|GET /api/studies/{uid}/results|GET /api/tools|
      POST /api/tools/{id}/state|GET /api/ledger|GET /api/events|GET /openapi.json|GET /livez|GET /readyz|GET /metrics"""
    there = {f"{method} {path}" for method, path, _ in routes(openapi)}
    assert {one.strip() for one in wanted.split("|")} <= there


def test_anonymous_gets_401_everywhere_but_where_no_data_is(node, openapi):
    open_ones = {"GET /livez", "GET /readyz", "POST /api/session", "GET /api/page"}
    nobody = node.anyone()
    for method, path, row in routes(openapi):
        answer = nobody.send(method, filled(path))
        if f"{method} {path}" in open_ones:
            assert answer.status in (200, 400, 401), (method, path, answer)
            assert row.get("security") == []
        else:
            assert answer.status == 401, (method, path, answer)
    assert nobody.get("/api/nothing-here").status == 401


def test_a_wrong_token_is_nobody(node):
    wrong = node.anyone()
    wrong.token = "vdt_0123456789"
    is_problem(wrong.get("/api/worklist"), 401)


def test_each_role_is_refused_what_its_row_does_not_name(node, openapi):
    for role in ROLES:
        caller = node.by_token(role)
        for method, path, row in routes(openapi):
            said = row["description"].removeprefix("Roles: ").removesuffix(".")
            if said in ("everybody", "anyone signed in") or path == "/api/events":
                continue
            if role not in said.split():
                is_problem(caller.send(method, filled(path), body={} if method == "POST" else None), 403)
            elif method == "GET":
                assert caller.get(filled(path)).status not in (401, 403), (role, path)


def test_programs_never_give_verdicts_or_sign(node, openapi, study):
    for role in ("service", "tool_engineer"):
        caller = node.by_token(role)
        is_problem(caller.post(f"/api/studies/{study}/signature", {"leave_unreviewed": True}, headers={"If-Match": '"x"'}), 403)
        is_problem(caller.post("/api/findings/f-1/verdicts", {"verdict": "confirm"}, headers={"If-Match": '"x"'}), 403)
        is_problem(caller.post(f"/api/studies/{study}/findings", {}), 403)
        is_problem(caller.post(f"/api/studies/{study}/put_back", {"reason": {"code": "flag_wrong"}}), 403)


def test_sign_in_gives_a_strict_cookie_and_sign_out_ends_it(node, openapi):
    answer = node.anyone().post("/api/session", {"user": "reader1", "password": "correct horse battery staple"})
    checked(openapi, "Session", answer.json)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and cookie.startswith("vedette_session=")
    me = node.signed_in("reader1")
    assert me.get("/api/session").json["user"]["name"] == "reader1"
    assert me.send("DELETE", "/api/session").status == 204
    assert me.get("/api/session").status == 401
    is_problem(node.anyone().post("/api/session", {"user": "reader1", "password": "wrong"}), 401)
    is_problem(node.anyone().post("/api/session", data=b"{not json", headers={"Content-Type": "application/json"}), 400)


def test_a_change_with_a_cookie_needs_its_csrf_value(node, study):
    me = node.signed_in("reader1")
    right, me.csrf = me.csrf, None
    is_problem(me.post(f"/api/studies/{study}/claim"), 403, "csrf.missing")
    me.csrf = "wrong"
    is_problem(me.post(f"/api/studies/{study}/claim"), 403, "csrf.missing")
    me.csrf = right
    assert me.post(f"/api/studies/{study}/claim").status == 200
    assert me.send("DELETE", f"/api/studies/{study}/claim").status == 204


def test_the_worklist_has_the_contracts_rows(node, openapi, study):
    body = checked(openapi, "Worklist", node.by_token("reader").get("/api/worklist").json)
    row = next(one for one in body["rows"] if one["study_uid"] == study)
    assert ISSUE_ROW <= set(row)
    assert row["reasons"] and row["reasons"][0]["text"]
    assert row["place"] >= 1 and row["level"] in ("immediate", "urgent", "soon", "routine")
    assert row["findings"]["proposed"] >= 1
    for wrong in ("level=hot", "status=gone", "sort=fame", "limit=0", "cursor=zzz"):
        is_problem(node.by_token("reader").get("/api/worklist?" + wrong), 400)
    assert node.by_token("reader").get("/api/worklist?modality=PT&limit=1").json["total"] >= 1
    assert node.by_token("reader").get("/api/worklist?search=no-such-patient").json["total"] == 0


def test_study_findings_and_outline_have_their_shapes(node, openapi, study):
    reader = node.by_token("reader")
    body = checked(openapi, "Study", reader.get(f"/api/studies/{study}").json)
    pet = [s for s in body["series"] if s["modality"] == "PT"]
    assert pet and pet[0]["pet"] is not None
    assert {g["state"] for g in body["geometry"]} == {"regular"}
    answer = reader.get(f"/api/studies/{study}/findings")
    findings = checked(openapi, "FindingSet", answer.json)["findings"]
    assert answer.headers["ETag"]
    assert reader.get(f"/api/studies/{study}/findings", headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    for finding in findings:
        assert ISSUE_FINDING <= set(finding)
        for m in finding["measurements"]:
            assert m["unit"]["scheme"] == "UCUM"
    marked = next(f for f in findings if f["region"]["kind"] == "mask")
    outline = checked(openapi, "Outline", reader.get(f"/api/findings/{marked['id']}/outline").json)
    points = [p for s in outline["slices"] for polygon in s["polygons"] for p in polygon]
    low, high = marked["region"]["bounds_mm"]
    assert points
    for p in points:
        assert all(low[i] - 10 <= p[i] <= high[i] + 10 for i in range(3))


def test_what_is_not_there_is_404_and_says_so(node):
    reader = node.by_token("reader")
    for path in ("/api/studies/1.2.3.4", "/api/studies/not-a-uid", "/api/studies/1.2.3.4/findings", "/api/findings/f-none", "/api/findings/f-none/outline",
                 "/api/studies/1.2.3.4/signature", "/api/studies/1.2.3.4/results", "/api/nothing"):
        is_problem(reader.get(path), 404)


def test_hostile_input_never_gives_500(node, study):
    reader = node.by_token("reader")
    finding = reader.get(f"/api/studies/{study}/findings").json["findings"][0]
    bodies = [b"", b"null", b"[]", b"{", b'{"verdict":1}', b'{"verdict":"maybe"}', b'{"verdict":"reject"}', b'{"verdict":"reject","reason":{"code":"x"}}',
              b'{"verdict":"edit"}', b'{"verdict":"edit","changes":{"measurements":"x"}}', b'{"verdict":"edit","changes":{"code":{"value":""}}}',
              b'{"verdict":"confirm","changes":{"urgency":"soon"}}', b'{"verdict":"confirm","comment":"\xff"}', b'{"verdict":"edit","changes":{"urgency":"now"}}']
    for body in bodies:
        answer = reader.send("POST", f"/api/findings/{finding['id']}/verdicts", data=body, headers={"If-Match": finding["etag"], "Content-Type": "application/json"})
        assert 400 <= answer.status < 500, (body, answer)
    for body in (b'{"code":{"value":"1","scheme":"S","meaning":"m"},"region":{"kind":"point","centre_mm":[1,2]}}', b'{"code":7}', b'{}',
                 b'{"code":{"value":"1","scheme":"S","meaning":"m"},"region":{"kind":"point","centre_mm":[1,2,3],"series_uid":"9.9"}}'):
        answer = reader.send("POST", f"/api/studies/{study}/findings", data=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status < 500, (body, answer)
    assert reader.get(f"/api/findings/{finding['id']}").json["state"] == "proposed"


def test_a_verdict_needs_the_tag_of_what_was_seen(node, openapi, study):
    one, two = node.signed_in("reader1"), node.signed_in("reader2")
    finding = one.get(f"/api/studies/{study}/findings").json["findings"][0]
    path = f"/api/findings/{finding['id']}/verdicts"
    is_problem(one.post(path, {"verdict": "confirm"}), 412, "if_match.missing")
    answer = one.post(path, {"verdict": "confirm", "comment": ""}, headers={"If-Match": finding["etag"]})
    assert answer.status == 200, answer
    confirmed = checked(openapi, "Finding", answer.json)
    assert confirmed["state"] == "confirmed" and answer.headers["ETag"] == confirmed["etag"] != finding["etag"]
    late = two.post(path, {"verdict": "reject", "reason": {"code": "artefact"}}, headers={"If-Match": finding["etag"]})
    assert is_problem(late, 412)["current"]["state"] == "confirmed"
    undone = two.send("DELETE", path + "/last")
    assert undone.status == 200 and undone.json["state"] == "proposed", undone
    assert undone.json["verdicts"][-1]["undone"] is True
    is_problem(two.send("DELETE", path + "/last"), 409)


def test_the_flag_moves_the_case_and_a_person_may_put_it_back(node, openapi, study):
    me = node.signed_in("reader1")
    row = next(r for r in me.get("/api/worklist").json["rows"] if r["study_uid"] == study)
    if not row["suggested"] or not row["suggested"]["used"]:
        pytest.skip("the phantom's findings do not raise it")
    is_problem(me.post(f"/api/studies/{study}/put_back", {"reason": {"code": "nonsense"}}), 422)
    back = me.post(f"/api/studies/{study}/put_back", {"reason": {"code": "not_urgent"}, "comment": "seen"})
    assert back.status == 200, back
    checked(openapi, "Row", back.json)
    assert back.json["level"] == back.json["ordered"]["level"] and back.json["put_back"]["by"]
    is_problem(me.post(f"/api/studies/{study}/put_back", {"reason": {"code": "not_urgent"}}), 409)
    again = me.send("DELETE", f"/api/studies/{study}/put_back")
    assert again.status == 200 and again.json["level"] == row["level"]


def test_two_readers_share_a_claim_by_rules(node, study):
    one, two = node.signed_in("reader1"), node.signed_in("reader2")
    assert one.post(f"/api/studies/{study}/claim").status == 200
    is_problem(two.post(f"/api/studies/{study}/claim"), 409, "review.claimed")
    assert two.post(f"/api/studies/{study}/claim", {"take_over": True}).status == 200
    assert two.send("DELETE", f"/api/studies/{study}/claim").status == 204


def test_events_resume_where_they_were_left(node, study):
    def first_events(last_id, count):
        connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=20)
        headers = {"Authorization": "Bearer " + node.tokens["reader"]}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        connection.request("GET", "/api/events", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
        out, current, until = [], {}, time.time() + 15
        while len(out) < count and time.time() < until:
            line = answer.readline().decode().rstrip("\n").rstrip("\r")
            if line == "" and "data" in current:
                out.append((int(current["id"]), current["event"], json.loads(current["data"])))
                current = {}
            elif ":" in line and not line.startswith(":"):
                key, value = line.split(":", 1)
                current[key] = value.strip()
        connection.close()
        return out

    events = first_events(0, 5)
    assert [e[0] for e in events] == [1, 2, 3, 4, 5]
    assert [e[0] for e in first_events(3, 2)] == [4, 5]
    every = first_events(0, 12)
    assert any(e[2]["study_uid"] == study for e in every), every
    assert all({"seq", "kind", "study_uid", "at"} <= set(e[2]) for e in every)


def test_ledger_metrics_and_health_hold_no_patient(node, openapi, study):
    patient = node.by_token("reader").get(f"/api/studies/{study}").json["patient"]
    ledger = node.by_token("auditor").get("/api/ledger?limit=1000")
    checked(openapi, "LedgerPage", ledger.json)
    assert ledger.json["verified"]["ok"] is True
    metrics = node.by_token("service").get("/metrics")
    assert b"vedette_build_info{" in metrics.body and b"vedette_worklist_wait_seconds_bucket" in metrics.body
    health = node.by_token("administrator").get("/api/health")
    checked(openapi, "Health", health.json)
    for answer in (ledger, metrics, health):
        text = answer.body.decode()
        for secret in (patient["name"], patient["id"], study, "reader1"):
            assert not secret or secret not in text, secret


def test_the_house_has_its_shapes(node, openapi, study):
    admin, reader = node.by_token("administrator"), node.by_token("reader")
    checked(openapi, "ToolList", reader.get("/api/tools").json)
    checked(openapi, "Reasons", reader.get("/api/reasons").json)
    checked(openapi, "HouseResults", reader.get("/api/results").json)
    checked(openapi, "People", admin.get("/api/people").json)
    checked(openapi, "DeadJobs", admin.get("/api/jobs/dead").json)
    settings = checked(openapi, "SettingList", admin.get("/api/settings").json)["settings"]
    assert all(s["value"] is None for s in settings if s["type"] == "secret")
    checked(openapi, "PageInfo", node.anyone().get("/api/page").json)


def test_a_tool_is_stopped_and_started_with_a_reason(node, openapi):
    engineer = node.by_token("tool_engineer")
    tools = engineer.get("/api/tools").json["tools"]
    assert tools
    path = f"/api/tools/{tools[0]['id']}/state"
    is_problem(engineer.post(path, {"state": "stopped"}), 422)
    is_problem(engineer.post(path, {"state": "off", "reason": {"code": "fails"}}), 400)
    stopped = engineer.post(path, {"state": "stopped", "reason": {"code": "fails", "text": ""}})
    assert stopped.status == 200 and stopped.json["state"] == "stopped", stopped
    checked(openapi, "ToolCard", stopped.json)
    assert engineer.post(path, {"state": "active", "reason": {"code": "resumed", "text": ""}}).json["state"] == "active"
    is_problem(engineer.post("/api/tools/none/state", {"state": "stopped", "reason": {"code": "fails"}}), 404)


def test_uploads_say_what_they_refused(node, openapi):
    answer = node.by_token("radiographer").send("POST", "/api/uploads", data=b"this is no DICOM file",
                                                headers={"Content-Type": "application/dicom", "Content-Disposition": "attachment; filename*=UTF-8''note.txt"})
    assert answer.status in (200, 400, 422), answer
    if answer.status == 200:
        assert checked(openapi, "UploadReport", answer.json)["refused"][0]["name"] == "note.txt"
    else:
        is_problem(answer, answer.status)


def test_the_parts_of_an_upload_are_read_or_refused_by_one_code(node, openapi):
    def sent(body, boundary="XX"):
        return node.by_token("radiographer").send("POST", "/api/uploads", data=body, headers={"Content-Type": f"Multipart/Form-Data; charset=utf-8; boundary={boundary}"})

    part = b"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\\\x\\\\%s\"\r\n\r\nthis is no DICOM file\r\n"
    answer = sent(b"preamble\r\n" + part % b"a.txt" + part.replace(b"form-data;", b"form-data;\r\n folded;") % b"b.txt" + part.replace(b"name", b"name*=u''sch%%C3%%B6n; x", 2) % b"c" + b"--XX--\r\n")
    report = checked(openapi, "UploadReport", answer.json)
    assert [one["name"] for one in report["refused"]] == ["a.txt", "file", "sch\u00f6n"], report
    for broken in (b"", b"no boundary", part % b"a.txt", (part % b"a.txt")[:30], b"--XX\r\nX: " + b"x" * 20_000 + b"\r\n\r\n\r\n--XX--", part % b"a.txt" + b"--XXYY\r\n\r\n--XX--"):
        is_problem(sent(broken), 400, "upload.multipart")
    odd = b"{" + b"x" * 100 + b",'}"
    assert len(sent((part % b"a.txt" + b"--XX--").replace(b"XX", odd), odd.decode()).json["refused"]) == 1


def test_signing_needs_the_preview_and_happens_once(node, openapi, study):
    one, two = node.signed_in("reader1"), node.signed_in("reader2")
    finding = one.get(f"/api/studies/{study}/findings").json["findings"][0]
    assert one.post(f"/api/findings/{finding['id']}/verdicts", {"verdict": "confirm"}, headers={"If-Match": finding["etag"]}).status == 200
    preview = one.get(f"/api/studies/{study}/signature")
    body = checked(openapi, "SignaturePreview", preview.json)
    assert body["can_sign"] and body["words"] and body["will_send"] and preview.headers["ETag"] == body["etag"]
    is_problem(one.post(f"/api/studies/{study}/signature", {"leave_unreviewed": True}), 412, "if_match.missing")
    is_problem(one.post(f"/api/studies/{study}/signature", {"leave_unreviewed": True}, headers={"If-Match": '"old"'}), 412)
    if body["unreviewed"]:
        is_problem(one.post(f"/api/studies/{study}/signature", {"leave_unreviewed": False}, headers={"If-Match": body["etag"]}), 422, "review.unreviewed")
    done = one.post(f"/api/studies/{study}/signature", {"leave_unreviewed": True}, headers={"If-Match": body["etag"]})
    assert done.status == 201, done
    checked(openapi, "SignatureDone", done.json)
    late = is_problem(two.post(f"/api/studies/{study}/signature", {"leave_unreviewed": True}, headers={"If-Match": body["etag"]}), 409)
    assert "reader1" in late["detail"].lower()
    assert not any(r["study_uid"] == study for r in one.get("/api/worklist").json["rows"])
    assert any(r["study_uid"] == study for r in one.get("/api/worklist?status=signed").json["rows"])
    for _ in range(300):
        results = one.get(f"/api/studies/{study}/results").json
        checked(openapi, "ResultList", results)
        if any(r["status"] == "signed" for r in results["results"]):
            break
        time.sleep(0.1)
    else:
        pytest.fail("no result object was made of the signed study")


def test_the_page_is_served_without_a_session_and_never_beyond_its_folder(node):
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=20)
    for path in ("/../../../../etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/assets/..%5c..%5cx"):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert b"root:" not in body and answer.status in (400, 401, 404), (path, answer.status)
    connection.close()
