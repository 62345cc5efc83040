"""FLAN-style templates: a task, its fields, and several ways to put it; some ask for the question from the answer.

Each file of ``tasks/`` is one task. The instruction is in the system turn; in the user turn only a few characters
may be between the fields, or all questions would share runs of 13 characters and none could be told apart.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import UserError
from data_recipes.leakage.normalise import RUN, normalise
from data_recipes.schema.example import Example, Message
from data_recipes.sources.derived.points import point

SHIPPED = Path(__file__).parent / "tasks"
FIELDS = ("question", "answer", "result", "options", "option", "kind", "facts", "context", "asked", "labels")
LETTERS = "ABCDEFGH"
_FIELD = re.compile(r"\{(\w+)\}")


class Template(BaseModel):
    """One way to put a task.

    Attributes:
        name: Unique within the task.
        use: ``train``, or ``test``: never trained.
        inverted: Whether it asks for the question and gives the answer; never used in tests.
        system: The instruction.
        user: The fields that are given.
        answer: The answer to learn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1)
    use: Literal["train", "test"] = "train"
    inverted: bool = False
    system: str
    user: str
    answer: str


class Task(BaseModel):
    """A task and its templates.

    Attributes:
        version: Raised with every change of a wording.
        task: Its name.
        cluster: Tasks of one cluster are similar: they are trained together or held out together.
        sources: Names of the sources whose rows it is for; empty for any that has the fields.
        needs: Fields that a row must have.
        labels: The possible answers, for classification; rows with another ``kind`` do not belong to the task.
        templates: The ways to put it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int = Field(ge=1)
    task: str = Field(pattern=r"^\w+$")
    cluster: str = Field(pattern=r"^\w+$")
    sources: tuple[str, ...] = ()
    needs: tuple[str, ...] = Field(min_length=1)
    labels: tuple[str, ...] = ()
    templates: tuple[Template, ...] = Field(min_length=2)

    @cached_property
    def trained(self) -> list[Template]:
        """The templates for training."""
        return [template for template in self.templates if template.use == "train"]

    @cached_property
    def tested(self) -> list[Template]:
        """The templates for tests of a task that is trained too."""
        return [template for template in self.templates if template.use == "test"]

    def takes(self, example: Example, fields: Mapping[str, str]) -> bool:
        """Whether a row belongs to the task."""
        if self.sources and example.source not in self.sources:
            return False
        return all(fields[name] for name in self.needs) and (not self.labels or fields["kind"] in self.labels)


def load(folder: Path) -> list[Task]:
    """Reads every task of a folder.

    Raises:
        UserError: There is none, or one is invalid; the message names the file.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise UserError("no task here", where=str(folder), fix="give the folder of the tasks' YAML files")
    tasks = [_read(path) for path in paths]
    if len({task.task for task in tasks}) < len(tasks):
        raise UserError("two tasks have the same name", where=str(folder), fix="rename one")
    return tasks


def _read(path: Path) -> Task:
    try:
        task = Task.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"not YAML: {' '.join(str(error).split())}", where=str(path), fix="fix it") from None
    except ValidationError as error:
        detail = error.errors()[0]
        raise UserError(
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}", where=str(path), fix="fix it"
        ) from None
    if flaw := _flaw(task):
        raise UserError(
            flaw, where=str(path), fix="see the comment at the top of data_recipes/sources/derived/task_templates.py"
        )
    return task


def _flaw(task: Task) -> str:
    names = [template.name for template in task.templates]
    if len(set(names)) < len(names):
        return "two templates have the same name"
    if not task.trained or not task.tested:
        return "expected templates for training and for tests"
    for template in task.templates:
        texts = (template.system, template.user, template.answer)
        used = {name for text in texts for name in _FIELD.findall(text)}
        if unknown := sorted(used - set(FIELDS)):
            return f"{template.name}: no such field: {', '.join(unknown)}; available: {', '.join(FIELDS)}"
        if any(len(normalise(text)) >= RUN for text in _FIELD.split(template.user)[::2]):
            return f"{template.name}: the user turn repeats {RUN} characters or more; move them into system"
        if template.inverted and template.use == "test":
            return f"{template.name}: inverted templates cannot be for tests"
        if not _FIELD.search(template.user) or not _FIELD.search(template.answer):
            return f"{template.name}: the user turn and the answer each need a field"
    return ""


def fields_of(example: Example, task: Task | None = None) -> dict[str, str]:
    """The fields of a row that templates can use; empty where it has none."""
    letters = LETTERS[: len(example.choices)]
    question = example.prompt[-1].content
    options = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, example.choices, strict=True))
    at = letters.find(example.result) if example.result else -1
    passage = example.passage
    return {
        "question": question.removesuffix(options).rstrip() if options else question,
        "answer": example.answer,
        "result": example.result,
        "options": options,
        "option": example.choices[at] if at >= 0 else "",
        "kind": example.kind,
        "facts": "、".join(example.facts),
        "context": passage.context if passage else "",
        "asked": passage.question if passage else "",
        "labels": "、".join(task.labels) if task else "",
    }


def choose(task: Task, example: Example, templates: list[Template], seed: int) -> Template:
    """The template for a row: the same one every time, all of them about equally often."""
    return templates[point(seed, task.task, example.id) % len(templates)]


def fill(task: Task, template: Template, example: Example) -> Example:
    """The row in the words of a template.

    An inverted row is judged by its text alone, for its answer is the question.
    """
    fields = fields_of(example, task)

    def filled(text: str) -> str:
        return _FIELD.sub(lambda field: fields[field[1]], text)

    changes: dict[str, object] = {
        "id": f"{task.task}/{example.id}",
        "messages": tuple(
            Message.model_validate({"role": role, "content": filled(text)})
            for role, text in (("system", template.system), ("user", template.user), ("assistant", template.answer))
        ),
        "kind": task.task,
        "phrasing": f"{task.task}.{template.name}",
        "passage": None if template.inverted else example.passage,
    }
    if task.labels:
        changes |= {"choices": task.labels, "result": "", "facts": (example.kind,), "references": ()}
    elif template.answer == "{option}":  # words, not a letter that could be checked
        changes |= {"result": "", "facts": (fields["option"],)}
    if template.inverted:
        changes |= {"result": "", "facts": (), "choices": (), "references": (), "grounding": (), "rejected": ""}
    return example.model_copy(update=changes)
