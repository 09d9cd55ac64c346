"""Acts on the level of contents: objects, multipart bodies, uploads, requests."""
import contextlib
import io
import os
import pathlib
import random
import socket
import time
import zipfile

import requests

from connections import address
from objects import ct, damaged, made, part10, uid
from peer import CT, EXPLICIT, IMPLICIT, SC, Peer

ACCEPT = {"Accept": "application/dicom+json"}
# A header of the largest size that is taken may cost so much while it is read; all objects together may not cost more.
MOST_MEMORY = 1_500_000  # KiB


def class_and_instance(data: bytes) -> tuple[str, str]:
    """What the request says, as an honest sender of this object would say it, or something valid."""
    def value(tag):
        at = data.find(tag)
        if at < 0:
            return ""
        text = data[at + 8:at + 8 + int.from_bytes(data[at + 6:at + 8], "little")].split(b"\0")[0].decode("ascii", "replace").strip()
        return text if text and len(text) <= 64 and set(text) <= set("0123456789.") else ""
    return value(b"\x08\0\x16\0UI") or CT, value(b"\x08\0\x18\0UI") or uid(94_000)


class Account:
    """What became of each object, by both doors."""

    def __init__(self, world):
        self.world, self.kept, self.refused, self.wrong, self.number = world, 0, 0, [], 0

    def note(self, name: str, door: str, status: int, reason: str, kept: bool, wanted):
        if kept:
            self.kept += 1
        else:
            self.refused += 1
            if len(reason) < 8:
                self.wrong.append(f"{name} by {door}: refused with {status:04X} without a reason")
        if wanted is not None and kept != (wanted == "kept"):
            self.wrong.append(f"{name} by {door}: {status:04X} {reason!r}, wanted {wanted}")

    def by_store(self, name, syntax, data, wanted):
        self.number += 1
        sop_class, instance = class_and_instance(data)
        with Peer(self.world.dicom_port, address(self.number), timeout=60) as peer:
            if not peer.open(contexts=((sop_class, syntax),)):
                self.wrong.append(f"{name}: no association for {syntax}")
                return
            answer = peer.store(sop_class, instance, data)
        if answer is None:
            self.wrong.append(f"{name} by C-STORE: the association ended without an answer")
        else:
            self.note(name, "C-STORE", answer[0], answer[1], answer[0] == 0, wanted)

    def by_stow(self, name, file, wanted):
        body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--b--\r\n"
        answer = self.world.person.call("POST", "/dicom-web/studies", expect=None, data=body,
                                        headers={**ACCEPT, "Content-Type": 'multipart/related; type="application/dicom"; boundary=b'})
        kept = answer.status_code in (200, 202) and "00081199" in answer.json()
        if answer.status_code >= 500 or answer.status_code in (401, 403, 404):
            self.wrong.append(f"{name} by STOW: {answer.status_code} {answer.text[:200]}")
        reason = answer.headers.get("Warning", "") or answer.text
        self.note(name, "STOW", answer.status_code, reason, kept, wanted)

    def check(self, what: str) -> str:
        assert not self.wrong, f"{len(self.wrong)} wrong answers: " + "; ".join(self.wrong[:12])
        return f"{what}: {self.kept} times kept, {self.refused} times refused with a reason"


