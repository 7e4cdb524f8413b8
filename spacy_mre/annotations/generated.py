"""What did a model write about a text? `doc._.generated`, the string as it came, and `doc._.generated_score`, its log probability.

Both are None where no generative component has read the document.
"""

from spacy.tokens import Doc


def register_generated() -> None:
    """Register `doc._.generated` and `doc._.generated_score`. Called when spacy_mre is imported."""
    for name in ("generated", "generated_score"):
        Doc.set_extension(name, default=None, force=True)
