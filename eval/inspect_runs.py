"""Runs of inspect_ai, read from the logs that it writes (format 2, ``.eval`` and ``.json``).

A log is a system that has answered already: its answers are judged as those of any other, and what its own scorers
found stands beside. An ``.eval`` file is a ZIP archive of JSON files, which inspect_ai compresses with zstd; Python's
``zipfile`` knows that from 3.14 on, so pyarrow decompresses. Tested with logs of inspect_ai 0.3.285.
"""

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from loguru import logger
from pydantic import BaseModel, ValidationError

from common.errors import UserError
from common.hashing import sha256_file
from data_recipes.schema.example import Example
from eval.answers import FinishReason, ModelAnswer, Session, SystemRecord

SUFFIXES = (".eval", ".json")
FORMAT_VERSION = 2
ZSTD = 93
"""The number of this compression in ZIP files."""
WRITE_AGAIN = (
    "copy the file again from where inspect_ai wrote it (its logs/); a whole log in another layout is written again by "
    "inspect log convert LOG --to eval --output-dir DIR"
)
NUMBER = re.compile(r"[-+]?\d[\d.,/]*%?")
"""A target that is compared as a number; in a sentence a number need not be what counts."""
SHOWN = 5
"""Samples and items that a message names."""

FINISHED: dict[str, FinishReason] = {"max_tokens": "length", "model_length": "length", "content_filter": "failed"}
"""By inspect_ai's reason to stop; every other one ends an answer."""

Item = TypeVar("Item", bound=BaseModel)
Turns = tuple[tuple[str, str], ...]
"""Role and text of each turn, without system turns."""


@dataclass(frozen=True)
class LoggedSample:
    """One sample of a log.

    Attributes:
        id: As the log has it.
        asked: The conversation that it begins with.
        choices: The options of a multiple-choice question, which its own question does not list.
        targets: Right answers.
        answer: What was answered.
    """

    id: str
    asked: Turns
    choices: tuple[str, ...]
    targets: tuple[str, ...]
    answer: ModelAnswer

    @property
    def question(self) -> str:
        """What is asked last."""
        return self.asked[-1][1] if self.asked else ""

    def listed_in(self, example: Example) -> bool:
        """Whether an item asks the same multiple-choice question, which there lists its options itself."""
        asked = _squeezed(self.question)
        return bool(asked) and example.choices == self.choices and asked in _squeezed(example.prompt[-1].content)


@dataclass(frozen=True)
class InspectRun:
    """What a log says.

    Attributes:
        path: The log.
        task: Its name.
        record: The system.
        session: The process that asked it.
        samples: Those of the first epoch.
    """

    path: Path
    task: str
    record: SystemRecord
    session: Session
    samples: tuple[LoggedSample, ...]

    def answers_to(self, examples: Sequence[Example], wanted: Collection[int]) -> dict[int, ModelAnswer]:
        """The answers to items, found by what is asked.

        Args:
            examples: All items of an evaluation.
            wanted: Positions of the items to answer.

        Raises:
            UserError: An item is not in the log, or asks something else there.
        """
        by_asked: dict[Turns, list[LoggedSample]] = {}
        by_options: dict[tuple[str, ...], list[LoggedSample]] = {}
        for sample in self.samples:
            by_asked.setdefault(_key(sample.asked), []).append(sample)
            by_options.setdefault(sample.choices, []).append(sample)
        found: dict[int, LoggedSample] = {}
        for place in wanted:
            example = examples[place]
            listed = by_options.get(example.choices, []) if example.choices else []
            alike = by_asked.get(_key((message.role, message.content) for message in example.prompt))
            alike = alike or [sample for sample in listed if sample.listed_in(example)]
            if alike:
                found[place] = next((one for one in alike if one.id == example.id), alike[0])
        if missing := [examples[place] for place in wanted if place not in found]:
            raise self._without(missing, len(wanted))
        if others := len(self.samples) - len({sample.id for sample in found.values()}):
            logger.warning("{}: {} of its samples are not among the items, and are not judged", self.path, others)
        return {place: sample.answer for place, sample in found.items()}

    def _without(self, missing: Sequence[Example], wanted: int) -> UserError:
        ids = {sample.id for sample in self.samples}
        changed = [example.id for example in missing if example.id in ids]
        if changed:
            problem = f"samples of this log ask something else than the items of the same id: {_shown(changed)}"
        elif len(missing) == wanted:
            problem = f"this log is of another item set: its samples are {_shown([one.id for one in self.samples])}"
        else:
            problem = "items are not in this log"
        names = _shown([example.id for example in missing])
        return UserError(
            f"{problem}; {len(missing)} of {wanted} items have no answer: {names}",
            where=str(self.path),
            fix="give the suite that it answers, or ask what is in it: suite=log suite.items=LOG",
        )


