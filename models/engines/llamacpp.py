"""The llama.cpp engine: a GGUF in this process, several conversations at once.

llama.cpp gets token ids and never text: prompts are rendered here, by the one renderer. Its server listens on a socket
in a private directory; the engine itself calls it in this process. Conversations join and leave the running batch at
every token, and a prompt that begins like one before it reuses its keys and values.
"""

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from loguru import logger
from peft import PeftModel
from transformers import PreTrainedConfig, PreTrainedModel

from common.errors import Refused, UserError
from common.files import cache_dir, write_text
from common.hashing import sha256_file, sha256_files, sha256_value
from models import gguf_export
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import AdapterArtifact, Artifact, MergedArtifact, WholeArtifact
from models.beside_base import base_of
from models.config import NO_HINTS, GgufType, Hints
from models.conversation import Continuation, Conversation, Prompt
from models.engines.engine import Choice, Completion, FinishReason, OnText, Renderer, Sampling, Score, room
from models.engines.growing_text import GrowingText
from models.gguf_export.adapter import check_adapter, write_adapter
from models.gguf_export.architecture import Architecture
from models.gguf_export.writer import plan_gguf, write_gguf
from models.loading import (
    Quantisation,
    hash_model,
    load_model,
    load_prompt_format,
    load_tokenizer,
    open_checkpoint,
)
from models.prompt_format import PromptFormat, Rendered

if TYPE_CHECKING:
    import xllamacpp

Result = TypeVar("Result")

POOL = 16_384
"""Tokens whose keys and values are kept for all conversations together, where one context is not longer."""
FORCED = 1e6  # added to the logit of the token that is scored, so that it is the one generated
SILENT = -1


