"""What a row says, in whatever file and layout it is: the one reading that ``validate`` and ``build`` share.

A row is a conversation (OpenAI ``messages``, ShareGPT ``conversations``, pairs, texts in turn) or a question and an
answer, with system text and history where there are any. What the reading cannot keep is never passed over: a field
that changes the meaning of the row makes it a bad row, and every other field that is not read is named.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from data_recipes.formats.columns import (
    AMBIGUOUS,
    ANSWER,
    CONVERSATIONS,
    HISTORY,
    INPUTS,
    LABEL_NAMES,
    QUESTION,
    REFUSED,
    REFUSED_IN_TURNS,
    ROLES,
    SPEAKER,
    SPLIT,
    SPLITS,
    SYSTEM,
    TEXT,
    TOOL_ROLES,
    TRAINED,
    USUAL,
    WANTED,
    Columns,
    by_known_name,
    field_of_turn,
    first_known,
    judgement_of,
)
from data_recipes.formats.jsonl import DamagedLine, check_texts
from data_recipes.formats.values import NotText, is_empty, kind_of, text_of
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.example import Role

Fields = Mapping[str, Any]
NAMED = 12  # fields of a row that a message lists
PARTS = (("user", "question"), ("assistant", "answer"))


class RowTurn(NamedTuple):
    """One turn.

    Attributes:
        role: Whose it is.
        content: Its text.
        field: Where it was found, for messages, e.g. ``the answer`` or ``message 2``.
    """

    role: Role
    content: str
    field: str


class Change(NamedTuple):
    """What was read as something else than it is.

    Attributes:
        what: What was found.
        done: What a fixed copy has instead.
        kind: Of a value that is not a text; nothing where only the layout is another.
    """

    what: str
    done: str
    kind: str = ""


class BadRow(Exception):
    """A row that says nothing certain.

    Args:
        reason: The reason to count.
        detail: What is wrong, for the user.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(detail)


class RowConversation(NamedTuple):
    """What a row says.

    Attributes:
        turns: In the order of the row, which may be wrong (``in_order``).
        changes: What was read as something else than it is.
        unread: Fields that hold something and are not read; ``messages[].name`` is a field of a turn.
        container: The field that holds the turns; empty where there are question and answer.
        texts: The fields that were read as a text.
        kind: Its question type; nothing where no column says it, as for the next two.
        group: What must not straddle a split.
        split: The split that it belongs to.
        plain: The row with the same content in the simplest form of its layout.
    """

    turns: tuple[RowTurn, ...]
    changes: tuple[Change, ...]
    unread: frozenset[str]
    container: str
    texts: tuple[str, ...]
    kind: str
    group: str
    split: str
    plain: dict[str, Any]


class RowReader:
    """Reads rows one after another; what the names of their fields mean is decided once for all rows that share them.

    Args:
        columns: Which column holds what.
    """

    def __init__(self, columns: Columns = USUAL) -> None:
        self._columns = columns
        self._roles = {**ROLES, **{name.casefold(): role for name, role in columns.roles.items()}}
        self._layouts: dict[tuple[str, ...], _Layout] = {}

    def read(self, row: Fields) -> RowConversation:
        """What a row says.

        Raises:
            BadRow: It has no question or answer, a field that no example can hold, a value that is no text, an unknown
                role or an empty turn.
        """
        reading = self._reading(row)
        turns = reading.turns()
        for turn in turns:
            if not turn.content or turn.content.isspace():
                raise BadRow("empty_turn", f"{turn.field} is empty")
        for role, part in PARTS:
            said = [turn.content for turn in turns if turn.role == role]
            if said and not any(map(says_something, said)):  # a single sign is a turn, but no conversation
                raise BadRow("empty_turn", f"the {part} is empty")
        return RowConversation(
            turns=tuple(turns),
            changes=tuple(reading.changes),
            container=reading.container,
            texts=tuple(reading.texts),
            kind=reading.label(self._columns.kind),
            group=reading.label(self._columns.group),
            split=reading.split(),
            unread=reading.unread(),
            plain=reading.plain(turns),
        )

    def prompt(self, row: Fields) -> tuple[RowTurn, ...]:
        """What is asked, of a row that has its answers elsewhere: a question, or turns that end with the user's.

        Raises:
            BadRow: ``bad_prompt`` where they do not, else as ``read``.
        """
        turns = self._reading(row).asked()
        if not in_order([*(turn.role for turn in turns), "assistant"]) or not says_something(turns[-1].content):
            raise BadRow("bad_prompt", "the turns before the answer do not end with a question")
        return tuple(turns)

    def _reading(self, row: Fields) -> "_Reading":
        names = tuple(row)
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._layouts[names] = _layout(names, self._columns)
        _refuse(row, layout)
        return _Reading(row, self._columns, layout, self._roles)


