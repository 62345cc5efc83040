"""The local engine: a transformers model in this process, plain or with an adapter or prefix."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from common.errors import Refused, UserError
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact, BesideBaseArtifact, ReaderArtifact, RewardArtifact
from models.beside_base import load_beside_base
from models.config import DType
from models.conversation import Continuation, Conversation, Prompt
from models.engines.choices import log_probabilities
from models.engines.decoding import Decoder
from models.engines.engine import (
    Choice,
    Completion,
    FinishReason,
    OnText,
    Renderer,
    Sampling,
    Score,
    TokenLogprob,
    room,
)
from models.engines.json_answers import JsonAnswer, JsonAnswers
from models.engines.prompt_lookup import PromptLookup
from models.engines.repetition import RepetitionWatch
from models.engines.sampling import RowSampler, breakers_of
from models.loading import load_model, load_prompt_format
from models.numerics import compute_dtype
from models.output_layer import OutputLayer
from models.prompt_format import PromptFormat
from models.threads import THREADS

REPLACEMENT = "�"  # what an incomplete UTF-8 sequence decodes to


class LocalEngine(Renderer):
    """Generates and scores with a model in this process.

    Args:
        model: The model, possibly wrapped by peft.
        prompt_format: Its prompt format.
        model_version: Name reported with each answer.
        shared_bytes: Memory for what prompts begin with; the model's weights must not change then.
    """

    gives_logprobs = True

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        prompt_format: PromptFormat,
        model_version: str,
        shared_bytes: int = 0,
    ) -> None:
        self.model = model.eval()
        self.prompt_format = prompt_format
        self.tokenizer = prompt_format.tokenizer
        self.stop_ids = stop_ids(model, prompt_format)
        self.decoder = Decoder(model, self.tokenizer.pad_token_id, shared_bytes)
        self._model_version = model_version

    @property
    def model_version(self) -> str:
        """See ``Engine.model_version``."""
        return self._model_version

    @property
    def context_length(self) -> int:
        """See ``Engine.context_length``."""
        return int(self.model.config.max_position_embeddings)

    @cached_property
    def breakers(self) -> frozenset[int]:
        """Tokens that a repetition does not extend over."""
        return breakers_of(self.tokenizer)

    @cached_property
    def json_answers(self) -> JsonAnswers:
        """Writes answers that follow a JSON schema."""
        return JsonAnswers(self.tokenizer, self.model.get_output_embeddings().weight.shape[0], self.stop_ids)

    def check_schema(self, schema: str) -> None:
        """See ``Engine.check_schema``."""
        self.json_answers.check(schema)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        """See ``Engine.generate``.

        Raises:
            UserError: A prompt leaves no room for an answer within the context length.
        """
        THREADS.follow()
        rows = [
            self._row(prompt, s, partial(on_text, number) if on_text else None)
            for number, (prompt, s) in enumerate(zip(prompts, sampling, strict=True))
        ]
        self.decoder.run(rows)
        return [row.completion(self._logprobs(row.said, s.logprobs)) for row, s in zip(rows, sampling, strict=True)]

    def _row(self, prompt: Prompt, sampling: Sampling, on_text: Callable[[str], bool] | None) -> "_Row":
        ids = self.prompt_ids(prompt)
        limit = room(len(ids), sampling.max_new_tokens, self.context_length)
        decode = partial(self.prompt_format.decode, strip=not isinstance(prompt, Continuation))
        structure = None if sampling.response_format is None else self.json_answers.follow(sampling.response_format)
        return _Row(ids, sampling, limit, self.stop_ids, decode, self.breakers, on_text, structure)

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        """See ``Engine.score``."""
        THREADS.follow()
        rendered = [self.prompt_format.render(conversation, supervise="last") for conversation in conversations]
        longest = max(len(r.ids) for r in rendered)
        if longest > self.context_length:
            raise UserError(f"a conversation of {longest} tokens exceeds the context of {self.context_length}")
        # right padding: under a causal mask real tokens never see it
        input_ids = torch.tensor([r.ids + [0] * (longest - len(r.ids)) for r in rendered], device=self.model.device)
        attention_mask = torch.tensor(
            [[1] * len(r.ids) + [0] * (longest - len(r.ids)) for r in rendered], device=self.model.device
        )
        with self.decoder.alone, torch.inference_mode():
            with self.decoder.output as output:
                hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
            return [
                Score(_log_probability(output, states[:-1], ids[1:], r.mask[1:]), sum(r.mask[1:]))
                for states, ids, r in zip(hidden, input_ids, rendered, strict=True)
            ]

    def score_choices(self, choices: Sequence[Choice]) -> list[list[float]]:
        """See ``Engine.score_choices``."""
        THREADS.follow()
        with self.decoder.alone:
            return log_probabilities(self.decoder, self.decoder.output, choices)

    def _logprobs(self, ids: list[int], shown: int | None) -> tuple[TokenLogprob, ...]:
        """Of every token of a text; none where nobody asked."""
        if shown is None:
            return ()
        found = [TokenLogprob(self._token(ids[0]), None, ())]
        text = torch.tensor([ids], device=self.model.device)
        with self.decoder.alone, torch.inference_mode():
            with self.decoder.output as output:
                whole = self.model(input_ids=text, attention_mask=torch.ones_like(text), use_cache=False)
            states = whole.logits[0, :-1]
            for tile in output.tiles(len(states)):
                found += self._of_tokens(output.logits(states[tile]), text[0, 1:][tile], shown)
        return tuple(found)

    def _of_tokens(self, logits: torch.Tensor, ids: torch.Tensor, shown: int) -> Iterator[TokenLogprob]:
        """Log-probabilities of tokens in a row.

        Args:
            logits: For the place of each, ``[tokens, vocab]``.
            ids: The tokens, ``[tokens]``.
            shown: How many of the likeliest are reported beside each.
        """
        logprobs = logits.float().log_softmax(-1)
        chosen = logprobs.gather(1, ids[:, None])[:, 0].tolist()
        best, others = (found.tolist() for found in logprobs.topk(shown))
        for token, logprob, values, places in zip(ids.tolist(), chosen, best, others, strict=True):
            likeliest = ((self._token(place), value) for place, value in zip(places, values, strict=True))
            yield TokenLogprob(self._token(token), logprob, tuple(likeliest))

    def _token(self, token: int) -> str:
        """The text of one token; a model may have more of them than its tokenizer."""
        return str(self.tokenizer.decode([token]))


class _Row:
    """Follows one answer: chooses its tokens, streams its text, ends it by its own limits; see ``DecodedRow``.

    Args:
        prompt: Token ids.
        sampling: How it is answered.
        limit: Most tokens of the answer.
        stop_ids: Tokens that end it.
        decode: Makes its text.
        breakers: Tokens that a repetition does not extend over.
        on_text: Gets what is new of its text, and says whether it goes on.
        structure: What its tokens must make up.
    """

    def __init__(
        self,
        prompt: list[int],
        sampling: Sampling,
        limit: int,
        stop_ids: Sequence[int],
        decode: Callable[[Sequence[int]], str],
        breakers: frozenset[int],
        on_text: Callable[[str], bool] | None,
        structure: JsonAnswer | None,
    ) -> None:
        self.prompt: Sequence[int] = prompt
        self.limit, self.stop_ids, self.decode, self.on_text = limit, stop_ids, decode, on_text
        self.structure = structure
        self.error: BaseException | None = None
        self.ids: list[int] = []
        self.stop: list[int] = []
        self.handed_out = ""
        self.ended: FinishReason | None = None if limit else "length"
        self.sampler = None if sampling.is_plain else RowSampler(sampling, prompt, self.ids, stop_ids, breakers)
        detection = sampling.repetition_detection
        self.watch = RepetitionWatch(detection, self._text) if detection else None
        self.lookup = PromptLookup(prompt)

    @property
    def is_open(self) -> bool:
        """See ``DecodedRow.is_open``."""
        return self.ended is None and self.error is None

    @property
    def newest(self) -> int:
        """See ``DecodedRow.newest``."""
        return self.ids[-1]

    def guess(self, most: int) -> list[int]:
        """See ``DecodedRow.guess``."""
        return self.lookup.guess(self.ids, min(most, self.limit - len(self.ids) - 1))

    def take(self, logits: torch.Tensor, likeliest: int) -> None:
        """See ``DecodedRow.take``."""
        if self.structure:
            logits = self.structure.allowed(logits)
            likeliest = int(logits.argmax())
        token = self.sampler.choose(logits) if self.sampler else likeliest
        if token in self.stop_ids:
            self.ended, self.stop = "stop", [token]
        else:
            self.ids.append(token)
            if self.structure and self.structure.is_whole_with(token):
                self.ended = "stop"
            elif self.watch and self.watch.loops(token):
                self.ended = "repetition_detected"
            elif len(self.ids) == self.limit:
                self.ended = "length"
        if self.on_text is not None and not self._hand_out(self.on_text):
            self.ended = "cancelled"

    def _text(self) -> str:
        return self.decode(self.ids)

    def _hand_out(self, on_text: Callable[[str], bool]) -> bool:
        text = self._text()
        if self.ended is None and text.endswith(REPLACEMENT):
            return True  # a character whose bytes have not all arrived yet
        new = text[len(self.handed_out) :]
        self.handed_out = text
        return on_text(new) if new else True

    @property
    def said(self) -> list[int]:
        """Prompt and answer, with the token that ended it."""
        return [*self.prompt, *self.ids, *self.stop]

    def completion(self, logprobs: tuple[TokenLogprob, ...]) -> Completion:
        """The answer, which has ended."""
        assert self.ended is not None
        return Completion(self._text(), self.ended, len(self.prompt), len(self.ids), logprobs, (*self.ids, *self.stop))


def stop_ids(model: PreTrainedModel | PeftModel, prompt_format: PromptFormat) -> tuple[int, ...]:
    """Tokens that end an answer: those of the prompt format, and those that the base's authors name."""
    own = model.generation_config.eos_token_id
    named = own if isinstance(own, list) else [] if own is None else [own]
    return tuple(dict.fromkeys((*prompt_format.stop_ids, *named)))


