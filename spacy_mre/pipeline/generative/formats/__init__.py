"""The formats in which the labels of a text are written as one string. `FORMATS` contains them by name."""

from typing import Any

from ....errors import Errors
from .analysis import Analysis, ArgumentText, EntityText, EventText, FormatError, Parsed, RelationText
from .oiellm import OIELLMFormat
from .slg import SLGFormat
from .task import Task, template_names

FORMATS: dict[str, type[SLGFormat] | type[OIELLMFormat]] = {"slg": SLGFormat, "oiellm": OIELLMFormat}

Format = SLGFormat | OIELLMFormat


def format_from_dict(data: dict[str, Any]) -> Format:
    """Make a format from the result of its `to_dict`.

    data (dict[str, Any]): Plain JSON with the format's name in "format".
    RETURNS (Union[SLGFormat, OIELLMFormat]): The format.
    RAISES (ValueError): If there is no such format.
    """
    name = data.get("format")
    if name not in FORMATS:
        raise ValueError(Errors.M001.format(value=name, setting="format", allowed=", ".join(FORMATS)))
    return FORMATS[name].from_dict(data)


__all__ = [
    "FORMATS",
    "Analysis",
    "ArgumentText",
    "EntityText",
    "EventText",
    "Format",
    "FormatError",
    "OIELLMFormat",
    "Parsed",
    "RelationText",
    "SLGFormat",
    "Task",
    "format_from_dict",
    "template_names",
]
