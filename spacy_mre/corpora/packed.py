"""Files that must be unpacked or saved in another format before they can be read."""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

ZIP, GZIP, OLD_OFFICE = b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
EXCEL_FOLDER = "xl/"


def how_to_unpack(path: Path, start: bytes) -> str:
    """Say what a file is and what to do with it, if it is an archive or an Office file.

    path (Path): The file.
    start (bytes): Its first bytes.
    RETURNS (str): For people; empty for other files.
    """
    if start.startswith(ZIP):
        if _is_excel(path):
            return "this is an Excel file; save it as CSV in UTF-8"
        return "this is a ZIP archive; unpack it, and name the file or folder in it"
    if start.startswith(GZIP):
        return "this is a gzip file; unpack it"
    if start.startswith(OLD_OFFICE):
        return "this is an Excel or Word file of an old version; save it as CSV or text in UTF-8"
    return ""


def _is_excel(path: Path) -> bool:
    """Whether a ZIP archive is a workbook."""
    try:
        with ZipFile(path) as archive:
            return any(name.startswith(EXCEL_FOLDER) for name in archive.namelist())
    except BadZipFile:  # cut off
        return False
