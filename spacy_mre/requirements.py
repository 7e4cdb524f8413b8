"""The packages that a pipeline needs, for `spacy package`.

spaCy finds the packages whose registered functions are in the config, this one too. It does not find what they import:
the dictionary of a tokenizer, for example. So each part of a pipeline that is created records it in `nlp.meta`, which
is saved with the pipeline. The versions are those in the extras of this package.
"""

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from spacy.language import Language
from spacy.util import registry

SUDACHI = ("sudachipy", "sudachidict-core")
JIEBA = ("jieba",)


def record_requirements(nlp: Language, *parts: Any) -> None:
    """Add the packages that parts of a pipeline need to `nlp.meta["requirements"]`. What is in it stays as it is, also
    what names no package, such as the path of a wheel.

    nlp (Language): The pipeline.
    parts (Any): Tokenizers and components. Those of this package name their packages in an attribute `requires`.

    >>> import spacy
    >>> nlp = spacy.blank("ja")
    >>> record_requirements(nlp, nlp.tokenizer)
    >>> nlp.meta["requirements"]
    ['sudachipy<0.7.0,>=0.6.11', 'sudachidict-core>=20240409']
    """
    recorded = list(nlp.meta.get("requirements", []))
    known = {_name_of(line) for line in recorded}
    needed = dict.fromkeys(name for part in parts for name in _needed_by(part))
    nlp.meta["requirements"] = recorded + [_with_version(name) for name in needed if name not in known]


@registry.callbacks("spacy_mre.record_requirements.v1")
def make_record_requirements() -> Callable[[Language], Language]:
    """Make a callback for `[training.before_to_disk]` that records the packages of all components in each saved
    pipeline: also of those with a `source`, which are not created anew.

    RETURNS (Callable[[Language], Language]): The callback.
    """
    return _record_all


def _record_all(nlp: Language) -> Language:
    record_requirements(nlp, nlp.tokenizer, *(component for _, component in nlp.components))
    return nlp


def _name_of(line: str) -> str | None:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return None


def _needed_by(part: Any) -> Iterable[str]:
    module = type(part).__module__
    if module == "spacy.lang.ja":
        return SUDACHI
    if module == "spacy.lang.zh" and part.segmenter == "jieba":
        return JIEBA
    return getattr(part, "requires", ())


def _with_version(name: str) -> str:
    return _versions().get(name, name)


@cache
def _versions() -> dict[str, str]:
    """The requirements of this package, by name. None if it is imported from a folder without being installed."""
    try:
        lines = requires("spacy-mre") or []
    except PackageNotFoundError:
        return {}
    found = map(Requirement, lines)
    return {canonicalize_name(each.name): f"{each.name}{each.specifier}" for each in found}
