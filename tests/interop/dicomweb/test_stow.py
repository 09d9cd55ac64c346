import concurrent.futures
import io

import pydicom
import pytest
from objects import file_of, image, multipart, parts_of, path_of, store
from pydicom.uid import generate_uid

JSON = {"Accept": "application/dicom+json"}


def post(web, files, path="/studies", kind=None, **more):
    body, named = multipart(files, **more)
    return web.request("POST", path, data=body, headers={"Content-Type": kind or named, **JSON})


def test_stored_instances_are_found_and_come_back_bit_for_bit(web):
    first = image()
    second = image(study=first.StudyInstanceUID, series=first.SeriesInstanceUID, number=2)
    answer = store(web, first, second)
    assert len(answer["00081199"]["Value"]) == 2
    assert answer["00081190"]["Value"][0].endswith(path_of(first, "study"))
    assert "00081198" not in answer
    for one in (first, second):
        (headers, content), = parts_of(web.get(path_of(one), 'multipart/related; type="application/dicom"; transfer-syntax=*'))
        sent = file_of(one)
        meta_length = pydicom.dcmread(io.BytesIO(sent)).file_meta.FileMetaInformationGroupLength
        assert content.endswith(sent[132 + 12 + meta_length:]), "the data set is not what was sent"
        assert pydicom.dcmread(io.BytesIO(content)).PatientName == one.PatientName
        assert headers["Content-Location"].endswith(path_of(one))


def test_the_same_instance_twice_is_a_success_and_stored_once(web):
    one = image()
    store(web, one)
    store(web, one)
    found = web.get(f"/studies?StudyInstanceUID={one.StudyInstanceUID}").json()
    assert found[0]["00201208"]["Value"] == [1]


def test_a_different_instance_under_the_same_uid_is_a_warning_and_replaces_nothing(web):
    one = image()
    store(web, one)
    other = image(study=one.StudyInstanceUID, series=one.SeriesInstanceUID, name="Other^One")
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    answer = post(web, [file_of(other)])
    assert answer.status_code == 202
    assert answer.json()["00081199"]["Value"][0]["00081196"]["Value"] == [0xB007]
    assert "Warning" in answer.headers
    kept = pydicom.dcmread(io.BytesIO(parts_of(web.get(path_of(one)))[0][1]))
    assert kept.PatientName == one.PatientName


def test_some_refused_is_202_all_refused_is_409_and_each_is_named(web):
    good, bad = image(), image()
    bad.StudyInstanceUID = ""
    answer = post(web, [file_of(good), file_of(bad), b"this is no DICOM file at all, just some text that goes on"])
    assert answer.status_code == 202
    body = answer.json()
    assert len(body["00081199"]["Value"]) == 1
    failed, = body["00081198"]["Value"]
    assert failed["00081155"]["Value"] == [bad.SOPInstanceUID]
    assert 0xC000 <= failed["00081197"]["Value"][0] <= 0xCFFF
    assert len(body["0008119A"]["Value"]) == 1
    assert "(0020,000D)" in answer.headers["Warning"]
    assert post(web, [file_of(bad)]).status_code == 409


def test_an_instance_of_another_study_than_the_address_names_is_refused(web):
    one = image()
    answer = post(web, [file_of(one)], path=f"/studies/{generate_uid()}")
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]
    assert web.get(path_of(one)).status_code == 404
    assert post(web, [file_of(one)], path=path_of(one, "study")).status_code == 200


@pytest.mark.parametrize("kind,status", [("text/plain", 415), ("application/json", 415), ('multipart/related; type="application/dicom+json"; boundary=x', 415),
                                         ('multipart/related; type="application/dicom"', 400), ("multipart/form-data; boundary=x", 415)])
def test_wrong_content_types_are_refused(web, kind, status):
    assert web.request("POST", "/studies", data=b"x", headers={"Content-Type": kind, **JSON}).status_code == status


