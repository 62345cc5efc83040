"""TAL-SCQ5K: single-choice questions of mathematics competitions, Chinese or English, with solutions.

JSON lines with ``problem``, ``answer_option_list`` (``[[{"aoVal": "A", "content": …}], …]``), ``answer_value``,
``answer_analysis`` (a list of texts) and ``knowledge_point_routes``. About a tenth of its test questions are training
questions too; the build finds them.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from common.command import Config
from data_recipes.formats.jsonl import Line
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.published_files import HUB, paths_of, published_lines, rows_of
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, PUBLISHED, Source
from domains.mathematics.instructions import Solved, Steps, instruction

FILES = {  # on the hub, and in the repository
    "train": ("train.jsonl", "*_single_choice_train_3K.jsonl", *HUB["train"]),
    "test": ("test.jsonl", "*_single_choice_test_2K.jsonl", *HUB["test"]),
}
COLUMNS = ("problem", "answer_option_list", "answer_value", "answer_analysis", "knowledge_point_routes")
LETTERS = "ABCDEFGH"
_CHINESE = re.compile(r"[一-鿿]")


class TalScq5kSource(Config):
    """TAL-SCQ5K.

    Attributes:
        kind: Selects this source.
        path: The folder of its files in one language (``TAL-SCQ5K-CN`` on the hub,
            ``ch_single_choice_constructed_5K`` in the repository), or one file.
        steps: Whether the prompt asks for the steps (``asked``) and whether the answer has them (not with ``none``).
    """

    kind: Literal["tal_scq5k"]
    path: str
    steps: Steps


def read(config: TalScq5kSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per row, training first."""
    notes = ReadNotes()
    for split, line in published_lines(config.path, FILES):
        notes.add(line, COLUMNS)
        yield line if isinstance(line, Dropped) else _item(line, split, config)
    yield from notes.found()


def _item(line: Line, split: str, config: TalScq5kSource) -> Example | Dropped:
    row = line.row
    if not isinstance(row.get("problem"), str) or not row["problem"].strip():
        return Dropped(line.where, "no_text_in_problem")
    options = _options(row.get("answer_option_list"))
    if len(options) < 2 or list(options) != list(LETTERS[: len(options)]):
        return Dropped(line.where, "no_options")
    letter = str(row.get("answer_value")).strip()
    if letter not in options:
        return Dropped(line.where, "answer_is_no_option")
    problem = _plain(row["problem"])
    id = f"tal_scq5k-{split}-{line.number}" if split else f"tal_scq5k-{line.number}"
    solved = Solved(
        id=id,
        question="\n".join([problem, *(f"{name}. {text}" for name, text in options.items())]),
        solution=_texts(row.get("answer_analysis")),
        result=letter,
        answer=letter,
        kind=_topic(row.get("knowledge_point_routes")),
        source="tal_scq5k",
        group=id,
        split=split,
        choices=tuple(options.values()),
        language="zh" if _CHINESE.search(problem) else "en",
    )
    return instruction(solved, config.steps)


def _options(listed: Any) -> dict[str, str]:
    """The options by letter; nothing where one is malformed."""
    if not isinstance(listed, list):
        return {}
    options = {}
    for entry in listed:
        option = entry[0] if isinstance(entry, list) and entry else entry
        if not isinstance(option, dict) or not isinstance(option.get("content"), str):
            return {}
        options[str(option.get("aoVal"))] = _plain(option["content"])
    return options


def _plain(text: str) -> str:
    """The text with one dollar sign around formulas instead of two."""
    return text.replace("$$", "$").strip()


def _texts(value: Any) -> str:
    parts = value if isinstance(value, list) else []
    return "\n".join(_plain(part) for part in parts if isinstance(part, str) and part.strip())


def _topic(routes: Any) -> str:
    """The third step of the first route, e.g. ``组合模块``."""
    first = routes[0] if isinstance(routes, list) and routes and isinstance(routes[0], str) else ""
    steps = [step for step in first.split("->") if step]
    return steps[min(2, len(steps) - 1)] if steps else "其他"


SOURCE = Source(
    config=TalScq5kSource,
    read=read,
    files=lambda config: paths_of(config.path, FILES),
    about=Description(
        zh="好未来 TAL-SCQ5K 数学竞赛单选题，附解析。原测试集约一成与训练集重题，构建时找出并删去。",
        en="TAL-SCQ5K: single-choice questions of mathematics competitions with solutions. About a tenth of its"
        " test set is in its training set; the build finds and removes that.",
    ),
    licence="math-eval/TAL-SCQ5K, MIT",
    splits={**DRAWN, "test": PUBLISHED["test"]},
    rows_of=rows_of,
    instructs_in_system=True,
)
