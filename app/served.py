"""What is served: which model, as which domain, reading and citing which knowledge base; only that is loaded here."""

from dataclasses import dataclass, replace
from pathlib import Path

from loguru import logger

from app.config import AppConfig, GroundingChoice
from app.database.place import Place, PostgresUrl, database_at
from common.errors import Refused, UserError
from common.hashing import sha256_value
from domains.domain import DOMAINS, GENERAL, NO_KNOWLEDGE, Domain, Policy, find_domain
from domains.grounding import TEMPLATE, template_sha256
from domains.knowledge import Knowledge
from domains.knowledge_base import KnowledgeBase
from models.artifact import FILE_NAME as ARTIFACT_FILE
from models.artifact import NO_ENTRIES, Artifact, GroundingRecord, KnowledgeRecord, LanguageModelArtifact, Turns
from models.run_directory import CONFIG_FILE

MODEL_FILE = "config.json"
"""What every directory of a model has."""

UNTRAINED = GroundingRecord(
    kind="entries", template=TEMPLATE, sha256=template_sha256(TEMPLATE), entries=3, attributes=4, budget=768
)
"""What a model gets to read that was not trained with entries, where the user wants it to read some."""

CONTEXT_SHARE = 0.5
"""Most of the context that entries take up; the rest is for the conversation and the answer."""


@dataclass(frozen=True)
class Chosen:
    """A model and what it is served with, before it is loaded.

    Attributes:
        path: The directory of the model.
        artifact: What it says about itself; None for a model that this project has not trained.
        domain: What it is served as.
        knowledge: What is cited.
        grounding: What the model reads of that.
    """

    path: Path
    artifact: Artifact | None
    domain: Domain
    knowledge: KnowledgeBase
    grounding: GroundingRecord


def chosen(config: AppConfig) -> Chosen:
    """Finds the model and all that belongs to it.

    Raises:
        Refused: The model must not be served as it is.
        UserError: The configuration or the model's files are wrong.
    """
    path = model_path(config)
    artifact = artifact_of(path)
    domain = verified_as(domain_of(artifact, config.domain), config.verify)
    knowledge = knowledge_of(artifact, domain, folder_at(config.knowledge.path))
    return Chosen(path, artifact, domain, knowledge, grounding_of(artifact, knowledge, config.grounding))


def model_path(config: AppConfig) -> Path:
    """The directory to serve; ``latest`` is the newest run below ``runs_dir`` that can be served.

    Raises:
        UserError: There is no model in the directory, or no run can be served.
    """
    if config.model == "latest":
        return _newest_run(config.runs_dir)
    path = Path(config.model)
    if path.is_file():
        fix = f"a directory is served: python -m models.convert model.path={path} out=DIR makes one of a GGUF file"
        raise UserError(f"this is a file: {path}", where="model", fix=fix)
    if not path.is_dir():
        raise UserError(
            f"no such directory: {path}", where="model", fix="give model=runs/NAME/TIME, a model directory or latest"
        )
    if (path / CONFIG_FILE).is_file() and not (path / ARTIFACT_FILE).is_file():
        resume = f"python training/run.py resume={path}"
        raise UserError(f"this run has not finished: {path}", where="model", fix=f"finish it: {resume}")
    if not any((path / name).is_file() for name in (ARTIFACT_FILE, MODEL_FILE)):
        raise UserError(
            f"there is no model here ({MODEL_FILE} is missing): {path}",
            where="model",
            fix="give model=runs/NAME/TIME, a model directory or latest",
        )
    return path


def _newest_run(runs_dir: Path) -> Path:
    skipped = []
    for run in sorted((file.parent for file in runs_dir.glob(f"*/*/{CONFIG_FILE}")), key=_changed, reverse=True):
        problem = _why_not(run)
        if not problem:
            return run
        logger.warning("model=latest skips {}: {}", run, problem)
        skipped.append(f"\n  {run}: {problem}")
    raise UserError(
        f"no run can be served yet{''.join(skipped)}",
        where=str(runs_dir),
        fix="run make quickstart first, or give model=PATH",
    )


