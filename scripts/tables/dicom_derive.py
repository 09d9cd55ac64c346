"""Writes tables/dicom/*.tsv from published machine-readable editions. Run by hand when an edition changes, never by the build.

usage: dicom_derive.py STANDARDS OUT
STANDARDS holds dicom-standard/attributes.json (github.com/innolitics/dicom-standard, MIT) and
dicom-terminology-fsh/CodeSystem-dicom-{elements,uids}.fsh (github.com/bvdh/dicom-terminology-in-fhir, CC0-1.0).
"""
import json
import re
import sys
from pathlib import Path

from dicom_names import snake

# PS3.7 2024e tables E.1-1 and E.2-1: the command set is in no published list. tag VR VM keyword retired
COMMAND_SET = """
00000000 UL 1 CommandGroupLength N|00000001 UL 1 CommandLengthToEnd Y|00000002 UI 1 AffectedSOPClassUID N|00000003 UI 1 RequestedSOPClassUID N
00000010 SH 1 CommandRecognitionCode Y|00000100 US 1 CommandField N|00000110 US 1 MessageID N|00000120 US 1 MessageIDBeingRespondedTo N
00000200 AE 1 Initiator Y|00000300 AE 1 Receiver Y|00000400 AE 1 FindLocation Y|00000600 AE 1 MoveDestination N|00000700 US 1 Priority N
00000800 US 1 CommandDataSetType N|00000850 US 1 NumberOfMatches Y|00000860 US 1 ResponseSequenceNumber Y|00000900 US 1 Status N
00000901 AT 1-n OffendingElement N|00000902 LO 1 ErrorComment N|00000903 US 1 ErrorID N|00001000 UI 1 AffectedSOPInstanceUID N
00001001 UI 1 RequestedSOPInstanceUID N|00001002 US 1 EventTypeID N|00001005 AT 1-n AttributeIdentifierList N|00001008 US 1 ActionTypeID N
00001020 US 1 NumberOfRemainingSuboperations N|00001021 US 1 NumberOfCompletedSuboperations N|00001022 US 1 NumberOfFailedSuboperations N
00001023 US 1 NumberOfWarningSuboperations N|00001030 AE 1 MoveOriginatorApplicationEntityTitle N|00001031 US 1 MoveOriginatorMessageID N
00004000 LT 1 DialogReceiver Y|00004010 LT 1 TerminalType Y|00005010 SH 1 MessageSetID Y|00005020 SH 1 EndMessageID Y|00005110 LT 1 DisplayFormat Y
00005120 LT 1 PagePositionID Y|00005130 CS 1 TextFormatID Y|00005140 CS 1 NormalReverse Y|00005150 CS 1 AddGrayScale Y|00005160 CS 1 Borders Y
00005170 IS 1 Copies Y|00005180 CS 1 CommandMagnificationType Y|00005190 CS 1 Erase Y|000051A0 CS 1 Print Y|000051B0 US 1-n Overlays Y
"""

ELEMENT = re.compile(
    r'^\* #(\w+) ".*\n.*\n\* #\w+ \^property\[0\]\.valueString\s+= "(\w+)"\n.*\n\* #\w+ \^property\[1\]\.valueString = "([^"]*)"\n.*\n'
    r"\* #\w+ \^property\[2\]\.valueBoolean = (\w+)", re.M)
UID = re.compile(
    r'^\* #([\d.]+) "[^"]*" "([^"]*)"\n.*\n\* #[\d.]+ \^property\[0\]\.valueString\s+= "([^"]*)"\n.*\n'
    r'\* #[\d.]+ \^property\[1\]\.valueString = "([^"]*)"', re.M)


def attributes(standards: Path) -> list[str]:
    rows: dict[str, tuple[str, ...]] = {}
    for entry in COMMAND_SET.replace("\n", "|").split("|"):
        if entry:
            tag, vr, vm, keyword, retired = entry.split()
            rows[tag] = (vr, vm, keyword, retired)
    for entry in json.loads((standards / "dicom-standard/attributes.json").read_text()):
        if entry["keyword"] and not entry["id"].startswith("fffee"):
            vm = entry["valueMultiplicity"].replace("1-n or 1", "1-n")
            rows[entry["id"].upper().replace("X", "x")] = (entry["valueRepresentation"], vm, entry["keyword"], entry["retired"])
    for keyword, tag, vr, retired in ELEMENT.findall((standards / "dicom-terminology-fsh/CodeSystem-dicom-elements.fsh").read_text()):
        tag = tag.upper().replace("X", "x")
        if tag not in rows and len(tag) == 8 and not tag.startswith("FFFE") and re.fullmatch(r"[A-Z]{2}( or [A-Z]{2})*", vr):
            rows[tag] = (vr, "1" if vr == "SQ" else "-", keyword, "Y" if retired == "true" else "N")
    return ["\t".join((tag, *rows[tag])) for tag in sorted(rows)]


