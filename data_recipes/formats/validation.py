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
from data_recipes.formats.columns import INPUT, ROLES, WANTED, question_and_answer
from data_recipes.formats.user_file import UserRow, user_rows
from data_recipes.leakage.normalise import normalise

SHOWN = 50  # problems that are printed one by one
LONGEST = 32_000  # characters of a conversation
MAY_REPEAT = 10  # characters; a shorter answer is a label, a number, yes or no
DROPPED = "dropped"

Turns = list[dict[str, Any]]


class RowProblem(NamedTuple):
    """What is wrong with one row.

    Attributes:
        where: ``file:line``.
        row: Its name: the line, or the item of an array.
        what: In plain words.
        change: What the fixed copy does about it.
    """

    where: str
    row: str
    what: str
    change: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Unsound(Exception):
    """A row that cannot be fixed."""


class Checker:
    """Checks rows one after another and remembers earlier questions and answers.

    Args:
        path: The file, for messages.
        longest: Most characters of a conversation.
    """

    def __init__(self, path: Path, longest: int = LONGEST) -> None:
        self._path, self._longest = path, longest
        self._asked: dict[bytes, str] = {}
        self._answered: dict[bytes, str] = {}

    def check(self, row: UserRow) -> tuple[list[RowProblem], dict[str, Any] | None]:
        """The problems of a row, and the row as it should be; None where it is dropped."""
        where, item = f"{self._path}:{row.number}", f"{row.name}: " if row.item else ""
        problems = [RowProblem(where, row.name, what, fixed or DROPPED) for what, fixed in row.problems]
        if row.value is None:
            return problems, None
        try:
            fixed, changes = _fixed(row.value)
            problems += [RowProblem(where, row.name, item + what, change) for what, change in changes]
            self._sound(fixed)
            flaws = self._repeats(fixed, row.name)
        except Unsound as unsound:
            return [*problems, RowProblem(where, row.name, f"{item}{unsound}", DROPPED)], None
        problems += [RowProblem(where, row.name, item + flaw, DROPPED) for flaw in flaws]
        return problems, None if flaws else fixed

    def _sound(self, row: dict[str, Any]) -> None:
        asked, answer = _question(row), _answer(row)
        if not normalise(asked):
            raise Unsound("the question is empty")
        if not normalise(answer):
            raise Unsound("the answer is empty")
        length = sum(len(turn["content"]) for turn in row.get("messages", [])) or len(asked) + len(answer)
        if length > self._longest:
            raise Unsound(f"{length} characters, more than {self._longest}")

    def _repeats(self, row: dict[str, Any], name: str) -> list[str]:
        """What a row has in common with an earlier one that was kept."""
        asked, answer = _short(normalise(_question(row))), normalise(_answer(row))
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


