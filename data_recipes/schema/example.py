"""One training or test item, the unit every recipe produces and every evaluation consumes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Role = Literal["system", "user", "assistant"]
TEXT = "text"
"""Role of the only message of a document, which is no conversation."""

NO_REFERENCE = "（没有参考答案）"  # stands for the answer to a question that came without one
ONLY_BEHAVIOUR = "（只判断该怎么做）"  # stands for the answer where only the behaviour of an answer is judged
HEAD_OF_DEMONSTRATIONS = "参考下面的示例作答。"
GIVEN = ("只根据下面的资料回答，并注明资料编号", HEAD_OF_DEMONSTRATIONS)
"""How the part of a system turn opens that only gives a model something to read: a block of entries, demonstrations.

They are the same before many questions, also on both sides of a split, and are not part of any.
"""


class Message(BaseModel):
    """One turn of a conversation, or a document."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    role: Role | Literal["text"]
    content: str = Field(min_length=1)


class Passage(BaseModel):
    """A text that holds the answer, for extractive question answering.

    Attributes:
        context: The text, e.g. a review.
        question: What is asked about it.
        spans: Character positions (start, end) in ``context``, one for each reference; none where the text does not
            answer the question.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    context: str
    question: str
    spans: tuple[tuple[int, int], ...] = ()


class Example(BaseModel):
    """A conversation whose last turn is the answer to learn (train) or the reference (test); or a document.

    Attributes:
        id: Unique within the dataset and stable between builds.
        messages: Optional system turn, then user and assistant turns in alternation; the last one is the assistant's.
            Of a document one message, with the role ``text``.
        source: Name of the source it was made from, e.g. ``knowledge_base``.
        group: What must not straddle the split, e.g. the entity id or a near-duplicate cluster.
        kind: Question type for the report, e.g. ``症状``, ``reverse``, ``emergency``.
        facts: Phrases that a right answer contains; empty where the source has none.
        grounding: Ids of the knowledge base entries the answer rests on.
        behaviour: What the right answer does beyond stating facts: ``answer``, ``refuse`` (the knowledge base does not
            say) or ``emergency`` (tells the reader to get emergency help now).
        phrasing: Which phrasing asked it, where the recipe knows; phrasings kept for testing never occur in training.
        split: The split that the source prescribes, e.g. a published test set; empty where the recipe draws it.
        references: Further right answers besides the last turn, e.g. a second annotator's.
        result: What a checker compares: the number, the option's letter or the label that the answer ends in.
        choices: The options of a multiple-choice question, in the order A, B, C, …
        rejected: A worse answer to the same prompt, for preference training.
        passage: The text to extract the answer from, for extractive question answering.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    messages: tuple[Message, ...] = Field(min_length=1)
    source: str
    group: str
    kind: str
    facts: tuple[str, ...] = ()
    grounding: tuple[str, ...] = ()
    behaviour: Literal["answer", "refuse", "emergency"] = "answer"
    phrasing: str = ""
    split: str = ""
    references: tuple[str, ...] = ()
    result: str = ""
    choices: tuple[str, ...] = ()
    rejected: str = ""
    passage: Passage | None = None

    @model_validator(mode="after")
    def _a_conversation_or_a_document(self) -> "Example":
        if (len(self.messages) == 1) != any(message.role == TEXT for message in self.messages):
            raise ValueError("a conversation has at least two turns, a document is one message with the role text")
        return self

    @property
    def is_text(self) -> bool:
        """Whether this is a document, of which every word is learned and nothing is asked."""
        return self.messages[0].role == TEXT

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The turns before the answer; a document has none."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The last assistant turn, or the document."""
        return self.messages[-1].content

    @property
    def has_reference(self) -> bool:
        """Whether there is an answer to learn from or to compare with."""
        return self.answer not in (NO_REFERENCE, ONLY_BEHAVIOUR)

    @property
    def is_judged(self) -> bool:
        """Whether anything about an answer can be judged: what it says, or at least what it does."""
        return self.answer != NO_REFERENCE
