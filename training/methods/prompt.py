"""What methods with a prompt of virtual tokens before the text have in common."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field

from training.methods.method import MethodConfig, PeftMethod


class PromptConfig(MethodConfig):
    """A prompt of virtual tokens.

    Attributes:
        quantisation: ``nf4`` trains the prompt on a quantised base; null on the plain one.
        prompt_length: Number of virtual tokens.
    """

    prompt_length: int = Field(32, ge=1)


P = TypeVar("P", bound=PromptConfig)


class PromptMethod(PeftMethod[P]):
    """Trained embeddings before the text, which stay beside the base."""

    result = "beside_base"
    why_not_merged = "a prompt cannot be merged into weights; it is loaded on top of the base model"
    isolates_packed_rows = False  # every example of a row would need the prompt before it

    def virtual_tokens(self, config: P) -> int:
        """See ``Method.virtual_tokens``."""
        return config.prompt_length