class LlamaCppEngine(Renderer):
    """Generates and scores with llama.cpp.

    Args:
        file: The GGUF.
        prompt_format: The model's prompt format.
        model_version: Name reported with each answer.
        config: The model's.
        slots: Most conversations that run together.
        adapter: A GGUF of a LoRA adapter on that model.
    """

    gives_logprobs = False  # of a prompt only token by token, at the price of a request each

    def __init__(
        self,
        file: Path,
        prompt_format: PromptFormat,
        model_version: str,
        config: PreTrainedConfig,
        slots: int,
        adapter: Path | None = None,
    ) -> None:
        self.prompt_format, self.slots = prompt_format, slots
        self._model_version, self._vocabulary_size = model_version, config.vocab_size
        self._context_length = context_length = config.max_position_embeddings
        self._pool = _TokenPool(max(context_length, min(POOL, context_length * slots)))
        self._directory = tempfile.TemporaryDirectory(prefix="xinglin-llamacpp-")
        with _own_signal_handlers():
            self._server = _server(file, adapter, Path(self._directory.name) / "llama.sock", self._pool.size, slots)
            # a server that ends before its loop has begun never ends
            self._server.handle_completions({"prompt": [prompt_format.stop_ids[0]], "max_tokens": 1})

    @property
    def model_version(self) -> str:
        """See ``Engine.model_version``."""
        return self._model_version

    @property
    def context_length(self) -> int:
        """See ``Engine.context_length``."""
        return self._context_length

    def check_schema(self, schema: str) -> None:
        """See ``Engine.check_schema``."""
        raise UserError("llama.cpp says anything, and reports nothing, where it cannot follow a JSON schema")

    @property
    def address(self) -> str:
        """Where llama.cpp's own server listens, for tests and benchmarks."""
        return str(self._server.listening_address)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sequence[Sampling], on_text: OnText | None = None
    ) -> list[Completion]:
        """See ``Engine.generate``; here rows may be sampled differently.

        Raises:
            UserError: A prompt leaves no room for an answer within the context length.
        """
        begun = [self.prompt_ids(prompt) for prompt in prompts]
        limits = [room(len(ids), s.max_new_tokens, self.context_length) for ids, s in zip(begun, sampling, strict=True)]
        calling = threading.Lock()

        def answer(row: int) -> Completion:
            def hand_out(text: str) -> bool:
                with calling:
                    return on_text is None or on_text(row, text)

            if not limits[row]:
                return Completion("", "length", len(begun[row]), 0)
            as_is = isinstance(prompts[row], Continuation)
            follower = _Answer(hand_out, GrowingText(sampling[row].repetition_detection, as_is=as_is))
            return self._answer(begun[row], limits[row], sampling[row], follower)

        return self._in_parallel(answer, len(begun))

    def score(self, conversations: Sequence[Conversation]) -> list[Score]:
        """See ``Engine.score``; llama.cpp gives probabilities of new tokens only, so each is made the next one."""
        rendered = [self.prompt_format.render(conversation, supervise="last") for conversation in conversations]
        longest = max(len(r.ids) for r in rendered)
        if longest > self.context_length:
            raise UserError(f"a conversation of {longest} tokens exceeds the context of {self.context_length}")
        return self._in_parallel(lambda row: self._score(rendered[row]), len(rendered))

    def score_choices(self, choices: Sequence[Choice]) -> list[list[float]]:
        """See ``Engine.score_choices``; as ``score``, token by token."""
        return self._in_parallel(lambda number: self._score_choice(choices[number]), len(choices))

    def _score_choice(self, choice: Choice) -> list[float]:
        with self._pool.reserved(len(choice.context) + max(map(len, choice.continuations))):
            return [
                sum(self._logprob([*choice.context, *tokens[:place]], token) for place, token in enumerate(tokens))
                for tokens in choice.continuations
            ]

    def _in_parallel(self, work: Callable[[int], Result], rows: int) -> list[Result]:
        if rows == 1:
            return [work(0)]
        with ThreadPoolExecutor(min(rows, self.slots)) as threads:
            return list(threads.map(work, range(rows)))

    def _answer(self, prompt: list[int], limit: int, sampling: Sampling, answer: "_Answer") -> Completion:
        with self._pool.reserved(len(prompt) + limit):
            request = {"prompt": prompt, "max_tokens": limit, "stream": True} | llamacpp_sampling(sampling)
            self._server.handle_completions(request, answer.receive)
        return answer.completion(len(prompt))

    def _score(self, rendered: Rendered) -> Score:
        answer = [place for place, supervised in enumerate(rendered.mask) if supervised]
        with self._pool.reserved(len(rendered.ids)):
            logprobs = [self._logprob(rendered.ids[:place], rendered.ids[place]) for place in answer]
        return Score(sum(logprobs), len(answer))

    def _logprob(self, ids: list[int], following: int) -> float:
        """Log-probability of a token after others, before any sampling."""
        if (alone := self._forced(ids, following, 1)) is not None:
            return float(alone["logprob"])
        # llama.cpp shows no token that is a part of a character; the stop token is shown, and all others beside it
        everything = self._forced(ids, self.prompt_format.stop_ids[0], self._vocabulary_size)
        assert everything is not None
        return next(float(token["logprob"]) for token in everything["top_logprobs"] if token["id"] == following)

    def _forced(self, ids: list[int], following: int, shown: int) -> dict[str, Any] | None:
        """What llama.cpp shows of a token that is made the next one."""
        forced = {"max_tokens": 1, "logit_bias": [[following, FORCED]]} | llamacpp_sampling(Sampling())
        reply = self._server.handle_completions({"prompt": ids, "logprobs": shown} | forced)
        _raise_error(reply)
        logprobs = reply["choices"][0]["logprobs"]
        return logprobs["content"][0] if logprobs else None


