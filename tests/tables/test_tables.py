"""tables/dicom and tables/terms against sources that they were not made from: pydicom's dictionaries, and the FHIR rendering of PS3.16.

Every difference that is known and right is listed below with its reason; anything else fails.
"""
import os
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("VEDETTE_SHARED", ROOT.parent / "shared"))
FSH = SHARED / "standards/dicom-terminology-fsh"


def rows(table: str) -> list[list[str]]:
    lines = (ROOT / "tables" / table).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# EDITION"), f"{table} says no edition"
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


# --- tables/dicom/attributes.tsv ------------------------------------------------------------------------------------

# Tags that pydicom 3.0.2 (edition 2024e) carries and the table does not.
ONLY_PYDICOM = {
    0x00080202: "retired without a name", 0x00189445: "retired without a name", 0x00280020: "retired without a name",
    0xFFFEE000: "an item is no element", 0xFFFEE00D: "a delimiter is no element", 0xFFFEE0DD: "a delimiter is no element",
    0x00060001: "not in the edition that the table comes from",
}
# Tags whose row differs from pydicom's, with the reason.
DIFFERENT = {
    "300A0054": "newer than the edition that states multiplicities, known to pydicom",
}


@cache
def pydicom_rows() -> dict[str, tuple]:
    from pydicom.datadict import DicomDictionary, RepeatersDictionary

    out = {f"{tag:08X}": row for tag, row in DicomDictionary.items()}
    out.update({mask: row for mask, row in RepeatersDictionary.items()})
    return out


def test_attributes_are_unique_and_complete():
    table = rows("dicom/attributes.tsv")
    assert len(table) > 5000
    assert len({row[0] for row in table}) == len(table)
    assert len({row[3] for row in table}) == len(table)


def test_attributes_agree_with_pydicom():
    wrong = []
    for tag, vr, vm, keyword, retired in rows("dicom/attributes.tsv"):
        theirs = pydicom_rows().get(tag)
        if theirs is None or tag in DIFFERENT:
            continue
        mine = (vr, vm, keyword, retired == "Y")
        other = (theirs[0], theirs[1], theirs[4], bool(theirs[3]))
        if mine != other:
            wrong.append((tag, mine, other))
    assert not wrong


def test_no_attribute_of_pydicom_is_missing():
    mine = {row[0] for row in rows("dicom/attributes.tsv")}
    missing = {tag: row[4] for tag, row in pydicom_rows().items() if tag not in mine and row[4]}
    unexplained = {tag: name for tag, name in missing.items() if "x" in tag or int(tag, 16) not in ONLY_PYDICOM}
    assert not unexplained


def test_attributes_that_pydicom_does_not_know_are_newer_than_it():
    newer = [row for row in rows("dicom/attributes.tsv") if row[0] not in pydicom_rows()]
    assert len(newer) < 250
    assert all(row[2] == "-" or row[1] == "SQ" or row[2] == "1" for row in newer), "the source of the additions states no multiplicity"


# --- tables/dicom/uids.tsv ------------------------------------------------------------------------------------------

# Transfer syntaxes of the table that pydicom does not register.
NEWER_SYNTAXES = {"1.2.840.10008.1.2.8.1": "2025: Deflated Image Frame Compression"}


def test_uids_agree_with_pydicom():
    from pydicom._uid_dict import UID_dictionary

    kinds = {"Transfer Syntax": {"transfer_syntax"}, "SOP Class": {"sop_class", "storage"}, "Meta SOP Class": {"meta_sop_class"}}
    wrong = []
    for uid, _, keyword, _, kind, *_ in rows("dicom/uids.tsv"):
        theirs = UID_dictionary.get(uid)
        if theirs is None or theirs[1] not in kinds:
            continue
        if keyword != theirs[4] or kind not in kinds[theirs[1]]:
            wrong.append((uid, keyword, kind, theirs))
    assert not wrong


def test_no_transfer_syntax_or_sop_class_of_pydicom_is_missing():
    from pydicom._uid_dict import UID_dictionary

    mine = {row[0] for row in rows("dicom/uids.tsv")}
    missing = {uid: row for uid, row in UID_dictionary.items() if row[1] in ("Transfer Syntax", "SOP Class", "Meta SOP Class") and uid not in mine}
    assert all(not row[4] and row[3] for row in missing.values()), "only retired rows without a name may be missing"


def test_encoding_flags_agree_with_pydicom():
    from pydicom.uid import UID

    wrong = []
    for uid, _, _, _, kind, _, flags, *_ in rows("dicom/uids.tsv"):
        if kind != "transfer_syntax":
            continue
        syntax = UID(uid)
        try:
            theirs = (syntax.is_encapsulated, syntax.is_little_endian, not syntax.is_implicit_VR, syntax.is_deflated)
        except ValueError:
            continue  # pydicom does not know it as a transfer syntax
        mine = tuple(flag in flags for flag in "ELXD")
        if uid in PYDICOM_TAKES_FOR_ENCAPSULATED:
            assert theirs[0] and not mine[0], uid
            continue
        if mine != theirs:
            wrong.append((uid, flags, theirs))
    assert not wrong