def _log_probability(output: OutputLayer, hidden: torch.Tensor, ids: torch.Tensor, mask: Sequence[int]) -> float:
    """Of the supervised tokens of a conversation, nats.

    Args:
        output: The output layer.
        hidden: What the model returns inside its context, ``[seq, width]``.
        ids: The token that follows each position, ``[seq]``.
        mask: Which of them are supervised; padding may follow.
    """
    positions = torch.tensor(mask, device=ids.device).nonzero().squeeze(1)
    hidden, ids = hidden[positions], ids[positions]
    total = 0.0
    for tile in output.tiles(len(positions)):
        logits = output.logits(hidden[tile]).float()  # [tile, vocab]
        total -= float(torch.nn.functional.cross_entropy(logits, ids[tile], reduction="sum"))
    return total


def load_engine(path: Path, *, dtype: DType = "float32", shared_bytes: int = 0) -> LocalEngine:
    """Loads what a directory contains: a run, its result, or a model directory.

    Args:
        path: A run directory, the folder of its result, or any model directory.
        dtype: Type to compute in; ``auto`` is the one that the model's run was configured with.
        shared_bytes: Memory for what prompts begin with.

    Raises:
        UserError: The directory contains no model or an extractive reader, or the base of an adapter is missing.
        Refused: The base is not the one the adapter was trained on, or a file or the prompt format was changed,
            or weights are no numbers.
    """
    if not path.is_dir():
        raise UserError("no such directory", where=str(path), fix="give a run directory or a model directory")
    if not (path / ARTIFACT_FILE).is_file():
        return _engine_of_model(path, path.name, compute_dtype(dtype).dtype, shared_bytes)
    artifact = Artifact.load(path)
    directory = artifact.directory(path)
    if isinstance(artifact, ReaderArtifact):
        raise UserError(
            "this is an extractive reader: it marks the answer in a passage and cannot chat",
            where=str(path),
            fix=f"ask it with: {artifact.how_to_use(directory)}",
        )
    if isinstance(artifact, RewardArtifact):
        raise UserError(
            "this is a reward model: it rates answers and cannot chat",
            where=str(path),
            fix=f"serve the model that is trained by it: {artifact.how_to_use(directory)}",
        )
    artifact.check_files(directory)
    computed = compute_dtype(artifact.dtype if dtype == "auto" else dtype).dtype
    if isinstance(artifact, BesideBaseArtifact):
        model, prompt_format = load_beside_base(directory, artifact, dtype=computed)
        check_numbers(model, directory)
        return LocalEngine(model, prompt_format, artifact.model_version, shared_bytes)
    return _engine_of_model(directory, artifact.model_version, computed, shared_bytes)


def check_numbers(model: PreTrainedModel | PeftModel, path: Path) -> None:
    """Refuses weights with which every answer would be the same token again and again.

    Raises:
        Refused: A value is infinite or not a number.
    """
    for name, values in model.named_parameters():
        if (
            values.is_floating_point()
            and values.numel()
            and not torch.stack(values.detach().aminmax()).isfinite().all()
        ):
            raise Refused(f"{path}: {name} has values that are no numbers (NaN or infinite); take another checkpoint")


def _engine_of_model(path: Path, model_version: str, dtype: torch.dtype, shared_bytes: int) -> LocalEngine:
    model = load_model(path, dtype=dtype)
    check_numbers(model, path)
    return LocalEngine(model, load_prompt_format(path), model_version, shared_bytes)
