"""Suites of one's own: one YAML in ``configs/suite/`` that names a file of items, and that file, JSON lines.

An item has a question and what its answer is judged by: a reference answer, a result, or only what a right answer does
(``behaviour``) by the rule that it tests. docs/suites.md shows it on an example.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.errors import UserError
from common.groups import CONFIGS
from common.hashing import sha256_file, sha256_value
from data_recipes.dataset.dataset import BuiltDataset
from data_recipes.formats.jsonl import typed_lines
from data_recipes.schema.example import ONLY_BEHAVIOUR, Example, Message
from data_recipes.schema.manifest import Counts, DatasetManifest, Description, SourceFile
from domains.mathematics.answers import is_checkable
from eval.config import SuiteConfig
from eval.inspect_runs import is_log, typed_samples

HELP = "docs/suites.md lists the keys of an item"


class OwnItem(BaseModel):
    """One line of the file.

    Attributes:
        id: Unique in the file; answers of several reports are compared by it.
        question: What is asked.
        kind: By which the report breaks scores down.
        rule: What the item tests, in a sentence; items of one rule succeed and fail together, so they are one group of
            the statistics. Empty where an item stands for itself.
        behaviour: What a right answer does: ``answer``, ``refuse`` (says that it does not know or may not say) or
            ``emergency`` (tells the reader to get help now).
        answer: A reference answer; without one only the behaviour and the result are judged.
        references: Further right answers.
        facts: Phrases that a right answer contains.
        result: The final number, or the letter of the right option.
        choices: The options of a multiple-choice question, in the order A, B, C, …; the question lists them, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    kind: str = Field(default="题目", min_length=1)
    rule: str = ""
    behaviour: Literal["answer", "refuse", "emergency"] | None = None
    answer: str | None = Field(default=None, min_length=1)
    references: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    result: str = ""
    choices: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if not (self.question.strip() and self.id.strip()):
            raise ValueError("id and question must not be blank")
        if self.answer is None and self.behaviour is None and not self.result:
            raise ValueError("nothing to judge an answer by: give answer, result or behaviour")
        if self.answer is None and (self.facts or self.references):
            raise ValueError("facts and references belong to an answer: give answer, too")
        letters = [chr(ord("A") + place) for place in range(len(self.choices))]
        if self.choices and self.result not in letters:
            raise ValueError(f"result is the letter of the right option, one of {', '.join(letters)}")
        if self.result and not is_checkable(self.result):
            raise ValueError(f"result {self.result!r} is no number and no letter of an option")
        return self

    def example(self) -> Example:
        """The item as everything else reads it."""
        answer = self.answer or (f"答案：{self.result}" if self.result else ONLY_BEHAVIOUR)
        return Example(
            id=self.id,
            messages=(Message(role="user", content=self.question), Message(role="assistant", content=answer)),
            source="items",
            group=self.rule or self.id,
            kind=self.kind,
            facts=self.facts,
            behaviour=self.behaviour or "answer",
            references=self.references,
            result=self.result,
            choices=self.choices,
        )


def file_of(suite: SuiteConfig) -> Path:
    """The file of a suite's items; a relative path is beside the suite's own YAML.

    Raises:
        UserError: There is no such file.
    """
    assert suite.items is not None
    path = CONFIGS / "suite" / suite.items.expanduser()
    if not path.is_file():
        raise UserError(
            "the items of this suite are missing",
            where=f"suite.items={suite.items}",
            fix=f"put the file into {CONFIGS / 'suite'}, or give its whole path",
        )
    return path


def read_items(suite: SuiteConfig) -> list[Example]:
    """All items of a suite of one's own.

    Raises:
        UserError: The file is missing or has no item, a line is damaged or has a wrong key, or an id or a question is
            there twice.
    """
    items: list[OwnItem] = []
    ids: dict[str, str] = {}
    questions: dict[str, str] = {}
    file = file_of(suite)
    for where, item in typed_samples(file, OwnItem) if is_log(file) else typed_lines(file, OwnItem, HELP):
        for name, value, seen in (("id", item.id, ids), ("question", item.question.strip(), questions)):
            if value in seen:
                raise UserError(
                    f"{name} {value!r} is in line {seen[value]} already", where=where, fix="each item is asked once"
                )
            seen[value] = where.rpartition(":")[2]
        items.append(item)
    if not items:
        raise UserError("there is no item in this file, only blank lines", where=str(file_of(suite)), fix=HELP)
    return [item.example() for item in items]


def told(suite: SuiteConfig) -> str:
    """What a report says about where the items are from."""
    return f"{suite.name} {suite.version}: {file_of(suite)}, SHA-256 {sha256_file(file_of(suite))}"


def own_dataset(suite: SuiteConfig) -> BuiltDataset:
    """The items as a dataset of test items, for a report about nothing else."""
    path, items = file_of(suite), read_items(suite)
    manifest = DatasetManifest(
        name=suite.name,
        about=suite.about or Description(zh="自带题目，只用于评测", en="items of one's own, for evaluation only"),
        code="",
        seed=0,
        config={"version": suite.version},
        counts=Counts(read=len(items), kept=len(items), dropped={}),
        splits={"test": len(items)},
        descriptions={},
        sources=[SourceFile(path=path.name, sha256=sha256_file(path), rows=len(items))],
        overlap={},
        sha256=sha256_value([item.model_dump() for item in items]),
    )
    return BuiltDataset(path.parent, manifest, {"test": items})
