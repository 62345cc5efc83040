"""The same row in several wordings: who answers, how politely it is asked, where the instruction is."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from common.errors import UserError
from data_recipes.leakage.normalise import RUN, normalise
from data_recipes.schema.example import Example, Message
from data_recipes.sources.derived.points import point

SHIPPED = Path(__file__).parent / "prompt_wordings.yaml"
QUESTION = "{question}"


class PromptWording(BaseModel):
    """One wording.

    Attributes:
        name: For the row's id and ``phrasing``.
        user: The user turn around ``{question}``.
        system: The system turn; used only where the row has none of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    user: str
    system: str = ""


class PromptWordings(BaseModel):
    """All wordings: those for training, and those that only tests use."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    train: tuple[PromptWording, ...]
    test: tuple[PromptWording, ...]


@cache
def wordings() -> PromptWordings:
    """The shipped wordings.

    Raises:
        UserError: One has no ``{question}``, or surrounding text so long that many questions would share a run.
    """
    found = PromptWordings.model_validate(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))
    for prompt in (*found.train, *found.test):
        beside = prompt.user.split(QUESTION)
        if len(beside) != 2 or any(len(normalise(text)) >= RUN for text in beside):
            problem = f"{prompt.name}: {{question}} must occur exactly once, with little text around it"
            raise UserError(problem, where=str(SHIPPED), fix="see there")
    return found


def chosen(example: Example, among: tuple[PromptWording, ...], number: int, seed: int) -> list[PromptWording]:
    """Different wordings for a row, the same ones every time."""
    return sorted(among, key=lambda prompt: point(seed, example.id, prompt.name))[:number]


def worded(example: Example, prompt: PromptWording) -> Example:
    """The row in another wording: its last question is worded differently; the answer and the group stay."""
    *before, question, answer = example.messages
    asked = Message(role="user", content=prompt.user.replace(QUESTION, question.content))
    if prompt.system and (not before or before[0].role != "system"):
        before = [Message(role="system", content=prompt.system), *before]
    return example.model_copy(
        update={
            "id": f"{example.id}~{prompt.name}",
            "messages": (*before, asked, answer),
            "phrasing": "/".join(filter(None, (example.phrasing, prompt.name))),
        }
    )
