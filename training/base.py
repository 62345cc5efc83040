"""The base model of a run: found, fetched or built, with everything that follows from its family."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from common.errors import UserError
from data_recipes.schema.example import Message
from domains.domain import find_domain
from models import embedded, stand_ins
from models.artifact import BaseRecord
from models.config import ModelConfig
from models.families.family import Checkpoint, ModelFamily
from models.gguf_import.unpacking import UnpackedRecord, gguf_of
from models.hub import hub_name, locate, refuse_missing
from models.loading import Quantisation, hash_model, load_model, load_prompt_format, open_checkpoint
from models.prompt_format import PromptFormat
from models.rehearsal import quantise_shapes
from training.config import StageConfig
from training.earlier_run import finished_run, model_of_run

PROBE = [Message(role="user", content="问"), Message(role="assistant", content="答")]
CHINESE = "medical"
"""The domain whose prose a model built here reads where its own domain has none: the largest Chinese one."""


@dataclass(frozen=True)
class Base:
    """A base model that has not been loaded yet.

    Attributes:
        name: Its name in the configuration.
        family: Its family.
        checkpoint: Its directory, with what the user says about it.
        prompt_format: How conversations are written for it.
        hub_name: ``owner/name``, where it came from a hub.
    """

    name: str
    family: ModelFamily
    checkpoint: Checkpoint
    prompt_format: PromptFormat
    hub_name: str | None = None

    @property
    def path(self) -> Path:
        """Its directory."""
        return self.checkpoint.directory

    @property
    def origin(self) -> Path:
        """The GGUF file that it was unpacked from, else its directory: what an artefact names."""
        record = UnpackedRecord.of(self.path)
        return Path(record.path) if record else self.path

    def shapes(self, dtype: torch.dtype, quantisation: Quantisation | None = None) -> PreTrainedModel:
        """The model as ``load`` gives it, without its weights; only ``config.json`` is read."""
        plan = self.family.plan(self.checkpoint)
        with torch.device("meta"):
            model = plan.model_class(plan.config).to(dtype)
        if quantisation:
            quantise_shapes(model)
        return model

    def load(
        self, dtype: torch.dtype, quantisation: Quantisation | None = None, device: torch.device | None = None
    ) -> PreTrainedModel:
        """Loads its weights; see ``load_model``."""
        hints = self.checkpoint.hints
        return load_model(self.path, dtype=dtype, quantisation=quantisation, hints=hints, device=device)

    def record(self) -> BaseRecord:
        """What an artefact says about it."""
        hints = self.checkpoint.hints
        return BaseRecord(
            name=self.name,
            path=str(self.origin),
            sha256=hash_model(self.path),
            family=self.family.name,
            norm_head=hints.norm_head,
            rope_ratio=hints.rope_ratio,
        )


def check_base(run: StageConfig) -> None:
    """Checks the path of a base model before anything is built; no file is read whole, and no hub is asked.

    Raises:
        UserError: Nothing is there, or no model; or a run that has made none.
    """
    if run.model.path is None:
        return
    path = Path(run.model.path).expanduser()
    if finished_run(path):
        return
    refuse_missing(run.model.path)
    if isinstance(run.model, ModelConfig) and path.is_dir() and gguf_of(path) is None:
        open_checkpoint(path, run.model.hints)


def find_base(run: StageConfig, directory: Path | None = None) -> Base:
    """Finds a model by path, hub name or the run that made it, or builds one from the prose of the run's domain.

    Args:
        run: The run.
        directory: Where the model is, if that is already known.

    Raises:
        UserError: There is no such model, or its tokenizer does not fit the prompt format.
    """
    config = _model(run)
    path = directory or _directory(config, run)
    family, checkpoint = open_checkpoint(path, config.hints)
    prompt_format = load_prompt_format(path, config.hints, config.prompt_format)
    refuse_larger_tokenizer(prompt_format, int(family.plan(checkpoint).config.vocab_size), path)
    return Base(config.name, family, checkpoint, prompt_format, hub_name(config.path))


def refuse_larger_tokenizer(prompt_format: PromptFormat, vocabulary: int, directory: Path) -> None:
    """Refuses a tokenizer with tokens that the model has no embedding of.

    Special tokens that no text and no prompt has are allowed, such as those of images in Gemma 3.

    Args:
        prompt_format: With the tokenizer.
        vocabulary: Tokens that the model has embeddings of.
        directory: Of the model.

    Raises:
        UserError: A text or a prompt may have such a token.
    """
    tokenizer = prompt_format.tokenizer
    added = tokenizer.added_tokens_decoder
    used = {*prompt_format.render(PROBE).ids, *prompt_format.stop_ids}
    without = [
        (id, token)
        for token, id in tokenizer.get_vocab().items()
        if id >= vocabulary and (id in used or id not in added or not added[id].special)
    ]
    if without:
        id, token = min(without)
        raise UserError(
            f"the tokenizer is larger than the model, which has embeddings of {vocabulary} tokens: {len(without)} more "
            f"tokens, the first is {token!r} ({id})",
            where=str(directory),
            fix="give the tokenizer of this very model; for tokens of your own, train them: recipe=medical_pretrain "
            "vocabulary.path=FILE",
        )


def _model(run: StageConfig) -> ModelConfig:
    assert isinstance(run.model, ModelConfig)  # stages that tune a language model configure one
    return run.model


def _directory(config: ModelConfig, run: StageConfig) -> Path:
    if config.embedded is not None:
        reads = config.embedded.corpus or _reads(run)
        return embedded.build_or_reuse(_prose(run, reads), config.embedded.model_copy(update={"corpus": reads}))
    if config.stand_in is not None:
        return stand_ins.build_or_reuse(_prose(run, _reads(run)), config.stand_in)
    assert config.path is not None
    return model_of_run(Path(config.path).expanduser()) or locate(config.path)


def _reads(run: StageConfig) -> str:
    """The domain whose prose a model built for this run reads."""
    return run.domain if find_domain(run.domain).has_prose else CHINESE


def _prose(run: StageConfig, domain: str) -> list[str]:
    return find_domain(domain).prose(run.knowledge_folder if domain == run.domain else None)
