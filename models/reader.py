"""Extractive question answering: an encoder marks the part of a passage that answers, or says that none does.

A passage longer than the model can read is cut into windows that overlap. A window's margin is the score of its best
span minus the score of its own "no answer"; the answer is the best span of the window with the largest margin, and
there is no answer where that margin is not above the threshold, which training chooses on the dev split.

transformers 5 refuses ``pipeline("question-answering")``; importing this module brings it back, with windows that have
their own threshold:

    import models.reader
    from transformers import pipeline
    pipeline("question-answering", model="runs/…/reader")(question="How is the sound?", context="The sound is great.")
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    Pipeline,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.pipelines import PIPELINE_REGISTRY, REMOVED_TASKS

from common.errors import UserError
from common.files import read_json, write_json
from models.artifact import check_result
from models.reader_config import ReadingConfig

FILE_NAME = "reader.json"
TASK = "question-answering"
NO_SPAN = float("-inf")
PADDED_TO = 16  # tokens; the longest window is a multiple of it


def save_reading(config: ReadingConfig, directory: Path) -> None:
    """Writes ``reader.json`` into a model directory."""
    write_json(directory / FILE_NAME, config.model_dump())


def load_reading(directory: Path) -> ReadingConfig:
    """Reads ``reader.json``.

    Raises:
        UserError: It is missing or damaged.
    """
    path = directory / FILE_NAME
    try:
        return ReadingConfig.model_validate(read_json(path))
    except ValidationError as error:
        raise UserError(f"not a reader of this version: {error}", where=str(path), fix="train again") from None


@dataclass(frozen=True)
class Window:
    """A question with a part of its passage.

    Attributes:
        inputs: What the model takes, e.g. ``input_ids``, without padding.
        offsets: For each token its characters (start, end) in the passage; None for all other tokens.
        null: Position of the token that stands for "no answer", the classification token.
    """

    inputs: dict[str, list[int]]
    offsets: tuple[tuple[int, int] | None, ...]
    null: int

    def tokens_of(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last token of a span of the passage; None where this window does not hold all of it."""
        inside = [i for i, place in enumerate(self.offsets) if place and place[0] < end and place[1] > start]
        if not inside:
            return None
        first, last = self._place(inside[0]), self._place(inside[-1])
        return (inside[0], inside[-1]) if first[0] <= start and last[1] >= end else None

    def _place(self, token: int) -> tuple[int, int]:
        place = self.offsets[token]
        assert place is not None
        return place


class Reading(NamedTuple):
    """The answer found in a passage.

    Attributes:
        text: The passage from ``start`` to ``end``; empty where there is no answer.
        start: First character of the best span, whether or not it is the answer.
        end: The character after its last.
        margin: Its score minus the score of "no answer".
    """

    text: str
    start: int
    end: int
    margin: float


