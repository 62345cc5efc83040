"""The typed schema of recipes that go on with the pre-training of a language model."""

from typing import Literal

from pydantic import Field, model_validator

from common.command import Config
from training.config import SequenceTrainConfig
from training.methods import METHODS
from training.stages.sft.config import LanguageModelConfig


class VocabularyConfig(Config):
    """Tokens that the vocabulary gets besides its own; by default none.

    Attributes:
        add: How many are learned from the training texts, as byte-pair encoding goes on from the merges that the
            tokenizer has; fewer where the texts have fewer pieces that occur ``min_count`` times.
        path: Or a file of words, one on a line; what a word is joined from is added, too.
        min_count: How often the training texts must have a piece that is learned.
    """

    add: int = Field(0, ge=0)
    path: str | None = None
    min_count: int = Field(8, ge=2)

    @property
    def grows(self) -> bool:
        """Whether there are any."""
        return self.add > 0 or self.path is not None

    @model_validator(mode="after")
    def _one_origin(self) -> "VocabularyConfig":
        if self.add and self.path is not None:
            raise ValueError("give vocabulary.add=N or vocabulary.path=FILE, not both")
        return self


class PretrainTrainConfig(SequenceTrainConfig):
    """How a language model goes on reading.

    Attributes:
        max_length: Tokens of a row. A longer document becomes several sequences; every token is supervised once.
        over_length: There is nothing to choose: no document is too long.
        supervise: Every token.
    """

    over_length: Literal["drop"] = "drop"
    supervise: Literal["all"] = "all"


class PretrainConfig(LanguageModelConfig):
    """Everything that a recipe of continued pre-training reads.

    Attributes:
        vocabulary: Tokens that the vocabulary gets first.
    """

    stage: Literal["pretrain"]
    train: PretrainTrainConfig = PretrainTrainConfig()
    vocabulary: VocabularyConfig = VocabularyConfig()

    @model_validator(mode="after")
    def _an_adapter_has_the_vocabulary_of_its_base(self) -> "PretrainConfig":
        if self.vocabulary.grows and self.adapter.path is not None:
            raise ValueError(
                "vocabulary does not work with adapter.path: the adapter was trained on a base without the new tokens; "
                "merge it and give the run as model.path, or leave vocabulary out"
            )
        return self

    @model_validator(mode="after")
    def _new_tokens_are_trained(self) -> "PretrainConfig":
        if self.vocabulary.grows and not METHODS[self.method.kind].trains_new_tokens:
            able = ", ".join(name for name, method in METHODS.items() if method.trains_new_tokens)
            raise ValueError(
                f"vocabulary does not work with {self.method.kind}: it would not train the embeddings of the new "
                f"tokens; these methods do: {able}"
            )
        return self
