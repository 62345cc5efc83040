"""What a model is asked. Apart from what renders it, so that it costs no library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Turn(Protocol):
    """What the renderer needs of a message."""

    @property
    def role(self) -> str:
        """``system``, ``user`` or ``assistant``; ``text`` of the only turn of a document."""
        ...

    @property
    def content(self) -> str:
        """The text."""
        ...


Conversation = Sequence[Turn]

TEXT = "text"
"""Role of a document, which is no conversation."""


@dataclass(frozen=True)
class Continuation:
    """A text that the model continues as it is, without a prompt format.

    Attributes:
        ids: Its token ids.
    """

    ids: tuple[int, ...]


Prompt = Conversation | Continuation
