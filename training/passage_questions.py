"""Writes a teacher's questions about a folder's passages, with a report."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from common.command import Config
from common.files import write_json, write_text
from data_recipes.teacher.passage_questions import PassageQuestionsConfig, WrittenQuestions, write_questions
from data_recipes.teacher.teacher import OpenAIConfig, RecordedTeacher, Teacher
from domains.documents.folder import load_folder
from domains.documents.passage import PassageEntry
from training.grow_instructions import LocalConfig


class WriteQuestionsConfig(Config):
    """``training/write_questions.py``.

    Attributes:
        folder: What ``source.path`` of ``data=grounded`` is.
    """

    teacher: Annotated[OpenAIConfig | LocalConfig, Field(discriminator="kind")]
    folder: Path
    ask: PassageQuestionsConfig
    out: str = Field(min_length=1)
    threads: int | None = Field(default=None, ge=1)


def run(config: WriteQuestionsConfig, teacher: Teacher) -> WrittenQuestions:
    """Asks about every passage that is not itself the answer to a question, and writes the questions.

    Raises:
        UserError: The folder or the record is damaged, or the teacher refuses.
    """
    out = Path(config.out).expanduser()
    kb = load_folder(config.folder.expanduser())
    limits = config.ask
    recorded = RecordedTeacher.in_folder(out, teacher, max_requests=limits.max_requests, max_tokens=limits.max_tokens)
    passages = [entry for entry in kb.entries if isinstance(entry, PassageEntry) and not entry.is_answer]
    written = write_questions(passages, recorded, config.ask)
    write_text(out / "questions.jsonl", "".join(f"{question.model_dump_json()}\n" for question in written.questions))
    report = {
        "teacher": teacher.name,
        "knowledge_sha256": kb.sha256,
        "ended": written.reached,
        "passages": written.passages,
        "questions": len(written.questions),
        "rejected": dict(sorted(written.rejected.items())),
        "requests": recorded.requests,
        "prompt_tokens": recorded.prompt_tokens,
        "completion_tokens": recorded.completion_tokens,
        "config": config.ask.model_dump(),
    }
    write_json(out / "report.json", report)
    return written
