"""Joint entities, relations and text labels as trainable spaCy components.

Importing the package registers `doc._.relations`, `doc._.triples` and `doc._.generated`. The components are found by
spaCy through entry points: `nlp.add_pipe("spert_mt")` works without an import.
"""

from .about import __version__
from .annotations.doc_json import from_json, to_json
from .annotations.generated import register_generated
from .annotations.relations import Triple, make_relation, register_extensions
from .annotations.storage import load_docs, merge_docs, save_docs, span_as_doc

__all__ = [
    "Triple",
    "__version__",
    "from_json",
    "load_docs",
    "make_relation",
    "merge_docs",
    "save_docs",
    "span_as_doc",
    "to_json",
]

register_extensions()
register_generated()
