"""An event in a string: its type and its trigger, then a role and a string for each argument.

    :TYPE;TRIGGER;ROLE;ARGUMENT;ROLE;ARGUMENT

The form is our choice: the published tuples of relations have no place for the type of an event, nor for one without
arguments.
"""

from collections.abc import Mapping, Sequence

from .analysis import ArgumentText, EventText
from .escaping import escape
from .parts import Choice, Copy, Either, Literal, Part, Repeat
from .scanning import Cursor, Segment, join, normalized, plain


def write_arguments(event: EventText, roles: Mapping[str, str]) -> str:
    """RETURNS (str): The roles and arguments of an event.

    event (EventText): The event.
    roles (Mapping[str, str]): The word of each role.
    """
    return "".join(f";{escape(roles[role])};{escape(text)}" for role, text in event.arguments)


def parse_arguments(cursor: Cursor, roles: dict[str, str]) -> tuple[ArgumentText, ...]:
    """Parse all arguments of an event.

    cursor (Cursor): After the trigger.
    roles (dict[str, str]): The role of each word.
    RETURNS (tuple[ArgumentText, ...]): The arguments.
    RAISES (FormatError): If `write_arguments` cannot have written them.
    """
    arguments = []
    while cursor.string.startswith(";", cursor.position):
        cursor.take(";")
        role = cursor.word(roles, "role of an argument")
        cursor.take(";")
        arguments.append(ArgumentText(role, cursor.copied()))
    return tuple(arguments)


def read_arguments(
    string: str, fields: Sequence[Segment], roles: Mapping[str, str]
) -> tuple[str, tuple[ArgumentText, ...]]:
    """Read a trigger and its arguments that may not be exactly in the format: a delimiter that was not escaped belongs
    to the text before it, and a role at the end has lost its argument.

    string (str): The whole string.
    fields (Sequence[Segment]): The fields after the type.
    roles (Mapping[str, str]): The role of each normalized word.
    RETURNS (tuple[str, tuple[ArgumentText, ...]]): The trigger and the arguments.
    """
    starts: list[int] = []
    position = 1
    while position < len(fields):
        if normalized(fields[position].text) in roles:
            starts.append(position)
            position += 1  # what follows is its argument, even if that looks like a role
        position += 1
    ends = [*starts[1:], len(fields)]
    trigger = plain(join(string, fields[: starts[0] if starts else len(fields)]))
    arguments = []
    for start, end in zip(starts, ends):
        text = plain(join(string, fields[start + 1 : end])) if start + 1 < end else ""
        if text:
            arguments.append(ArgumentText(roles[normalized(fields[start].text)], text))
    return trigger, tuple(arguments)


def argument_words(fields: Sequence[Segment]) -> list[str]:
    """RETURNS (list[str]): The words at the positions of roles, known or not.

    fields (Sequence[Segment]): The fields of an event, its type first.
    """
    return [plain(role) for role, text in zip(fields[2::2], fields[3::2]) if text.text]


def event_grammar(types: Part, roles: Mapping[str, str]) -> list[Part]:
    """RETURNS (list[Part]): A grammar of one event.

    types (Union[Choice, FreeWord]): The words of the types.
    roles (Mapping[str, str]): The word of each role.
    """
    event: list[Part] = [Literal(":"), types, Literal(";"), Copy()]
    if roles:
        argument: list[Part] = [Literal(";"), Choice(map(escape, roles.values())), Literal(";"), Copy()]
        event.append(Either([[Repeat(argument)], []]))
    return event
