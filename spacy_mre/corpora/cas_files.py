"""The files of a CAS corpus. Their types, which are mostly the same, are made once."""

import warnings
from pathlib import Path
from typing import Any

from .cas_content import CasDocument, Layer, content_of, layers_of
from .cas_json import TYPES, is_cas, load_json
from .cas_xmi import is_xmi, load_types, load_xmi
from .json_values import InvalidJSON, parse_json
from .reading import read_text
from .record import CorpusError
from .report import Report

ENDINGS = (".json", ".xmi")


def has_cas(path: Path) -> bool:
    """RETURNS (bool): Whether a file is a CAS."""
    try:
        text = read_text(path)
        return is_xmi(text) or (TYPES in text and is_cas(parse_json(text)))
    except (CorpusError, InvalidJSON):
        return False


class CasFiles:
    """Reads the files of a source.

    source (Path): The file or folder.
    report (Report): Counts what is not read.
    """

    def __init__(self, source: Path, report: Report) -> None:
        self.source = source
        self.report = report
        self.types_of_json: dict[str, Any] = {}
        self.types_of_folder: dict[Path, Any] = {}
        self.layers: dict[int, dict[str, Layer]] = {}

    def read(self, path: Path) -> CasDocument | None:
        """RETURNS (CasDocument | None): The content of a file; None if a file of the folder is other JSON, as that
        which describes a project.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cassis warns of features named "type"
            cas = self._load(path)
        if cas is None:
            return None
        # The types are kept in `types_of_json` or `types_of_folder`, so that their ids stay unique.
        layers = self.layers.get(id(cas.typesystem)) or self.layers.setdefault(
            id(cas.typesystem), layers_of(cas.typesystem)
        )
        return content_of(cas, layers, path, self.report.of_file(path, self.source))

    def _load(self, path: Path) -> Any:
        report = self.report.of_file(path, self.source)
        text = read_text(path)
        if text.lstrip().startswith("<"):
            if path.parent not in self.types_of_folder:
                self.types_of_folder[path.parent] = load_types(path.parent, path)
            return load_xmi(path, self.types_of_folder[path.parent], report)
        try:
            data = parse_json(text)
        except InvalidJSON as err:
            raise CorpusError(path, err.line, err.reason) from None
        if path != self.source and path.suffix == ".json" and not is_cas(data):
            report.note("JSON file that is not a CAS, not read", path.name)
            return None
        return load_json(data, path, self.types_of_json, report)