class _Layout(NamedTuple):
    """What the names of a row's fields mean; empty where there is none.

    Attributes:
        refused: Fields that change the meaning of the row where they hold something.
        conversations: Fields that may hold turns.
        questions: Fields that may hold the question.
        given: What the question is about.
        answers: Fields that may hold the answer.
        system: Instructions before the question.
        history: Turns before the question.
        split: Where the split is named.
        known: Fields that are read, or need not be, whatever the row says.
    """

    refused: tuple[str, ...]
    conversations: tuple[str, ...]
    questions: tuple[str, ...]
    given: str
    answers: tuple[str, ...]
    system: str
    history: str
    split: str
    known: frozenset[str]


def _layout(names: tuple[str, ...], columns: Columns) -> _Layout:
    expected = {*columns.ignore, *columns.named}
    spelled = by_known_name([name for name in names if name not in columns.ignore])
    return _Layout(
        refused=tuple(n for n in names if n not in expected and n.casefold() in (*REFUSED, *LABEL_NAMES)),
        conversations=tuple(spelled[alias] for alias in CONVERSATIONS if alias in spelled),
        questions=tuple(spelled[alias] for alias in QUESTION if alias in spelled),
        given=first_known(INPUTS, spelled),
        answers=tuple(spelled[alias] for alias in ANSWER if alias in spelled),
        system=columns.system or first_known(SYSTEM, spelled),
        history=columns.history or first_known(HISTORY, spelled),
        split=first_known([SPLIT], spelled),
        known=frozenset([*columns.ignore, *filter(None, (columns.kind, columns.group, columns.split))]),
    )


