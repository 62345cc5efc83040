"""P-Tuning (arXiv:2103.10385): a prompt that a small network makes; the result is the prompt alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.prompt import PromptConfig, PromptMethod

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from training.trainer.companion import Companion


class PTuningConfig(PromptConfig):
    """A prompt of virtual tokens, and the network that makes it in training.

    Attributes:
        quantisation: ``nf4`` trains the prompt on a quantised base; null on the plain one.
        prompt_length: Number of virtual tokens.
        encoder: ``lstm``: two layers in both directions and a head, as in the paper; ``mlp``: three linear layers.
        encoder_width: Hidden size of the network; null for that of the model.
    """

    kind: Literal["ptuning"] = "ptuning"
    encoder: Literal["lstm", "mlp"] = "lstm"
    encoder_width: int | None = Field(None, ge=1)


class PTuning(PromptMethod[PTuningConfig]):
    """A trained prompt before the text, made by a network that is not needed afterwards."""

    config = PTuningConfig
    described = ("由小网络生成的软提示", "a prompt that a small network makes")

    def attach(self, model: PreTrainedModel, config: PTuningConfig) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds the network; see ``Method.attach``."""
        import peft

        from models.soft_prompt import about_the_text

        settings = peft.PromptEncoderConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=config.prompt_length,
            encoder_reparameterization_type=config.encoder.upper(),
            encoder_hidden_size=config.encoder_width or model.config.hidden_size,
        )
        return about_the_text(peft.get_peft_model(model, settings))

    def companion(self, model: PreTrainedModel | PeftModel, config: PTuningConfig) -> Companion:
        """Keeps the network, of which peft saves only the prompt; see ``Method.companion``."""
        from training.trainer.companion import Companion

        return Companion(model)
