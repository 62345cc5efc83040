"""The local engine: a transformers model, plain or with a prefix adapter, run in left-padded batches."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import torch
from peft import PeftModel
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.generation.streamers import BaseStreamer

from common.errors import UserError
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import Artifact, BesideBaseArtifact, ReaderArtifact
from models.beside_base import load_beside_base
from models.config import DType
from models.conversation import Continuation, Conversation, Prompt
from models.engines.engine import (
    Completion,
    FinishReason,
    OnText,
    Sampling,
    Score,
    TokenLogprob,
    room,
)
from models.engines.repetition import RepetitionWatch
from models.engines.sampling import RowSampler, breakers_of
from models.loading import load_model, load_prompt_format
from models.numerics import compute_dtype
from models.output_layer import OutputLayer
from models.prompt_format import PromptFormat
from models.threads import THREADS

REPLACEMENT = "�"  # what an incomplete UTF-8 sequence decodes to


class LocalEngine:
    """Generates and scores with a model in this process.

    Args:
        model: The model, possibly wrapped by peft.
        prompt_format: Its prompt format.
        model_version: Name reported with each answer.
    """

    continuous = False
    gives_logprobs = True

    def __init__(self, model: PreTrainedModel | PeftModel, prompt_format: PromptFormat, model_version: str) -> None:
        self.model = model.eval()
        self.prompt_format = prompt_format
        self.tokenizer = prompt_format.tokenizer
        self.stop_ids = stop_ids(model, prompt_format)
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
    def output(self) -> OutputLayer:
        """The model's output layer, for scores."""
        return OutputLayer(self.model)

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

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        """See ``Engine.generate``.

        Raises:
            UserError: A prompt leaves no room for an answer within the context length.
        """
        THREADS.follow()
        begun = [self.prompt_ids(prompt) for prompt in prompts]
        limits = [room(len(ids), s.max_new_tokens, self.context_length) for ids, s in zip(begun, sampling, strict=True)]
        decoders = [partial(self.prompt_format.decode, strip=not isinstance(one, Continuation)) for one in prompts]
        rows = _Rows(decoders, self.stop_ids, limits, sampling, on_text)
        if any(limits):
            input_ids, attention_mask = self._left_padded(begun)
            with torch.inference_mode():
                self.model.generate(
                    input_ids=input_ids,
                    attention_mask=attention_mask,
                    generation_config=self._generation_config(max(limits)),
                    logits_processor=self._processors(sampling, begun, rows.ids),
                    streamer=rows,
                    stopping_criteria=StoppingCriteriaList([rows.criterion]),
                )
        return [
            rows.completion(row, len(ids), self._logprobs([*ids, *rows.said(row)], s.logprobs))
            for row, (ids, s) in enumerate(zip(begun, sampling, strict=True))
        ]

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
        with torch.inference_mode():
            with self.output as output:
                hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
            return [
                Score(_log_probability(output, states[:-1], ids[1:], r.mask[1:]), sum(r.mask[1:]))
                for states, ids, r in zip(hidden, input_ids, rendered, strict=True)
            ]

    def _logprobs(self, ids: list[int], shown: int | None) -> tuple[TokenLogprob, ...]:
        """Of every token of a text; none where nobody asked."""
        if shown is None:
            return ()
        found = [TokenLogprob(self._token(ids[0]), None, ())]
        text = torch.tensor([ids], device=self.model.device)
        with torch.inference_mode():
            with self.output as output:
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

    def _left_padded(self, prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id
        ids = [[pad] * (longest - len(prompt)) + prompt for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        device = self.model.device
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)

    def _processors(
        self, sampling: Sequence[Sampling], prompts: list[list[int]], answers: list[list[int]]
    ) -> LogitsProcessorList:
        if all(s.is_plain for s in sampling):
            return LogitsProcessorList()
        return LogitsProcessorList([RowSampler(sampling, prompts, answers, self.stop_ids, breakers_of(self.tokenizer))])

    def _generation_config(self, max_new_tokens: int) -> GenerationConfig:
        """Greedy search; rows that are not greedy choose in ``RowSampler``."""
        return GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=list(self.stop_ids),
            pad_token_id=self.tokenizer.pad_token_id,
        )