def _fixed(row: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The row in one of the two layouts, and what had to be changed."""
    if "messages" in row:
        turns, changes = _in_order(row["messages"])
        return {**row, "messages": turns}, changes
    if "conversations" in row:
        fixed, changes = _fixed({"messages": _from_sharegpt(row["conversations"])})
        return fixed, [("'conversations' instead of 'messages'", "rewritten as messages"), *changes]
    names = question_and_answer(row)
    for part, name in names._asdict().items():
        if not name:
            raise Unsound(f"there is no {part}; expected: {WANTED}")
        if not isinstance(row[name], str):
            raise Unsound(f"{name!r} is not a text")
    if not isinstance(row.get(INPUT, ""), str):
        raise Unsound(f"{INPUT!r} is not a text")
    return row, []


def _from_sharegpt(turns: Any) -> Any:
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise Unsound("'conversations' is not a list of objects")
    return [
        {"role": turn.get("from", turn.get("role")), "content": turn.get("value", turn.get("content"))}
        for turn in turns
    ]


def _in_order(messages: Any) -> tuple[Turns, list[tuple[str, str]]]:
    """Turns with known roles in the right order; turns in the wrong order are joined or cut off at the ends."""
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Unsound("'messages' is not a list of objects")
    for number, message in enumerate(messages, 1):
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            raise Unsound(f"message {number} has no content")
    roles = [message.get("role") for message in messages]
    turns = [{**m, "role": ROLES.get(str(m.get("role")), m.get("role"))} for m in messages]
    if _right([turn["role"] for turn in turns]):
        return turns, [] if turns == messages else [(f"roles are {roles}", "renamed to user and assistant")]
    problem = f"roles are {roles}; expected: an optional system, then user and assistant in turn, assistant last"
    turns = _rearranged(turns)
    if not _right([turn["role"] for turn in turns]):
        raise Unsound(problem)
    return turns, [(problem, "turns of one role joined, wrong first and last turns cut off")]


def _right(roles: list[Any]) -> bool:
    said = roles[1:] if roles[:1] == ["system"] else roles
    return bool(said) and said == ["user", "assistant"] * (len(said) // 2)


def _rearranged(turns: Turns) -> Turns:
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


def _question(row: dict[str, Any]) -> str:
    if "messages" in row:
        return "".join(turn["content"] for turn in row["messages"] if turn["role"] == "user")
    return str(row[question_and_answer(row).question] + row.get(INPUT, ""))


def _answer(row: dict[str, Any]) -> str:
    return str(row["messages"][-1]["content"] if "messages" in row else row[question_and_answer(row).answer])


def problems(path: Path, longest: int = LONGEST) -> tuple[int, list[RowProblem], list[dict[str, Any]]]:
    """Checks every row of a file.

    Args:
        path: JSON lines of messages or of question and answer; a JSON array, or a table.
        longest: Most characters of a conversation.

    Returns:
        The number of rows, every problem, and the rows of the fixed copy.

    Raises:
        UserError: The file is missing or empty.
    """
    checker = Checker(path, longest)
    found: list[RowProblem] = []
    sound: list[dict[str, Any]] = []
    rows = 0
    for row in user_rows(path):
        rows += 1
        flaws, fixed = checker.check(row)
        found += flaws
        if fixed is not None:
            sound.append(fixed)
    return rows, found, sound


def _write(path: Path, out: Path, rows: list[dict[str, Any]], found: list[RowProblem]) -> None:
    if out.exists():
        raise UserError("this already exists", where=f"fix={out}", fix="name a new file; nothing is overwritten")
    if not rows:
        raise UserError("no row of the file is valid", where=str(path), fix="see the problems above")
    write_text(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    dropped = {problem.row for problem in found if problem.change == DROPPED}
    print(f"fixed copy with {len(rows)} rows: {out}; {len(dropped)} rows were dropped")
    for change, number in Counter(p.change for p in found if p.row not in dropped).most_common():
        print(f"  {number} × {change}")


class ValidateConfig(Config):
    """``data_recipes/validate.py``.

    Attributes:
        file: The file of training rows.
        fix: A new file for a fixed copy.
        max_characters: Most characters of a conversation.
    """

    positional: ClassVar[tuple[str, ...]] = ("file",)
    as_typed: ClassVar[tuple[str, ...]] = ("fix",)

    file: Path
    fix: Path | None = None
    max_characters: PositiveInt = LONGEST


def validate(config: ValidateConfig) -> int:
    """Prints the problems of one file and a summary, and writes a fixed copy on request.

    Returns:
        The exit code: whether the file is valid, or was fixed.
    """
    path, out = config.file, config.fix
    rows, found, sound = problems(path, config.max_characters)
    for problem in found[:SHOWN]:
        print(f"{problem}  -> {problem.change}" if out else problem)
    if len(found) > SHOWN:
        print(f"… and {len(found) - SHOWN} more")
    print(f"{rows} rows, {len(found)} problems in {len({problem.row for problem in found})} rows")
    if not found:
        print(f"to build from it: python data_recipes/build.py data=rows source.path={path} out=datasets/mine")
        return DONE
    if out:
        _write(path, out, sound, found)
        return DONE
    if found:
        print(f"a fixed copy: python data_recipes/validate.py {path} fix=fixed.jsonl")
    return WRONG_INPUT if found else DONE