LOSSY = {"4.50", "4.51", "4.52", "4.53", "4.54", "4.55", "4.56", "4.59", "4.60", "4.61", "4.62", "4.63", "4.64", "4.81", "4.91", "4.93",
         "4.94", "4.95", "4.112", "4.203", "4.204", "4.205"}
NO_PIXELS = ("4.94", "4.95", "4.204", "4.205")


def transfer_syntax(uid: str) -> str:
    """encapsulated, little endian, explicit, deflated, lossy possible: as flags E L X D Y, '-' for none of them."""
    tail = uid.removeprefix("1.2.840.10008.1.2").removeprefix(".")
    encapsulated = (tail.startswith("4.") and tail not in NO_PIXELS) or tail in ("5", "1.98", "8.1")
    explicit = tail not in ("",) and uid != "1.2.840.10008.1.20"
    lossy = tail in LOSSY or re.match(r"4\.10[0-8]", tail) is not None
    deflated = tail in ("1.99", "4.95", "4.205")
    return "".join(f if on else "" for f, on in (("E", encapsulated), ("L", tail != "2"), ("X", explicit), ("D", deflated), ("Y", lossy))) or "-"


CONTENT = [
    ("KeyObjectSelection", "key_objects"), ("SRStorage|SR$|ProcedureLog|SRStorageTrial|DoseSR|LogStorage|ThreatDetectionReport|AcquisitionContextSR", "report"),
    ("Segmentation", "segmentation"), ("PresentationState", "presentation"), ("Waveform|ECG|Electro(?!n)|Hemodynamic|CurveStorage|Sleep|BodyPosition|AudioSR", "waveform"),
    ("EncapsulatedPDF|EncapsulatedCDA|EncapsulatedSTL|EncapsulatedOBJ|EncapsulatedMTL", "document"), ("Registration|Fiducials", "registration"),
    ("RealWorldValueMapping", "mapping"), ("RawData", "raw"), ("ImageStorage|ParametricMap|DoseStorage$|Photography|UltrasoundVolume|USVolume|ThicknessMap|TopographyMap", "image"),
    ("RT|Beams|Radiation|Brachy", "therapy"),
    ("Lensometry|Refraction|Autorefraction|Keratometry|VisualAcuity|Spectacle|AxialMeasurements|Intraocular|VisualField|MacularGrid", "measurement"),
]
MODALITY = [
    ("Positron|PETImage|PETCurve", "PT"), ("^(Enhanced|LegacyConvertedEnhanced)?CT(Image|Perf|Defined)", "CT"), ("MR(Image|Color|Spectroscopy)", "MR"), ("NuclearMedicine", "NM"),
    ("^Ultrasound|EnhancedUSVolume", "US"), ("ComputedRadiography", "CR"), ("DigitalMammography", "MG"), ("BreastTomosynthesis|BreastProjection", "MG"),
    ("DigitalIntraOral", "IO"), ("^DigitalXRay", "DX"), ("XRayAngiographic|EnhancedXAImage|XRay3DAngiographic", "XA"), ("XRayRadiofluoroscopic|EnhancedXRF", "RF"),
    ("XRay3DCraniofacial", "DX"), ("SecondaryCapture", "OT"), ("VLWholeSlide", "SM"), ("VLEndoscopic|VideoEndoscopic", "ES"), ("VLMicroscopic|VideoMicroscopic", "GM"),
    ("VLPhotographic|VideoPhotographic|Dermoscopic", "XC"), ("OphthalmicPhotography|WideField", "OP"), ("OphthalmicTomography|OphthalmicOpticalCoherence", "OPT"),
    ("IntravascularOpticalCoherence", "IVOCT"), ("RTImage|EnhancedRTImage|EnhancedContinuousRTImage", "RTIMAGE"), ("RTDose", "RTDOSE"), ("RTStructureSet", "RTSTRUCT"),
    ("RTPlan|RTIonPlan", "RTPLAN"), ("Segmentation", "SEG"), ("KeyObjectSelection", "KO"), ("PresentationState", "PR"), ("Registration|Fiducials", "REG"),
    ("RealWorldValueMapping", "RWV"), ("SRStorage$|LogStorage", "SR"), ("Encapsulated", "DOC"), ("ECG", "ECG"),
]