class _Rows(BaseStreamer):
    """Follows every row of a running batch: collects its ids, streams its text, ends it by its own limits."""

    def __init__(
        self,
        decoders: Sequence[Callable[[Sequence[int]], str]],
        stop_ids: Sequence[int],
        limits: list[int],
        sampling: Sequence[Sampling],
        on_text: OnText | None,
    ) -> None:
        self.decoders, self.stop_ids, self.limits, self.on_text = decoders, stop_ids, limits, on_text
        self.ids: list[list[int]] = [[] for _ in limits]
        self.handed_out = [""] * len(limits)
        self.stops: list[list[int]] = [[] for _ in limits]
        self.ended: list[FinishReason | None] = [None if limit else "length" for limit in limits]
        self.watches = [
            RepetitionWatch(s.repetition_detection, partial(self._text, row)) if s.repetition_detection else None
            for row, s in enumerate(sampling)
        ]
        self.prompt_seen = False
        self.criterion = _EndedRows(self)

    def put(self, value: torch.Tensor) -> None:
        """Called by ``generate`` with the prompt ids first, then with one new id per row."""
        if not self.prompt_seen:
            self.prompt_seen = True
            return
        for row, token in enumerate(value.reshape(-1).tolist()):
            if self.ended[row] is None:
                self._add(row, token)

    def end(self) -> None:
        """Called by ``generate`` when the batch is done; everything has been streamed before."""

    def _add(self, row: int, token: int) -> None:
        if token in self.stop_ids:
            self.ended[row] = "stop"
            self.stops[row] = [token]
        else:
            self.ids[row].append(token)
            watch = self.watches[row]
            if watch and watch.loops(token):
                self.ended[row] = "repetition_detected"
            elif len(self.ids[row]) == self.limits[row]:
                self.ended[row] = "length"
        if self.on_text is not None and not self._hand_out(row):
            self.ended[row] = "cancelled"

    def _text(self, row: int) -> str:
        return self.decoders[row](self.ids[row])

    def _hand_out(self, row: int) -> bool:
        assert self.on_text is not None
        text = self._text(row)
        if self.ended[row] is None and text.endswith(REPLACEMENT):
            return True  # a character whose bytes have not all arrived yet
        new = text[len(self.handed_out[row]) :]
        self.handed_out[row] = text
        return self.on_text(row, new) if new else True

    def said(self, row: int) -> list[int]:
        """All that the model said, the token that ended the answer included."""
        return self.ids[row] + self.stops[row]

    def completion(self, row: int, prompt_tokens: int, logprobs: tuple[TokenLogprob, ...]) -> Completion:
        reason = self.ended[row]
        assert reason is not None
        return Completion(self._text(row), reason, prompt_tokens, len(self.ids[row]), logprobs)


class _EndedRows(StoppingCriteria):
    """Reports to ``generate`` which rows are done."""

    def __init__(self, rows: _Rows) -> None:
        self.rows = rows

    def __call__(self, input_ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        return torch.tensor([ended is not None for ended in self.rows.ended], device=input_ids.device)


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


def load_engine(path: Path, *, dtype: DType = "float32") -> LocalEngine:
    """Loads what a directory contains: a run, its result, or a model directory.

    Args:
        path: A run directory, the folder of its result, or any model directory.
        dtype: Type to compute in; ``auto`` is the one that the model's run was configured with.

    Raises:
        UserError: The directory contains no model or an extractive reader, or the base of an adapter is missing.
        Refused: The base is not the one the adapter was trained on, or a file or the prompt format was changed.
    """
    if not path.is_dir():
        raise UserError("no such directory", where=str(path), fix="give a run directory or a model directory")
    if not (path / ARTIFACT_FILE).is_file():
        return _engine_of_model(path, model_version=path.name, dtype=compute_dtype(dtype).dtype)
    artifact = Artifact.load(path)
    directory = artifact.directory(path)
    if isinstance(artifact, ReaderArtifact):
        raise UserError(
            "this is an extractive reader: it marks the answer in a passage and cannot chat",
            where=str(path),
            fix=f"ask it with: {artifact.how_to_use(directory)}",
        )
    artifact.check_files(directory)
    computed = compute_dtype(artifact.dtype if dtype == "auto" else dtype).dtype
    if isinstance(artifact, BesideBaseArtifact):
        model, prompt_format = load_beside_base(directory, artifact, dtype=computed)
        return LocalEngine(model, prompt_format, artifact.model_version)
    return _engine_of_model(directory, model_version=artifact.model_version, dtype=computed)


def _engine_of_model(path: Path, *, model_version: str, dtype: torch.dtype) -> LocalEngine:
    model = load_model(path, dtype=dtype)
    return LocalEngine(model, load_prompt_format(path), model_version)
