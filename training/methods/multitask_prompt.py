"""Multitask prompt tuning (arXiv:2303.02861): a prompt that tasks share, which each scales by a product of rank 1.

The prompt of a task is its own after training, so it is saved as an ordinary one: whatever serves ``prompt_tuning``
serves it. The first task is the result; the prompts of the others are in folders of their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from training.methods.prompt import PromptConfig, PromptMethod

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel

    from training.base import Base
    from training.trainer.companion import Companion

ADAPTER = "default"
"""Peft's name of the only adapter."""


class MultitaskPromptConfig(PromptConfig):
    """A shared prompt, and two vectors per task.

    Attributes:
        quantisation: ``nf4`` trains the prompts on a quantised base; null on the plain one.
        prompt_length: Number of virtual tokens.
        tasks: The sources whose examples are each a task (``source`` of an example); the first one's prompt is the
            result. Empty: all examples are one task.
        start: The first embeddings of the shared prompt: ``random`` tokens of the vocabulary, or the first tokens of
            the conversations to be trained on (``text``).
    """

    kind: Literal["multitask_prompt"] = "multitask_prompt"
    tasks: list[str] = Field([])
    start: Literal["random", "text"] = "text"


class MultitaskPrompt(PromptMethod[MultitaskPromptConfig]):
    """A prompt per task, of which most is shared."""

    config = MultitaskPromptConfig
    described = ("多任务共享的软提示", "a prompt that tasks share")

    def tasks(self, config: MultitaskPromptConfig) -> Sequence[str]:
        """See ``Method.tasks``."""
        return config.tasks

    def attach(self, model: PreTrainedModel, config: MultitaskPromptConfig) -> PreTrainedModel | PeftModel:
        """Freezes the base and adds a prompt of random tokens, which no task changes yet; see ``Method.attach``."""
        import peft

        from models.soft_prompt import about_the_text
        from training.methods.first_tokens import random_tokens
        from training.methods.prompt_tuning import start_from
        from training.trainer.task_prompts import TaskPrompts

        ids = random_tokens(model, config.prompt_length)
        settings = peft.MultitaskPromptTuningConfig(
            task_type="CAUSAL_LM", num_virtual_tokens=config.prompt_length, num_tasks=max(1, len(config.tasks))
        )
        prompted = about_the_text(peft.get_peft_model(model, settings))
        prompted.prompt_encoder[ADAPTER] = TaskPrompts(prompted.prompt_encoder[ADAPTER], config.tasks)
        start_from(prompted, ids)
        return prompted

    def start(
        self,
        model: PreTrainedModel | PeftModel,
        config: MultitaskPromptConfig,
        texts: Sequence[Sequence[int]],
        base: Base,
    ) -> None:
        """See ``Method.start``."""
        from training.methods.first_tokens import first_tokens
        from training.methods.prompt_tuning import start_from

        if config.start == "text":
            start_from(model, first_tokens(texts, config.prompt_length, "method.prompt_length"))

    def companion(self, model: PreTrainedModel | PeftModel, config: MultitaskPromptConfig) -> Companion:
        """Keeps shared prompt and vectors for a resume; see ``Method.companion``."""
        from training.trainer.companion import Companion

        return Companion(model)

    def save(self, model: PreTrainedModel | PeftModel, directory: Path, base: Base, dtype: torch.dtype) -> None:
        """The prompt of the first task, and in folders of their names those of the others; see ``Method.save``."""
        prompts, settings = model.prompt_encoder[ADAPTER], model.peft_config[ADAPTER]
        for number, name in enumerate(prompts.tasks):
            folder = directory / name if number else directory
            folder.mkdir(exist_ok=True)
            _write(prompts.of(number), settings, folder, base)


def _write(prompt: torch.Tensor, trained: PeftConfig, directory: Path, base: Base) -> None:
    """Writes a prompt, ``[prompt_length, hidden]``, as peft's prompt tuning does."""
    import peft
    from safetensors.torch import save_file

    shape = ("num_virtual_tokens", "token_dim", "num_transformer_submodules", "num_attention_heads", "num_layers")
    settings = peft.PromptTuningConfig(
        task_type="CAUSAL_LM",
        inference_mode=True,
        base_model_name_or_path=base.hub_name or str(base.path),
        **{name: getattr(trained, name) for name in shape},
    )
    settings.save_pretrained(directory)
    save_file({"prompt_embeddings": prompt}, directory / "adapter_model.safetensors", metadata={"format": "pt"})
    base.prompt_format.save(directory)