class _TokenPool:
    """Tokens that conversations reserve before they run, so that llama.cpp never runs out of room in the middle."""

    def __init__(self, size: int) -> None:
        self.size = self._free = size
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, tokens: int) -> Iterator[None]:
        """Waits until there is room; no conversation is longer than the pool."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= tokens)
            self._free -= tokens
        try:
            yield
        finally:
            with self._changed:
                self._free += tokens
                self._changed.notify_all()


class _Answer:
    """Follows one answer: hands out what is new of its text, ends it when it is cancelled or loops."""

    def __init__(self, hand_out: Callable[[str], bool], said: GrowingText) -> None:
        self.hand_out, self.said = hand_out, said
        self.last: dict[str, Any] | None = None
        self.cancelled = False

    def receive(self, chunk: dict[str, Any]) -> bool:
        """Takes a chunk of llama.cpp's; returning True ends the answer."""
        if "error" in chunk or chunk["choices"][0]["finish_reason"] is not None:
            self.last = chunk
            return False
        new = self.said.add(chunk["choices"][0]["text"])
        self.cancelled = bool(new) and not self.hand_out(new)
        return self.cancelled or self.said.loops

    def completion(self, prompt_tokens: int) -> Completion:
        """The completion, once llama.cpp has returned."""
        if self.cancelled or self.said.loops:
            ended: FinishReason = "cancelled" if self.cancelled else "repetition_detected"
            return Completion(self.said.text, ended, prompt_tokens, self.said.tokens)
        assert self.last is not None
        _raise_error(self.last)
        reason: Literal["stop", "length"] = self.last["choices"][0]["finish_reason"]
        tokens = self.last["usage"]["completion_tokens"] - (reason == "stop")  # the stop token is not part of the text
        return Completion(self.said.text, reason, prompt_tokens, tokens)


def _raise_error(reply: dict[str, Any]) -> None:
    if "error" in reply:
        raise RuntimeError(f"llama.cpp: {reply['error']['type']}")  # its message may hold the text


def llamacpp_sampling(sampling: Sampling) -> dict[str, Any]:
    """The sampling in llama.cpp's words; its own defaults do not apply. Its penalties count the prompt's tokens too."""
    penalties = {
        "repeat_last_n": POOL,
        "repeat_penalty": sampling.repetition_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "dry_penalty_last_n": POOL,
        "dry_multiplier": sampling.dry_multiplier,
        "dry_base": sampling.dry_base,
        "dry_allowed_length": sampling.dry_allowed_length,
    }
    if sampling.temperature == 0:
        return penalties | {"samplers": ["penalties", "dry", "top_k"], "top_k": 1}
    seed = {} if sampling.seed is None else {"seed": sampling.seed}
    names = ("top_k", "temperature", "top_p", "min_p")
    chosen = {name: getattr(sampling, name) for name in names}
    return penalties | {"samplers": ["penalties", "dry", *names]} | chosen | seed


def _server(file: Path, adapter: Path | None, socket: Path, tokens: int, slots: int) -> "xllamacpp.Server":
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    params.n_ctx, params.n_parallel, params.kv_unified = tokens, slots, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = torch.get_num_threads()
    params.hostnames, params.n_threads_http = [str(socket)], 1
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.cache_ram_mib = 0  # finished conversations are not kept beyond their slot
    params.fit_params = False
    params.verbosity = SILENT  # more would log prompts
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        raise Refused(f"llama.cpp cannot load {file}: damaged, or too little memory; remove it and try again") from None


@contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """llama.cpp takes SIGINT and SIGTERM for itself while it loads; the process gets its handlers back."""
    yield
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def load_llamacpp_engine(path: Path, *, weights: GgufType, slots: int) -> LlamaCppEngine:
    """Loads what a directory contains as GGUF, which is written into the cache where it is missing.

    Args:
        path: A run directory, the folder of its result, or any model directory.
        weights: Type of the matrices.
        slots: Most conversations that run together.

    Raises:
        UserError: xllamacpp is not installed, the result is not an ordinary model, or llama.cpp cannot run it.
    """
    _check_installed()
    served = _Served.of(path)
    family, checkpoint = open_checkpoint(served.directory, served.hints)
    plan = plan_gguf(family, checkpoint, served.prompt_format)
    file = served.base_file(weights)

    def write_base() -> None:
        logger.info("writing {} as {}", file, weights)
        write_gguf(file, plan, served.load(), served.model_version, weights)

    _written(file, write_base)
    adapter = None
    if served.adapter is not None:
        adapter = served.adapter_file(served.adapter)
        _written(adapter, partial(served.write_adapter, adapter, plan.architecture))
    logger.info("llama.cpp: {}", adapter or file)
    config = family.plan(checkpoint).config
    return LlamaCppEngine(file, served.prompt_format, served.model_version, config, slots, adapter)


