"""The mistakes of a pipeline as one self-contained HTML page: gold above the prediction, with the mistakes marked."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..annotations.entities import DEFAULT_KEY
from ..evaluation.mistakes import count_mistakes
from ..evaluation.text_mistakes import KINDS, TextMistakes, worst_first
from ..files import replacing
from .markup import printable
from .mistake_words import SIDE_WORDS, WORDS
from .mistaken_text import SIDE_SIGNS, SIGNS, TextDrawing, label_key
from .names import Names
from .page import Labels, templates
from .svg import choose_hues

MAX_TEXTS = 300


def render_mistakes(
    texts: Sequence[TextMistakes],
    *,
    title: str | None = None,
    about: str = "",
    labels: Labels | None = None,
    lang: str = "en",
    symmetric: Collection[str] = (),
    spans_key: str = DEFAULT_KEY,
    max_texts: int = MAX_TEXTS,
    file: str = "mistakes.jsonl",
    sides: tuple[str, str] | None = None,
) -> str:
    """Draw the texts that have mistakes. Of a text with several sentences, those with a mistake are drawn.

    texts (Sequence[TextMistakes]): The result of `find_text_mistakes`.
    title (str | None): The title of the page.
    about (str): What was evaluated, shown below the title.
    labels (Mapping | None): Display names, as for `render`.
    lang (str): The language of the display names and of the words on the page itself (en, ja, zh).
    symmetric (Collection[str]): Relation labels without direction, the same as for `find_text_mistakes`.
    spans_key (str): The span group of the entities.
    max_texts (int): The number of texts to draw; the counts at the top are always those of all texts.
    file (str): The name of the file with all mistakes, to which the page refers if it does not show all texts. Empty:
        there is none.
    sides (tuple[str, str] | None): The names of two annotators or pipelines that are compared, instead of gold and
        prediction; see `find_disagreements`.
    RETURNS (str): The HTML.
    RAISES (ValueError): If the table of display names has another form.

    >>> import spacy
    >>> from spacy.training import Example
    >>> from spacy_mre.evaluation.text_mistakes import find_text_mistakes
    >>> example = Example.from_dict(spacy.blank("en")("Old Lima"), {"entities": [(0, 8, "place")]})
    >>> example.predicted.ents = []
    >>> html = render_mistakes(find_text_mistakes([example]))
    >>> "Texts with mistakes: 1 of 1" in html, ">∅ place</text>" in html
    (True, True)
    """
    names = Names(labels, lang)
    known = lang if lang in WORDS else "en"
    words = WORDS[known] | (SIDE_WORDS[known] if sides else {})
    signs = SIDE_SIGNS if sides else SIGNS
    a, b = sides or ("", "")
    bad = worst_first(texts)
    shown = bad[:max_texts]
    docs = [doc for text in shown for doc in (text.example.reference, text.example.predicted)]
    hues = choose_hues(docs, names, spans_key)
    found = Counter(label_key(mistake) for text in shown for mistake in text.mistakes)
    numbers = {key: number for number, key in enumerate(sorted(found))}
    drawing = TextDrawing(names, words, hues, numbers, symmetric, spans_key, signs)
    counts = {
        "count": len(bad),
        "total": len(texts),
        "shown": len(shown),
        "file": file,
        "a": printable(a),
        "b": printable(b),
    }
    return templates.get_template("mistakes.html.jinja").render(
        title=printable(words["title"] if title is None else title),
        about=printable(about),
        lang=lang,
        words=names.words | {key: word.format(**counts) for key, word in words.items()},
        signs=signs,
        sides=sides,
        summary=count_mistakes(texts),
        is_empty=not bad,
        cut="" if len(shown) == len(bad) else "first" if file else "first_only",
        kinds=_kinds_by_level(shown),
        label_options=[
            {"number": numbers[key], "level": key[0], "name": printable(names.of(*key)), "count": found[key]}
            for key in numbers
        ],
        texts=[drawing.values(text) for text in shown],
    )


def write_mistakes_page(texts: Sequence[TextMistakes], path: str | Path, **options: Any) -> None:
    """Write the page to a file.

    texts (Sequence[TextMistakes]): The result of `find_text_mistakes`.
    path (str | Path): The HTML file. Its folder is made if it does not exist.
    **options (Any): As for `render_mistakes`.
    """
    html = render_mistakes(texts, **options)
    with replacing(path) as temporary:
        temporary.write_text(html, encoding="utf8")


def _kinds_by_level(texts: Sequence[TextMistakes]) -> dict[str, dict[str, int]]:
    """How often each kind occurs, for the choice of a kind. Without those that do not occur."""
    found = Counter((mistake.level, mistake.kind) for text in texts for mistake in text.mistakes)
    by_level = {level: {kind: found[level, kind] for kind in kinds} for level, kinds in KINDS.items()}
    return {
        level: {kind: count for kind, count in kinds.items() if count}
        for level, kinds in by_level.items()
        if any(kinds.values())
    }