def _changed(run: Path) -> float:
    """When a run finished; when it began, where it has not."""
    artifact = run / ARTIFACT_FILE
    return (artifact if artifact.is_file() else run / CONFIG_FILE).stat().st_mtime


def _why_not(run: Path) -> str:
    """Why a run cannot be served; empty where it can."""
    if not (run / ARTIFACT_FILE).is_file():
        return "it has not finished"
    try:
        artifact = Artifact.load(run)
    except UserError as error:
        return error.problem
    if not isinstance(artifact, LanguageModelArtifact):
        return artifact.described[1]
    return "" if (run / artifact.folder).is_dir() else f"{artifact.folder}/ is missing"


def artifact_of(path: Path) -> Artifact | None:
    """What a directory says about its model; None for a model that this project has not trained.

    Raises:
        UserError: The file is not of this version.
    """
    return Artifact.load(path) if (path / ARTIFACT_FILE).is_file() else None


def domain_of(artifact: Artifact | None, chosen: str | None) -> Domain:
    """The domain to serve a model as.

    Args:
        artifact: What is known of the model.
        chosen: The user's choice; None for what the artefact says.

    Raises:
        UserError: The artefact names a domain that is not here.
    """
    own = artifact.domain if artifact else None
    if not (chosen or own):
        logger.warning(
            "this model names no domain and is served as {}: without safety rules and sources; domain=NAME applies "
            "those of a domain ({})",
            GENERAL,
            ", ".join(DOMAINS),
        )
    if own and not chosen and own not in DOMAINS:
        raise UserError(
            f"the model is of the domain {own}, which is not in domains/; available: {', '.join(DOMAINS)}",
            fix="add it (domains/domain.py), or give another domain=",
        )
    return find_domain(chosen or own or GENERAL)


def verified_as(domain: Domain, chosen: Policy | None) -> Domain:
    """The domain with the chosen policy for claims that no entry holds; None keeps its own.

    Raises:
        UserError: Claims of this domain cannot be checked.
    """
    if chosen in (None, "off") or domain.is_verifiable:
        return replace(domain, verify=chosen or domain.verify)
    fix = "give verify=off, or say how its answers are read: claims or quotations in domains/domain.py"
    raise UserError(f"claims of the domain {domain.name} cannot be checked", where="verify", fix=fix)


def folder_at(place: Place | None) -> Path | None:
    """The folder of the user's own knowledge base; what is published in a database is fetched first.

    Raises:
        UserError: The database cannot be used, or nothing is published there.
    """
    if not isinstance(place, PostgresUrl):
        return place
    database = database_at(place)
    from app.database.published import fetch  # needs libraries of an extra

    return fetch(database)


def knowledge_of(artifact: Artifact | None, domain: Domain, chosen: Path | None) -> KnowledgeBase:
    """The knowledge base to cite: the chosen one, else the one the model was trained on, else the domain's own.

    Args:
        artifact: What is known of the model.
        domain: What it is served as.
        chosen: The user's own folder.

    Raises:
        UserError: The domain has no knowledge base, the folder's files are damaged, or what the model was trained on
            has changed or is missing.
    """
    if domain.knowledge is None:
        if chosen:
            fix = "give the domain that its files belong to: domain=NAME"
            raise UserError(f"the domain {domain.name} cites no knowledge base", where="knowledge.path", fix=fix)
        return NO_KNOWLEDGE
    trained_on = artifact.knowledge if artifact and artifact.domain == domain.name else None
    if chosen:
        knowledge = domain.knowledge.load(chosen)
        if trained_on and knowledge.sha256 != trained_on.sha256:
            logger.warning("{} is not the knowledge base that the model was trained on", chosen)
        return knowledge
    return _trained_on(trained_on, domain.knowledge) if trained_on else domain.knowledge.load()


