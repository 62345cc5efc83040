"""What a model is asked: turns of a conversation. Apart from what renders them, so that it costs no library."""

from collections.abc import Sequence
from typing import Protocol


class Turn(Protocol):
    """What the renderer needs of a message."""

    @property
    def role(self) -> str:
        """``system``, ``user`` or ``assistant``."""
        ...

    @property
    def content(self) -> str:
        """The text."""
        ...


Conversation = Sequence[Turn]
