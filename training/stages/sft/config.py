"""The typed schema of recipes that tune a language model, and of those that tune it on conversations."""

from typing import Literal

import yaml
from pydantic import model_validator

from common.command import Config
from common.groups import CONFIGS, options_of
from domains.domain import DOMAINS, find_domain
from eval.config import SuiteConfig
from models.config import ModelConfig
from training.config import MergeConfig, SequenceTrainConfig, StageConfig, TrainConfig
from training.methods import METHODS, AnyMethodConfig


class AdapterConfig(Config):
    """What training begins with.

    Attributes:
        path: A run, ``runs/NAME/latest``, or the folder of an adapter or prefix: training goes on from its values, on
            the same base and with the same method, rank and targets. Null starts again.
    """

    path: str | None = None


class LanguageModelConfig(StageConfig):
    """What every stage reads that tunes a language model.

    Attributes:
        method: How the base is tuned.
        adapter: What training begins with.
        merge: How what was trained becomes part of the weights.
        retention: The exam that base and tuned model are asked, to show what was forgotten; where its path is given.
    """

    model: ModelConfig
    method: AnyMethodConfig
    adapter: AdapterConfig = AdapterConfig()
    train: TrainConfig = TrainConfig()
    merge: MergeConfig = MergeConfig()
    retention: SuiteConfig | None = None

    @property
    def exams(self) -> list[SuiteConfig]:
        """What is asked of published exams after training."""
        suite = [self.suite] if self.suite.exam else []
        return [*suite, self.retention] if self.retention and self.retention.path else suite

    @model_validator(mode="after")
    def _retention_is_an_exam(self) -> "LanguageModelConfig":
        if self.retention is not None and self.retention.exam is None:
            raise ValueError("retention: choose an exam, e.g. suite@retention=general")
        return self

    @model_validator(mode="after")
    def _corpus_can_be_read(self) -> "LanguageModelConfig":
        corpus = self.model.embedded.corpus if self.model.embedded else None
        readable = [name for name in DOMAINS if find_domain(name).has_prose]
        if corpus is not None and corpus not in readable:
            raise ValueError(
                f"model.embedded.corpus: {corpus} is not a domain with prose; available: {', '.join(readable)}"
            )
        return self

    @model_validator(mode="after")
    def _method_goes_on(self) -> "LanguageModelConfig":
        if self.adapter.path is not None and (why := METHODS[self.method.kind].why_not_continued(self.method)):
            raise ValueError(f"adapter.path does not work with {self.method.kind}: {why}")
        return self

    @model_validator(mode="after")
    def _rate_is_known(self) -> "LanguageModelConfig":
        method = METHODS[self.method.kind]
        if self.train.learning_rate == "auto" and method.rate_over_full(self.method) is None:
            known = ", ".join(choice for choice in options_of("method") if _rate_is_known(choice))
            raise ValueError(
                f"train.learning_rate=auto is known for method={known}, not for {method.title(self.method)}; give a "
                "number"
            )
        return self

    @model_validator(mode="after")
    def _packing_needs_attention_isolation(self) -> "LanguageModelConfig":
        if self.train.packing and not METHODS[self.method.kind].isolates_packed_rows:
            raise ValueError(
                f"train.packing=true does not work with {self.method.kind}: packed examples would see each other "
                "through it; set train.packing=false"
            )
        return self

    @model_validator(mode="after")
    def _checkpointing_needs_layers_that_can_be_recomputed(self) -> "LanguageModelConfig":
        if self.train.gradient_checkpointing and not METHODS[self.method.kind].recomputes_layers:
            raise ValueError(
                f"train.gradient_checkpointing=true does not work with {self.method.kind}: a layer that is computed "
                "again would not see what it adds; to need less memory, lower train.batch_size"
            )
        return self

    @model_validator(mode="after")
    def _dev_loss_selects_among_results(self) -> "LanguageModelConfig":
        if self.train.follows_dev_loss and not METHODS[self.method.kind].any_step_is_a_result:
            raise ValueError(
                f"train.keep_best and train.early_stopping do not work with {self.method.kind}: the values of an "
                "earlier step still have the ranks that its schedule takes away; omit both"
            )
        return self


def _rate_is_known(choice: str) -> bool:
    """Whether ``train.learning_rate=auto`` works with ``method=`` and this choice."""
    values = yaml.safe_load((CONFIGS / "method" / f"{choice}.yaml").read_text(encoding="utf-8"))
    method = METHODS[values["kind"]]
    return method.rate_over_full(method.config.model_validate(values)) is not None


class SftConfig(LanguageModelConfig):
    """Everything that tuning a language model on conversations reads."""

    stage: Literal["sft"] = "sft"
    train: SequenceTrainConfig = SequenceTrainConfig()
