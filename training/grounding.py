"""What a run records of the entries in its prompts, so that its result is served with the same."""

from collections.abc import Sequence

from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import GroundingUsed
from models.artifact import NO_ENTRIES, GroundingRecord
from models.prompt_format import PromptFormat

QUESTION = Message(role="user", content="？")


def grounding_record(
    used: GroundingUsed | None, train: Sequence[Example], prompt_format: PromptFormat
) -> GroundingRecord | None:
    """The record of what a dataset says about its prompts; None where it does not say.

    Args:
        used: What the manifest says.
        train: The training split; its longest block of entries is the budget of the service.
        prompt_format: Counts the tokens.
    """
    if used is None:
        return None
    blocks = [example.messages[0] for example in train if example.messages[0].role == "system"]
    if used.kind == "none" or not blocks:
        return NO_ENTRIES
    longest = max(blocks, key=lambda block: len(block.content))
    tokens = len(prompt_format.render_prompt([longest, QUESTION])) - len(prompt_format.render_prompt([QUESTION]))
    return GroundingRecord(**used.model_dump(), budget=tokens)
