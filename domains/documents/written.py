"""Questions that a teacher wrote about the passages of a folder: lines that ``training/write_questions.py`` writes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from common.hashing import sha256_text
from data_recipes.formats.jsonl import typed_lines
from data_recipes.schema.dropped import Dropped
from domains.documents.passage import sentences
from domains.knowledge_base import KnowledgeBase


class WrittenQuestion(BaseModel):
    """A question about a passage.

    Attributes:
        id: Of the passage.
        sha256: Of its text: a question about a text that has changed since is not asked.
        question: The question.
        sentences: Numbers of the sentences that answer it, from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    sha256: str
    question: str = Field(min_length=1)
    sentences: tuple[PositiveInt, ...] = Field(min_length=1)


def read_written(path: Path | None, kb: KnowledgeBase) -> tuple[Mapping[str, Sequence[WrittenQuestion]], list[Dropped]]:
    """The questions of a file by passage, and those that no longer fit the folder; none without a file.

    Raises:
        UserError: A line is damaged.
    """
    written: dict[str, list[WrittenQuestion]] = defaultdict(list)
    dropped = []
    for number, (_, line) in enumerate(typed_lines(path, WrittenQuestion) if path else (), 1):
        entry = kb.by_id.get(line.id)
        if entry is None or sha256_text(entry.definition) != line.sha256:
            dropped.append(Dropped(f"written-{number}", "passage_has_changed"))
        elif max(line.sentences) > len(sentences(entry.definition)):
            dropped.append(Dropped(f"written-{number}", "no_such_sentence"))
        else:
            written[line.id].append(line)
    return written, dropped
