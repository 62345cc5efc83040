"""Assembles the service: a backend, the pipeline in front of it, the APIs, and the web page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from loguru import logger

from app.access.gate import CrossOrigin, Gate, sign_on_of
from app.access.keys import keys_at
from app.access.known_keys import KnownKeys
from app.access.rates import rates_of
from app.api.about import about, about_router
from app.api.admin import admin_router
from app.api.characters import whole_characters
from app.api.chat import Chat, chat_router
from app.api.completions import Completions, completions_router
from app.api.errors import add_error_handlers
from app.api.feedback import feedback_router
from app.api.health import health_router
from app.api.metrics import metrics_router, watch
from app.api.middleware import BodyLimit, RequestContext
from app.api.qa import qa_router
from app.api.responses import responses_router
from app.api.served_models import ServedModels, models_router
from app.api.tgi import tgi_router
from app.api.tokens import tokens_router
from app.api.versions import versions_router
from app.audit.places import chain_at
from app.audit.records import AuditRecords
from app.backends.backend import Backend
from app.compliance.handover import Handover
from app.config import AccessConfig, AudienceConfig, ServeConfig
from app.page import admin_page_router, page_router
from app.pipeline.advice import AdviceStage
from app.pipeline.answer import AnswerStage
from app.pipeline.ask_back import AnswersStage, AskBackStage, OwnWordsStage
from app.pipeline.cite import CiteStage
from app.pipeline.consultation import PipelineStage
from app.pipeline.crisis import CrisisStage
from app.pipeline.first_aid import FirstAidStage
from app.pipeline.ground import GroundStage
from app.pipeline.guards import DeclineStage, EmergencyStage, LengthStage, NotFoundStage, QuotaStage
from app.pipeline.in_turn import InTurnStage
from app.pipeline.label import LabelStage
from app.pipeline.questions import QuestionsStage
from app.pipeline.taking import TakingStage
from app.pipeline.triage import TriageStage
from app.pipeline.turns import TurnsStage
from app.pipeline.verify import VerifyStage
from app.tracing import TRACING, traced
from app.versions.routing import Routing
from app.versions.version import PARTS, Part, ServedModel, Version
from app.versions.versions import ModelSource, Versions
from domains.asking_back import AnsweredTriager
from domains.domain import Domain
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.retriever import retriever_of
from domains.safety_rules import Triager
from domains.taking import Taking
from models.artifact import NO_ENTRIES, GroundingRecord, Turns
from strategies import most_calls

INTERNAL = AudienceConfig()
OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own traces and logs have addresses with their queries, and messages of errors: what patients wrote."""


def create_app(
    model: ServedModel,
    config: ServeConfig,
    audience: AudienceConfig = INTERNAL,
    access: AccessConfig | None = None,
    source: ModelSource | None = None,
) -> FastAPI:
    """Makes the ASGI app; its lifespan starts and stops the model.

    Args:
        model: The model, with all that it is served with.
        config: Limits and labels.
        audience: Whom the service is for: what is recorded, and who is called.
        access: Who may ask; None where anybody may.
        source: Where further versions come from; None where there can be none.

    Returns:
        The app; ``state.versions`` are the versions that it serves.

    Raises:
        UserError: There is no place for records, or the keys cannot be read.
    """
    rates = rates_of(access.rates) if access else None
    keys = KnownKeys(keys_at(access.keys), rates) if access else None
    sign_on = sign_on_of(access.oidc) if access else None
    folder, webhook = audience.records.folder, audience.handover.webhook
    records = AuditRecords(folder, audience.records) if folder else None
    handover = Handover(str(webhook), audience.handover) if webhook else None

    def version_of(model: ServedModel) -> Version:
        return _version_of(model, config, audience, handover)

    versions = Versions(version_of(model), source, version_of)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await versions.start()
        first = versions.current
        logger.info("serving {} ({}) in the domain {}", first.name, first.id, model.domain.name)
        if (calls := most_calls(config.strategy)) > 1:
            logger.info("a question is put to the model by {}: up to {} calls", config.strategy.name, calls)
        watching = asyncio.create_task(watch(versions))
        yield
        watching.cancel()
        await versions.close()
        if handover:
            await asyncio.to_thread(handover.close)
        if records:
            await asyncio.to_thread(records.close)
        if keys:
            await asyncio.to_thread(keys.close)
        if rates:
            await rates.close()
        await asyncio.to_thread(TRACING.close)

    # the built-in documentation pages load scripts from outside
    app = FastAPI(
        title="Xinglin",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=OFF,
        dependencies=[Depends(whole_characters)],
    )
    app.state.versions = versions
    models = ServedModels(versions, config.raw_model or config.ablation, PARTS if config.ablation else ())
    app.include_router(qa_router(records))
    chat = Chat(models, config, records)
    app.include_router(chat_router(chat))
    app.include_router(responses_router(chat))
    completions = Completions(models, config)
    app.include_router(completions_router(completions))
    app.include_router(models_router(models))
    app.include_router(tokens_router(models))
    app.include_router(tgi_router(completions, config))
    if records:
        app.include_router(feedback_router(records, audience.complaints))
    app.include_router(about_router())
    if access:
        app.include_router(admin_router(keys_at(access.keys), chain_at(folder) if folder else None))
        app.include_router(versions_router(versions, keys_at(access.keys)))
        app.include_router(admin_page_router())
    app.include_router(health_router(versions))
    app.include_router(metrics_router(versions))
    app.include_router(page_router())
    add_error_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=config.max_body_bytes)
    app.add_middleware(Routing, versions=versions)
    app.add_middleware(Gate, config=access or AccessConfig(), keys=keys, sign_on=sign_on)
    if access and access.origins:
        app.add_middleware(CrossOrigin, origins=access.origins)
    app.add_middleware(RequestContext)
    return app