def _trained_on(record: KnowledgeRecord, knowledge: Knowledge) -> KnowledgeBase:
    """The recorded knowledge base, known by its hash: at its path, or as the one that ships with the domain."""
    recorded = Path(record.path)
    problem = "its files have changed since" if recorded.is_dir() else "it is missing"
    for folder in (knowledge.schema.folder, recorded):
        try:
            if folder.is_dir() and (found := knowledge.load(folder)).sha256 == record.sha256:
                return found
        except UserError as error:
            problem = f"it can no longer be read ({error})"
    raise UserError(
        f"the model was trained on this knowledge base, and {problem} (SHA-256 {record.sha256[:12]}…)",
        where=record.path,
        fix="put the files back, or give knowledge.path=FOLDER for the knowledge base to cite instead",
    )


def grounding_of(artifact: Artifact | None, knowledge: KnowledgeBase, chosen: GroundingChoice) -> GroundingRecord:
    """What the model reads of the knowledge base before it answers: what it was trained with, or as the user chose.

    Args:
        artifact: What is known of the model.
        knowledge: Where entries are from.
        chosen: The user's choice.

    Raises:
        UserError: There are no entries to read.
        Refused: The entries are written in another form today than in training.
    """
    trained = artifact.grounding if isinstance(artifact, LanguageModelArtifact) else None
    if chosen == "none":
        return NO_ENTRIES
    if chosen == "auto" and trained is None:
        logger.info("the model does not say whether it was trained with entries in its prompts: it is served without")
        return NO_ENTRIES
    if not knowledge.entries:
        if chosen == "entries":
            fix = "give domain=NAME of a domain with a knowledge base, or grounding=none"
            raise UserError("there is no knowledge base to read entries from", where="grounding", fix=fix)
        if trained and trained.kind == "entries":
            logger.warning("the model was trained to read entries, and this domain has none: it is served without")
        return NO_ENTRIES
    if chosen == "entries" and (trained is None or trained.kind == "none"):
        if trained:
            logger.warning("the model was trained without entries in its prompts: it may not answer from them")
        return UNTRAINED
    if trained is None or trained.kind == "none":
        return NO_ENTRIES
    if template_sha256(trained.template) != trained.sha256:
        raise Refused(
            f"the model was trained with entries written by the template {trained.template}, which has changed since "
            f"(SHA-256 {trained.sha256[:12]}…): put it back in domains/prompts/, train again, or give grounding=none"
        )
    return trained


def sha256_of(path: Path, artifact: Artifact | None) -> str:
    """Hash of a model: of what it was made from and of its own files as recorded, else of the files that are there.

    Args:
        path: Its directory.
        artifact: What it says about itself.
    """
    if artifact:
        return sha256_value([artifact.base.sha256, artifact.files])
    from models.loading import hash_model  # loads torch, which a wrong path need not wait for

    return hash_model(path)


def turns_of(artifact: Artifact | None) -> Turns:
    """What a model gets of a conversation: as in training; all of it, where this project has not trained it.

    Args:
        artifact: What is known of the model.
    """
    if not isinstance(artifact, LanguageModelArtifact):
        return "multi"
    if artifact.turns is None:
        logger.info("the model does not say whether it was trained on conversations: it gets one question at a time")
    return artifact.turns or "single"


def within_context(grounding: GroundingRecord, context_length: int) -> GroundingRecord:
    """The same with a budget that leaves room for conversation and answer.

    Args:
        grounding: What the model reads.
        context_length: Most tokens of prompt and answer together.
    """
    budget = min(grounding.budget, int(CONTEXT_SHARE * context_length))
    if budget < grounding.budget:
        logger.warning("entries in a prompt get {} tokens, not {}: half of the context", budget, grounding.budget)
    return grounding.model_copy(update={"budget": budget})