def first(rules: list[tuple[str, str]], keyword: str, otherwise: str) -> str:
    return next((value for pattern, value in rules if re.search(pattern, keyword)), otherwise)


# Keywords that PS3.6 spells otherwise than the list's own rendering.
RESPELT = {
    "12-leadECGWaveformStorage": "TwelveLeadECGWaveformStorage", "General32-bitECGWaveformStorage": "General32bitECGWaveformStorage",
    "Multi-channelRespiratoryWaveformStorage": "MultichannelRespiratoryWaveformStorage",
    "OphthalmicOpticalCoherenceTomographyB-scanVolumeAnalysisStorage": "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage",
    "MacularGridThicknessandVolumeReport": "MacularGridThicknessAndVolumeReportStorage",
}


def spelt(keyword: str) -> str:
    return RESPELT.get(keyword) or re.sub(r"[-/](\w)", lambda found: found[1].upper(), keyword)


def uids(standards: Path) -> list[str]:
    kinds = {"Transfer Syntax": "transfer_syntax", "SOP Class": "sop_class", "Meta SOP Class": "meta_sop_class",
             "Well-known SOP Instance": "instance", "Application Context Name": "application_context", "Coding Scheme": "coding_scheme",
             "Service Class": "service_class"}
    rows = []
    for uid, name, kind, keyword in UID.findall((standards / "dicom-terminology-fsh/CodeSystem-dicom-uids.fsh").read_text()):
        keyword = spelt(keyword)
        if kind not in kinds or not re.fullmatch(r"\w+", keyword):
            continue
        retired = "(Retired)" in name or keyword.endswith(("Trial", "Retired"))
        short = name.replace(" (Retired)", "").split(" from IOD specification")[0].split(": Default")[0].strip()
        row_kind, flags, content, modality = kinds[kind], "-", "-", "-"
        if row_kind == "transfer_syntax":
            flags = transfer_syntax(uid)
        elif row_kind == "sop_class" and re.search(r"Storage(Trial|Retired|ForPresentation|ForProcessing)?$|Storage$", keyword) and "MediaStorage" not in keyword and "Commitment" not in keyword:
            row_kind = "storage"
            content, modality = first(CONTENT, keyword, "other"), first(MODALITY, keyword, "-")
        rows.append((tuple(int(part) for part in uid.split(".")), "\t".join((uid, snake(keyword), keyword, short, row_kind, "Y" if retired else "N", flags, content, modality))))
    return [row for _, row in sorted(rows)]


def main() -> None:
    standards, out = Path(sys.argv[1]), Path(sys.argv[2])
    (out / "attributes.tsv").write_text(
        "# EDITION DICOM 2024e (PS3.6), tags new up to 2026b added. Origin: github.com/innolitics/dicom-standard at 7f4749d (MIT); additions from\n"
        "# github.com/bvdh/dicom-terminology-in-fhir at 9f09827 (CC0-1.0), which states no multiplicity: '-' there. Group 0000: PS3.7 annex E.\n"
        "# Derived by scripts/tables/dicom_derive.py; checked against pydicom in tests/tables. x in a tag: repeating group or element.\n"
        "# tag\tvr\tmultiplicity\tkeyword\tretired\n" + "\n".join(attributes(standards)) + "\n")
    (out / "uids.tsv").write_text(
        "# EDITION DICOM 2026b (PS3.6 table A-1). Origin: github.com/bvdh/dicom-terminology-in-fhir at 9f09827 (CC0-1.0).\n"
        "# Derived by scripts/tables/dicom_derive.py; checked against pydicom in tests/tables.\n"
        "# flags of transfer syntaxes: E encapsulated, L little endian, X explicit VR, D deflated data set, Y may be lossy; '-' for other rows.\n"
        "# content of storage classes: image report key_objects segmentation presentation waveform document registration mapping raw therapy measurement other.\n"
        "# uid\tconstant\tkeyword\tname\tkind\tretired\tflags\tcontent\tmodality\n" + "\n".join(uids(standards)) + "\n")


main()
