"""The corpus reader: `.spacy` files as training examples, with relations, and with a stated token policy."""

import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.corpus import walk_corpus
from spacy.util import registry

from ..annotations.entities import DEFAULT_KEY, complete_entities, get_entities
from ..annotations.relations import get_relations
from ..annotations.storage import load_docs, span_as_doc
from ..errors import Errors, Warnings

TOKEN_POLICIES = ("gold", "tokenizer")


@registry.readers("spacy_mre.Corpus.v1")
def make_corpus(
    path: Path | None, tokens: str = "gold", spans_key: str = DEFAULT_KEY, limit: int = 0, max_length: int = 0
) -> "Corpus":
    """Make the reader.

    path (Optional[Path]): A `.spacy` file, or a folder of them.
    tokens (str): What the predicted documents are made of: "gold", the tokens and spaces of the file, or "tokenizer", what the pipeline's
        tokenizer makes of the text, as at run time. Default: "gold".
    spans_key (str): The span group of the entities. Default: "entities".
    limit (int): Stop after so many documents; 0 for all.
    max_length (int): Cut longer documents at sentence borders, where those are annotated; 0 for no limit.
    RETURNS (Corpus): The reader.
    RAISES (ValueError): No path, or an unknown token policy.
    """
    if path is None:
        raise ValueError(Errors.M401)
    return Corpus(path, tokens=tokens, spans_key=spans_key, limit=limit, max_length=max_length)


class Corpus:
    """Reads `.spacy` files. Gold entities stand in the span group and in `doc.ents`, wherever the file has one of them."""

    def __init__(
        self,
        path: str | Path,
        *,
        tokens: str = "gold",
        spans_key: str = DEFAULT_KEY,
        limit: int = 0,
        max_length: int = 0,
    ) -> None:
        if tokens not in TOKEN_POLICIES:
            raise ValueError(Errors.M001.format(setting="tokens", value=tokens, allowed=", ".join(TOKEN_POLICIES)))
        self.path = Path(path)
        self.tokens = tokens
        self.spans_key = spans_key
        self.limit = limit
        self.max_length = max_length

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the examples.

        nlp (Language): Its vocabulary, and its tokenizer under the policy "tokenizer", make the documents.
        YIELDS (Example): Gold and a bare document to predict on.
        RAISES (ValueError): No `.spacy` file at the path.
        """
        files = walk_corpus(self.path, ".spacy") if self.path.exists() else []
        if not files:
            raise ValueError(Errors.M402.format(path=self.path))
        count = 0
        for file in files:
            for doc in load_docs(file, nlp.vocab):
                for reference in self._cut(doc):
                    if self.limit and count >= self.limit:
                        return
                    count += 1
                    complete_entities(reference, self.spans_key)
                    yield Example(self._bare(nlp, reference), reference)

    def _bare(self, nlp: Language, reference: Doc) -> Doc:
        if self.tokens == "tokenizer":
            return nlp.make_doc(reference.text)
        return Doc(
            nlp.vocab,
            words=[token.text for token in reference],
            spaces=[bool(token.whitespace_) for token in reference],
        )

    def _cut(self, doc: Doc) -> Iterator[Doc]:
        if not self.max_length or len(doc) <= self.max_length:
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
            warnings.warn(Warnings.W401.format(path=self.path, reasons=reasons, text=doc.text[:40]))
        yield from parts