def test_broken_bodies_are_400_and_the_node_serves_on(web):
    body, kind = multipart([file_of(image())])
    for broken in (b"", b"nothing", body[: len(body) // 2], body.replace(b"--", b"++", 1)):
        assert web.request("POST", "/studies", data=broken, headers={"Content-Type": kind, **JSON}).status_code == 400, broken[:30]
    store(web, image())


def test_what_is_wrong_with_a_body_has_one_code(web):
    body, kind = multipart([file_of(image())])
    boundary = kind.split("boundary=")[1].encode()
    head = b"Content-Type: application/dicom\r\n"
    for broken in (body[: body.index(b"\r\n\r\n")], body.replace(head, head + b"X: y\r\n" * 64), body.replace(head, b"X: " + b"x" * 20_000 + b"\r\n" + head),
                   body.replace(head, b"no header\r\n" + head), b"x" * 20_000 + b"\r\n" + body, body.replace(boundary, boundary + b"x", 1)):
        answer = web.request("POST", "/studies", data=broken, headers={"Content-Type": kind, **JSON})
        assert answer.status_code == 400 and answer.json()["code"] == "multipart", (broken[:60], answer.text)
    assert web.request("POST", "/studies", data=body.replace(head, head + b"X: y\r\n" * 63), headers={"Content-Type": kind, **JSON}).status_code == 200


def test_senders_with_bare_line_feeds_and_odd_boundaries_are_taken(web):
    for boundary in ("{" + "x" * 100 + "}", "a,b", "'quoted'"):
        one = image()
        body, kind = multipart([file_of(one)])
        old = kind.split("boundary=")[1]
        body = body.replace(old.encode(), boundary.encode())
        body = body.replace(b"\r\nContent-Type: application/dicom\r\n\r\n", b"\nContent-Type: application/dicom\n\n", 1)
        answer = web.request("POST", "/studies", data=body, headers={"Content-Type": kind.replace(old, boundary), **JSON})
        assert answer.status_code == 200, (boundary, answer.text)
        assert web.get(path_of(one)).status_code == 200


def test_chunked_bodies_and_quotes_left_out_and_single_parts_are_taken(web):
    one, two = image(), image()
    body, kind = multipart([file_of(one)])

    def chunks():
        for at in range(0, len(body), 1000):
            yield body[at:at + 1000]

    answer = web.request("POST", "/studies", data=chunks(), headers={"Content-Type": kind.replace('"', ""), **JSON})
    assert answer.status_code == 200, answer.text
    answer = web.request("POST", "/studies", data=file_of(two), headers={"Content-Type": "application/dicom", **JSON})
    assert answer.status_code == 200, answer.text
    assert web.get(path_of(two)).status_code == 200


def test_only_json_is_answered(web):
    body, kind = multipart([file_of(image())])
    assert web.request("POST", "/studies", data=body, headers={"Content-Type": kind, "Accept": "application/dicom+xml"}).status_code == 406


def test_nobody_stores_without_a_token(web, node):
    import requests
    body, kind = multipart([file_of(image())])
    assert requests.post(node["url"] + "/dicom-web/studies", data=body, headers={"Content-Type": kind}, timeout=10).status_code == 401


def test_a_large_request_takes_constant_memory(web, node):
    if node["pid"] is None:
        pytest.skip("the node is not ours to look into")
    study, series = generate_uid(), generate_uid()
    files = [file_of(image(study, series, number, rows=1024, columns=1024)) for number in range(1, 9)]
    body_of_one, kind = multipart(files)
    boundary = kind.split("boundary=")[1].encode()

    def peak():
        with open(f"/proc/{node['pid']}/status") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1])

    def repeated():
        # The same eight slices under new UIDs: each part is changed in place, so nothing large is held here either.
        for round_ in range(16):
            for data in files:
                instance = pydicom.dcmread(io.BytesIO(data))
                instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = generate_uid()
                yield b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + file_of(instance) + b"\r\n"
        yield b"--" + boundary + b"--\r\n"

    before = peak()
    answer = web.request("POST", "/studies", data=repeated(), headers={"Content-Type": kind, **JSON}, timeout=300)
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.json()["00081199"]["Value"]) == 128
    assert peak() - before < 64 * 1024, "KiB over 256 MiB of instances"


def test_eight_senders_at_once(web):
    study, series = generate_uid(), generate_uid()

    def send(number):
        store(web, *[image(study, series, number * 10 + i) for i in range(5)])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    assert web.get(f"/studies?StudyInstanceUID={study}").json()[0]["00201208"]["Value"] == [40]


def test_dicomweb_client_stores(client, web):
    one = image()
    answer = client.store_instances([one])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
