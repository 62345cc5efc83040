"""What requests in OpenAI's formats have in common: how tokens are chosen, what ends an answer, what has no effect.

Sampling differs from OpenAI's in two defaults: it is the service's, greedy as it ships, so that the same question gets
the same answer unless the client asks for variety; and an answer that loops is ended (``stop_reason`` says so, as
vLLM's does). Names beyond OpenAI's are vLLM's; those of DRY are llama.cpp's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from app.api.errors import ApiError
from app.config import (
    DryBase,
    DryLength,
    DryMultiplier,
    Factor,
    Nucleus,
    Penalty,
    RepetitionConfig,
    ServeConfig,
    Share,
    Temperature,
    TopK,
)
from common.errors import UserError
from models.engines.engine import Sampling
from models.engines.json_answers import schema_text

NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "echo": (False,),
    "suffix": ("",),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "reasoning_effort": ("none",),
    # vLLM's
    "min_tokens": (0,),
    "length_penalty": (1,),
    "use_beam_search": (False,),
    "ignore_eos": (False,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "include_stop_str_in_output": (False,),
    "stop_token_ids": ([],),
    "bad_words": ([],),
    "add_generation_prompt": (True,),
    "continue_final_message": (False,),
    "add_special_tokens": (True, False),
    "chat_template_kwargs": ({},),
    "return_token_ids": (False,),
    # llama.cpp's
    "typical_p": (1,),
    "mirostat": (0,),
    "xtc_probability": (0,),
}
"""Parameters that clients send by habit, accepted at the values that ask for nothing and refused otherwise. Without
tools it does not matter how they are chosen, and a prompt format adds its own special tokens, whoever asks."""

WITHOUT_EFFECT = {
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "cache_prompt",
    "priority",
    "request_id",
}

MOST_STOPS = 16
"""OpenAI takes 4; tasks of lm_eval have more."""

PENALTIES = (
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
)
OF_CHANCE = ("temperature", "top_p", "top_k", "min_p", "seed")
"""What has no effect on a greedy answer."""


def one_of(kinds: str) -> WrapValidator:
    """Says what a field takes that takes several kinds: pydantic lists what is wrong with each.

    Args:
        kinds: What it takes.
    """

    def checked(value: Any, validated: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validated(value)
        except ValidationError:
            raise ValueError(f"must be {kinds}") from None

    return WrapValidator(checked)


class StreamOptions(BaseModel):
    """What a stream contains beyond the text.

    Attributes:
        include_usage: A last chunk with the token counts.
        include_obfuscation: Padding against eavesdroppers, which this service never sends.
        continuous_usage_stats: Token counts in every chunk; not supported.
    """

    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False
    include_obfuscation: bool = False
    continuous_usage_stats: Literal[False] = False


class JsonSchema(BaseModel):
    """A schema under a name of the client's; ``strict`` or not, the answer follows it."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """What an answer is written in.

    Attributes:
        type: ``text``; ``json_object``, any object; ``json_schema``, what a schema says.
        json_schema: The schema.
    """

    model_config = ConfigDict(extra="forbid")
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _a_schema_belongs_to_its_type(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError(
                "json_schema 须与 type=json_schema 一起给出 · json_schema comes with type json_schema, and only with it"
            )
        return self

    @property
    def schema_text(self) -> str | None:
        """The schema as text; None where an answer is any text.

        Raises:
            ApiError: It is too long or too deep.
        """
        if self.type == "text":
            return None
        try:
            return schema_text(self.json_schema.schema_ if self.json_schema else {"type": "object"})
        except UserError as error:
            raise ApiError("unsupported_parameter", error.problem, param="response_format") from None


class GenerationRequest(BaseModel):
    """The part of a body that says how the model generates; further parameters are checked by ``check_supported``."""

    model_config = ConfigDict(extra="allow")
    model: str
    max_tokens: int | None = Field(None, ge=1)
    temperature: Temperature | None = None
    top_p: Nucleus | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    repetition_penalty: Factor | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    dry_multiplier: DryMultiplier | None = None
    dry_base: DryBase | None = None
    dry_allowed_length: DryLength | None = None
    repetition_detection: RepetitionConfig | None = None
    stop: Annotated[str | list[str] | None, one_of("a string or a list of strings")] = None
    response_format: ResponseFormat | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def stops(self) -> list[str]:
        """Strings that end the answer.

        Raises:
            ApiError: There are too many, or an empty one.
        """
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if len(stops) > MOST_STOPS or not all(stops):
            raise ApiError("invalid_stop", f"at most {MOST_STOPS} stop strings, none of them empty", param="stop")
        return stops

    def sampling(self, config: ServeConfig) -> Sampling:
        """What was given; anything else keeps the service's value."""
        default = config.qa_sampling
        temperature = default.temperature if self.temperature is None else self.temperature
        names = (*PENALTIES, *OF_CHANCE) if temperature else ("temperature", *PENALTIES)
        given: dict[str, Any] = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.response_format is not None and (schema := self.response_format.schema_text):
            given |= {"response_format": schema, "repetition_detection": None}  # JSON repeats itself
        if self.repetition_detection is not None:
            given["repetition_detection"] = self.repetition_detection.detection
        return replace(default, **given)

    def check_supported(self) -> None:
        """Refuses what would be ignored.

        Raises:
            ApiError: A parameter asks for what this service does not do.
        """
        check_neutral(self.model_extra)


def check_neutral(
    parameters: Mapping[str, Any] | None, neutral: Mapping[str, tuple[Any, ...]] = NEUTRAL, place: str = ""
) -> None:
    """Refuses what would be ignored.

    Args:
        parameters: What a body has beyond the fields of its schema.
        neutral: Which of them may be given, and their values.
        place: Where in the body they are, with a dot at its end.

    Raises:
        ApiError: A parameter asks for what this service does not do.
    """
    for name, value in (parameters or {}).items():
        if value is not None and name not in WITHOUT_EFFECT and value not in neutral.get(name, ()):
            known = "only its neutral value is supported" if name in neutral else "omit it"
            problem = f"不支持参数 {place}{name} · {place}{name} is not supported here; {known}"
            raise ApiError("unsupported_parameter", problem, param=f"{place}{name}")