def in_order(roles: Iterable[str]) -> bool:
    """Whether roles are an optional system, then user and assistant in turn, the assistant last."""
    said = list(roles)
    said = said[1:] if said[:1] == ["system"] else said
    return bool(said) and said == ["user", "assistant"] * (len(said) // 2)


def _refuse(row: Fields, layout: _Layout) -> None:
    for name in layout.refused:
        known, value = name.casefold(), row[name]
        if known in REFUSED and not is_empty(as_json(value)):
            reason, why = REFUSED[known]
            raise BadRow(reason, f"{name!r}: {why}; {_to_ignore(name)}")
        if known in LABEL_NAMES and judgement_of(value) is False:
            detail = f"{name!r} is {value!r}, which says that the answer is bad; data=feedback reads it"
            raise BadRow("labelled_bad", f"{detail}; {_to_ignore(name)}")


def instead(row: Fields) -> str:
    """The fields that a row has in place of the one that is missing, for messages."""
    names = [*map(str, row)]
    return f" among {', '.join(names[:NAMED])}{' …' if len(names) > NAMED else ''}" if names else ""


def _to_ignore(name: str) -> str:
    return f"to read the row without it: {_key(f'ignore=[{name}]')}"


def _key(setting: str) -> str:
    """A setting of the columns as it is typed, in quotes where a shell needs them."""
    return f"{shlex.quote(f'columns.{setting}')} (of a build: {shlex.quote(f'source.columns.{setting}')})"


class _Reading:
    """One row while it is read."""

    def __init__(self, row: Fields, columns: Columns, layout: _Layout, roles: Mapping[str, Role]) -> None:
        self._row, self._columns, self._layout, self._roles = row, columns, layout, roles
        self._read = set(layout.known)
        self._unread_in_turns: set[str] = set()
        self.texts: dict[str, Any] = {}  # what is written for a field, where the row is written again
        self._messages: list[dict[str, Any]] = []
        self.changes: list[Change] = []
        self.container = ""

    def turns(self) -> list[RowTurn]:
        """System, history and what is asked and answered."""
        system = self._system()
        if self._columns.question is None and (name := self._conversation()):
            self.container = name
            return self._with_system(system, self._spoken(name))
        asked, answer = self._question(), self._answer()
        history = self._history()
        question = "\n".join(filter(None, (self._text(name).strip() for name in asked)))
        said = RowTurn("user", question, "the question"), RowTurn("assistant", self._text(answer), "the answer")
        return self._with_system(system, [*history, *said])

    def asked(self) -> list[RowTurn]:
        """System, history and question, or all turns of a conversation."""
        system = self._system()
        if name := self._conversation():
            self.container = name
            return self._with_system(system, self._spoken(name))
        asked = [name for name in self._question() if not is_empty(self._row.get(name))]
        turns = as_json(self._row[asked[0]]) if len(asked) == 1 else None
        if isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns):
            return self._with_system(system, self._turns(asked[0], turns))
        question = "\n".join(self._text(name).strip() for name in asked)
        return self._with_system(system, [*self._history(), RowTurn("user", question, "the question")])

    def label(self, name: str | None) -> str:
        """What a named column says about the row."""
        if not name:
            return ""
        try:
            return text_of(self._row.get(name))
        except NotText as flaw:
            raise BadRow(flaw.reason, f"{name!r} is not a text but {flaw.kind}") from None

    def split(self) -> str:
        """The split that a column names."""
        if self._columns.split:
            return self.label(self._columns.split)
        name = self._layout.split
        value = self._row.get(name)
        split = SPLITS.get(value.strip().casefold(), "") if isinstance(value, str) else ""
        self._read.update({name} if split else ())
        return split

    def unread(self) -> frozenset[str]:
        """Fields that hold something and were not read."""
        left = [name for name, value in self._row.items() if name not in self._read and not is_empty(value)]
        return frozenset([*left, *self._unread_in_turns])

    def plain(self, turns: list[RowTurn]) -> dict[str, Any]:
        """The row with texts where there were other values, or its turns as messages; what is not read stays."""
        if not self.container:
            return {**self._row, **self.texts}
        gone = {self.container, *(name for name, text in self.texts.items() if text)}  # they are in the turns
        kept = {name: value for name, value in self._row.items() if name not in gone}
        spoken = [{"role": turn.role, "content": turn.content} for turn in turns]
        further: list[dict[str, Any]] = [{}] * (len(turns) - len(self._messages)) + self._messages
        return {**kept, CONVERSATIONS[0]: [more | turn for more, turn in zip(further, spoken, strict=True)]}

    def _conversation(self) -> str:
        """The field that holds a conversation: the first that is not empty."""
        named = self._layout.conversations
        filled = [name for name in named if not is_empty(self._row[name])]
        if named and (self._layout.questions or self._layout.answers):  # next to these a text of that name is none
            filled = [name for name in filled if isinstance(as_json(self._row[name]), list)]
            named = ()
        return next(iter([*filled, *named]), "")

    def _text(self, name: str) -> str:
        self._read.add(name)
        value = self._row.get(name)
        text = value if isinstance(value, str) else self._converted(value, repr(name))
        if value is not None:
            self.texts[name] = text
        return text

    def _converted(self, value: Any, field: str) -> str:
        if is_empty(value):
            return ""
        try:
            text = text_of(value)
        except NotText as flaw:
            raise BadRow(flaw.reason, f"{field} is not a text but {flaw.kind}") from None
        if not isinstance(value, str | None):
            kind = kind_of(value)
            self.changes.append(Change(f"{field} is not a text but {kind}", "written as text", kind))
        return text

    def _system(self) -> str:
        name = self._layout.system
        return self._text(name).strip() if name else ""

    def _with_system(self, system: str, turns: list[RowTurn]) -> list[RowTurn]:
        if not system:
            return turns
        if turns and turns[0].role == "system":
            if turns[0].content.strip() == system:
                return turns
            raise BadRow("two_systems", "a system column, and another system turn")
        return [RowTurn("system", system, "the system text"), *turns]

    def _question(self) -> tuple[str, ...]:
        if self._columns.question:
            if not any(name in self._row for name in self._columns.question):
                wanted = ", ".join(self._columns.question)
                raise BadRow("no_question_or_answer", f"there is no {wanted}{instead(self._row)}")
            return self._columns.question
        given = self._layout.given
        name = self._only(self._layout.questions, "question") or given
        if not name:
            raise BadRow(
                "no_question_or_answer",
                f"there is no question{instead(self._row)}; expected: {WANTED}; {to_name('question')}",
            )
        return (name, given) if given and name != given else (name,)

    def _answer(self) -> str:
        name = self._columns.answer or self._only(self._layout.answers, "answer")
        if not name or name not in self._row:
            expected = self._columns.answer or f"{WANTED}; {to_name('answer')}"
            raise BadRow("no_question_or_answer", f"there is no answer{instead(self._row)}; expected: {expected}")
        return name

    def _only(self, names: tuple[str, ...], part: str) -> str:
        """The column of question or answer; two that say different things are one too many."""
        if len(names) < 2:
            return names[0] if names else ""
        rivals = [name for name in names if name.casefold() not in AMBIGUOUS]
        if len({repr(self._row[name]) for name in rivals if not is_empty(self._row[name])}) > 1:
            raise BadRow(f"two_{part}s", f"{' and '.join(rivals)} may be the {part}; {to_name(part)}")
        return next((name for name in names if not is_empty(self._row[name])), names[0])

    def _history(self) -> list[RowTurn]:
        name = self._layout.history
        if not name:
            return []
        self._read.add(name)
        value = as_json(self._row.get(name))
        if is_empty(value):
            return []
        if not isinstance(value, list):
            raise BadRow("not_a_history", f"{name!r} is not a list of turns but {kind_of(value)}")
        if all(isinstance(pair, list) and len(pair) == 2 for pair in value):
            value = [text for pair in value for text in pair]
        elif all(isinstance(turn, dict) for turn in value):
            read, turns = len(self.changes), self._turns(name, value)
            if len(self.changes) > read:
                self.texts[name] = [{"role": turn.role, "content": turn.content} for turn in turns]
            return turns
        if len(value) % 2 or not all(isinstance(text, str) for text in value):
            raise BadRow("not_a_history", f"{name!r} is not made of pairs, texts in turn or messages")
        return _in_turn(value, name)

    def _spoken(self, name: str) -> list[RowTurn]:
        self._read.add(name)
        value = as_json(self._row[name])
        if is_empty(value):
            return []
        if isinstance(value, list) and all(isinstance(text, str) for text in value):
            value = [{"role": turn.role, "content": turn.content} for turn in _in_turn(value, name)]
            self.changes.append(Change(f"{name!r} is a list of texts", "rewritten as messages"))
        if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
            raise BadRow("not_a_conversation", f"{name!r} is not a list of objects")
        if name != CONVERSATIONS[0]:
            self.changes.append(Change(f"{name!r} instead of 'messages'", "rewritten as messages"))
        turns = self._turns(name, value)
        before = [message.get(field_of_turn(SPEAKER, message)) for message in value]
        if turns and before != [turn.role for turn in turns] and all(before):
            self.changes.append(Change(f"roles are {before}", "renamed to user and assistant"))
        return turns

    def _turns(self, name: str, messages: list[dict[str, Any]]) -> list[RowTurn]:
        turns: list[RowTurn] = []
        for message in _expanded(messages, self._roles):
            place = f"message {len(turns) + 1}"
            speaker, text = field_of_turn(SPEAKER, message), field_of_turn(TEXT, message)
            role = self._role(message.get(speaker), place)
            self._refuse_in_turn(message, role, place)
            value = message.get(text)
            if is_empty(value):
                raise BadRow("empty_turn", f"{place} has no content")
            turns.append(RowTurn(role, self._converted(value, place), place))
            further = {k: v for k, v in message.items() if k not in (speaker, text)}
            self._messages += [further] if name == self.container else []
            left = (k for k, v in further.items() if not is_empty(v) and k not in (*self._columns.ignore, *TRAINED))
            self._unread_in_turns.update(f"{name}[].{field}" for field in left)
        return turns

    def _role(self, given: Any, place: str) -> Role:
        name = given.strip().casefold() if isinstance(given, str) else ""
        if name in TOOL_ROLES:
            raise BadRow("has_tools", f"{place} is of a tool ({given}); tools cannot be trained")
        if name not in self._roles:
            raise BadRow(
                "unknown_role", f"{place}: role {given!r} is unknown; name it: {_key(f'roles={{{given}: user}}')}"
            )
        return self._roles[name]

    def _refuse_in_turn(self, message: Fields, role: Role, place: str) -> None:
        for name, value in message.items():
            if name in self._columns.ignore or value is None:
                continue
            if name in REFUSED_IN_TURNS and not is_empty(value):
                reason, why = REFUSED_IN_TURNS[name]
                raise BadRow(reason, f"{place} has {name!r}: {why}; {_to_ignore(name)}")
            if name in TRAINED and role == "assistant" and value != 1:
                raise BadRow(
                    "turn_not_trained",
                    f"{place} is excluded from training ({name}), which an example cannot say; {_to_ignore(name)}",
                )


def _expanded(messages: list[dict[str, Any]], roles: Fields) -> list[dict[str, Any]]:
    """Each turn as one object: ``{"human": …, "assistant": …}`` is two."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message and not field_of_turn(SPEAKER, message) and all(name.casefold() in roles for name in message):
            turns += [{"role": name, "content": text} for name, text in message.items()]
        else:
            turns.append(message)
    return turns


def _in_turn(texts: list[str], name: str) -> list[RowTurn]:
    roles: tuple[Role, Role] = ("user", "assistant")
    return [RowTurn(roles[place % 2], text, f"{name} {place + 1}") for place, text in enumerate(texts)]


def to_name(part: str) -> str:
    """What to do where the column of a part is not known, for messages."""
    return f"name yours: {_key(f'{part}=NAME')}"


def as_json(value: Any) -> Any:
    """A value that is stored as JSON text, with the flaws that a text may hide."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    try:
        check_texts(found)
    except DamagedLine as damage:
        raise BadRow(damage.reason, damage.detail) from None
    return found
