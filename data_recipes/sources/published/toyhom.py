"""Toyhom consultations: CSV with ``department``, ``title``, ``ask``, ``answer``, published in GB18030.

The published text was rewritten by a program that swapped words for others, often for their opposite: answers promise
to "slow down recovery" or recommend to "anaesthetise a vaccine". Rows with such words are dropped where they are known,
but not all can be known: use this source to try a recipe on real consultations, not for a service.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import NonNegativeInt

from common.command import Config
from common.errors import UserError
from data_recipes.formats.jsonl import Line
from data_recipes.formats.tables import read_table
from data_recipes.leakage.normalise import normalise, runs
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.published.pairs import Pair, example, missing_part
from data_recipes.sources.published.published_files import labels_of, numbered, rows_of, visible
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import DRAWN, Source, existing

COLUMNS = ("department", "title", "ask", "answer")
NOTHING = "无"  # the text of a title or question without content
REPEATED = 20  # a sentence that this many answers share says nothing about the question
TITLE_REPEATED = 0.8  # share of a title's character pairs that the question also has
# what the rewriting turned 加快, 加重, 减少, 接种, 延长, 提高 and 遗传 into
SWAPPED = ("放慢康复", "放柔病情", "增加并发症", "麻醉疫苗", "麻醉乙肝", "缩短寿命", "降低身体素质", "隔代遗传")
_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?\n]*")


class ToyhomSource(Config):
    """Consultations as CSV with ``department``, ``title``, ``ask`` and ``answer``.

    Attributes:
        kind: Selects this source.
        path: One file, or a folder whose CSV files are all read: one department, or all six.
        min_answer: An answer with fewer characters counts as bad.
    """

    kind: Literal["toyhom"]
    path: str
    min_answer: NonNegativeInt


def read(config: ToyhomSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per consultation; sentences that many answers share are stripped.

    Raises:
        UserError: A file is missing or has other columns.
    """
    boilerplate = _boilerplate(config)
    notes = ReadNotes()
    for line in _lines(config):
        notes.add(line, COLUMNS)
        yield line if isinstance(line, Dropped) else _item(line, config.min_answer, boilerplate)
    yield from notes.found()


def _lines(config: ToyhomSource) -> Iterator[Line | Dropped]:
    paths = files(config)
    return numbered(paths, lambda path: read_table(path, COLUMNS), labels_of(paths))


def _item(line: Line, min_answer: int, boilerplate: set[str]) -> Example | Dropped:
    department, title, ask, answer = (line.row[name] for name in COLUMNS)
    own = "".join(s for s in _SENTENCE.findall(answer) if normalise(s) not in boilerplate).strip()
    pair = Pair(line.number, line.where, _question(title, ask), own or answer, kind=department)
    flaw = _flaw(pair, min_answer)
    return Dropped(line.where, flaw) if flaw else example(pair, "toyhom")


def _flaw(pair: Pair, min_answer: int) -> str:
    if reason := missing_part(pair):
        return reason
    if len(pair.answer) < min_answer:
        return "short_answer"
    return "swapped_words" if any(word in pair.answer for word in SWAPPED) else ""


def _question(title: str, ask: str) -> str:
    """Title and question as one, without the title where the question already says it."""
    title, ask = ("" if text == NOTHING else text for text in (title, ask))
    titled, asked = runs(normalise(title), 2), runs(normalise(ask), 2)
    if len(titled & asked) >= TITLE_REPEATED * len(titled):
        return ask or title
    return f"{title}\n{ask}" if ask else title


def _boilerplate(config: ToyhomSource) -> set[str]:
    """Greetings and closing sentences that many answers share, e.g. wishes for a quick recovery."""
    shared: Counter[str] = Counter()
    for line in _lines(config):
        if isinstance(line, Line):
            shared.update({normalise(sentence) for sentence in _SENTENCE.findall(line.row["answer"])})
    return {sentence for sentence, number in shared.items() if number >= REPEATED}


def files(config: ToyhomSource) -> list[Path]:
    """The files that are read.

    Raises:
        UserError: There is none.
    """
    path = Path(config.path).expanduser()
    if not path.is_dir():
        return existing(path)
    if paths := visible(path, "*.csv"):
        return paths
    raise UserError("no CSV files here", where=str(path), fix="give source.path=… of the folder of the departments")


SOURCE = Source(
    config=ToyhomSource,
    read=read,
    files=files,
    about=Description(
        zh="Toyhom 问诊对话。公开文本被程序换过词，常把意思换反；已知的错词行已剔除，但不可能剔尽。"
        "只宜用来试验流程，不可用于服务。",
        en="Toyhom consultations. A program swapped words of the published text, often for their opposite; rows with"
        " known swaps are dropped, but not all can be known. Good for trying a recipe, not for a service.",
    ),
    licence="Toyhom/Chinese-medical-dialogue-data, MIT",
    splits={
        **DRAWN,
        "test": Description(
            zh="与训练集没有相同的 13 字片段：考察没有见过的咨询；答案被程序改写过，不是医学标准",
            en="no run of 13 characters in common with training: unseen questions; a program rewrote the references",
        ),
    },
    rows_of=rows_of,
)