def _version_of(
    model: ServedModel, config: ServeConfig, audience: AudienceConfig, handover: Handover | None
) -> Version:
    """A model with the pipeline in front of it."""
    domain, knowledge = model.domain, model.knowledge
    triager = _triager_of(domain.triager, knowledge, tuple(example.question for example in domain.notices.examples))

    def stages(called: Handover | None, part: Part | None = None) -> tuple[PipelineStage, ...]:
        crisis = CrisisStage(domain, called, audience.handover.contact)
        return pipeline(model.backend, domain, triager, knowledge, config, model.grounding, model.turns, crisis, part)

    # questions of an evaluation are nobody's: nobody is called
    parts = {part: stages(None, part) for part in (PARTS if config.ablation else ())}
    return Version(model, stages(handover), triager.levels, about(domain, triager.levels, knowledge, audience), parts)


@lru_cache(maxsize=2)
def _triager_of(
    make: Callable[[KnowledgeBase], Triager], knowledge: KnowledgeBase, examples: tuple[str, ...]
) -> Triager:
    """A domain's safety rules, which take a while to read, and which the next version of a model has, too.

    Answering the examples makes patterns that many questions need and the first one would wait for.
    """
    triager = make(knowledge)
    for example in examples:
        triager.triage(example)
    return triager


def pipeline(
    backend: Backend,
    domain: Domain,
    triager: Triager,
    knowledge: KnowledgeBase,
    config: ServeConfig,
    grounding: GroundingRecord = NO_ENTRIES,
    turns: Turns = "multi",
    crisis: CrisisStage | None = None,
    part: Part | None = None,
) -> tuple[PipelineStage, ...]:
    """The stages from a user's question to the answer, in order.

    What must not depend on a model (safety rules, what is declined, disclaimer, label) is done by rule, before it. An
    emergency is answered before anything else is looked up, counted or refused.

    A ``part`` is for evaluations that take the pipeline apart; None is all of it.
    """
    retriever = retriever_of(knowledge)
    reads, rules, whole = grounding.kind == "entries", part != "entries", part is None
    ask_back = domain.ask_back() if whole and domain.ask_back and config.ask_back else None
    declines_unfound = knowledge.entries and (reads or domain.verify == "strict")
    verify = VerifyStage(domain, knowledge)
    taking = Taking(domain.taking, knowledge) if domain.taking else None
    reading = traced(
        (
            CiteStage(domain, retriever, knowledge.version),
            *([AdviceStage(domain.advisers, domain.notices, knowledge, taking)] if whole and domain.advisers else []),
            *([DeclineStage(domain.declines, domain.asked_for)] if rules else []),
            *([TakingStage(domain.notices, taking)] if whole and taking else []),
            *([AskBackStage(ask_back, domain.asked_for)] if ask_back else []),
            *([NotFoundStage(domain.notices)] if rules and declines_unfound else []),
            *([GroundStage(backend, domain, knowledge.version, grounding)] if reads else []),
            *([verify] if whole and knowledge.entries else []),
        )
    )
    answering = traced((TurnsStage(turns), AnswerStage(backend, config, domain.notices.no_answer.zh)))
    divides = whole and knowledge.entries and not knowledge.described
    in_turn = traced((QuestionsStage(reading, answering, verify),)) if divides else (*reading, *answering)
    return traced(
        (
            LabelStage(config.content_producer),
            *([AnswersStage(ask_back)] if ask_back else []),
            *([TriageStage(AnsweredTriager(triager, ask_back) if ask_back else triager, retriever)] if rules else []),
            *([crisis] if rules and crisis else []),
            *([FirstAidStage(domain.first_aid, triager.levels)] if rules and domain.first_aid else []),
            *([EmergencyStage()] if rules else []),
            QuotaStage(),
            LengthStage(),
            *([OwnWordsStage(ask_back)] if ask_back else []),
            InTurnStage(in_turn),
        )
    )