# pydicom calls every syntax encapsulated that it does not name; these carry no pixel fragments.
PYDICOM_TAKES_FOR_ENCAPSULATED = {
    "1.2.840.10008.1.2.4.94": "JPIP: pixels by reference", "1.2.840.10008.1.2.4.95": "JPIP, deflated", "1.2.840.10008.1.2.4.204": "JPIP HTJ2K",
    "1.2.840.10008.1.2.4.205": "JPIP HTJ2K, deflated", "1.2.840.10008.1.2.6.1": "MIME, retired", "1.2.840.10008.1.2.6.2": "XML, retired",
    "1.2.840.10008.1.2.7.1": "SMPTE: real-time video", "1.2.840.10008.1.2.7.2": "SMPTE: real-time video",
    "1.2.840.10008.1.2.7.3": "SMPTE: real-time audio", "1.2.840.10008.1.20": "Papyrus, retired",
}


def test_storage_classes_agree_with_the_published_list():
    import json

    path = SHARED / "standards/dicom-standard/sops.json"
    if not path.exists():
        pytest.skip(f"{path} is not here: the list of storage classes was not compared")
    published = {entry["id"] for entry in json.loads(path.read_text())}
    mine = {row[0] for row in rows("dicom/uids.tsv") if row[4] == "storage"}
    missing = {uid for uid in published - mine if uid.startswith("1.2.840.10008.5.1.4.1.1.")}
    assert not missing


# --- tables/terms/codes.tsv -----------------------------------------------------------------------------------------

SYSTEMS = {
    "http://snomed.info/sct": "SCT", "DICOM_DCM_CodeSystem": "DCM", "http://loinc.org": "LN", "http://unitsofmeasure.org": "UCUM",
    "http://www.radlex.org": "RADLEX", "http://terminology.hl7.org/CodeSystem/umls": "UMLS",
}
# Codes that no context group of PS3.16 lists, with where they come from.
OUTSIDE_PS3_16 = {
    ("RFC5646", "en"): "language tag, RFC 5646; CID 5000 refers to it",
    ("SCT", "276214006"): "TID 1501 row 2, concept name of the finding category",
    ("SCT", "125605004"): "SNOMED CT fracture of bone, as the IHE AIR samples code it",
    ("UMLS", "C0034375"): "TID 1500 row 12, container of qualitative evaluations",
    ("SCT", "373572006"): "concept name of an absent finding in the IHE AIR supplement's examples",
    ("UCUM", "g/ml"): "UCUM, base of SUV units", ("UCUM", "g"): "UCUM", ("UCUM", "ml"): "UCUM",
}


@cache
def published_codes() -> dict[tuple[str, str], set[str]]:
    if not FSH.exists():
        pytest.skip(f"{FSH} is not here: codes were not compared with PS3.16")
    out: dict[tuple[str, str], set[str]] = {}
    member = re.compile(r'^\* (\S+?)#(\S+)\s+//\s*"(.*)"\s*$')
    for path in FSH.glob("ValueSet-*.fsh"):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = member.match(line.strip())
            if found and found[1] in SYSTEMS:
                out.setdefault((SYSTEMS[found[1]], found[2]), set()).add(found[3])
    for code, meaning in re.findall(r'^\* #(\S+) "([^"]*)"', (FSH / "CodeSystem-dicom-dcm-codesystem.fsh").read_text(), re.M):
        out.setdefault(("DCM", code), set()).add(meaning)
    return out


def plain(meaning: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", meaning.lower())


def test_every_code_stands_in_ps3_16_with_its_meaning():
    unknown, renamed = [], []
    for key, scheme, value, meaning, _ in rows("terms/codes.tsv"):
        meanings = published_codes().get((scheme, value))
        if meanings is None:
            if (scheme, value) not in OUTSIDE_PS3_16:
                unknown.append((key, scheme, value, meaning))
        elif plain(meaning) not in {plain(other) for other in meanings}:
            renamed.append((key, value, meaning, sorted(meanings)))
    assert not unknown
    assert not renamed


def test_codes_are_unique_and_have_their_context_groups():
    table = rows("terms/codes.tsv")
    assert len({row[0] for row in table}) == len(table)
    assert len({(row[1], row[2]) for row in table}) == len(table)
    if not FSH.exists():
        pytest.skip(f"{FSH} is not here: context groups were not compared")
    wrong = []
    for key, scheme, value, _, groups in table:
        for group in groups.split():
            if (scheme, value) in OUTSIDE_PS3_16:
                continue
            files = list(FSH.glob(f"ValueSet-dicom-cid-{group}-*.fsh"))
            if not files or not re.search(rf"#{re.escape(value)}\s", files[0].read_text(encoding="utf-8")):
                wrong.append((key, value, group))
    assert not wrong


def test_codes_that_pydicom_lists_agree_with_it():
    from pydicom.sr._concepts_dict import concepts

    theirs: dict[tuple[str, str], set[str]] = {}
    for scheme, names in concepts.items():
        for values in names.values():
            for value, (meaning, _) in values.items():
                theirs.setdefault((scheme, value), set()).add(meaning)
    known, renamed = 0, []
    for key, scheme, value, meaning, _ in rows("terms/codes.tsv"):
        meanings = theirs.get((scheme, value))
        if meanings is None:
            continue
        known += 1
        if plain(meaning) not in {plain(other) for other in meanings} and key not in RENAMED_SINCE:
            renamed.append((key, value, meaning, sorted(meanings)))
    assert known > 100
    assert not renamed


# Meanings that PS3.16 changed after pydicom's edition.
RENAMED_SINCE = {
    "finding_category": "TID 1501 calls it so; CID lists of pydicom give the code's SNOMED CT name",
    "centimetre": "UCUM print name against symbol",
    "square_centimetre": "UCUM print name against symbol",
}
