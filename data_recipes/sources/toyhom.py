"""Toyhom consultations: CSV in GB18030 with ``department``, ``title``, ``ask``, ``answer``.

The published text was rewritten by a program that swapped words for others, often for their opposite: answers promise
to "slow down recovery" or recommend to "anaesthetise a vaccine". Rows with such words are dropped where they are known,
but not all can be known: use this source to try a recipe on real consultations, not for a service.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from common.errors import UserError
from common.hashing import sha256_file
from data_recipes.config import DataConfig, ToyhomSource
from data_recipes.lines import read_bytes
from data_recipes.manifest import Description, SourceFile
from data_recipes.overlap import normalise, runs
from data_recipes.rows import Rows
from data_recipes.sources.pairs import Pair, examples, missing_part
from data_recipes.split import split

COLUMNS = ["department", "title", "ask", "answer"]
NOTHING = "无"  # what a title or question without content says
REPEATED = 20  # a sentence that so many answers share says nothing about the question
TITLE_REPEATED = 0.8  # share of a title's pairs of characters that the question holds too
# what the rewriting made of 加快, 加重, 减少, 接种, 延长, 提高 and 遗传
SWAPPED = ("放慢康复", "放柔病情", "增加并发症", "麻醉疫苗", "麻醉乙肝", "缩短寿命", "降低身体素质", "隔代遗传")
_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?\n]*")

ABOUT = Description(
    zh="Toyhom 问诊对话。公开文本被程序换过词，常把意思换反；已知的错词行已剔除，但不可能剔尽。"
    "只宜用来试验流程，不可用于服务。",
    en="Toyhom consultations. A program swapped words of the published text, often for their opposite; rows with known"
    " swaps are dropped, but not all can be known. Good for trying a recipe, not for a service.",
)
DESCRIPTIONS = {
    "train": Description(zh="训练集", en="for training"),
    "dev": Description(
        zh="与训练集没有相同的 13 字片段：用于验证损失",
        en="no run of 13 characters in common with training: for the loss",
    ),
    "test": Description(
        zh="与训练集没有相同的 13 字片段：考察没有见过的咨询；答案被程序改写过，不是医学标准",
        en="no run of 13 characters in common with training: unseen questions; a program rewrote the references",
    ),
}


def read(source: ToyhomSource, data: DataConfig) -> Rows:
    """Reads the consultations, drops bad and repeated ones, strips boilerplate and splits by likeness.

    Args:
        source: The file and the least length of an answer.
        data: Sizes, seed and the tolerated share of bad rows.

    Raises:
        UserError: The file is missing, damaged or in another encoding, or too many rows are bad.
    """
    path = Path(source.path)
    pairs = _without_boilerplate(list(_pairs(path)))

    def flaw(pair: Pair) -> str:
        if reason := missing_part(pair):
            return reason
        if len(pair.answer) < source.min_answer:
            return "short_answer"
        return "swapped_words" if any(word in pair.answer for word in SWAPPED) else ""

    kept, dropped = examples(pairs, "toyhom", flaw, data.max_bad_share)
    file = SourceFile(path=path.name, sha256=sha256_file(path), rows=len(pairs))
    return Rows(split(kept, data.splits, data.seed), dropped, [file], ABOUT, DESCRIPTIONS)


def _pairs(path: Path) -> Iterator[Pair]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header = next(reader)
    if header != COLUMNS:
        raise UserError(
            f"columns {header} instead of {COLUMNS}", where=f"{path}:1", fix="rename or reorder the columns"
        )
    number, line = 0, reader.line_num + 1
    try:
        for row in reader:
            where = f"{path}:{line}"
            if len(row) != len(COLUMNS):
                raise UserError(
                    f"{len(row)} fields instead of {len(COLUMNS)}", where=where, fix="quote fields with commas"
                )
            number, line = number + 1, reader.line_num + 1
            department, title, ask, answer = (field.strip() for field in row)
            yield Pair(number, where, _question(title, ask), answer, kind=department)
    except csv.Error as error:
        raise UserError(
            f"not CSV: {error}", where=f"{path}:{line}", fix="the row is cut off or its quotes are broken"
        ) from None


def _text(path: Path) -> str:
    content = read_bytes(path)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if not content.isascii():  # decoding it as GB18030 may succeed and give nonsense
            raise UserError("UTF-8 instead of GB18030", where=f"{path}:1", fix="iconv -f UTF-8 -t GB18030")
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"not GB18030 (byte {error.start})", where=f"{path}:{line}", fix="copy it anew, unchanged"
        ) from None


def _question(title: str, ask: str) -> str:
    """Title and question as one, without the title where the question already says it."""
    title, ask = ("" if text == NOTHING else text for text in (title, ask))
    told, asked = runs(normalise(title), 2), runs(normalise(ask), 2)
    if len(told & asked) >= TITLE_REPEATED * len(told):
        return ask or title
    return f"{title}\n{ask}" if ask else title


def _without_boilerplate(pairs: list[Pair]) -> list[Pair]:
    """Strips greetings and closing sentences that many answers share, e.g. wishes for a quick recovery."""
    sentences = [_SENTENCE.findall(pair.answer) for pair in pairs]
    shared = Counter(text for answer in sentences for text in {normalise(sentence) for sentence in answer})
    return [
        pair._replace(answer="".join(s for s in answer if shared[normalise(s)] < REPEATED).strip() or pair.answer)
        for pair, answer in zip(pairs, sentences, strict=True)
    ]
