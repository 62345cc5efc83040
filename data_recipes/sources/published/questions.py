"""Questions without answers, as a protected set that training must not overlap with: Bencao's 200 for CMCOQA and for
knowledge tuning, or a hospital's own.

A JSON array or JSON lines with the question in one field, or plain text with one question a line. There is nothing to
learn from, and nothing to score against: every question is a test question whose answer says that there is none.
Register the built dataset with ``python data_recipes/suites.py add DIR``, and no dataset that is built afterwards on
this machine trains on these questions.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from common.command import Config
from common.errors import UserError
from data_recipes.formats.encoding import encoding_of
from data_recipes.formats.json_rows import read_objects
from data_recipes.formats.jsonl import DamagedLine, check_file, raw_lines, tell_missing_end
from data_recipes.leakage.normalise import says_something
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import NO_REFERENCE, Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.read_notes import ReadNotes
from data_recipes.sources.source import Source, existing

LONGEST = 4_000  # characters of a question


class QuestionsSource(Config):
    """Questions without answers.

    Attributes:
        kind: Selects this source.
        path: The file; ``.txt`` has one question a line.
        question: The field with the question; in a text file the header line that is skipped, if it is there.
        topic: The field with the question type of the report.
    """

    kind: Literal["questions"]
    path: str
    question: str
    topic: str | None = None


def read(config: QuestionsSource) -> Iterator[Example | Dropped | ReadNotes]:
    """Yields one item per question."""
    path, notes = Path(config.path), ReadNotes()
    lines = _texts(path, config.question) if path.suffix.lower() == ".txt" else _fields(path, config, notes)
    for number, item in enumerate(lines, 1):
        yield item if isinstance(item, Dropped) else _item(number, *item)
    yield from notes.found()


def _item(number: int, where: str, text: str, topic: str) -> Example | Dropped:
    if not says_something(text):
        return Dropped(where, "empty_question")
    if len(text) > LONGEST:
        return Dropped(where, "question_too_long")
    messages = (Message(role="user", content=text.strip()), Message(role="assistant", content=NO_REFERENCE))
    id = f"questions-{number}"
    return Example(id=id, messages=messages, source="questions", group=id, kind=topic or "问题", split="test")


def _texts(path: Path, header: str) -> Iterator[tuple[str, str, str] | Dropped]:
    check_file(path)
    for raw in raw_lines(path, encoding_of(path)):
        try:
            text = raw.text()
        except DamagedLine as damage:
            yield Dropped(raw.where, damage.reason)
            continue
        if raw.number > 1 or text.strip() != header:
            yield raw.where, text, ""
    tell_missing_end(path)


def _fields(path: Path, config: QuestionsSource, notes: ReadNotes) -> Iterator[tuple[str, str, str] | Dropped]:
    found = False
    for line in read_objects(path):
        notes.add(line, (config.question, config.topic or ""))
        if isinstance(line, Dropped):
            yield line
        elif not isinstance(line.row.get(config.question), str):
            yield Dropped(line.where, "no_question")
        else:
            found = True
            yield line.where, line.row[config.question], str(line.row.get(config.topic) or "") if config.topic else ""
    if not found:
        raise UserError(f"no row has {config.question!r}", where=str(path), fix="name the field: source.question=…")


SOURCE = Source(
    config=QuestionsSource,
    read=read,
    files=lambda config: existing(Path(config.path)),
    about=Description(
        zh="没有参考答案的问题：用来登记为受保护的测试集，防止训练数据与之重叠；不能用来训练，也不能按参考答案打分。",
        en="Questions without reference answers: to be registered as a protected set, with which training must not"
        " overlap. Not for training, and nothing to score against.",
    ),
    licence="as of the file; Bencao's: SCIR-HI/Huatuo-Llama-Med-Chinese, academic use only",
    splits={"test": Description(zh="只有问题", en="questions only")},
)
