"""What models answered."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ModelAnswer(BaseModel):
    """What a model did with one item.

    Attributes:
        finish_reason: ``stop``, ``length`` (cut) or ``too_long`` (the item does not fit the context: answered with the
            empty text, which scores 0, and without a loss).
        tokens: Tokens of the answer.
        logprob: Log-probability of the reference answer, nats; minus infinity where a diverged model gives no number,
            None where it was not measured.
        reference_tokens: Tokens of the reference answer, its stop token included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")
    text: str
    finish_reason: Literal["stop", "length", "too_long"] = "stop"
    tokens: int = 0
    logprob: float | None = None
    reference_tokens: int = 0


class SystemResult(BaseModel):
    """All answers of one model, by suite, in the order of the suite's items."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")
    model_version: str
    answers: dict[str, tuple[ModelAnswer, ...]]