def cut(question: str, context: str, tokenizer: PreTrainedTokenizerBase, config: ReadingConfig) -> list[Window]:
    """Cuts a passage into overlapping windows.

    Args:
        question: The question; every window contains all of it.
        context: The passage.
        tokenizer: A fast tokenizer.
        config: Length and overlap of the windows.

    Raises:
        UserError: The question leaves no room for the passage.
    """
    words = len(tokenizer(question, add_special_tokens=False)["input_ids"])
    if words + tokenizer.num_special_tokens_to_add(pair=True) + config.doc_stride >= config.max_length:
        raise UserError(
            f"a question of {words} tokens leaves no room for the passage in windows of {config.max_length} tokens"
            f" that share {config.doc_stride}",
            where="reading",
            fix="raise reading.max_length, or lower reading.doc_stride",
        )
    encoded = tokenizer(
        question,
        context,
        truncation="only_second",
        max_length=config.max_length,
        stride=config.doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    names = [name for name in tokenizer.model_input_names if name in encoded]
    windows = []
    for i, ids in enumerate(encoded["input_ids"]):
        pairs = zip(encoded["offset_mapping"][i], encoded.sequence_ids(i), strict=True)
        offsets = tuple(place if sequence == 1 and place[0] < place[1] else None for place, sequence in pairs)
        inputs = {name: list(encoded[name][i]) for name in names}
        windows.append(Window(inputs, offsets, null=ids.index(tokenizer.cls_token_id)))
    return windows


def collate(windows: Sequence[Window], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
    """Pads windows to one batch; only to a few lengths, because oneDNN keeps memory for every shape it has seen."""
    inputs = [window.inputs for window in windows]
    return dict(tokenizer.pad(inputs, pad_to_multiple_of=PADDED_TO, return_tensors="pt"))


def best_span(window: Window, starts: torch.Tensor, ends: torch.Tensor, longest: int) -> tuple[int, int, float]:
    """The best span of a window.

    Args:
        window: The window.
        starts: Logits ``[tokens]`` of being the first token of the answer.
        ends: The same for the last token.
        longest: Most tokens of an answer.

    Returns:
        Its characters (start, end) in the passage, and its margin; minus infinity where the window has no passage.
    """
    usable = torch.tensor([place is not None for place in window.offsets])
    starts, ends = starts[: len(usable)].float(), ends[: len(usable)].float()
    null = starts[window.null] + ends[window.null]
    scores = starts.masked_fill(~usable, NO_SPAN)[:, None] + ends.masked_fill(~usable, NO_SPAN)[None, :]
    allowed = torch.ones_like(scores, dtype=torch.bool).triu().tril(longest - 1)
    scores = scores.masked_fill(~allowed, NO_SPAN)
    first, last = divmod(int(scores.argmax()), len(usable))
    begin, finish = window.offsets[first], window.offsets[last]
    if begin is None or finish is None:
        return 0, 0, NO_SPAN
    return begin[0], finish[1], float(scores[first, last] - null)


def reading_of(context: str, spans: Sequence[tuple[int, int, float]], threshold: float) -> Reading:
    """The answer from the best spans of all windows of a passage."""
    start, end, margin = max(spans, key=lambda span: span[2])
    return Reading(context[start:end] if margin > threshold else "", start, end, margin)


class Reader:
    """An encoder with a question answering head, ready to read.

    Args:
        model: The model, in evaluation mode.
        tokenizer: Its fast tokenizer.
        config: How passages are cut and answers chosen.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, config: ReadingConfig) -> None:
        self.model, self.tokenizer, self.config = model, tokenizer, config

    @classmethod
    def load(cls, directory: Path) -> "Reader":
        """Loads what training saved.

        Raises:
            UserError: The directory contains no reader.
            Refused: A file is not the one that was written.
        """
        check_result(directory)
        config = load_reading(directory)
        model = AutoModelForQuestionAnswering.from_pretrained(directory, local_files_only=True).eval()
        return cls(model, AutoTokenizer.from_pretrained(directory, local_files_only=True), config)

    def read(self, questions: Sequence[tuple[str, str]], batch_size: int) -> Iterator[Reading]:
        """Answers (question, context) pairs in their order.

        Args:
            questions: What is asked about which passage.
            batch_size: Windows read together; windows of similar length share a batch.

        Yields:
            One reading for each, once all windows were read.
        """
        windows = [(i, w) for i, pair in enumerate(questions) for w in cut(*pair, self.tokenizer, self.config)]
        windows.sort(key=lambda item: -len(item[1].offsets))
        found: dict[int, list[tuple[int, int, float]]] = {i: [] for i in range(len(questions))}
        for start in range(0, len(windows), batch_size):
            batch = windows[start : start + batch_size]
            starts, ends = self.logits([window for _, window in batch])
            for (i, window), first, last in zip(batch, starts, ends, strict=True):
                found[i].append(best_span(window, first, last, self.config.max_answer_tokens))
        for i, (_, context) in enumerate(questions):
            yield reading_of(context, found[i], self.config.threshold)

    @torch.inference_mode()
    def logits(self, windows: Sequence[Window]) -> tuple[torch.Tensor, torch.Tensor]:
        """Start and end logits, each ``[windows, tokens]``, on the CPU."""
        batch = {name: values.to(self.model.device) for name, values in collate(windows, self.tokenizer).items()}
        output = self.model(**batch)
        return output.start_logits.cpu(), output.end_logits.cpu()


class QuestionAnsweringPipeline(Pipeline):
    """``pipeline("question-answering")``: takes ``question=`` and ``context=``, or dictionaries of the two.

    A result has ``answer`` (empty where there is none), ``start`` and ``end`` in the context, and ``score``: the
    probability 0 to 1 that a logistic function makes of how far the margin is above the threshold.
    """

    _load_tokenizer = True
    _load_processor = _load_image_processor = _load_video_processor = _load_feature_extractor = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reading = load_reading(Path(self.model.name_or_path))

    def __call__(self, inputs: Any = None, /, *, question: str = "", context: str = "", **kwargs: Any) -> Any:
        """Answers one question, or a list of ``{"question": …, "context": …}``."""
        return super().__call__(inputs or {"question": question, "context": context}, **kwargs)

    def _sanitize_parameters(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return {}, {}, {}

    def preprocess(self, inputs: dict[str, str]) -> dict[str, Any]:
        """Cuts one passage into windows."""
        windows = cut(inputs["question"], inputs["context"], self.tokenizer, self.reading)
        return {"context": inputs["context"], "windows": windows}

    def _forward(self, inputs: dict[str, Any]) -> dict[str, Any]:
        reader = Reader(self.model, self.tokenizer, self.reading)
        starts, ends = reader.logits(inputs["windows"])
        longest = self.reading.max_answer_tokens
        spans = [best_span(*item, longest) for item in zip(inputs["windows"], starts, ends, strict=True)]
        return {"context": inputs["context"], "spans": spans}

    def postprocess(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """The answer of one passage."""
        found = reading_of(outputs["context"], outputs["spans"], self.reading.threshold)
        score = float(torch.sigmoid(torch.tensor(found.margin - self.reading.threshold)))
        if not found.text:
            return {"score": 1 - score, "start": 0, "end": 0, "answer": ""}
        return {"score": score, "start": found.start, "end": found.end, "answer": found.text}


REMOVED_TASKS.pop(TASK, None)  # a name on this list is refused even where it is registered
PIPELINE_REGISTRY.register_pipeline(TASK, QuestionAnsweringPipeline, pt_model=AutoModelForQuestionAnswering)
