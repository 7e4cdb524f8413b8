"""The output of generative components on a Doc: `doc._.generated` is the generated string, `doc._.generated_score` its
log probability. If a component has several tasks, both are dicts by task. Both are None if no generative component has
processed the document.
"""

from spacy.tokens import Doc


def register_generated() -> None:
    """Register `doc._.generated` and `doc._.generated_score`. Called when spacy_mre is imported."""
    for name in ("generated", "generated_score"):
        Doc.set_extension(name, default=None, force=True)
