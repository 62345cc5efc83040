"""Checks a user's file of training rows before anything is built from it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from common.command import DONE, WRONG_INPUT, run_command
from common.errors import UserError
from data_recipes.lines import DamagedLine, Line, parsed, raw_lines
from data_recipes.text import normalise

HELP = """
python data_recipes/validate.py FILE

FILE holds JSON lines, either (a system turn may come first)
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
or
  {"instruction": "…", "input": "", "output": "…"}

Every problem is printed as file:line. Exit code 0: the file is sound; 2: it is not.
"""

SHOWN = 50  # problems that are printed one by one


class _Turns(NamedTuple):
    question: str
    answer: str


def problems(path: Path) -> tuple[int, list[str]]:
    """Checks every row of a file.

    Args:
        path: JSON lines of messages or of instruction, input, output.

    Returns:
        The number of rows, and every problem as ``file:line: what``.

    Raises:
        UserError: The file is missing, or a line cannot be read at all.
    """
    found: list[str] = []
    asked: dict[str, int] = {}
    answered: dict[str, int] = {}
    rows = 0
    for raw in raw_lines(path):
        rows += 1
        try:
            line = Line(raw.number, f"{path}:{raw.number}", parsed(raw))
            turns = _turns(line.row)
        except (ValueError, DamagedLine) as error:
            found.append(f"{path}:{raw.number}: {error}")
            continue
        found += [f"{line.where}: {problem}" for problem in _repeats(line, turns, asked, answered)]
    return rows, found


def _turns(row: dict[str, Any]) -> _Turns:
    if "messages" in row:
        return _from_messages(row["messages"])
    texts = {}
    for field in ("instruction", "output"):
        if not isinstance(row.get(field), str):
            raise ValueError(f"no text in {field!r}; wanted: messages, or instruction, input and output")
        texts[field] = row[field]
    if not isinstance(row.get("input", ""), str):
        raise ValueError("'input' is not a text")
    return _filled(texts["instruction"] + row.get("input", ""), texts["output"])


def _from_messages(messages: Any) -> _Turns:
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ValueError("'messages' is not a list of objects")
    for number, message in enumerate(messages, 1):
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            raise ValueError(f"message {number} has no content")
    roles = [message.get("role") for message in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if not turns or turns != ["user", "assistant"] * (len(turns) // 2):
        raise ValueError(
            f"roles are {roles}; wanted: an optional system, then user and assistant in turn, assistant last"
        )
    question = "".join(message["content"] for message in messages if message["role"] == "user")
    return _filled(question, messages[-1]["content"])


def _filled(question: str, answer: str) -> _Turns:
    if not normalise(question):
        raise ValueError("the question is empty")
    if not normalise(answer):
        raise ValueError("the answer is empty")
    return _Turns(normalise(question), normalise(answer))


def _repeats(line: Line, turns: _Turns, asked: dict[str, int], answered: dict[str, int]) -> Iterator[str]:
    first = asked.setdefault(turns.question, line.number)
    if first != line.number:
        yield f"the question repeats line {first}"
    first = answered.setdefault(turns.answer, line.number)
    if first != line.number:
        yield f"the answer repeats line {first}"


def main(arguments: list[str]) -> int:
    """Prints the problems of one file and a summary."""
    if len(arguments) != 1:
        raise UserError("one file is wanted", fix="python data_recipes/validate.py FILE")
    rows, found = problems(Path(arguments[0]))
    for problem in found[:SHOWN]:
        print(problem)
    if len(found) > SHOWN:
        print(f"… and {len(found) - SHOWN} more")
    bad_lines = Counter(problem.split(": ", 1)[0] for problem in found)
    print(f"{rows} rows, {len(found)} problems in {len(bad_lines)} rows")
    return WRONG_INPUT if found else DONE


if __name__ == "__main__":
    run_command(main, HELP)
