"""The kinds of systems that can be evaluated: what each is, by hash, and how it is asked.

What is wrong with a system (a missing base, a changed file, a template that cannot be used, a server that does not
answer) is found when it is described, before any of them is asked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from common.errors import UserError
from common.hashing import sha256_of_hashes
from data_recipes.schema.example import Example
from eval.answers import ModelAnswer, SystemRecord
from eval.config import SuiteConfig, SystemConfig
from eval.endpoint import Endpoint
from eval.evaluation import Candidate, choosing_in_this_process, in_this_process
from eval.exams.exam import ExamItem
from eval.inspect_runs import read_run
from eval.report.schema import Report, System
from models.artifact import BesideBaseArtifact, LanguageModelArtifact, result_files
from models.beside_base import base_of
from models.config import NO_HINTS, DType, Hints
from models.engines.engine import Engine
from models.engines.experts import open_engine
from models.engines.local import LocalEngine
from models.gguf_import.unpacking import UnpackedRecord
from models.loading import hash_model, load_model, load_prompt_format, load_tokenizer, own_prompt_format
from models.numerics import Numerics, compute_dtype
from models.prompt_format import PromptFormat
from models.recommended import Recommended


def base_of_run(
    artifact: LanguageModelArtifact, directory: Path, load: Callable[[], Engine], numerics: Numerics
) -> Candidate:
    """The model that a run was tuned from, asked in the prompt format of the run.

    Args:
        artifact: The record of the run's result.
        directory: Where the base is.
        load: Loads it.
        numerics: Type that it computes in.
    """
    record = SystemRecord(
        name=artifact.base.name,
        kind="base",
        origin=artifact.base.path,
        sha256=artifact.base.sha256,
        prompt_format=artifact.prompt_format,
        prompt_format_sha256=artifact.prompt_format_sha256,
        dtype=numerics.name,
    )
    identity = _identity(record, directory, artifact.base.hints)
    return Candidate(record, in_this_process(load), choosing_in_this_process(load), identity)


def result_of_run(path: Path, artifact: LanguageModelArtifact, dtype: DType) -> Candidate:
    """What a run has made: a merged or wholly tuned model, or an adapter or prefix on its base.

    Args:
        path: The run, or the folder of its result.
        artifact: The record of the result.
        dtype: Type to compute in; ``auto`` is the one that the run was configured with.

    Raises:
        UserError: The base of an adapter is missing.
        Refused: A file of the result or the base was changed.
    """
    directory = artifact.directory(path)
    artifact.check_files(directory)
    numerics = compute_dtype(artifact.dtype if dtype == "auto" else dtype)
    beside_base = isinstance(artifact, BesideBaseArtifact)
    record = SystemRecord(
        name=artifact.model_version,
        kind=artifact.kind,
        origin=str(path),
        sha256=sha256_of_hashes(result_files(directory).items()) if beside_base else hash_model(directory),
        tuned_from=artifact.base.name,
        tuned_from_sha256=artifact.base.sha256,
        quantisation=artifact.quantisation or "" if beside_base else "",
        prompt_format=artifact.prompt_format,
        prompt_format_sha256=artifact.prompt_format_sha256,
        dtype=numerics.name,
    )
    loaded = base_of(directory, artifact) if isinstance(artifact, BesideBaseArtifact) else directory
    identity = _identity(record, loaded, artifact.base.hints)

    def load() -> Engine:
        return open_engine(path, dtype=dtype)

    return Candidate(record, in_this_process(load), choosing_in_this_process(load), identity, artifact)


def plain_model(path: Path, name: str, dtype: DType, written_as: Path | None = None) -> Candidate:
    """A model that is no result of this project: an ordinary directory, or an unpacked GGUF file.

    Args:
        path: Its directory.
        name: Its name in the report.
        dtype: Type to compute in.
        written_as: A directory whose prompt format it is asked in where it says nothing itself: no stored format, no
            chat template, no habit of its family.

    Raises:
        UserError: There is no model here, or nothing says how a question is put to it.
    """
    prompt_format = own_prompt_format(path) if written_as else load_prompt_format(path)
    if prompt_format is None:
        assert written_as is not None
        prompt_format = PromptFormat.load(written_as, load_tokenizer(path))
    numerics, unpacked = compute_dtype(dtype), UnpackedRecord.of(path)
    record = SystemRecord(
        name=name,
        kind="model",
        origin=unpacked.path if unpacked else str(path),
        sha256=hash_model(path),
        prompt_format=prompt_format.name,
        prompt_format_sha256=prompt_format.sha256,
        dtype=numerics.name,
    )
    load = plain_engine(path, prompt_format, name, numerics)
    identity = _identity(record, path, NO_HINTS)
    return Candidate(record, in_this_process(load), choosing_in_this_process(load), identity)


def plain_engine(
    path: Path, prompt_format: PromptFormat, name: str, numerics: Numerics, hints: Hints = NO_HINTS
) -> Callable[[], Engine]:
    """Loads a model directory, to be asked in a prompt format."""
    return lambda: LocalEngine(load_model(path, dtype=numerics.dtype, hints=hints), prompt_format, model_version=name)


def server(config: SystemConfig, out: Path) -> Candidate:
    """What an OpenAI-compatible server serves, as its clients see it.

    What is behind a URL can change, so its answers are those of one report: they are found again for the same ``out``.

    Args:
        config: Where it is.
        out: Where the report goes.

    Raises:
        UserError: It cannot be reached, or has no such model.
    """
    endpoint = Endpoint(config)
    record = SystemRecord(name=endpoint.model, kind="server", origin=endpoint.url)
    return Candidate(record, endpoint.ask, endpoint.choose, _identity_of_server(record, out))


def recorded_server(out: Path, system: System) -> Candidate:
    """The server of an earlier report, whose answers are only scored again.

    Args:
        out: Where the report is.
        system: Its name there.

    Raises:
        UserError: The report has no such server.
    """
    file = out / "report.json"
    record = Report.load(file).provenance.systems.get(system)
    if record is None or record.kind != "server":
        raise UserError(f"this report has no server {system!r}", where=str(file), fix="give the systems of the report")
    record = record.model_copy(update={"sessions": ()})
    return Candidate(record, _not_asked, _not_asked, _identity_of_server(record, out))


def logged(path: Path) -> Candidate:
    """A run of another tool, whose log has the answers.

    Args:
        path: A log of inspect_ai.

    Raises:
        UserError: There is no such log, or it cannot be read.
    """
    run = read_run(path)

    def ask(
        examples: Sequence[Example], wanted: Sequence[int], config: SuiteConfig
    ) -> Iterator[Mapping[int, ModelAnswer]]:
        yield run.answers_to(examples, wanted)

    def choose(items: Sequence[ExamItem], wanted: Sequence[int]) -> Iterator[Mapping[int, ModelAnswer]]:
        raise UserError(
            "a log has answers, and no log-probabilities of options", where=str(path), fix="suite.exam.by=[generated]"
        )

    return Candidate(run.record, ask, choose, (run.record.sha256,), session=run.session)


def _not_asked(*_: object) -> Iterator[Mapping[int, ModelAnswer]]:
    raise AssertionError("a server is not asked for answers that are scored again")


def _identity_of_server(record: SystemRecord, out: Path) -> tuple[str, ...]:
    return (record.origin, record.name, str(out.resolve()))


def _identity(record: SystemRecord, directory: Path, hints: Hints) -> tuple[str, ...]:
    """Everything that the answers of a model follow from; where they end is no part of its hash."""
    stops = Recommended.by(directory).stop_ids
    decisive = (record.sha256, record.tuned_from_sha256, record.quantisation, record.prompt_format_sha256, record.dtype)
    return (*decisive, *map(str, hints), *map(str, stops))
