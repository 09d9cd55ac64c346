"""Keywords of PS3.6 as C++ names: SOPInstanceUID -> sop_instance_uid. Shared by the generators of tables/dicom."""
import re

# Acronyms that stand directly beside another one: nothing in the keyword says where one ends.
APART = [
    ("HTJ2K", "Htj2k_"), ("JPEGLS", "JPEG_LS_"), ("JPEGXL", "JPEG_XL_"), ("CTDIvol", "Ctdivol_"), ("VOILUT", "VOI_LUT_"), ("RGBLUT", "RGB_LUT_"),
    ("RTROI", "RT_ROI_"), ("DVHROI", "DVH_ROI_"), ("XAXRF", "XA_XRF_"), ("InuAs", "In_uas"), ("InmAs", "In_mas"), ("InuS", "In_us"), ("InuA", "In_ua"),
    ("RTSR", "RT_SR_"), ("CADSR", "CAD_SR_"), ("ECGSR", "ECG_SR_"), ("dBdt", "Db_dt"), ("B1rms", "B1rms_"), ("STOWRS", "STOW_RS_"), ("WADORS", "WADO_RS_"),
    ("DICOSCT", "DICOS_CT_"), ("DICOS2DAIT", "DICOS_2D_AIT_"), ("DICOS3DAIT", "DICOS_3D_AIT_"), ("MRFOV", "MR_FOV_"), ("MACID", "MAC_ID_"), ("kV", "_kv_"),
]
TOKENS = re.compile(
    r"\d+D(?![a-z])|[A-Z]{2,}s(?=[A-Z\d_]|$)|Htj2k|B1rms|[A-Z]+\d+(?=[A-Z_]|$)|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+"
)
RESERVED = {"operator", "namespace", "default", "private", "public", "class", "template", "register", "union", "switch", "signed", "export", "auto"}


def snake(keyword: str) -> str:
    text = keyword
    for run, apart in APART:
        text = text.replace(run, apart)
    name = "_".join(token.lower() for token in TOKENS.findall(text))
    if name[0].isdigit():
        name = "n" + name
    return name + "_" if name in RESERVED else name
