"""A model that rates answers: a causal base with one number in place of its vocabulary.

It is an ordinary model directory of transformers (``…ForSequenceClassification``, one label) with the prompt format
that it was trained with. An answer's reward is read at its last token, the stop token. Only differences between answers
to one prompt mean anything: training says nothing about their zero.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from common.errors import UserError
from models.artifact import Artifact, RewardArtifact
from models.config import DType
from models.conversation import Conversation
from models.loading import default_device, load_tokenizer
from models.numerics import compute_dtype
from models.prompt_format import PromptFormat

ROWS = 64
"""Conversations that are read at once."""


class RewardModel:
    """Rates answers.

    Args:
        model: The classifier.
        prompt_format: Its prompt format.
    """

    def __init__(self, model: PreTrainedModel, prompt_format: PromptFormat) -> None:
        self.model, self.prompt_format = model.eval(), prompt_format

    @classmethod
    def load(cls, path: Path, dtype: DType = "auto") -> "RewardModel":
        """Loads the reward model of a run, or of its ``reward/``.

        Raises:
            UserError: It is something else.
            Refused: A file was changed.
        """
        artifact = Artifact.load(path)
        if not isinstance(artifact, RewardArtifact):
            raise UserError(
                f"this is no reward model: {artifact.described[1]}",
                where=str(path),
                fix="give a run of stage reward: python training/run.py recipe=medical_reward",
            )
        directory = artifact.directory(path)
        artifact.check_files(directory)
        computed = compute_dtype(artifact.dtype if dtype == "auto" else dtype).dtype
        model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=computed, local_files_only=True)
        prompt_format = PromptFormat.load(directory, load_tokenizer(directory, artifact.base.hints))
        return cls(model.to(default_device()), prompt_format)

    def rate(self, conversations: Sequence[Conversation]) -> list[float]:
        """The reward of the last turn of each conversation.

        Raises:
            UserError: A conversation is longer than the context.
        """
        ids = [self.prompt_format.render(conversation, supervise="last").ids for conversation in conversations]
        context = int(self.model.config.max_position_embeddings)
        if ids and max(map(len, ids)) > context:
            raise UserError(
                f"an answer with its prompt has {max(map(len, ids))} tokens, and the reward model reads {context}",
                fix="lower policy.max_new_tokens, or train a reward model on a base with a longer context",
            )
        longest_first = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        found = [0.0] * len(ids)
        for start in range(0, len(ids), ROWS):
            rows = longest_first[start : start + ROWS]
            for row, reward in zip(rows, self._rated([ids[row] for row in rows]), strict=True):
                found[row] = reward
        return found

    def _rated(self, ids: Sequence[Sequence[int]]) -> list[float]:
        longest, device = max(map(len, ids)), self.model.device
        padded = torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=device)
        with torch.inference_mode():
            # the classifier looks for padding by its token, which an answer may end in; here the lengths are known
            read = self.model.base_model(input_ids=padded, attention_mask=mask, use_cache=False).last_hidden_state
            last = read[torch.arange(len(ids), device=device), mask.sum(1) - 1]
            rewards: list[float] = self.model.score(last)[:, 0].float().tolist()
        return rewards


def classifier_of(model_class: type[PreTrainedModel], config: Any) -> type[PreTrainedModel]:
    """The class that rates, for a causal language model.

    Raises:
        UserError: transformers has none for it, or one that is built otherwise.
    """
    mapping = AutoModelForSequenceClassification._model_mapping
    found = (
        mapping[type(config)]
        if model_class.__module__.startswith("transformers.") and type(config) in mapping
        else None
    )
    if found is None or found.base_model_prefix != model_class.base_model_prefix:
        raise UserError(
            f"transformers has no reward model for a {model_class.__name__}",
            where="model",
            fix="choose a base of another family, e.g. LLaMA, Qwen, GLM or the embedded model",
        )
    return found


def as_classifier(model: PreTrainedModel, head: torch.Tensor, prompt_format: PromptFormat) -> PreTrainedModel:
    """A causal language model with one number in place of its vocabulary; it shares the weights.

    Args:
        model: The model.
        head: What the number is made with, ``[1, hidden]``.
        prompt_format: Its prompt format, whose tokenizer pads.
    """
    config = type(model.config).from_dict(model.config.to_dict() | {"num_labels": 1})
    padding = prompt_format.tokenizer.pad_token_id
    config.pad_token_id = None if padding in prompt_format.stop_ids else padding
    with torch.device("meta"):
        rating = classifier_of(type(model), config)(config)
    setattr(rating, rating.base_model_prefix, model.base_model)
    score = nn.Linear(head.shape[1], 1, bias=False)
    score.weight = nn.Parameter(head.to(model.dtype))
    rating.score = score
    return rating.eval()


def save_classifier(rating: PreTrainedModel, directory: Path, prompt_format: PromptFormat) -> None:
    """Writes a model directory that ``AutoModelForSequenceClassification`` loads, with its prompt format."""
    rating.save_pretrained(directory)
    tokenizer = prompt_format.tokenizer
    tokenizer.chat_template = prompt_format.template
    tokenizer.save_pretrained(directory)
    prompt_format.save(directory)
