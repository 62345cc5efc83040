"""What a run records of the entries in its prompts."""

from collections.abc import Sequence

import pytest

from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import GroundingUsed
from models.artifact import NO_ENTRIES
from models.embedded import train_tokenizer
from models.prompt_format import PromptFormat
from training.grounding import grounding_record

USED = GroundingUsed(kind="entries", template="entries_1", sha256="ab" * 32, entries=3, attributes=2)


def row(system: str) -> Example:
    turns = [Message(role="user", content="问"), Message(role="assistant", content="答")]
    first = [Message(role="system", content=system)] if system else []
    return Example(id=system or "-", messages=(*first, *turns), source="s", group="g", kind="k")


@pytest.fixture(scope="module")
def prompt_format() -> PromptFormat:
    return PromptFormat.named("xinglin", train_tokenizer(["高血压的症状有头痛。"] * 3, 300))


def test_the_budget_is_the_longest_block_of_training(prompt_format: PromptFormat) -> None:
    rows: Sequence[Example] = [row("短"), row("高血压的症状有头痛。"), row("")]
    record = grounding_record(USED, rows, prompt_format)
    assert record is not None and record.model_dump(exclude={"budget"}) == USED.model_dump()
    text = rows[1].messages[0].content
    assert record.budget == len(prompt_format.tokenizer.encode(text, add_special_tokens=False)) + 1  # its role


def test_a_dataset_without_entries_and_one_that_does_not_say(prompt_format: PromptFormat) -> None:
    assert grounding_record(GroundingUsed(), [row("你是医生")], prompt_format) == NO_ENTRIES
    assert grounding_record(USED, [row("")], prompt_format) == NO_ENTRIES
    assert grounding_record(None, [row("资料")], prompt_format) is None
