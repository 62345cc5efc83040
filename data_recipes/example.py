"""One training or test item, the unit every recipe produces and every suite consumes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user", "assistant"]


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    role: Role
    content: str = Field(min_length=1)


class Example(BaseModel):
    """A conversation whose last turn is the answer to learn (train) or the reference (test).

    Attributes:
        id: Unique within the dataset and stable between builds.
        messages: Optional system turn, then user and assistant turns in alternation; the last one is the assistant's.
        source: Name of the source it was made from, e.g. ``knowledge_base``.
        group: What must not straddle the split, e.g. the entity id or a near-duplicate cluster.
        kind: Question type for the report, e.g. ``症状``, ``reverse``, ``emergency``.
        facts: Phrases that a right answer contains; empty where the source has none.
        grounding: Ids of the knowledge base entries the answer rests on.
        behaviour: What the right answer does beyond stating facts: ``answer``, ``refuse`` (the knowledge base does not
            say) or ``emergency`` (starts with seeking care at once).
        phrasing: Which phrasing asked it, where the recipe knows; phrasings kept for testing never occur in training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    messages: tuple[Message, ...] = Field(min_length=2)
    source: str
    group: str
    kind: str
    facts: tuple[str, ...] = ()
    grounding: tuple[str, ...] = ()
    behaviour: Literal["answer", "refuse", "emergency"] = "answer"
    phrasing: str = ""

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The turns before the answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The last assistant turn."""
        return self.messages[-1].content
