"""Checks a user's file of training rows before anything is built from it, and offers a fixed copy."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import PositiveInt

from common.command import DONE, WRONG_INPUT, Config
from common.errors import UserError
from common.files import write_text
from data_recipes.formats.columns import CONVERSATIONS, USUAL, Columns
from data_recipes.formats.conversation import BadRow, RowConversation, RowReader, in_order
from data_recipes.formats.special_tokens import special_token, without_stop_tokens
from data_recipes.formats.user_file import UserRow, user_rows
from data_recipes.formats.values import NotText, text_of
from data_recipes.leakage.normalise import normalise_with_signs

SHOWN = 50  # problems that are printed one by one
LONGEST = 32_000  # characters of a conversation
MAY_REPEAT = 10  # characters; a shorter answer is a label, a number, yes or no
DROPPED = "dropped"
MESSAGES = CONVERSATIONS[0]

Turns = list[dict[str, Any]]


class RowProblem(NamedTuple):
    """What is wrong with one row.

    Attributes:
        where: ``file:line``.
        row: Its name: the line, or the item of an array.
        what: In plain words.
        change: What the fixed copy does about it.
        reason: Why a build counts it as a bad row; nothing where it reads the row.
    """

    where: str
    row: str
    what: str
    change: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Checked(NamedTuple):
    """What was found in a file.

    Attributes:
        rows: Their number.
        problems: Every problem.
        sound: The rows of the fixed copy.
        unread: Rows in which each field that is not read holds something.
    """

    rows: int
    problems: list[RowProblem]
    sound: list[dict[str, Any]]
    unread: Counter[str]


class Unsound(Exception):
    """A row that is read, and should not be trained."""


class Checker:
    """Checks rows one after another and remembers earlier questions and answers.

    Args:
        path: The file, for messages.
        columns: Which column holds what.
        longest: Most characters of a conversation.
    """

    def __init__(self, path: Path, columns: Columns, longest: int = LONGEST) -> None:
        self._path, self._reader, self._longest = path, RowReader(columns), longest
        self._asked: dict[bytes, str] = {}
        self._answered: dict[bytes, str] = {}
        self.unread: Counter[str] = Counter()

    def check(self, row: UserRow) -> tuple[list[RowProblem], dict[str, Any] | None]:
        """The problems of a row, and the row as it should be; None where it is dropped."""
        where, item = f"{self._path}:{row.number}", f"{row.name}: " if row.item else ""
        problems = [RowProblem(where, row.name, what, fixed or DROPPED, row.reason) for what, fixed in row.problems]
        if row.value is None:
            return problems, None
        try:
            said = self._reader.read(row.value)
            self.unread.update(said.unread)
            problems += [RowProblem(where, row.name, item + what, done) for what, done, _ in said.changes]
            fixed, changes = self._fixed(said)
            problems += [RowProblem(where, row.name, item + one.what, one.change, one.reason) for one in changes]
            said = self._again(fixed) if changes else said
            self._sound(said)
            flaws = self._repeats(said, row.name)
        except BadRow as bad:
            return [*problems, RowProblem(where, row.name, f"{item}{bad.detail}", DROPPED, bad.reason)], None
        except Unsound as unsound:
            return [*problems, RowProblem(where, row.name, f"{item}{unsound}", DROPPED)], None
        problems += [RowProblem(where, row.name, item + flaw, DROPPED) for flaw in flaws]
        return problems, None if flaws else said.plain

    def _fixed(self, said: RowConversation) -> tuple[dict[str, Any], list[RowProblem]]:
        """The row with its turns in order and no special tokens at the end of a text."""
        changes, row = [], said.plain
        if token := next(filter(None, (special_token(turn.content) for turn in said.turns)), ""):
            done = "taken out at the end of a text"
            changes.append(RowProblem("", "", f"{token} is a special token of a prompt format", done))
            row = _without_tokens(row, said)
        if not in_order(turn.role for turn in said.turns):
            roles = [turn.role for turn in said.turns]
            problem = (
                f"roles are {roles}; expected: an optional system, then user and assistant in turn, assistant last"
            )
            messages = _rearranged(row[MESSAGES]) if said.container else []
            if not in_order(message["role"] for message in messages):
                raise BadRow("wrong_role_order", problem)
            done = "turns of one role joined, wrong first and last turns cut off"
            changes.append(RowProblem("", "", problem, done, "wrong_role_order"))
            row = {**row, MESSAGES: messages}
        return row, changes

    def _again(self, row: dict[str, Any]) -> RowConversation:
        try:
            return self._reader.read(row)
        except BadRow as bad:
            raise Unsound(f"once fixed, {bad.detail}") from None

    def _sound(self, said: RowConversation) -> None:
        if inside := next(filter(None, (special_token(turn.content) for turn in said.turns)), ""):
            raise Unsound(f"{inside} is a special token of a prompt format, and inside a text")
        if (length := sum(len(turn.content) for turn in said.turns)) > self._longest:
            raise Unsound(f"{length} characters, more than {self._longest}")

    def _repeats(self, said: RowConversation, name: str) -> list[str]:
        """What a row has in common with an earlier one that was kept."""
        question = "".join(turn.content for turn in said.turns[:-1])  # system and earlier answers may hold the case
        asked, answer = _short(normalise_with_signs(question)), normalise_with_signs(said.turns[-1].content)
        answered = _short(answer) if len(answer) >= MAY_REPEAT else None
        flaws = [f"the question repeats {self._asked[asked]}"] if asked in self._asked else []
        if answered and answered in self._answered:
            flaws.append(f"the answer repeats {self._answered[answered]}")
        if not flaws:
            self._asked[asked] = name
            if answered:
                self._answered[answered] = name
        return flaws


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


def _without_tokens(row: dict[str, Any], said: RowConversation) -> dict[str, Any]:
    if said.container:
        turns = [{**turn, "content": without_stop_tokens(turn["content"])} for turn in row[MESSAGES]]
        return {**row, MESSAGES: turns}
    return row | {name: without_stop_tokens(row[name]) for name in said.texts if isinstance(row.get(name), str)}


def _rearranged(turns: Turns) -> Turns:
    """Turns of one role joined, and those cut off that are wrong at the ends."""
    head, said = (turns[:1], turns[1:]) if turns and turns[0]["role"] == "system" else ([], turns)
    joined: Turns = []
    for turn in said:
        if joined and joined[-1]["role"] == turn["role"]:
            joined[-1] = {**joined[-1], "content": f"{joined[-1]['content']}\n{turn['content']}"}
        else:
            joined.append(turn)
    if joined and joined[0]["role"] == "assistant":
        joined = joined[1:]
    if joined and joined[-1]["role"] == "user":
        joined = joined[:-1]
    return [*head, *joined]


def problems(path: Path, longest: int = LONGEST, columns: Columns = USUAL, sheet: str = "") -> Checked:
    """Checks every row of a file.

    Args:
        path: JSON in any layout, or a table.
        longest: Most characters of a conversation.
        columns: Which column holds what.
        sheet: The sheet of an XLSX file, where several have rows.

    Raises:
        UserError: The file is missing or empty, or a table is damaged as a whole.
    """
    checker = Checker(path, columns, longest)
    found: list[RowProblem] = []
    sound: list[dict[str, Any]] = []
    rows = 0
    for row in user_rows(path, columns, sheet):
        rows += 1
        flaws, fixed = checker.check(row)
        found += flaws
        if fixed is not None:
            sound.append(fixed)
    return Checked(rows, found, sound, checker.unread)


def _write(path: Path, out: Path, checked: Checked) -> None:
    if out.exists():
        raise UserError("this already exists", where=f"fix={out}", fix="name a new file; nothing is overwritten")
    if not checked.sound:
        raise UserError("no row of the file is valid", where=str(path), fix="see the problems above")
    lacking: Counter[str] = Counter()
    lines = [json.dumps(_of_json(row, lacking), ensure_ascii=False) + "\n" for row in checked.sound]
    write_text(out, "".join(lines))
    dropped = {problem.row for problem in checked.problems if problem.change == DROPPED}
    print(f"fixed copy with {len(checked.sound)} rows: {out}; {len(dropped)} rows were dropped")
    for change, number in Counter(p.change for p in checked.problems if p.row not in dropped).most_common():
        print(f"  {number} × {change}")
    for name, number in lacking.items():
        print(f"  {number} × {name} removed: JSON has no such value")


def _of_json(row: dict[str, Any], lacking: Counter[str]) -> dict[str, Any]:
    """A row without what JSON has no value for; that is counted."""
    kept = {}
    for name, value in row.items():
        try:
            json.dumps(value, allow_nan=False)
            kept[name] = value
        except (TypeError, ValueError):
            try:
                kept[name] = text_of(value)
            except NotText as flaw:
                lacking[f"{name!r} ({flaw.kind})"] += 1
    return kept


class ValidateConfig(Config):
    """``data_recipes/validate.py``.

    Attributes:
        file: The file of training rows.
        fix: A new file for a fixed copy.
        max_characters: Most characters of a conversation.
        sheet: The sheet of an XLSX file, where several have rows.
        columns: Which column holds what.
    """

    positional: ClassVar[tuple[str, ...]] = ("file",)
    as_typed: ClassVar[tuple[str, ...]] = ("fix", "sheet")

    file: Path
    fix: Path | None = None
    max_characters: PositiveInt = LONGEST
    sheet: str = ""
    columns: Columns = USUAL


def validate(config: ValidateConfig) -> int:
    """Prints the problems of one file and a summary, and writes a fixed copy on request.

    Returns:
        The exit code: whether the file is valid, or was fixed.
    """
    path, out = config.file, config.fix
    checked = problems(path, config.max_characters, config.columns, config.sheet)
    found = checked.problems
    for problem in found[:SHOWN]:
        print(f"{problem}  -> {problem.change}" if out else problem)
    if len(found) > SHOWN:
        print(f"… and {len(found) - SHOWN} more")
    print(f"{checked.rows} rows, {len(found)} problems in {len({problem.row for problem in found})} rows")
    for name, number in checked.unread.most_common():
        print(f"not read: {name} ({number} rows)")
    if not found:
        sheet = f" 'source.sheet={config.sheet}'" if config.sheet else ""
        columns = ", and source.columns.… as above" if config.columns != USUAL else ""
        command = f"python data_recipes/build.py data=rows source.path={path}{sheet} out=datasets/mine"
        print(f"to build from it: {command}{columns}")
        return DONE
    if out:
        _write(path, out, checked)
        return DONE
    print(f"a fixed copy: python data_recipes/validate.py {path} fix=fixed.jsonl")
    return WRONG_INPUT
