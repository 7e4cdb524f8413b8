"""Translations beside their sources as one HTML page, on which a person accepts, rejects or edits them."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY
from ..files import replacing
from .markup import printable, to_string
from .names import Names
from .page import Labels, templates
from .svg import choose_hues, draw, guess_lang
from .translation_words import WORDS

MAX_TEXTS = 300
# Two pictures are beside each other.
WIDTH = 560.0
KEPT, DROPPED = "kept", "dropped"


@dataclass(frozen=True)
class Pair:
    """A text and its translation.

    source (Doc): The text.
    target (Doc | None): Its translation; None if there is none.
    id (str): Identifies the text. Edits refer to it.
    status (str): "kept" or "dropped".
    reasons (Sequence[str]): Why it is dropped.
    details (Sequence[str]): For each reason, what it is about.
    marked (str): The translation with its entities marked, to be edited.
    by_string (int): How many entities were found in the translation as strings, not by their marks.
    """

    source: Doc
    target: Doc | None
    id: str
    status: str = KEPT
    reasons: Sequence[str] = ()
    details: Sequence[str] = ()
    marked: str = ""
    by_string: int = 0


def translations_page(
    pairs: Sequence[Pair],
    *,
    title: str | None = None,
    about: str = "",
    labels: Labels | None = None,
    lang: str = "en",
    symmetric: Collection[str] = (),
    spans_key: str = DEFAULT_KEY,
    max_texts: int = MAX_TEXTS,
) -> str:
    """Draw translations beside their sources. Nothing is sent: decisions are drafts in the browser, until a person
    saves them as the file edits.jsonl.

    pairs (Sequence[Pair]): The texts with their translations.
    title (str | None): The title of the page.
    about (str): What was translated, shown below the title.
    labels (Mapping | None): Display names, as for `render`.
    lang (str): The language of the display names and of the words on the page itself (en, ja, zh).
    symmetric (Collection[str]): Symmetric relation labels. Their arcs have two arrowheads.
    spans_key (str): The span group of the entities.
    max_texts (int): The number of texts to draw, worst first.
    RETURNS (str): The HTML.
    RAISES (ValueError): If the table of display names has another form.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> html = translations_page([Pair(nlp("Oslo"), nlp("Lima"), "1", "dropped", ["marker lost"], ["a: Oslo"])])
    >>> "Translations: 1, of which 1 are dropped." in html
    True
    """
    names = Names(labels, lang)
    shown = sort_worst_first(pairs)[:max_texts]
    docs = [doc for pair in shown for doc in (pair.source, pair.target) if doc is not None]
    drawing: dict[str, Any] = {
        "names": names,
        "hues": choose_hues(docs, names, spans_key),
        "symmetric": symmetric,
        "spans_key": spans_key,
        "width": WIDTH,
        "bars": False,
    }
    counts = {
        "total": len(pairs),
        "dropped": sum(pair.status == DROPPED for pair in pairs),
        "shown": len(shown),
        "count": "{count}",
    }
    words = WORDS[lang if lang in WORDS else "en"]
    script = templates.get_template("translations_script.html.jinja").render(key=_fingerprint(pairs))
    return templates.get_template("translations.html.jinja").render(
        title=printable(words["title"] if title is None else title),
        about=printable(about),
        lang=lang,
        words=names.words | {key: word.format(**counts) for key, word in words.items()},
        is_cut=len(shown) < len(pairs),
        statuses=[KEPT, DROPPED],
        reasons=Counter(printable(reason) for pair in shown for reason in dict.fromkeys(pair.reasons)),
        texts=[_values(pair, drawing) for pair in shown],
        script=Markup(script),
        policy=_policy(script),
    )


def write_translations_page(pairs: Sequence[Pair], path: str | Path, **options: Any) -> None:
    """Write the page to a file.

    pairs (Sequence[Pair]): The texts with their translations.
    path (str | Path): The HTML file. Its folder is made if it does not exist.
    **options (Any): As for `translations_page`.
    """
    html = translations_page(pairs, **options)
    with replacing(path) as temporary:
        temporary.write_text(html, encoding="utf8")


def sort_worst_first(pairs: Sequence[Pair]) -> list[Pair]:
    """Sort translations by how much there is to look at.

    pairs (Sequence[Pair]): The texts with their translations.
    RETURNS (list[Pair]): Dropped ones first, those with most reasons first; then kept ones, those with most entities
        found as strings first; then texts without a translation, of which nothing can be judged.
    """
    return sorted(
        pairs, key=lambda pair: (pair.target is None, pair.status == KEPT, -len(pair.reasons), -pair.by_string)
    )


def _values(pair: Pair, drawing: dict[str, Any]) -> dict[str, Any]:
    """What the template shows of a text."""
    return {
        # A browser changes what it cannot show, so the page keeps the id as JSON.
        "id": json.dumps(pair.id),
        "name": printable(pair.id),
        "status": pair.status,
        "reasons": [
            {"reason": printable(reason), "detail": printable(detail)}
            for reason, detail in zip(pair.reasons, pair.details, strict=True)
        ],
        "by_string": pair.by_string,
        "marked": printable(pair.marked),
        "sides": [
            {
                "name": name,
                "lang": "" if doc is None else guess_lang(doc),
                "svg": None if doc is None else Markup(to_string(draw(doc, **drawing))),
            }
            for name, doc in (("source", pair.source), ("target", pair.target))
        ],
    }


def _fingerprint(pairs: Sequence[Pair]) -> str:
    """Names the drafts of a page, so that other translations do not get them."""
    content = [[pair.id, pair.source.text, pair.status, list(pair.reasons), pair.marked] for pair in pairs]
    return sha256(json.dumps(content).encode()).hexdigest()[:16]


def _policy(script: str) -> str:
    """The content security policy: the script of the page runs, and nothing is loaded or sent."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    rest = "base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; {rest}"
