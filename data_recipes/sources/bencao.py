"""Bencao (HuaTuo) instructions: JSON lines, whatever the file is called, with ``instruction``, ``input``, ``output``.

They were written by GPT-3.5 from a medical knowledge graph. Answers may list drugs that no guideline names for the
case, and some instructions describe a patient without asking anything.
"""

from collections.abc import Iterator
from pathlib import Path

from common.errors import UserError
from common.hashing import sha256_file
from data_recipes.config import BencaoSource, DataConfig
from data_recipes.lines import read_lines
from data_recipes.manifest import Description, SourceFile
from data_recipes.rows import Rows
from data_recipes.sources.pairs import Pair, examples, missing_part
from data_recipes.split import split

COLUMNS = ("instruction", "input", "output")
ABOUT = Description(
    zh="本草（华驼）格式的指令数据。原数据由 GPT-3.5 依据医学知识图谱生成，所列药物未经医生核对；仅供学术研究。",
    en="Instructions in the format of Bencao (HuaTuo). The original was written by GPT-3.5 from a knowledge graph;"
    " no doctor has checked the drugs its answers list. Academic use only.",
)
DESCRIPTIONS = {
    "train": Description(zh="训练集", en="for training"),
    "dev": Description(
        zh="与训练集没有相同的 13 字片段：用于验证损失",
        en="no run of 13 characters in common with training: for the loss",
    ),
    "test": Description(
        zh="与训练集没有相同的 13 字片段：考察没有见过的问题；答案由模型生成，不是医学标准",
        en="no run of 13 characters in common with training: unseen questions; the references were written by a model",
    ),
}


def read(source: BencaoSource, data: DataConfig) -> Rows:
    """Reads the rows, drops bad and repeated ones and splits by likeness.

    Args:
        source: The file.
        data: Sizes, seed and the tolerated share of bad rows.

    Raises:
        UserError: The file is missing or damaged, or too many rows are bad.
    """
    path = Path(source.path)
    kept, dropped = examples(_pairs(path), "bencao", missing_part, data.max_bad_share)
    file = SourceFile(path=path.name, sha256=sha256_file(path), rows=len(kept) + len(dropped))
    return Rows(split(kept, data.splits, data.seed), dropped, [file], ABOUT, DESCRIPTIONS)


def _pairs(path: Path) -> Iterator[Pair]:
    for line in read_lines(path):
        for column in COLUMNS:
            if not isinstance(line.row.get(column), str):
                there = ", ".join(line.row) or "nothing"
                raise UserError(
                    f"no text in {column!r} (there is: {there})", where=line.where, fix="add it, empty if need be"
                )
        asked = "\n".join(filter(None, (line.row["instruction"].strip(), line.row["input"].strip())))
        yield Pair(line.number, line.where, asked, line.row["output"], kind="问答")
