"""What takes the place of a model that could not be loaded, so that rules still answer emergencies."""

from collections.abc import Sequence

from app.backends.backend import AnswerStream, ModelMissing
from models.conversation import Conversation, Prompt
from models.engines.engine import Sampling


class MissingModel:
    """Answers nothing; see ``Backend``.

    Args:
        model_version: Name of what could not be loaded.
    """

    busy = False
    waiting = 0

    def __init__(self, model_version: str) -> None:
        self.model_version = model_version

    @property
    def context_length(self) -> int:
        """See ``Backend.context_length``."""
        raise ModelMissing

    async def count(self, conversation: Conversation) -> int:
        """See ``Backend.count``."""
        raise ModelMissing

    async def prompt_ids(self, conversation: Conversation) -> list[int]:
        """See ``Backend.prompt_ids``."""
        raise ModelMissing

    async def encode(self, text: str, *, beginning: bool) -> list[int]:
        """See ``Backend.encode``."""
        raise ModelMissing

    async def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """See ``Backend.decode``."""
        raise ModelMissing

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AnswerStream:
        """See ``Backend.stream``."""
        raise ModelMissing

    async def ready(self) -> bool:
        """See ``Backend.ready``."""
        raise ModelMissing

    async def start(self) -> None:
        """There is nothing to start."""

    def drain(self) -> None:
        """There is nothing to finish."""

    async def close(self) -> None:
        """There is nothing to free."""