@dataclass(frozen=True)
class _Served:
    """What llama.cpp runs: a model, or the base of a LoRA adapter and the adapter.

    Attributes:
        directory: Of the model.
        prompt_format: What it was trained with.
        model_version: Of the result.
        hints: What the model's files do not say.
        quantisation: What the adapter was trained on: the base is dequantised from it.
        adapter: Directory of the adapter.
    """

    directory: Path
    prompt_format: PromptFormat
    model_version: str
    hints: Hints = NO_HINTS
    quantisation: Quantisation | None = None
    adapter: Path | None = None

    @classmethod
    def of(cls, path: Path) -> "_Served":
        """What a directory contains: a run, its result, or a model."""
        if not path.is_dir():
            raise UserError("no such directory", where=str(path), fix="give a run directory or a model directory")
        if not (path / ARTIFACT_FILE).is_file():
            return cls(path, load_prompt_format(path), path.name)
        artifact = Artifact.load(path)
        directory = artifact.directory(path)
        artifact.check_files(directory)
        if isinstance(artifact, AdapterArtifact):
            check_adapter(directory)
            base, hints = base_of(directory, artifact), artifact.base.hints
            prompt_format = PromptFormat.load(directory, load_tokenizer(base, hints))
            return cls(base, prompt_format, artifact.model_version, hints, artifact.quantisation, directory)
        if isinstance(artifact, MergedArtifact | WholeArtifact):
            return cls(directory, load_prompt_format(directory), artifact.model_version)
        raise UserError(
            f"llama.cpp 只运行普通模型和 LoRA 适配器，这是{artifact.described[0]}"
            f"（llama.cpp runs ordinary models and LoRA adapters; this is {artifact.described[1]}）",
            where=str(path),
            fix="engine=local, or a method whose result is merged (method=qlora)",
        )

    def load(self) -> PreTrainedModel:
        """The model in float32."""
        model = load_model(self.directory, quantisation=self.quantisation, hints=self.hints)
        return model if self.quantisation is None else model.dequantize(torch.float32)

    def write_adapter(self, file: Path, architecture: Architecture) -> None:
        """Writes the adapter; its factors do not depend on how its base is quantised."""
        assert self.adapter is not None
        base = load_model(self.directory, hints=self.hints)
        write_adapter(file, PeftModel.from_pretrained(base, self.adapter), architecture)

    def base_file(self, weights: GgufType) -> Path:
        """Where the model is in the cache: by content, and by the code that writes it."""
        parts = [hash_model(self.directory), self.prompt_format.sha256, weights, self.quantisation or ""]
        return _in_cache(self.directory.name, parts, "gguf")

    def adapter_file(self, adapter: Path) -> Path:
        """Where the adapter is in the cache."""
        return _in_cache(self.model_version, [sha256_files(adapter.glob("adapter_*"))], "adapter.gguf")


def _in_cache(name: str, content: list[str], suffix: str) -> Path:
    code = sha256_files(Path(gguf_export.__file__).parent.glob("*.py"))
    return cache_dir() / "gguf" / f"{name}-{sha256_value([*content, code, version('gguf')])[:16]}.{suffix}"


def _written(file: Path, write: Callable[[], None]) -> None:
    """Writes a file of the cache, and its checksum, where it is missing or damaged."""
    if not _is_whole(file):
        write()
        write_text(_checksum(file), sha256_file(file))


def _is_whole(file: Path) -> bool:
    """Whether a file of the cache is there as it was written; llama.cpp would run a damaged one and talk nonsense."""
    if not file.is_file() or not _checksum(file).is_file():
        return False
    if _checksum(file).read_text("utf-8") == sha256_file(file):
        return True
    logger.warning("{} is damaged: it is written again", file)
    return False


def _checksum(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _check_installed() -> None:
    try:
        import xllamacpp  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"engine=llamacpp 需要 xllamacpp（needs xllamacpp: {error}）",
            where="engine",
            fix="pip install 'xinglin[llamacpp]'",
        ) from None
