"""Samples answers to training questions and ranks them by a checker: pairs of a better and a worse one."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveInt
from tqdm import tqdm

from common.command import Config
from common.errors import UserError
from common.files import disk_errors, make_directory, write_json, write_text
from common.hashing import sha256_text, sha256_value
from data_recipes.dataset.dataset import load
from data_recipes.formats.json_rows import read_objects
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer
from eval.judges import JUDGES
from eval.judges.judge import Judge
from models.config import DType
from models.engines.engine import Engine, Sampling

CHECKERS = {name: judge for name, judge in JUDGES.items() if judge.checks_pairs}
RECORD = "samples.jsonl"


def _is_checker(name: str) -> str:
    if name not in CHECKERS:
        raise ValueError(f"no such checker; available: {', '.join(CHECKERS)}")
    return name


class PreferencesConfig(Config):
    """``eval/sample_preferences.py``; see ``configs/sample_preferences.yaml``."""

    model: Path
    dataset: Path
    checker: Annotated[str, AfterValidator(_is_checker)]
    out: Path
    samples: int = Field(ge=2, le=64)
    temperature: float = Field(gt=0, le=2)
    top_p: float = Field(gt=0, le=1)
    max_new_tokens: PositiveInt
    min_gap: float = Field(gt=0, le=1)
    max_items: PositiveInt | None
    batch_size: PositiveInt
    dtype: DType
    threads: int | None = Field(default=None, ge=1)
    seed: int


def scores_of(checker: Judge, example: Example, answers: Sequence[str]) -> list[float]:
    """The scores of several answers to one question that the checker applies to."""
    judged = checker.judge([example] * len(answers), [ModelAnswer(text=answer) for answer in answers])
    return [found.score for found in judged if found is not None]


def pair_of(answers: Sequence[str], scores: Sequence[float], min_gap: float) -> tuple[str, str] | str:
    """The best and the worst answer, or the reason why there is no pair.

    Args:
        answers: What was sampled; empty ones are never the better one.
        scores: The score of each.
        min_gap: Smallest difference of the two scores.
    """
    said = [(score, answer) for score, answer in zip(scores, answers, strict=True) if normalise(answer)]
    if len(said) < 2:
        return "empty_answers"
    best, worst = max(said, key=lambda one: one[0]), min(said, key=lambda one: one[0])
    if best[0] == worst[0]:
        return "tie"
    if best[0] - worst[0] < min_gap:
        return "too_close"
    return best[1], worst[1]


def sample(config: PreferencesConfig, engine: Engine) -> dict[str, Any]:
    """Samples, ranks and writes.

    Args:
        config: The checked configuration.
        engine: The model.

    Returns:
        The report, as written.

    Raises:
        UserError: The dataset cannot be read, has nothing for the checker, or the record is another command's.
    """
    dataset = load(config.dataset)
    if "train" not in dataset.splits:
        raise UserError("the dataset has no training split", where=str(config.dataset), fix="name another dataset")
    checker = CHECKERS[config.checker]
    counts: Counter[str] = Counter()
    items = []
    for example in _chosen(dataset.splits["train"], config):
        if example.is_text or not checker.applies(example):
            counts["not_checkable"] += 1
        elif engine.count_prompt_tokens(example.prompt) + 1 > engine.context_length:
            counts["too_long"] += 1
        else:
            items.append(example)
    if not items:
        raise UserError(
            f"no training question can be judged by {config.checker}", where=str(config.dataset), fix="see --help"
        )
    pairs = []
    for example, answers in _sampled(config, engine, items, dataset.manifest.sha256):
        found = pair_of(answers, scores_of(checker, example, answers), config.min_gap)
        if isinstance(found, str):
            counts[found] += 1
        else:
            prompt = [message.model_dump() for message in example.prompt]
            pairs.append({"prompt": prompt, "chosen": found[0], "rejected": found[1], "id": example.id})
    report = {
        "model": engine.model_version,
        "dataset_sha256": dataset.manifest.sha256,
        "checker": config.checker,
        "asked": len(items) + counts["not_checkable"] + counts["too_long"],
        "pairs": len(pairs),
        "dropped": dict(sorted(counts.items())),
    }
    write_text(config.out / "pairs.jsonl", "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs))
    write_json(config.out / "report.json", report)
    return report


def _chosen(examples: Sequence[Example], config: PreferencesConfig) -> list[Example]:
    ranked = sorted(examples, key=lambda example: sha256_text(f"{config.seed} {example.id}"))
    return ranked[: config.max_items]


def _sampled(
    config: PreferencesConfig, engine: Engine, items: Sequence[Example], dataset: str
) -> Iterator[tuple[Example, list[str]]]:
    """The answers to each question; each batch is recorded as soon as it arrives."""
    path = config.out / RECORD
    key = sha256_value([config.model_dump(mode="json", exclude={"out", "min_gap"}), dataset, engine.model_version])
    make_directory(config.out)
    known = _known(path, key)
    at_once = max(1, config.batch_size // config.samples)
    with tqdm(total=len(items), desc="sampling", unit="question", disable=None) as progress:
        for number, start in enumerate(range(0, len(items), at_once)):
            batch = items[start : start + at_once]
            if number == len(known):
                known.append(_answers(config, engine, batch, number))
                with disk_errors(path), path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, "answers": known[-1]}, ensure_ascii=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            yield from zip(batch, known[number], strict=True)
            progress.update(len(batch))


def _answers(config: PreferencesConfig, engine: Engine, batch: Sequence[Example], number: int) -> list[list[str]]:
    prompts = [example.prompt for example in batch for _ in range(config.samples)]
    seeds = [int(sha256_text(f"{config.seed} {number} {row}")[:15], 16) for row in range(len(prompts))]
    sampling = [Sampling(config.max_new_tokens, config.temperature, config.top_p, seed) for seed in seeds]
    texts = [completion.text for completion in engine.generate(prompts, sampling)]
    return [texts[start : start + config.samples] for start in range(0, len(texts), config.samples)]


def _known(path: Path, key: str) -> list[list[list[str]]]:
    """The batches of an earlier, killed run; a half-written last line is cut off."""
    if not path.exists() or not (content := path.read_bytes()):
        return []
    whole = content.rfind(b"\n") + 1
    with path.open("r+b") as file:
        file.truncate(whole)
    batches = []
    for line in read_objects(path) if whole else ():
        if isinstance(line, Dropped) or line.row.get("key") != key:
            raise UserError("these samples are from another command", where=str(path), fix="choose another out=DIR")
        batches.append(line.row["answers"])
    return batches
