"""The corpus reader: reads `.spacy` files as training examples, with relations and an explicit token policy."""

import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.corpus import walk_corpus
from spacy.util import registry
from spacy.vocab import Vocab

from ..annotations.doc_bins import PART, part_files
from ..annotations.entities import DEFAULT_KEY, complete_entities, get_entities
from ..annotations.relations import get_relations
from ..annotations.storage import load_docs, span_as_doc, without_annotations
from ..annotations.white_space import trim_annotations
from ..errors import Errors, Warnings
from ..settings import NotNegative, Probability, checked
from .swapped_mentions import Mention, collect_mentions, swap_mentions

PredictedTokens = Literal["gold", "tokenizer"]


@registry.readers("spacy_mre.Corpus.v1")
def make_corpus(
    path: Path | None,
    tokens: PredictedTokens = "gold",
    spans_key: str = DEFAULT_KEY,
    limit: NotNegative = 0,
    max_length: NotNegative = 0,
    swap_mentions: Probability = 0.0,
) -> "Corpus":
    """Make the reader.

    path (Optional[Path]): A `.spacy` file, or a folder of such files.
    tokens (PredictedTokens): The tokens of the predicted documents: "gold" for those of the file, or "tokenizer" for
        those of the pipeline's tokenizer, as at run time. Default: "gold".
    spans_key (str): The span group of the entities. Default: "entities".
    limit (int): The most examples, swapped copies not counted; 0 for all. Default: 0.
    max_length (int): Split documents with more tokens into sentences, if sentences are annotated; 0 for no limit.
        Default: 0.
    swap_mentions (float): For training: read each document with entities once more, with each mention replaced with
        this probability by any of its label (see `swap_mentions` of `spacy_mre.training.swapped_mentions`). Copies with
        more than `max_length` tokens are left out. 0 for no copies. Default: 0.0.
    RETURNS (Corpus): The reader.
    RAISES (ValueError): If there is no path.
    """
    if path is None:
        raise ValueError(Errors.M401)
    return Corpus(
        path, tokens=tokens, spans_key=spans_key, limit=limit, max_length=max_length, swap_mentions=swap_mentions
    )


def read_corpus(path: Path, vocab: Vocab | None = None) -> Iterator[Doc]:
    """Read the documents of a corpus as they are in its files.

    path (Path): A `.spacy` file, or a folder of such files.
    vocab (Vocab | None): The vocabulary to use; a new one for each file by default.
    YIELDS (Doc): The documents.
    RAISES (ValueError): If there is no `.spacy` file at the path, or one is damaged, or a numbered one is missing.
    """
    files = walk_corpus(path, ".spacy") if path.exists() else []
    if not files:
        raise ValueError(Errors.M402.format(path=path))
    for folder in {file.parent for file in files if PART.match(file.name)}:
        part_files(folder)  # refuses an incomplete corpus
    for file in files:
        yield from load_docs(file, vocab)


class Corpus:
    """Reads `.spacy` files. Gold entities are written to the span group and to `doc.ents` if the file has either,
    and white space at their ends is removed.

    The arguments are those of `make_corpus`.

    >>> import spacy
    >>> from spacy_mre import save_docs
    >>> nlp = spacy.blank("en")
    >>> save_docs([nlp("Ida lives in Lima."), nlp("It rained.")], "train.spacy")
    2
    >>> [example.text for example in Corpus("train.spacy", limit=1)(nlp)]
    ['Ida lives in Lima.']
    """

    @checked
    def __init__(
        self,
        path: str | Path,
        *,
        tokens: PredictedTokens = "gold",
        spans_key: str = DEFAULT_KEY,
        limit: NotNegative = 0,
        max_length: NotNegative = 0,
        swap_mentions: Probability = 0.0,
    ) -> None:
        self.path = Path(path)
        self.tokens = tokens
        self.spans_key = spans_key
        self.limit = limit
        self.max_length = max_length
        self.swap_mentions = swap_mentions
        self._mentions: dict[str, list[Mention]] | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the examples.

        nlp (Language): The pipeline, for its vocabulary and tokenizer.
        YIELDS (Example): The gold document, and an unannotated one for the predictions. A copy with other mentions
            follows its document.
        RAISES (ValueError): If there is no `.spacy` file at the path.
        """
        if self.swap_mentions and self._mentions is None:
            self._mentions = collect_mentions(self._read(nlp), self.spans_key)
        for reference in self._read(nlp):
            yield Example(self._unannotated(nlp, reference), reference)
            if self._mentions:
                copied = swap_mentions(reference, self._mentions, self.swap_mentions, self.spans_key)
                if copied is not None and not self._is_too_long(copied):
                    yield Example(self._unannotated(nlp, copied), copied)

    def _read(self, nlp: Language) -> Iterator[Doc]:
        """Read the gold documents."""
        count = 0
        for doc in read_corpus(self.path, nlp.vocab):
            for reference in self._split(doc):
                if self.limit and count >= self.limit:
                    return
                count += 1
                trim_annotations(reference, self.spans_key)
                complete_entities(reference, self.spans_key)
                yield reference

    def _unannotated(self, nlp: Language, reference: Doc) -> Doc:
        if self.tokens == "tokenizer":
            return nlp.make_doc(reference.text)
        return without_annotations(reference)

    def _is_too_long(self, doc: Doc) -> bool:
        return bool(self.max_length) and len(doc) > self.max_length

    def _split(self, doc: Doc) -> Iterator[Doc]:
        if not self._is_too_long(doc):
            yield doc
            return
        lost: Counter = Counter()
        parts = [span_as_doc(sent) for sent in doc.sents] if doc.has_annotation("SENT_START") else []
        if not parts:
            lost["documents without sentences, kept whole"] += 1
            parts = [doc]
        else:
            for what, get in (("entities", partial(get_entities, key=self.spans_key)), ("relations", get_relations)):
                lost[f"{what} across sentences"] += len(get(doc) or ()) - sum(len(get(part) or ()) for part in parts)
        if lost.total():
            reasons = ", ".join(f"{count} {reason}" for reason, count in lost.items() if count)
            warnings.warn(Warnings.W401.format(path=self.path, reasons=reasons, text=doc.text[:40]), stacklevel=2)
        yield from parts
