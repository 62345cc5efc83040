"""Checks a user's file of training rows before anything is built from it, and offers a fixed copy."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import PositiveInt

from common.command import DONE, WRONG_INPUT, Config, command_line
from common.errors import UserError
from common.files import write_text
from data_recipes.formats.columns import CONVERSATIONS, USUAL, Columns
from data_recipes.formats.conversation import BadRow, RowConversation, RowReader, in_order
from data_recipes.formats.repeats import Repeats
from data_recipes.formats.special_tokens import special_token, without_stop_tokens
from data_recipes.formats.user_file import UserRow, user_rows
from data_recipes.formats.values import NotText, text_of
from data_recipes.leakage.split import are_too_many, fitting

SHOWN = 5  # problems of a kind that are printed one by one
LONGEST = 32_000  # characters of a conversation
DROPPED, KEPT = "dropped", "kept as it is"
MESSAGES = CONVERSATIONS[0]
WRONG_ORDER = "wrong_role_order"
DRAWN = {"dev": 50, "test": 100}  # rows that a build draws where nothing else is requested (configs/data/rows.yaml)

Turns = list[dict[str, Any]]


class RowProblem(NamedTuple):
    """What is wrong with one row.

    Attributes:
        where: ``file:line``.
        row: Its name: the line, or the item of an array.
        what: In plain words.
        change: What the fixed copy does about it: ``DROPPED``, ``KEPT`` of what is only noted, or in plain words.
        kind: The word that it is counted as.
        reason: Why a build counts it as a bad row; nothing where it reads the row.
    """

    where: str
    row: str
    what: str
    change: str
    kind: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"

    @property
    def is_harmless(self) -> bool:
        """Whether nothing is wrong with the row: it has the answer of another, or is only laid out in another way."""
        return self.change == KEPT or (self.kind == "layout" and self.change != DROPPED and not self.reason)


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
    """A row that is read, and should not be trained.

    Args:
        kind: The word that it is counted as.
        detail: What is wrong, for the user.
    """

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


class Checker:
    """Checks rows one after another, each for itself.

    Args:
        path: The file, for messages.
        columns: Which column holds what.
        longest: Most characters of a conversation.
    """

    def __init__(self, path: Path, columns: Columns, longest: int = LONGEST) -> None:
        self._path, self._reader, self._longest = path, RowReader(columns), longest
        self.unread: Counter[str] = Counter()

    def problem(self, row: UserRow, what: str, change: str, kind: str, reason: str = "") -> RowProblem:
        """A problem of a row, under its place in the file."""
        item = f"{row.name}: " if row.item else ""
        return RowProblem(f"{self._path}:{row.number}", row.name, item + what, change, kind, reason)

    def check(self, row: UserRow) -> tuple[list[RowProblem], RowConversation | None]:
        """The problems of a row, and the row as it should be; None where it is dropped."""
        where, kind = f"{self._path}:{row.number}", row.reason or "layout"
        found = [RowProblem(where, row.name, what, done or DROPPED, kind, row.reason) for what, done in row.problems]
        if row.value is None:
            return found, None
        try:
            said = self._reader.read(row.value)
            self.unread.update(said.unread)
            found += [self.problem(row, c.what, c.done, "not_a_text" if c.kind else "layout") for c in said.changes]
            fixed, changes = self._fixed(said)
            found += [self.problem(row, one.what, one.change, one.kind, one.reason) for one in changes]
            said = self._again(fixed) if changes else said
            self._sound(said)
        except BadRow as bad:
            return [*found, self.problem(row, bad.detail, DROPPED, bad.reason, bad.reason)], None
        except Unsound as unsound:
            return [*found, self.problem(row, str(unsound), DROPPED, unsound.kind)], None
        return found, said

    def _fixed(self, said: RowConversation) -> tuple[dict[str, Any], list[RowProblem]]:
        """The row with its turns in order and no special tokens at the end of a text."""
        changes, row = [], said.plain
        if token := next(filter(None, (special_token(turn.content) for turn in said.turns)), ""):
            done = "taken out at the end of a text"
            changes.append(RowProblem("", "", f"{token} is a special token of a prompt format", done, "special_token"))
            row = _without_tokens(row, said)
        if not in_order(turn.role for turn in said.turns):
            roles = [turn.role for turn in said.turns]
            problem = (
                f"roles are {roles}; expected: an optional system, then user and assistant in turn, assistant last"
            )
            messages = _rearranged(row[MESSAGES]) if said.container else []
            if not in_order(message["role"] for message in messages):
                raise BadRow(WRONG_ORDER, problem)
            done = "turns of one role joined, wrong first and last turns cut off"
            changes.append(RowProblem("", "", problem, done, WRONG_ORDER, WRONG_ORDER))
            row = {**row, MESSAGES: messages}
        return row, changes

    def _again(self, row: dict[str, Any]) -> RowConversation:
        try:
            return self._reader.read(row)
        except BadRow as bad:
            raise Unsound(bad.reason, f"once fixed, {bad.detail}") from None

    def _sound(self, said: RowConversation) -> None:
        if inside := next(filter(None, (special_token(turn.content) for turn in said.turns)), ""):
            raise Unsound("special_token", f"{inside} is a special token of a prompt format, and inside a text")
        if (length := sum(len(turn.content) for turn in said.turns)) > self._longest:
            raise Unsound("too_long", f"{length} characters, more than {self._longest}")


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


class _KeptRow(NamedTuple):
    """A row that is sound in itself.

    Attributes:
        row: Where it is, without its value.
        problems: What is wrong with it.
        plain: The row of the fixed copy.
    """

    row: UserRow
    problems: list[RowProblem]
    plain: dict[str, Any]


def problems(path: Path, longest: int = LONGEST, columns: Columns = USUAL, sheet: str = "") -> Checked:
    """Checks every row of a file.

    Args:
        path: JSON in any layout, or a table.
        longest: Most characters of a conversation.
        columns: Which column holds what.
        sheet: The sheet of an XLSX file, where several have rows.

    Raises:
        UserError: The file is missing, has no row, or a table is damaged as a whole or lacks a column.
    """
    checker, repeats = Checker(path, columns, longest), Repeats()
    found: list[list[RowProblem]] = []
    kept: list[_KeptRow] = []
    for row in user_rows(path, columns, sheet):
        flaws, said = checker.check(row)
        found.append(flaws)
        if said:
            repeats.add(said)
            kept.append(_KeptRow(replace(row, value=None), flaws, said.plain))
    if not found:
        raise UserError("there is no row in this file", where=str(path), fix="is there more than a header in it?")
    dropped = repeats.questions()
    for place, earlier in dropped.items():
        what = f"the question repeats {kept[earlier].row.name}"
        kept[place].problems.append(checker.problem(kept[place].row, what, DROPPED, "repeated_question"))
    for place, earlier in repeats.answers(dropped).items():
        what = f"the answer repeats {kept[earlier].row.name}"
        kept[place].problems.append(checker.problem(kept[place].row, what, KEPT, "repeated_answer"))
    sound = [row.plain for place, row in enumerate(kept) if place not in dropped]
    return Checked(len(found), [problem for flaws in found for problem in flaws], sound, checker.unread)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_problems(found: list[RowProblem]) -> None:
    """Prints the first problems of each kind, in the order of the file: many of one kind must not hide another."""
    printed: Counter[tuple[str, str]] = Counter()
    for problem in found:
        printed[problem.kind, problem.change] += 1
        if printed[problem.kind, problem.change] <= SHOWN:
            print(f"{problem}  -> {problem.change}")


def _print_kinds(rows: int, found: list[RowProblem]) -> None:
    """Prints how many problems of each kind there are, first those that cost a row, last what is only noted."""
    wrong = [problem for problem in found if problem.change != KEPT]
    in_rows = _counted(len({problem.row for problem in wrong}), "row")
    print(f"{_counted(rows, 'row')}, {_counted(len(wrong), 'problem')} in {in_rows}")
    kinds = Counter((problem.kind, problem.change) for problem in found).most_common()
    order = {DROPPED: 0, KEPT: 2}
    for (kind, change), number in sorted(kinds, key=lambda counted: order.get(counted[0][1], 1)):
        print(f"  {number} × {kind} -> {change}{f' (the first {SHOWN} are shown)' if number > SHOWN else ''}")


def _check_new(out: Path) -> None:
    if out.exists():
        raise UserError("this already exists", where=f"fix={out}", fix="name a new file; nothing is overwritten")


def _write(path: Path, out: Path, checked: Checked) -> None:
    if not checked.sound:
        raise UserError("no row of the file is valid", where=str(path), fix="see the problems above")
    lacking: Counter[str] = Counter()
    lines = [json.dumps(_of_json(row, lacking), ensure_ascii=False) + "\n" for row in checked.sound]
    write_text(out, "".join(lines))
    dropped = len({problem.row for problem in checked.problems if problem.change == DROPPED})
    print(f"fixed copy with {_counted(len(lines), 'row')}: {out}; {_counted(dropped, 'row')} dropped")
    for name, number in lacking.items():
        print(f"  {number} × {name} removed: JSON has no such value")
    print("personal data is still in it: only a build masks it")


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
    if out:
        _check_new(out)
    checked = problems(path, config.max_characters, config.columns, config.sheet)
    _print_problems(checked.problems)
    _print_kinds(checked.rows, checked.problems)
    for name, number in checked.unread.most_common():
        print(f"not read: {name} ({_counted(number, 'row')})")
    if out and any(problem.change != KEPT for problem in checked.problems):
        _write(path, out, checked)
        print(f"to build from it: {_build_command(out, len(checked.sound), config.columns)}")
        return DONE
    if all(problem.is_harmless for problem in checked.problems):
        if out:
            print("there is nothing to fix: no copy was written")
        build = _build_command(path, len(checked.sound), config.columns, config.sheet)
        print(f"the file is valid; to build from it: {build}")
        return DONE
    if checked.sound:
        print(f"a fixed copy: {check_command(path, config.columns, config.sheet)}")
    else:
        print("no row can be read: see the problems above")
    return WRONG_INPUT


def check_command(path: Path, columns: Columns, sheet: str, fix: str = "fixed.jsonl") -> str:
    """The command that checks a file and writes a fixed copy."""
    words = [str(path), f"fix={fix}", *([f"sheet={sheet}"] if sheet else []), *columns.words("columns")]
    return command_line("data_recipes/validate.py", words)


def _build_command(path: Path, rows: int, columns: Columns, sheet: str = "") -> str:
    words = [f"source.path={path}", *([f"source.sheet={sheet}"] if sheet else []), *columns.words("source.columns")]
    return command_line("data_recipes/build.py", ["data=rows", *words, *_smaller_splits(rows), "out=datasets/mine"])


def _smaller_splits(rows: int) -> list[str]:
    """What a build needs that has too few rows for the splits of ``configs/data/rows.yaml``; it advises the same."""
    sizes = fitting(DRAWN, rows)
    if are_too_many(sizes, rows):
        return ["data.splits={}"]
    return [f"data.splits.{name}={size}" for name, size in sizes.items() if size != DRAWN[name]]
