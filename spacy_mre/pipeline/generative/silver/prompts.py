"""The chat about a text: what to do, the examples as earlier turns, and the text."""

from collections.abc import Iterable, Sequence

from ....corpora.translation.engine import Message
from .form import SilverForm


def make_chat(text: str, form: SilverForm, shots: Sequence[tuple[str, str]]) -> list[Message]:
    """Write the chat. All but its last message is the same for all texts, which servers can cache.

    text (str): The text.
    form (SilverForm): The form of the answer.
    shots (Sequence[tuple[str, str]]): Texts, and the answers to them.
    RETURNS (list[Message]): The chat.
    """
    chat = [Message(role="system", content=_instructions(form))]
    for shown, answer in shots:
        chat += [
            Message(role="user", content=form.source(shown)),
            Message(role="assistant", content=answer),
        ]
    return [*chat, Message(role="user", content=form.source(text))]


def _instructions(form: SilverForm) -> str:
    task = form.entities.task
    lines = [
        "You annotate texts. Answer with one line in exactly the form below, and nothing else.",
        f"Form: {_pattern(form)}",
        "Copy each name exactly as it stands in the text, every mention, in the order of the text. A name inside "
        "another one comes before it.",
        r"Put a backslash before each of : ; < > / \ that is part of a name.",
    ]
    if task.classes:
        lines.append(f"Classes of a text, one of: {_listed(task.classes.values())}")
    if task.labels:
        none = form.entities.word_part(())
        lines.append(f"Types of names: {_listed(task.labels.values())}. If there are no names, write {none}")
    if form.relations is not None:
        none = form.relations.word_part(())
        labels = _listed(form.relations.task.labels.values())
        lines.append(f"Relations from the first name to the last: {labels}. If there are none, write {none}")
    lines.append("Use no other classes, types or relations.")
    return "\n".join(lines)


def _pattern(form: SilverForm) -> str:
    """The form with placeholders, written as the answers are."""
    task = form.entities.task
    pattern = "CLASS" if task.classes else ""
    pattern += form.entities.lead
    if task.labels:
        pattern += ":TYPE;NAME:TYPE;NAME"
    if form.relations is not None:
        pattern += f"{form.relations.lead}:NAME;RELATION;NAME"
    return pattern


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words)
