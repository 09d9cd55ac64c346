import pytest
from objects import image, path_of, store
from pydicom.uid import generate_uid

STUDY_KEYS = ["00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020", "0020000D", "00200010",
              "00080056", "00081190", "00100030", "00100040", "00201206", "00201208"]


@pytest.fixture(scope="module")
def study(web):
    """Two CT slices and a PET slice of one patient."""
    uid, series = generate_uid(), generate_uid()
    ct = [image(uid, series, number, name="Zwölf^Ödön") for number in (1, 2)]
    pet = image(uid, generate_uid(), 1, name="Zwölf^Ödön", modality="PT")
    pet.SeriesNumber = 9
    store(web, *ct, pet)
    return {"uid": uid, "ct": ct, "pet": pet, "all": [*ct, pet]}


def test_a_study_has_the_required_attributes(web, study):
    found, = web.get(f"/studies?StudyInstanceUID={study['uid']}", "application/dicom+json").json()
    for key in STUDY_KEYS:
        assert key in found, key
        assert "vr" in found[key]
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Zwölf^Ödön"}]}
    assert sorted(found["00080061"]["Value"]) == ["CT", "PT"]
    assert found["00201206"]["Value"] == [2] and found["00201208"]["Value"] == [3]
    assert found["00081190"]["Value"][0].startswith("http://")
    assert list(found) == sorted(found), "attributes stand by tag"


@pytest.mark.parametrize("query", ["PatientName=zwölf^ödön", "PatientName=ZWÖ*", "00100010=*dön", "PatientID={id}", "AccessionNumber={accession}",
                                   "StudyDate=20260317", "StudyDate=20260101-20261231", "StudyDate=20260317-", "StudyDate=-20260317", "ModalitiesInStudy=PT",
                                   "ModalitiesInStudy=MR,PT", "StudyDescription=thorax*", "ReferringPhysicianName=über*", "StudyID=S1", "StudyTime=1000-1100",
                                   "PatientSex=F", "PatientBirthDate=19550102"])
def test_each_key_finds_the_study_and_its_opposite_does_not(web, study, query):
    one = study["ct"][0]
    key, value = query.format(id=one.PatientID, accession=one.AccessionNumber).split("=")
    narrow = {"StudyInstanceUID": study["uid"], key: value}
    assert len(web.get("/studies", params=narrow).json()) == 1
    other = {"StudyDate": "20200101", "StudyTime": "0101", "PatientBirthDate": "19000101", "ModalitiesInStudy": "US"}.get(key, "Nobody-0")
    assert web.get("/studies", params={**narrow, key: other}).status_code == 204


def test_lists_of_uids_and_paging(web, study):
    more = image()
    store(web, more)
    both = f"{study['uid']},{more.StudyInstanceUID}"
    assert len(web.get(f"/studies?StudyInstanceUID={both}").json()) == 2
    first = web.get(f"/studies?StudyInstanceUID={both}&limit=1")
    assert len(first.json()) == 1 and "additional results" in first.headers["Warning"]
    second = web.get(f"/studies?StudyInstanceUID={both}&limit=1&offset=1").json()
    assert {first.json()[0]["0020000D"]["Value"][0], second[0]["0020000D"]["Value"][0]} == {study["uid"], more.StudyInstanceUID}
    assert web.get(f"/studies?StudyInstanceUID={both}&offset=2").status_code == 204


def test_series_and_instances_below_a_study(web, study):
    series = web.get(f"/studies/{study['uid']}/series").json()
    assert [one["00080060"]["Value"][0] for one in series] == ["CT", "PT"]
    assert [one["00201209"]["Value"][0] for one in series] == [2, 1]
    for key in ("0020000E", "00200011", "0008103E", "00081190", "00400244", "00400245"):
        assert key in series[0]
    only = web.get(f"/studies/{study['uid']}/series?Modality=PT").json()
    assert len(only) == 1 and only[0]["0020000E"]["Value"] == [study["pet"].SeriesInstanceUID]
    instances = web.get(f"/studies/{study['uid']}/series/{study['ct'][0].SeriesInstanceUID}/instances").json()
    assert [one["00200013"]["Value"][0] for one in instances] == [1, 2]
    assert instances[0]["00280010"]["Value"] == [32] and instances[0]["00280011"]["Value"] == [24]
    assert instances[0]["00081190"]["Value"][0].endswith(path_of(study["ct"][0]))
    assert len(web.get(f"/studies/{study['uid']}/instances").json()) == 3
    assert len(web.get(f"/instances?SOPInstanceUID={study['pet'].SOPInstanceUID}").json()) == 1
    assert len(web.get(f"/series?SeriesInstanceUID={study['pet'].SeriesInstanceUID}").json()) == 1
    relational, = web.get(f"/instances?SOPInstanceUID={study['pet'].SOPInstanceUID}").json()
    assert relational["00100010"]["Value"][0]["Alphabetic"] == "Zwölf^Ödön"


def test_includefield_by_keyword_tag_and_all(web, study):
    base = f"/studies?StudyInstanceUID={study['uid']}"
    assert "00080070" not in web.get(base).json()[0]
    assert web.get(base + "&includefield=Manufacturer").json()[0]["00080070"]["Value"] == ["Synthetic"]
    assert "00080070" in web.get(base + "&includefield=00081030,00080070").json()[0]
    instance = f"/studies/{study['uid']}/instances?SOPInstanceUID={study['pet'].SOPInstanceUID}"
    everything = web.get(instance + "&includefield=all").json()[0]
    assert "00281050" in everything and "7FE00010" not in everything


def test_wrong_questions_are_400_and_no_match_is_204(web, study):
    for query in ("StudyDate=yesterday", "Nonsense=1", "limit=-1", "limit=x", "StudyInstanceUID=1.2.*", "SliceThickness=1", "includefield=Nonsense"):
        assert web.get("/studies?" + query).status_code == 400, query
    assert web.get(f"/studies?StudyInstanceUID={generate_uid()}").status_code == 204
    assert web.get("/studies/not-a-uid/series").status_code == 400


def test_media_types(web, study):
    path = f"/studies?StudyInstanceUID={study['uid']}"
    for accept in ("application/dicom+json", "application/json", "*/*", "application/*", "application/dicom+json, multipart/related;type=application/octet-stream"):
        answer = web.get(path, accept)
        assert answer.status_code == 200, accept
        assert answer.headers["Content-Type"].startswith("application/dicom+json")
    assert web.get(path, 'multipart/related; type="application/dicom+xml"').status_code == 406
    fuzzy = web.get(path + "&fuzzymatching=true")
    assert "fuzzymatching" in fuzzy.headers["Warning"]


def test_an_error_names_no_patient_and_is_a_problem(web, study):
    answer = web.get("/studies?PatientName=Zwölf&Nonsense=Zwölf")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "Zwölf" not in answer.text


def test_dicomweb_client_searches(client, study):
    assert len(client.search_for_studies(search_filters={"StudyInstanceUID": study["uid"]})) == 1
    assert len(client.search_for_series(study["uid"])) == 2
    assert len(client.search_for_instances(study["uid"])) == 3
    assert client.search_for_studies(search_filters={"PatientID": "nobody-here"}) == []


def test_capabilities(web):
    answer = web.request("OPTIONS", "")
    assert answer.status_code == 200 and "wadl" in answer.headers["Content-Type"]
    import xml.dom.minidom
    assert "studies/{study}" in xml.dom.minidom.parseString(answer.content).toxml()
