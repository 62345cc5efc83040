"""An exam: its items with the texts that are completed, read from the folder that its authors publish."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from common.errors import UserError
from common.hashing import sha256_file, sha256_value
from data_recipes.dataset.dataset import BuiltDataset
from data_recipes.formats.tables import read_table
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Counts, DatasetManifest, Description, SourceFile
from data_recipes.schema.splits import TRAIN
from data_recipes.sources.published.multiple_choice import LICENCES, ExamFile, MultipleChoiceSource, exam_files
from eval.config import ExamConfig, SuiteConfig
from eval.exams.published import AFTER_EXAMPLE, ANSWER, BEFORE_LETTER, EXAMS, LETTERS, subject_names
from eval.suites import choose


class ExamItem(NamedTuple):
    """One question.

    Attributes:
        example: The question as it is asked alone, and the right letter.
        context: The text that the letters are compared after: instruction, examples, question.
    """

    example: Example
    context: str

    @property
    def key(self) -> str:
        """What the probabilities of its options are known by."""
        return sha256_value([self.context, self.continuations])

    @property
    def continuations(self) -> list[str]:
        """What may follow the context, one per option."""
        return [f"{BEFORE_LETTER}{letter}" for letter in LETTERS]


@dataclass(frozen=True)
class Exam:
    """An exam that is to be asked.

    Attributes:
        config: How.
        name: Of the suite.
        folder: Where its files are.
        files: The files.
        items: The questions.
        examples: What is shown before each question, by subject.
    """

    config: ExamConfig
    name: str
    folder: Path
    files: tuple[Path, ...]
    items: tuple[ExamItem, ...]
    examples: Mapping[str, tuple[Example, ...]]

    @property
    def scored(self) -> dict[str, tuple[ExamItem, ...]]:
        """What is asked by log-probability, by suite of the report."""
        return {f"{self.name}_logprob": self.items} if "logprob" in self.config.by else {}

    @property
    def generated(self) -> dict[str, list[Example]]:
        """What is asked for an answer, by suite of the report."""
        return (
            {f"{self.name}_generated": [item.example for item in self.items]} if "generated" in self.config.by else {}
        )

    @cached_property
    def sha256(self) -> str:
        """Of everything that is asked, with the right letters."""
        return sha256_value([(item.key, item.example.result) for item in self.items])

    @property
    def told(self) -> str:
        """What a report says about it: whose prompt, which files, which examples."""
        published = EXAMS[self.config.format]
        examples = ", ".join(example.id for shown in self.examples.values() for example in shown)
        return (
            f"{self.config.format} of {self.folder}, SHA-256 {self.sha256}; asked as lm-evaluation-harness 0.4.13 "
            f"asks task {published.task} {published.version}; examples by log-probability: {examples or 'none'}"
        )

    @property
    def descriptions(self) -> dict[str, Description]:
        """What each of its suites shows."""
        shots, exam = self.config.shots, self.config.format.upper()
        zh, en = ("、".join(self.examples), ", ".join(self.examples))
        found = {
            f"{self.name}_logprob": Description(
                zh=f"{exam}（{zh}），{shots} 个示例，取对数概率最大的选项",
                en=f"{exam} ({en}), {shots} examples; the option with the highest log-probability",
            ),
            f"{self.name}_generated": Description(
                zh=f"{exam}（{zh}），无示例，取生成的回答中的选项",
                en=f"{exam} ({en}), no examples; the option that the generated answer gives",
            ),
        }
        return {suite: found[suite] for suite in (*self.scored, *self.generated)}

    def dataset(self) -> BuiltDataset:
        """The exam as a dataset of test items, for a report about nothing else."""
        manifest = DatasetManifest(
            name=self.name,
            about=Description(zh="公布的考试题，只用于评测", en="a published exam, for evaluation only"),
            licence=LICENCES[self.config.format],
            code="",
            seed=0,
            config=self.config.model_dump(mode="json"),
            counts=Counts(read=len(self.items), kept=len(self.items), dropped={}),
            splits={"test": len(self.items)},
            descriptions={},
            sources=[SourceFile(path=file.name, sha256=sha256_file(file), rows=None) for file in self.files],
            overlap={},
            sha256=self.sha256,
        )
        return BuiltDataset(self.folder, manifest, {"test": [item.example for item in self.items]})


def read_exam(suite: SuiteConfig) -> Exam:
    """Reads the items of a suite and the examples before them.

    Raises:
        UserError: No folder is given, it is none of this exam, a row is damaged, an answer is none of the options, or
            there are too few examples.
    """
    config = suite.exam
    assert config is not None
    if suite.path is None:
        raise UserError(
            "the questions of this exam are not part of Xinglin",
            where="suite.path",
            fix=f"give suite.path=DIR, the folder of {config.format} as its authors publish it",
        )
    folder = suite.path.expanduser()
    files = exam_files(
        MultipleChoiceSource(kind="multiple_choice", path=str(folder), format=config.format, subjects=config.subjects)
    )
    subjects = dict.fromkeys(file.subject for file in files if file.split != TRAIN)
    shown = {subject: _examples(files, subject, config) for subject in subjects}
    items = [item for subject in subjects for item in _items(files, subject, config, shown[subject])]
    chosen = {example.id for example in choose([item.example for item in items], suite)}
    asked = [item for item in items if item.example.id in chosen]
    examples = {subject: tuple(shown[subject]) for subject in dict.fromkeys(item.example.kind for item in asked)}
    return Exam(config, suite.name, folder, tuple(file.path for file in files), tuple(asked), examples)


def _examples(files: Sequence[ExamFile], subject: str, config: ExamConfig) -> list[Example]:
    """The first questions of the dev file, as the harness takes them."""
    found = [
        example for file in files if (file.split, file.subject) == (TRAIN, subject) for example in _read(file, config)
    ]
    if len(found) < config.shots:
        raise UserError(
            f"{subject} has {len(found)} examples in its dev file, and {config.shots} are to be shown",
            where="suite.exam.shots",
            fix=f"suite.exam.shots={len(found)}",
        )
    return found[: config.shots]


def _items(files: Sequence[ExamFile], subject: str, config: ExamConfig, shown: Sequence[Example]) -> Iterator[ExamItem]:
    before = instruction(config, subject)
    solved = [f"{_question(example, before)}{BEFORE_LETTER}{example.result}{AFTER_EXAMPLE}" for example in shown]
    for file in files:
        if file.subject == subject and file.split != TRAIN:
            for example in _read(file, config):
                yield ExamItem(example, "".join([before, *solved, _question(example, before)]))


def instruction(config: ExamConfig, subject: str) -> str:
    """What comes before the questions of a subject.

    Raises:
        UserError: The exam has no such subject.
    """
    names = subject_names()[config.format]
    if subject not in names:
        raise UserError(
            f"{config.format} has no subject {subject}",
            where="suite.path",
            fix="name the files as its authors do, or choose others with suite.exam.subjects=[…]",
        )
    return EXAMS[config.format].instruction.format(subject=names[subject])


def _question(example: Example, before: str) -> str:
    return example.prompt[0].content.removeprefix(before)


def _read(file: ExamFile, config: ExamConfig) -> Iterator[Example]:
    """The questions of a file, as they are: figures compare only where every character does.

    Raises:
        UserError: A row is damaged, or its answer is none of the options.
    """
    published, before = EXAMS[config.format], instruction(config, file.subject)
    for number, (where, row) in enumerate(_rows(file.path, (published.question, *LETTERS, published.answer)), 1):
        question, right = row[published.question].strip(), row[published.answer]
        options = tuple(row[letter] for letter in LETTERS)
        if right not in tuple(LETTERS) or not question:
            problem = f"the answer {right!r} is none of {', '.join(LETTERS)}" if question else "there is no question"
            raise UserError(problem, where=where, fix="copy the file again")
        listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True))
        id = "-".join(filter(None, (file.subject, "dev" if file.split == TRAIN else "", str(number))))
        yield Example(
            id=id,
            messages=(
                Message(role="user", content=f"{before}{question}\n{listed}\n{ANSWER}"),
                Message(role="assistant", content=right),
            ),
            source=config.format,
            group=id,
            kind=file.subject,
            split=file.split,
            result=right,
            choices=options,
        )


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a file, each with ``file:line``. Spaces around a cell stay: the harness keeps those of options."""
    if path.suffix != ".csv":
        for line in read_table(path, columns):
            if isinstance(line, Dropped):
                raise UserError(f"this row cannot be read: {line.reason}", where=line.id, fix="copy the file again")
            yield line.where, line.row
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for row in reader:
                where = f"{path}:{reader.line_num}"
                if None in row or any(row.get(column) is None for column in columns):
                    problem = f"this row has other columns than {', '.join(columns)}"
                    raise UserError(problem, where=where, fix="copy the file again")
                yield where, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), fix="copy the file again") from None
