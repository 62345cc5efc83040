"""Prompt tuning (arXiv:2104.08691): trained embeddings before the text, in the first layer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from training.methods.prompt import PromptConfig, PromptMethod

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

    from training.base import Base


class PromptTuningConfig(PromptConfig):
    """A prompt of virtual tokens.

    Attributes:
        quantisation: ``nf4`` trains the prompt on a quantised base; null on the plain one.
        prompt_length: Number of virtual tokens.
        start: Their first embeddings: ``random`` tokens of the vocabulary, or the first tokens of the conversations to
            be trained on (``text``).
    """

    kind: Literal["prompt_tuning"] = "prompt_tuning"
    start: Literal["random", "text"] = "text"


class PromptTuning(PromptMethod[PromptTuningConfig]):
    """Trained embeddings before the text."""

    config = PromptTuningConfig
    described = ("输入前的可训练软提示", "a trained prompt before the text")

    def attach(self, model: PreTrainedModel, config: PromptTuningConfig) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds embeddings of random tokens; see ``Method.attach``."""
        import peft

        from models.soft_prompt import about_the_text
        from training.methods.first_tokens import random_tokens

        ids = random_tokens(model, config.prompt_length)
        settings = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=config.prompt_length)
        prompted = about_the_text(peft.get_peft_model(model, settings))
        start_from(prompted, ids)
        return prompted

    def start(
        self, model: PreTrainedModel | PeftModel, config: PromptTuningConfig, texts: Sequence[Sequence[int]], base: Base
    ) -> None:
        """See ``Method.start``."""
        from training.methods.first_tokens import first_tokens

        if config.start == "text":
            start_from(model, first_tokens(texts, config.prompt_length, "method.prompt_length"))


def start_from(model: PreTrainedModel | PeftModel, ids: torch.Tensor) -> None:
    """Makes the prompt the embeddings of some tokens, ``[1, prompt_length]``, as the base computes them."""
    import torch

    (prompt,) = model.prompt_encoder.values()
    with torch.no_grad():
        prompt.embedding.weight.copy_(model.word_embeddings(ids.to(prompt.embedding.weight.device))[0])
