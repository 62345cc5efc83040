"""Evaluates systems on a suite and writes the report."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from loguru import logger

from common.errors import Refused, UserError
from common.files import cache_dir, check_writable
from common.hashing import sha256_value
from common.machine import processor
from common.revision import code_revision
from data_recipes.pipeline.build import BuiltDataset
from data_recipes.schema.example import Example
from eval.answer_store import AnswerStore, Stored, key_of
from eval.answers import ModelAnswer, Session, SystemRecord, SystemResult
from eval.config import SuiteConfig
from eval.exams.choosing import choose_options
from eval.exams.exam import Exam, ExamItem
from eval.report.assemble import Suites, assemble
from eval.report.schema import Report, System, subject_of
from eval.report.write import write_report
from eval.shots import with_shots
from eval.suites import answer_items, select
from models.artifact import Artifact, LanguageModelArtifact
from models.engines.engine import Engine
from models.memory import release
from models.numerics import instruction_set
from strategies.direct import FewShotConfig, ZeroShotConfig

LIBRARIES = ("torch", "transformers")

Ask = Callable[[Sequence[Example], Sequence[int], SuiteConfig], Iterator[Mapping[int, ModelAnswer]]]
"""Answers those of the items that are at the given positions, as they come."""

Choose = Callable[[Sequence[ExamItem], Sequence[int]], Iterator[Mapping[int, ModelAnswer]]]
"""Compares the options of those of the items that are at the given positions, as they come."""

AskMissing = Callable[[Sequence[int]], Iterator[Mapping[int, ModelAnswer]]]
"""Asks the items at the given positions."""


@dataclass(frozen=True)
class Candidate:
    """A system to evaluate.

    Attributes:
        record: What it is.
        ask: Asks it; called only for items that it has not answered yet.
        choose: The same for the options of an exam, which are compared by log-probability.
        identity: Everything that its answers to an item follow from, besides the decoding.
        artifact: What is known of its training.
        session: The process that asked it, where it is a log of answers; else it is this one.
    """

    record: SystemRecord
    ask: Ask
    choose: Choose
    identity: tuple[str, ...]
    artifact: Artifact | None = None
    session: Session | None = None

    @property
    def is_local(self) -> bool:
        """Whether it computes in this process."""
        return self.record.kind not in ("server", "log")


def in_this_process(load: Callable[[], Engine]) -> Ask:
    """Asks a model that is loaded for it and released afterwards: two may not fit into memory together."""

    return lambda examples, wanted, config: _used(load, lambda engine: answer_items(engine, examples, wanted, config))


def choosing_in_this_process(load: Callable[[], Engine]) -> Choose:
    """The same for the options of an exam."""
    return lambda items, wanted: _used(load, lambda engine: choose_options(engine, items, wanted))


def _used(
    load: Callable[[], Engine], use: Callable[[Engine], Iterator[Mapping[int, ModelAnswer]]]
) -> Iterator[Mapping[int, ModelAnswer]]:
    engine = load()
    try:
        yield from use(engine)
    finally:
        del engine
        release()


def evaluate_candidates(
    candidates: Mapping[System, Candidate],
    dataset: BuiltDataset,
    config: SuiteConfig,
    out: Path,
    *,
    metrics_file: Path | None,
    command: str,
    rescore: bool = False,
    exams: Sequence[Exam] = (),
    train: Sequence[Example] | None = None,
) -> Report:
    """Evaluates systems one after another and writes the report.

    Answers are stored as they come, and those that are stored already are not asked for again.

    Args:
        candidates: The systems by name. Each is compared with the first; the report is about ``tuned``, or about the
            first where there is none.
        dataset: Where the items come from.
        config: The suite.
        out: Where ``index.html``, ``report.json``, ``report.md`` and ``items.jsonl`` go.
        metrics_file: ``metrics.jsonl`` of the training of the system that the report is about.
        command: The command that reruns this.
        rescore: Nothing is asked: all answers must be stored.
        exams: Published exams that are asked, too; of a suite that is one, nothing else is.
        train: What demonstrations are chosen from; by default the training split of ``dataset``.

    Returns:
        The report.

    Raises:
        UserError: The suite selects nothing, an answer to score again is not stored, or ``out`` cannot be written.
        Refused: The items give entries in another form than a model was trained with.
    """
    check_writable(out)
    for system, candidate in candidates.items():
        _check_grounding(system, candidate.artifact, dataset)
    suites: dict[str, list[Example]] = {} if config.exam else select(dataset.splits, config)
    for exam in exams:
        suites |= exam.generated
    demonstrations: dict[str, tuple[str, ...]] = {}
    if config.strategy.shots:
        pool = dataset.splits.get("train", []) if train is None else train
        suites, demonstrations = with_shots(suites, pool, config.strategy, config.seed)
    scored = {name: items for exam in exams for name, items in exam.scored.items()}
    results = {
        system: _result(system, candidate, suites, scored, config, command, rescore)
        for system, candidate in candidates.items()
    }
    report, items = assemble(
        results,
        suites | {name: [item.example for item in items] for name, items in scored.items()},
        _described(dataset, config, exams),
        config,
        artifacts={system: candidate.artifact for system, candidate in candidates.items() if candidate.artifact},
        metrics_file=metrics_file,
        dtype=candidates[subject_of(candidates)].record.dtype,
        command=command,
        exams=exams,
        demonstrations=demonstrations,
    )
    write_report(report, items, out)
    return report


def _described(dataset: BuiltDataset, config: SuiteConfig, exams: Sequence[Exam]) -> BuiltDataset:
    """The dataset, with what the suites of exams and of one's own show."""
    descriptions = dataset.manifest.descriptions | {k: v for exam in exams for k, v in exam.descriptions.items()}
    if config.items is not None and config.about is not None:
        descriptions[config.name] = config.about
    return replace(dataset, manifest=dataset.manifest.model_copy(update={"descriptions": descriptions}))


