"""The contract of an engine, local or remote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from common.errors import UserError
from models.conversation import Conversation, Prompt

if TYPE_CHECKING:
    from models.prompt_format import PromptFormat

OnText = Callable[[int, str], bool]
"""Called with (row, new text) while generating; returning False cancels that row."""


FinishReason = Literal["stop", "length", "repetition_detected", "cancelled"]
"""``stop`` (the model ended it), ``length`` (cut at ``max_new_tokens``), ``repetition_detected`` (ended because it
looped) or ``cancelled``."""


@dataclass(frozen=True)
class RepetitionDetection:
    """When a row is ended because it repeats itself; names and meaning are vLLM's.

    Where a pattern of tokens has repeated this often, the text is judged (``models/loops.py``): laughter, rules and
    tables go on.

    Attributes:
        max_pattern_size: Most tokens of a pattern; 0 never ends a row.
        min_pattern_size: Fewest tokens of a pattern; 0 is 1.
        min_count: How often it must occur in a row.
    """

    max_pattern_size: int
    min_pattern_size: int = 0
    min_count: int = 2


@dataclass(frozen=True)
class Sampling:
    """How answers are sampled; the default is greedy and therefore reproducible.

    Attributes:
        max_new_tokens: Most tokens an answer may have.
        temperature: 0 is greedy.
        top_p: Nucleus mass, in (0, 1].
        seed: Makes a sampled answer reproducible.
        top_k: Draws from this many tokens only; 0 from all.
        min_p: Draws only tokens at least this share as likely as the likeliest.
        repetition_penalty: Divides the logits of tokens of prompt and answer (Keskar et al. 2019); 1 does nothing.
        frequency_penalty: Taken off a token's logit for each time the answer has it.
        presence_penalty: Taken off a token's logit once the answer has it.
        dry_multiplier: Strength of DRY, which punishes the token that would continue a repetition; 0 does nothing.
        dry_base: How the punishment grows with each token of the repetition.
        dry_allowed_length: Tokens that may be repeated freely.
        repetition_detection: When a row that loops is ended; None never.
        logprobs: How many of the likeliest tokens are reported beside each token of prompt and answer; None reports
            no log-probabilities.
        response_format: The JSON schema that the answer follows, as text; None lets it say anything.
        expert: Which of several experts answers; None leaves that to their router.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    repetition_detection: RepetitionDetection | None = None
    logprobs: int | None = None
    response_format: str | None = None
    expert: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the likeliest token is always next."""
        neutral = self.repetition_penalty == 1.0 and not (self.frequency_penalty or self.presence_penalty)
        return neutral and not self.dry_multiplier and self.temperature == 0


class TokenLogprob(NamedTuple):
    """What the model gives for one token, before penalties and temperature.

    Attributes:
        text: The token, alone; a part of a character is a replacement character.
        logprob: Its log-probability, nats; None for the first token of a prompt.
        likeliest: The likeliest tokens in its place with theirs, most likely first.
    """

    text: str
    logprob: float | None
    likeliest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Completion:
    """A generated answer.

    Attributes:
        ids: Token ids of the answer, with the one that ended it; empty where the engine does not say.
        calls: How often the model was asked for it; its tokens are those of all calls.
        logprobs: Of the tokens of prompt and answer, the one that ended it included, where they were asked for.
        expert: Which of several experts has answered; None where there is one model.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    logprobs: tuple[TokenLogprob, ...] = ()
    ids: tuple[int, ...] = ()
    calls: int = 1
    expert: str | None = None


@dataclass(frozen=True)
class Score:
    """Log-probability of the last assistant turn of a conversation.

    Attributes:
        logprob: Sum over its tokens, the stop token included, nats.
        tokens: Number of tokens.
    """

    logprob: float
    tokens: int


class Choice(NamedTuple):
    """Continuations of one text that are compared.

    Attributes:
        context: Token ids of the text, at least one.
        continuations: Token ids of each continuation, at least one.
    """

    context: Sequence[int]
    continuations: Sequence[Sequence[int]]


class Engine(Protocol):
    """Runs one model. Prompts that are given together or by several threads are answered together."""

    @property
    def model_version(self) -> str:
        """Name reported with each answer."""
        ...

    @property
    def gives_logprobs(self) -> bool:
        """Whether ``Sampling.logprobs`` may be asked for."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens of prompt and answer together."""
        ...

    def check_schema(self, schema: str) -> None:
        """Refuses a JSON schema (``Sampling.response_format``) that answers cannot be held to.

        Raises:
            UserError: It cannot be followed.
        """
        ...

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt; of the whole conversation where it ends with an answer."""
        ...

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """Token ids of the prompt; see ``PromptFormat.prompt_ids``."""
        ...

    def encode(self, text: str, *, beginning: bool) -> list[int]:
        """Token ids of a text; see ``PromptFormat.encode``."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens included."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        """Answers conversations that end with a user turn, and continues texts.

        Every row follows its own settings, whatever the others are. With ``on_text`` the text is also streamed while
        it grows; concatenated, the pieces of a row are its completion's text.
        """
        ...

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        """Scores the last assistant turn of each conversation."""
        ...

    def score_choices(self, choices: Sequence[Choice]) -> list[list[float]]:
        """The log-probability of every continuation of every choice, nats; what all begin with is read once."""
        ...


class Renderer:
    """What an engine says about prompts: all of it follows from the model's prompt format.

    Attributes:
        prompt_format: Of the model.
    """

    prompt_format: "PromptFormat"

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """See ``Engine.count_prompt_tokens``."""
        return self.prompt_format.count(prompt)

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """See ``Engine.prompt_ids``."""
        return self.prompt_format.prompt_ids(prompt)

    def encode(self, text: str, *, beginning: bool) -> list[int]:
        """See ``Engine.encode``."""
        return self.prompt_format.encode(text, beginning=beginning)

    def decode(self, ids: Sequence[int]) -> str:
        """See ``Engine.decode``."""
        return self.prompt_format.text_of(ids)


def room(prompt_tokens: int, wanted: int, context_length: int) -> int:
    """Most tokens that an answer may have after a prompt.

    Raises:
        UserError: The prompt leaves no room within the context length.
    """
    left = context_length - prompt_tokens
    if left < 1:
        raise UserError(
            f"the prompt has {prompt_tokens} tokens and the model's context is {context_length}",
            fix="shorten the question or the history",
        )
    return min(wanted, left)