def looked_at(world, limit: int) -> str:
    """Whatever was kept is asked for in every form: the answer may be an error, never a broken connection or a fault of the node."""
    asked, faults = 0, []
    rows = world.person.call("GET", f"/dicom-web/instances?limit={limit}", headers=ACCEPT)
    for row in rows.json() if rows.status_code == 200 else []:
        names = [row[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")]
        base = "/dicom-web/studies/{}/series/{}/instances/{}".format(*names)
        for path, accept in ((base + "/metadata", "application/dicom+json"), (base, 'multipart/related; type="application/dicom"; transfer-syntax=*'),
                             (base + "/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'), (base + "/rendered", "image/jpeg, image/png"),
                             (base + "/frames/1", 'multipart/related; type="application/octet-stream"')):
            asked += 1
            answer = world.person.call("GET", path, expect=None, headers={"Accept": accept})
            if answer.status_code == 500:
                faults.append(f"{path}: {answer.text[:300]}")
    assert not faults, f"{len(faults)} faults: " + "; ".join(faults[:5])
    return f"{asked} times asked for what was kept"


def objects(world, watch, whole, seed):
    """Objects made to break readers, by C-STORE and by STOW."""
    account = Account(world)
    watch.forget_peak()
    before = watch.memory()
    for name, syntax, data, wanted in made(whole):
        account.by_store(name, syntax, data, wanted)
        account.by_stow(name, part10(data, syntax), wanted if wanted != "kept" else "kept")
        assert world.node.poll() is None, f"the node ended at {name}"
    peak = watch.memory("VmHWM")
    assert peak - before < MOST_MEMORY, f"memory went from {before} to {peak} KiB"
    watch.serves()
    return account.check("made objects") + f"; {looked_at(world, 1000 if whole else 60)}; memory at most +{(peak - before) // 1024} MiB"


def damage(world, watch, whole, seed):
    """Bits flipped, parts cut out and doubled in good objects, in both encodings."""
    account = Account(world)
    count = 1_500 if whole else 80
    good = ct(uid(95_000), before=b"")
    for number, data in enumerate(damaged(good, seed, count)):
        account.by_store(f"damage {number}", EXPLICIT, data, None)
        account.by_stow(f"damage {number}", part10(data, EXPLICIT if number % 3 else IMPLICIT), None)
    whole_files = part10(good, EXPLICIT)
    for number, data in enumerate(damaged(whole_files, seed + 1, count)):
        account.by_stow(f"damaged file {number}", data, None)
    return account.check("damaged objects") + f"; {looked_at(world, 1000 if whole else 60)}"


def sample(world, watch, whole, seed):
    """Every file of the shared sample of malformed files, where it is."""
    folder = pathlib.Path(os.environ.get("VEDETTE_SHARED", pathlib.Path(__file__).resolve().parents[3] / "shared")) / "data" / "fuzz-sample"
    if not folder.exists():
        return f"left out: there is no {folder}"
    account = Account(world)
    files = sorted(folder.rglob("*.dcm"))
    for path in files:
        data = path.read_bytes()
        account.by_stow(path.name, data, None)
        at = data.find(b"DICM", 0, 300)
        body = data[at + 4:] if at >= 0 else data
        # An honest sender strips group 0002; where it cannot, it sends what is there.
        length = int.from_bytes(body[8:12], "little") if body[:4] == b"\2\0\0\0" else 0
        body = body[12 + length:] if 0 < length < len(body) else body
        account.by_store(path.name, EXPLICIT, body, None)
        if whole:
            for number, worse in enumerate(damaged(data, seed, 20)):
                account.by_stow(f"{path.name} {number}", worse, None)
    return account.check(f"{len(files)} files of the sample") + f"; {looked_at(world, 1000 if whole else 60)}"


def multipart(world, watch, whole, seed):
    """Damaged multipart bodies; forged lengths and encodings of requests."""
    good = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10(ct(uid(96_000 + n)), EXPLICIT) + b"\r\n" for n in range(3)) + b"--b--\r\n"
    answers: dict[int, int] = {}
    for body in damaged(good, seed, 800 if whole else 60):
        answer = world.person.call("POST", "/dicom-web/studies", expect=None, data=body,
                                   headers={**ACCEPT, "Content-Type": 'multipart/related; type="application/dicom"; boundary=b'})
        assert answer.status_code < 500, f"{answer.status_code}: {answer.text[:300]}"
        assert answer.status_code == 200 or answer.headers.get("Warning") or "detail" in answer.text, f"{answer.status_code} without a reason"
        answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
    token = b"Authorization: " + world.person.session.headers["Authorization"].encode() + b"\r\n"
    head = b"POST /dicom-web/studies HTTP/1.1\r\nHost: a\r\n" + token + b"Content-Type: application/dicom\r\n"
    before = watch.memory()
    for rest in (b"Content-Length: 4294967295\r\n\r\n", b"Content-Length: 18446744073709551616\r\n\r\n", b"Content-Length: -1\r\n\r\n", b"Content-Length: 5, 6\r\n\r\nabcdef",
                 b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", b"Transfer-Encoding: gzip\r\n\r\n",
                 b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\0", b"Expect: 200-nothing\r\nContent-Length: 1\r\n\r\n",
                 b"X: " + b"a" * 40_000 + b"\r\n\r\n", b"X\0Y: a\r\n\r\n", b"Content-Length: 99999999999\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", world.http_port), timeout=5) as line:
            line.sendall(head + rest)
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_WR)
            said = b""
            with contextlib.suppress(OSError):
                while more := line.recv(65536):
                    said += more
            assert said == b"" or said[9:10] in (b"4", b"2") or said[9:12] == b"501", f"{rest[:60]!r}: {said[:200]!r}"
    for path in ("/dicom-web/studies/..%2f..%2fetc%2fpasswd", "/dicom-web/studies/1.2/series/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%5c..%5cx", "/api/studies/%00",
                 "/dicom-web/studies?limit=99999999999999999999", "/dicom-web/studies?StudyInstanceUID=" + "1." * 3000, "/dicom-web/studies?PatientName=" + "*" * 2000,
                 "/dicom-web/instances?00080018=%27%20OR%201=1--"):
        answer = world.person.session.get(world.url + path, timeout=30)
        assert answer.status_code < 500 and "root:" not in answer.text, f"{path}: {answer.status_code} {answer.text[:200]}"
    deep = '{"a":' * 100_000
    for path, body in (("/api/session", deep), ("/api/session", "[" * 1_000_000), ("/api/session", '{"user":"' + "a" * 2_000_000 + '"}'), ("/api/session", '{"user":1,"user":2}')):
        answer = requests.post(world.url + path, data=body, headers={"Content-Type": "application/json"}, timeout=30)
        assert 400 <= answer.status_code < 500, f"{path}: {answer.status_code}"
    grown = watch.memory() - before
    assert grown < 100_000, f"forged lengths cost {grown} KiB"
    return "damaged bodies answered " + ", ".join(f"{code} {count} times" for code, count in sorted(answers.items())) + "; forged requests refused"