def _check_grounding(system: System, artifact: Artifact | None, dataset: BuiltDataset) -> None:
    """Entries are asked about as they were trained; a model may also be asked without any."""
    trained = artifact.grounding if isinstance(artifact, LanguageModelArtifact) else None
    asked = dataset.manifest.grounding
    if trained and asked and trained.kind == asked.kind == "entries" and trained.sha256 != asked.sha256:
        raise Refused(
            f"{system} was trained with the entries in its prompts written as {trained.template} "
            f"({trained.sha256[:12]}…), and {dataset.directory} has them as {asked.template} ({asked.sha256[:12]}…); "
            "give a dataset that was built by the version of Xinglin that trained it"
        )


def _result(
    system: System,
    candidate: Candidate,
    suites: Suites,
    scored: Mapping[str, Sequence[ExamItem]],
    config: SuiteConfig,
    command: str,
    rescore: bool,
) -> SystemResult:
    """The stored answers of a system, and new ones to the items that it has not answered or failed at."""
    examples = [example for of_suite in suites.values() for example in of_suite]
    items = [item for of_suite in scored.values() for item in of_suite]
    keep = partial(_answers, system, candidate, command=command, rescore=rescore)
    answers = keep(
        _key(candidate, config),
        [key_of(example) for example in examples],
        lambda missing: candidate.ask(examples, missing, config),
    )
    if items:
        answers += keep(
            _key_of_options(candidate),
            [item.key for item in items],
            lambda missing: candidate.choose(items, missing),
        )
    asked = {**suites, **{name: [item.example for item in of_suite] for name, of_suite in scored.items()}}
    result = _in_suites(candidate.record, asked, answers)
    _warn_of_what_does_not_fit(system, result)
    return result


def _answers(
    system: System,
    candidate: Candidate,
    directory: str,
    keys: Sequence[str],
    ask: AskMissing,
    *,
    command: str,
    rescore: bool,
) -> list[Stored]:
    """The answers to the items with these keys: those that are stored, and those of the items that are asked now."""
    store = AnswerStore(cache_dir() / "answers" / directory)
    stored = store.read()
    answered = {key for key, found in stored.items() if rescore or found.answer.finish_reason != "failed"}
    missing = [i for i, key in enumerate(keys) if key not in answered]
    if missing and rescore:
        raise UserError(
            f"{len(missing)} of {len(keys)} answers of {system} are not stored",
            where="rescore=true",
            fix="give the suite, the systems, dtype and out of the report; without rescore=true they are asked",
        )
    if len(missing) < len(keys):
        logger.info("{}: {} of {} answers are stored already", system, len(keys) - len(missing), len(keys))
    if missing:
        session = candidate.session or session_of(command, is_local=candidate.is_local)
        file = store.begin(session)
        for answers in ask(missing):
            file.add({keys[i]: answer for i, answer in answers.items()})
            stored |= {keys[i]: Stored(answer=answer, session=session) for i, answer in answers.items()}
    return [stored[key] for key in keys]


def _in_suites(record: SystemRecord, suites: Suites, found: Sequence[Stored]) -> SystemResult:
    answers = iter([one.answer for one in found])
    by_suite = {name: tuple(next(answers) for _ in examples) for name, examples in suites.items()}
    sessions = {session.model_dump_json(): session for session in (one.session for one in found)}
    in_order = tuple(sorted(sessions.values(), key=lambda session: session.began))
    return SystemResult(
        model_version=record.name, answers=by_suite, record=record.model_copy(update={"sessions": in_order})
    )


def _warn_of_what_does_not_fit(system: System, result: SystemResult) -> None:
    for suite, answers in result.answers.items():
        if all(answer.finish_reason == "too_long" for answer in answers):
            logger.warning(
                "{}: none of the {} items of {} fits the context of this model: all of them score 0, and there is no "
                "loss; evaluate the other splits (suite.splits=[…]), or give a model with a longer context",
                *(system, len(answers), suite),
            )


def _key(candidate: Candidate, config: SuiteConfig) -> str:
    """A hash of everything that the answers to an item follow from; scores are always computed again from them."""
    decoding = [config.max_new_tokens, *_of_strategy(config)]
    if not candidate.is_local:
        return sha256_value([candidate.identity, *decoding])[:32]
    return sha256_value([candidate.identity, *decoding, config.batch_size, _here()])[:32]


def _of_strategy(config: SuiteConfig) -> list[object]:
    """What a strategy adds to how an item is asked; demonstrations are a part of the item."""
    if isinstance(config.strategy, ZeroShotConfig | FewShotConfig):
        return []
    return [config.strategy.model_dump(), config.seed]


def _key_of_options(candidate: Candidate) -> str:
    """The same of the log-probabilities of options, which no decoding changes."""
    return sha256_value([candidate.identity, "options", *([_here()] if candidate.is_local else [])])[:32]


def _here() -> list[object]:
    return [_hardware(), instruction_set(), _versions()]


def session_of(command: str, *, is_local: bool = True) -> Session:
    """This process as one that asks a system.

    Args:
        command: As typed.
        is_local: Whether the system computes here; of a server's hardware nothing is known.
    """
    began = datetime.now().astimezone().isoformat(timespec="milliseconds")
    session = Session(began=began, command=command, code=code_revision())
    here = {"hardware": _hardware(), "instruction_set": instruction_set(), "versions": _versions()}
    return session.model_copy(update=here) if is_local else session


def _hardware() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else processor()


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}
