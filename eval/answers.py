"""What systems answered, and which systems these were."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

AnswerKind = Literal["generated", "options", "read", "preferred"]
FinishReason = Literal["stop", "length", "too_long", "repetition_detected", "failed"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class ModelAnswer(_Record):
    """What a model did with one item.

    Attributes:
        kind: ``generated`` is a text that the model wrote; ``options`` compares the options of an exam, and the text is
            the letter of the likeliest; ``read`` is a document, of which only the log-probability is measured.
            ``preferred`` compares the two answers of a pair, and the text is the one that is rated higher; empty where
            both are rated alike.
        finish_reason: ``stop``, ``length`` (cut), ``repetition_detected`` (ended because it looped), ``too_long`` (the
            item does not fit the context) or ``failed`` (a server did not answer). The last two are answered with the
            empty text, which scores 0, and without a loss.
        tokens: Tokens of the answer; where a strategy asked more than once, of all replies.
        prompt_tokens: Tokens of the prompts; 0 where unknown.
        calls: How often the model was asked.
        logprob: Log-probability of the reference answer, nats; minus infinity where a diverged model gives no number,
            None where it was not measured.
        reference_tokens: Tokens of the reference answer, its stop token included.
        seconds: From question to whole answer, of a server; of a model in this process, which answers in batches, the
            batch's time over its answers. None where unknown, as in answers from before this was measured.
        options: Log-probability of each option by its letter, nats.
        margin: By how much a reader prefers its best span to "no answer".
        span: That span, whether or not it is the answer.
        stated: What the scorers of another tool say of it, in its log, by their names.
    """

    kind: AnswerKind = "generated"
    text: str
    finish_reason: FinishReason = "stop"
    tokens: int = 0
    prompt_tokens: int = 0
    calls: int = 1
    logprob: float | None = None
    reference_tokens: int = 0
    seconds: float | None = None
    options: dict[str, float] = {}
    margin: float | None = None
    span: str = ""
    stated: dict[str, str] = {}


class Session(_Record):
    """A process that asked a system.

    Attributes:
        began: When.
        command: As typed; empty where unknown.
        code: Revision of the code that asked.
        hardware: What the system computed on; empty for a server.
        instruction_set: Of that hardware.
        versions: Of the libraries that computed.
    """

    began: str
    command: str
    code: str
    hardware: str = ""
    instruction_set: str = ""
    versions: dict[str, str] = {}


class SystemRecord(_Record):
    """What a system is.

    Attributes:
        name: What it calls itself: its version, or the name of the model at a server.
        kind: ``base`` (what a run was tuned from, asked in the prompt format of that run), ``model`` (any directory or
            GGUF file), ``server``, ``log`` (a run of another tool), or the kind of a result.
        origin: Its directory, file or URL.
        sha256: Of its weights, configuration and tokenizer, or of the GGUF file; empty for a server.
        tuned_from: The base that a result was tuned from; empty for any other.
        tuned_from_sha256: The hash of that base.
        quantisation: How that base is quantised where it is loaded with the result.
        prompt_format: How questions are written for it; a server does that itself.
        prompt_format_sha256: The hash of that.
        dtype: Type that it computes in.
        stated: Scores that a log states itself, by scorer and metric.
        sessions: The processes whose answers are in the report, the first one first.
    """

    name: str
    kind: str
    origin: str
    sha256: str = ""
    tuned_from: str = ""
    tuned_from_sha256: str = ""
    quantisation: str = ""
    prompt_format: str = ""
    prompt_format_sha256: str = ""
    dtype: str = ""
    stated: dict[str, str] = {}
    sessions: tuple[Session, ...] = ()


class SystemResult(_Record):
    """All answers of one system, by suite, in the order of the suite's items.

    Attributes:
        model_version: What it calls itself.
        record: What it is; None for a baseline that is no model.
    """

    model_version: str
    answers: dict[str, tuple[ModelAnswer, ...]]
    record: SystemRecord | None = None