def is_log(path: Path) -> bool:
    """Whether a file is given as a log of inspect_ai."""
    return path.suffix in SUFFIXES


def read_run(path: Path) -> InspectRun:
    """Reads a log.

    Args:
        path: An ``.eval`` or ``.json`` file.

    Raises:
        UserError: There is no such file, it is no log of this version, cut or damaged, or samples are missing.
    """
    if not path.is_file():
        raise UserError("there is no such log", where=str(path), fix="give a .eval or .json file of inspect_ai")
    head, samples = (_archive if path.suffix == ".eval" else _json)(path)
    if (version := head.get("version")) != FORMAT_VERSION:
        raise UserError(
            f"a log of version {version}; only version {FORMAT_VERSION} is read",
            where=str(path),
            fix="read and write it by inspect_ai 0.3: inspect log convert",
        )
    try:
        first = tuple(_sample(one) for one in samples if one.get("epoch", 1) == 1)
        run = InspectRun(path, head["eval"]["task"], _record(path, head), _session(head["eval"]), first)
        expected = [str(id) for id in head["eval"]["dataset"].get("sample_ids") or []]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        wrong = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        problem = f"not laid out as a log of inspect_ai: {wrong}"
        raise UserError(problem, where=str(path), fix=WRITE_AGAIN) from None
    there = {sample.id for sample in first}
    if not first or (lost := [id for id in expected if id not in there]):
        told = f"{len(lost)} of its {len(expected)} samples are missing: {_shown(lost)}" if first else "has no samples"
        raise UserError(
            f"{told} (status {head.get('status')})", where=str(path), fix="finish the run: inspect eval-retry LOG"
        )
    return run


def typed_samples(path: Path, of: type[Item]) -> Iterator[tuple[str, Item]]:
    """The samples of a log as items of a suite.

    Args:
        path: The log.
        of: What an item is.

    Yields:
        ``file:id``, and the item.

    Raises:
        UserError: See ``read_run``; or a sample has several turns, or nothing that an answer can be judged by.
    """
    run = read_run(path)
    for sample in run.samples:
        where = f"{path}:{sample.id}"
        if len(sample.asked) != 1:
            problem = f"this sample is a conversation of {len(sample.asked)} turns; an item asks one question"
            raise UserError(problem, where=where, fix="give a log of single questions")
        try:
            yield where, of.model_validate({"id": sample.id, "kind": run.task, **_item(sample)})
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise UserError(problem, where=where, fix="docs/suites.md lists what an item needs") from None


def _item(sample: LoggedSample) -> dict[str, Any]:
    answer, *further = sample.targets or ("",)
    if sample.choices:
        letters = (chr(ord("A") + number) for number in range(len(sample.choices)))
        listed = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, sample.choices, strict=True))
        return {"question": f"{sample.question}\n{listed}", "choices": sample.choices, "result": answer}
    result = answer if NUMBER.fullmatch(answer.strip()) else ""
    return {"question": sample.question, "answer": answer or None, "references": tuple(further), "result": result}