def zips(world, watch, whole, seed):
    """ZIPs: bombs, forged sizes, names that climb, nesting, damage."""
    def packed(entries, level=9):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
            for name, data in entries:
                archive.writestr(name, data)
        return out.getvalue()

    def upload(name, body):
        answer = world.person.call("POST", "/api/uploads?name=" + name, expect=None, data=body, headers={"Content-Type": "application/octet-stream"})
        assert answer.status_code < 500, f"{name}: {answer.status_code} {answer.text[:300]}"
        report = answer.json()
        assert answer.status_code >= 400 or report["refused"] or report["accepted"] + report["duplicates"] + report["conflicts"], f"{name}: nothing is said about it: {report}"
        return answer

    one = part10(ct(uid(97_000)), EXPLICIT)
    climbing = upload("climbing.zip", packed([("../../../tmp/hostile-climbed", one), ("/etc/hostile", one), ("a\\..\\b", one)]))
    assert climbing.status_code == 200 and not pathlib.Path("/tmp/hostile-climbed").exists() and not pathlib.Path("/etc/hostile").exists()
    before = watch.memory()
    watch.forget_peak()
    zeros = packed([(f"{n}.dcm", part10(ct(uid(97_100)), EXPLICIT) + bytes(50 << 20)) for n in range(40 if whole else 8)])
    bomb = upload("bomb.zip", zeros)
    assert "00" not in str(bomb.json().get("accepted", 0))
    nested = packed([("inner.zip", packed([("deeper.zip", packed([("a.dcm", one)]))]))])
    upload("nested.zip", nested)
    forged = bytearray(packed([("a.dcm", one)]))
    forged[22:26] = b"\xff\xff\xff\x7f"
    upload("forged.zip", bytes(forged))
    good = packed([(f"{n}.dcm", part10(ct(uid(97_200 + n)), EXPLICIT)) for n in range(3)])
    count = 600 if whole else 40
    for number, body in enumerate(damaged(good, seed, count)):
        upload(f"damaged{number}.zip", body)
    upload("many.zip", packed([(f"{n}", b"x") for n in range(20_000 if whole else 1_500)], 1))
    peak = watch.memory("VmHWM")
    assert peak - before < 400_000, f"ZIPs cost {peak - before} KiB"
    return f"climbing names, a bomb of {len(zeros) >> 10} KiB, forged sizes, {count} damaged ones; memory at most +{(peak - before) >> 10} MiB"


ACTS = {"objects": objects, "damage": damage, "sample": sample, "multipart": multipart, "zips": zips}
