"""In-context instruction learning: one fixed prompt of other tasks (Ye et al. 2023, arXiv 2302.14691).

The rules of the paper: demonstrations are classification tasks whose instruction names the answer choices; no choice
occurs in two of them; each has at most 256 tokens, counted here as characters, since no Chinese tokenizer makes more
tokens than that; they come in the order of their number of choices; the same prompt serves every item.
"""

from itertools import combinations
from pathlib import Path
from random import Random

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import UserError
from data_recipes.leakage.normalise import normalise

SHIPPED = Path(__file__).parent / "cross_task.yaml"
LONGEST = 256


class TaskDemonstration(BaseModel):
    """One task by one example.

    Attributes:
        task: Its name.
        choices: The possible answers.
        instruction: What is to be done; it names the choices.
        input: The example.
        output: Its right answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    task: str
    choices: tuple[str, ...] = Field(min_length=2)
    instruction: str
    input: str
    output: str

    @property
    def text(self) -> str:
        """As it is in the prompt."""
        return f"任务：{self.instruction}\n输入：{self.input}\n输出：{self.output}"


class DemonstrationFile(BaseModel):
    """A file of demonstrations."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    demonstrations: tuple[TaskDemonstration, ...] = Field(min_length=1)


def load(path: Path) -> list[TaskDemonstration]:
    """Reads a file of demonstrations.

    Raises:
        UserError: It is missing or damaged, or a single demonstration breaks a rule.
    """
    if not path.is_file():
        raise UserError("the file does not exist", where=str(path), fix="give source.demonstrations_path=…")
    try:
        read = DemonstrationFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise UserError(f"not demonstrations: {' '.join(str(error).split())}", where=str(path), fix="fix it") from None
    for one in read.demonstrations:
        if flaw := _flaw(one):
            raise UserError(flaw, where=f"{path}: {one.task}", fix="fix it")
    return list(read.demonstrations)


def _flaw(one: TaskDemonstration) -> str:
    if one.output not in one.choices:
        return "the output is none of the choices"
    if missing := [choice for choice in one.choices if choice not in one.instruction]:
        return f"the instruction does not name {', '.join(missing)}"
    return f"longer than {LONGEST} characters" if len(one.text) > LONGEST else ""


def select(pool: list[TaskDemonstration], number: int, without: set[str], seed: int) -> list[TaskDemonstration]:
    """The demonstrations of the prompt.

    Args:
        pool: The available ones.
        number: How many to choose; the paper has 8.
        without: Normalised texts and task names of the evaluation: no demonstration may be of its tasks.
        seed: Of the choice.

    Raises:
        UserError: The rules leave too few.
    """
    found: list[TaskDemonstration] = []
    for one in Random(seed).sample(pool, len(pool)):
        taken = {choice for other in found for choice in other.choices} | {other.task for other in found}
        own = {one.task, normalise(one.input)}
        if own & without or taken & {one.task, *one.choices}:
            continue
        found.append(one)
        if len(found) == number:
            break
    if len(found) < number:
        raise UserError(
            f"the rules leave {len(found)} demonstrations, {number} are needed",
            where="source.demonstrations",
            fix="ask for fewer, or give source.demonstrations_path=… with more tasks",
        )
    assert not any(set(a.choices) & set(b.choices) for a, b in combinations(found, 2))
    return sorted(found, key=lambda one: len(one.choices))


def shown(demonstrations: list[TaskDemonstration]) -> str:
    """The fixed prompt."""
    return "\n\n".join(["下面是几个任务的示例。", *(one.text for one in demonstrations), "现在完成新的任务。"])