def _json(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and samples of a ``.json`` log."""
    head = _parsed(path.read_bytes(), path)
    samples = head.get("samples") or []
    return head, samples


def _archive(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and samples of an ``.eval`` log."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            parts = {part.filename: part for part in archive.infolist()}
            if "header.json" not in parts:
                problem = "the run of this log has not ended: there is no header.json"
                raise UserError(problem, where=str(path), fix="finish the run: inspect eval-retry LOG")
            names = [name for name in parts if name.startswith("samples/")]
            content = {
                name: _stored(file, parts[name]) if parts[name].compress_type == ZSTD else archive.read(name)
                for name in ("header.json", *names)
            }
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError, OSError) as error:
        raise UserError(f"cut or damaged: {error}", where=str(path), fix=WRITE_AGAIN) from None
    return _parsed(content["header.json"], path), [_parsed(content[name], path) for name in names]


def _stored(file: Any, part: zipfile.ZipInfo) -> bytes:
    """A part that is compressed with zstd, whose local header has names of other lengths than the directory's."""
    file.seek(part.header_offset)
    name, extra = struct.unpack("<26xHH", file.read(30))
    file.seek(name + extra, 1)
    with pa.CompressedInputStream(pa.BufferReader(file.read(part.compress_size)), "zstd") as stream:
        content: bytes = stream.read()
    if zlib.crc32(content) != part.CRC:
        raise zipfile.BadZipFile(f"{part.filename} has another checksum")
    return content


def _parsed(content: bytes, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"cut or damaged: {error}", where=str(path), fix=WRITE_AGAIN) from None
    if not isinstance(values, dict):
        raise UserError("not a log of inspect_ai", where=str(path), fix="give a .eval or .json file that it wrote")
    return values


def _record(path: Path, head: Mapping[str, Any]) -> SystemRecord:
    """What was asked, how, and what the log's own scorers say."""
    about, results = head["eval"], head.get("results") or {}
    epochs = (about.get("config") or {}).get("epochs") or 1
    solvers = " → ".join(step["solver"] for step in (head.get("plan") or {}).get("steps") or [])
    if epochs > 1:
        logger.warning("{}: of {} epochs only the first is judged", path, epochs)
    return SystemRecord(
        name=about["model"],
        kind="log",
        origin=str(path),
        sha256=sha256_file(path),
        prompt_format=" · ".join(filter(None, (about["task"], solvers, f"1/{epochs}" if epochs > 1 else ""))),
        stated={
            f"{score['name']} {metric['name']}": f"{metric['value']:.4g}"
            for score in results.get("scores") or []
            for metric in score["metrics"].values()
        },
    )


def _session(about: Mapping[str, Any]) -> Session:
    return Session(
        began=about["created"],
        command="",
        code=(about.get("revision") or {}).get("commit") or "",
        versions={str(name): str(version) for name, version in (about.get("packages") or {}).items()},
    )


def _sample(sample: Mapping[str, Any]) -> LoggedSample:
    asked, target = sample["input"], sample.get("target") or ()
    turns = [("user", asked)] if isinstance(asked, str) else [(turn["role"], _text(turn["content"])) for turn in asked]
    return LoggedSample(
        id=str(sample["id"]),
        asked=tuple((role, text) for role, text in turns if role != "system"),
        choices=tuple(sample.get("choices") or ()),
        targets=(target,) if isinstance(target, str) else tuple(target),
        answer=_answer(sample),
    )


def _answer(sample: Mapping[str, Any]) -> ModelAnswer:
    output = sample.get("output") or {}
    choices, usage = output.get("choices") or [], (sample.get("model_usage") or {}).values()
    failed = bool(sample.get("error")) or not choices
    reason = "failed" if failed else FINISHED.get(choices[0].get("stop_reason"), "stop")
    reason = "length" if sample.get("limit") and reason == "stop" else reason
    return ModelAnswer(
        text="" if reason == "failed" else output.get("completion") or "",
        finish_reason=reason,
        tokens=sum(one.get("output_tokens") or 0 for one in usage),
        prompt_tokens=sum(one.get("input_tokens") or 0 for one in usage),
        calls=max(1, sum(event.get("event") == "model" for event in sample.get("events") or [])),
        seconds=sample.get("working_time"),
        stated={name: str(score.get("value")) for name, score in (sample.get("scores") or {}).items()},
    )


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    """What a turn says; its pictures and reasoning are no part of that."""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def _key(said: Iterable[tuple[str, str]]) -> Turns:
    """What is asked: system turns are how it is asked, and spaces mean nothing."""
    return tuple((role, _squeezed(text)) for role, text in said if role != "system")


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _shown(ids: Sequence[str]) -> str:
    return ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
