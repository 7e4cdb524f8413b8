"""What `doc_cleaner` puts in place of `doc.tensor`."""

import numpy
from spacy.util import registry


@registry.misc("spacy_mre.empty_tensor.v1")
def make_empty_tensor() -> numpy.ndarray:
    """Make an empty array for `doc_cleaner`, whose default is None: `Span.as_doc` and `Doc.from_docs` refuse that.

    RETURNS (numpy.ndarray): Shape (0,), float32.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> attrs = {"tensor": {"@misc": "spacy_mre.empty_tensor.v1"}}
    >>> cleaner = nlp.add_pipe("doc_cleaner", config={"attrs": attrs})
    >>> nlp("Ida lives in Lima")[0:2].as_doc().text
    'Ida lives '
    """
    return numpy.zeros((0,), dtype="f")
