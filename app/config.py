"""What can be configured about the service."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, field_validator, model_validator

from app.access.keys import DEFAULT_FILE, RequestsPerMinute, Role, TokensPerDay
from app.database.place import Place
from common.command import Config
from domains.domain import DomainName, Policy
from models.config import DType, GgufType
from models.engines.engine import RepetitionDetection, Sampling
from strategies import AnyStrategyConfig, named
from strategies.direct import ZeroShotConfig
from strategies.strategy import StrategyConfig

LEAST_TEMPERATURE = 0.01


def _greedy_or_drawn(temperature: float) -> float:
    """Divided by less, logits are no numbers any more; what is drawn then is the likeliest token anyway."""
    return temperature if temperature >= LEAST_TEMPERATURE else 0.0


def _some_or_all(tokens: int) -> int:
    """vLLM's -1 is 0 here: all of them."""
    return max(tokens, 0)


# what a request or the configuration may ask for
Temperature = Annotated[float, Field(ge=0, le=2), AfterValidator(_greedy_or_drawn)]
Share = Annotated[float, Field(ge=0, le=1)]
Nucleus = Annotated[float, Field(gt=0, le=1)]
TopK = Annotated[int, Field(ge=-1, lt=2**31), AfterValidator(_some_or_all)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Factor = Annotated[float, Field(ge=0.01, le=2)]
DryMultiplier = Annotated[float, Field(ge=0, le=10)]
DryBase = Annotated[float, Field(ge=1, le=4)]
DryLength = Annotated[int, Field(ge=1, lt=2**31)]


class RepetitionConfig(Config):
    """When a row that loops is ended; names and meaning are vLLM's.

    Attributes:
        max_pattern_size: Most tokens of what is repeated; 0 never ends a row.
        min_pattern_size: Fewest tokens of what is repeated; 0 is 1.
        min_count: How often it must occur in a row before the text is judged.
    """

    max_pattern_size: int = Field(default=64, ge=0, le=1024)
    min_pattern_size: int = Field(default=1, ge=0, le=1024)
    min_count: int = Field(default=4, ge=2, le=1024)

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> Self:
        if self.max_pattern_size and self.min_pattern_size > self.max_pattern_size:
            raise ValueError("min_pattern_size must not exceed max_pattern_size")
        return self

    @property
    def detection(self) -> RepetitionDetection:
        """What the engine is given."""
        return RepetitionDetection(self.max_pattern_size, self.min_pattern_size, self.min_count)


class SamplingConfig(Config):
    """How questions are answered. By default greedily, so that the same question gets the same answer.

    Attributes:
        temperature: 0 is greedy.
        top_p: Nucleus mass; like top_k and min_p without effect on greedy answers.
        top_k: Draws from this many tokens only; 0 from all.
        min_p: Draws only tokens at least this share as likely as the likeliest.
        repetition_penalty: Divides the logits of tokens of prompt and answer; 1 does nothing.
        frequency_penalty: Taken off a token's logit for each time the answer has it.
        presence_penalty: Taken off a token's logit once the answer has it.
        dry_multiplier: Strength of DRY, which punishes what would continue a repetition; 0 does nothing.
        dry_base: How the punishment grows with each token of the repetition.
        dry_allowed_length: Tokens that may be repeated freely.
    """

    temperature: Temperature = 0.0
    top_p: Nucleus = 1.0
    top_k: TopK = 0
    min_p: Share = 0.0
    repetition_penalty: Factor = 1.0
    frequency_penalty: Penalty = 0.0
    presence_penalty: Penalty = 0.0
    dry_multiplier: DryMultiplier = 0.0
    dry_base: DryBase = 1.75
    dry_allowed_length: DryLength = 2


DEFAULT_PRODUCER = "xinglin"
"""Who is named in the AI label until the operator is."""

GroundingChoice = Literal["auto", "entries", "none"]


def _without_shots(strategy: StrategyConfig) -> StrategyConfig:
    if strategy.shots:
        raise ValueError("solved items before a question (shots) are chosen for evaluations; the service has none")
    return strategy


class ServeConfig(Config):
    """How requests are run.

    Attributes:
        max_batch: Most answers that are generated together.
        queue_limit: Most requests that wait; further ones are refused with 503.
        max_new_tokens: Most tokens of an answer where the request does not say.
        longest_answer: Most tokens of an answer whatever the request says; null: what the model's context leaves.
        max_body_bytes: Longest body of a request; longer ones are refused with 413.
        raw_model: Whether programs may also ask the model alone, as ``NAME-raw``: no rules, no sources, no label.
        ablation: Whether evaluations may also ask the pipeline in parts: the model alone (``NAME-raw``), with entries
            (``NAME-entries``), and with safety rules as well (``NAME-rules``).
        ask_back: Whether a complaint is asked about its red flags before it is answered, where the domain can.
        content_producer: Name or code of who is responsible for generated text, for the implicit AI label.
        sampling: How questions are answered; requests to ``/v1/chat/completions`` may ask for another way.
        strategy: How questions are put to the model: a strategy of evaluations, by name, or by name and settings.
        repetition_detection: When a row that loops is ended; null never.
        prefix_cache_mib: Memory of ``engine=local`` for keys and values of what prompts begin with, MiB; 0 keeps none.
    """

    max_batch: int = Field(default=8, ge=1)
    queue_limit: int = Field(default=64, ge=1)
    max_new_tokens: int = Field(default=256, ge=1)
    longest_answer: int | None = Field(default=None, ge=1)
    max_body_bytes: int = Field(default=2**20, ge=1)
    raw_model: bool = False
    ablation: bool = False
    ask_back: bool = True
    content_producer: str = Field(default=DEFAULT_PRODUCER, min_length=1)
    sampling: SamplingConfig = SamplingConfig()
    strategy: Annotated[AnyStrategyConfig, BeforeValidator(named), AfterValidator(_without_shots)] = ZeroShotConfig()
    repetition_detection: RepetitionConfig | None = RepetitionConfig()
    prefix_cache_mib: int = Field(default=512, ge=0)

    @property
    def detection(self) -> RepetitionDetection | None:
        """What the engine is given where a request says nothing else."""
        return self.repetition_detection.detection if self.repetition_detection else None

    def answer_tokens(self, wanted: int | None) -> int:
        """Most tokens of an answer. Clients ask for more by habit, which is not an error: the answer is cut.

        Args:
            wanted: What the request says.
        """
        tokens = self.max_new_tokens if wanted is None else wanted
        return tokens if self.longest_answer is None else min(tokens, self.longest_answer)

    @property
    def qa_sampling(self) -> Sampling:
        """How questions are answered."""
        return Sampling(self.answer_tokens(None), repetition_detection=self.detection, **self.sampling.model_dump())


class UpstreamConfig(Config):
    """The server that runs the model with ``engine=openai`` or ``engine=tgi``.

    Attributes:
        url: Its address, e.g. ``http://gpu:8000``.
        model: The model's name there; null for the only one that it has.
        key_file: File that contains the key of the server; null where it needs none.
        connect_s: Longest wait for a connection.
        first_token_s: Longest wait for the beginning of an answer, with the server's own queue.
        between_tokens_s: Longest wait for what follows.
        retries: How often a request is sent again whose connection failed before any of the answer came.
    """

    url: AnyHttpUrl | None = None
    model: str | None = Field(default=None, min_length=1)
    key_file: Path | None = None
    connect_s: float = Field(default=3, gt=0, le=60)
    first_token_s: float = Field(default=60, gt=0, le=600)
    between_tokens_s: float = Field(default=30, gt=0, le=600)
    retries: int = Field(default=1, ge=0, le=3)

    @model_validator(mode="after")
    def _keys_are_in_files(self) -> Self:
        if self.url and (self.url.username or self.url.password):
            raise ValueError("upstream.url: a key on the command line can be read by others; give upstream.key_file")
        return self

    @property
    def root(self) -> str:
        """The address without the ``/v1`` that OpenAI clients write."""
        return str(self.url).rstrip("/").removesuffix("/v1")


class RecordsConfig(Config):
    """What is kept of answers.

    Attributes:
        folder: Where answers and feedback are recorded, as a chain of hashes: a folder, with one file per day, or a
            PostgreSQL database, ``postgresql://user@host/database``; null records nothing.
        with_text: Whether what was asked and answered is recorded, too, with personal data masked.
    """

    folder: Place | None = None
    with_text: bool = False


class HandoverConfig(Config):
    """Who is called where somebody may harm himself.

    Attributes:
        webhook: URL that gets a POST with JSON; null calls nobody.
        with_text: Whether it gets what the person wrote.
        timeout_s: Longest wait for one attempt.
        attempts: Most attempts, with pauses of 1, 2, 4 … seconds between them.
        contact: Whom the person can reach, added to the advice.
    """

    webhook: AnyHttpUrl | None = None
    with_text: bool = False
    timeout_s: float = Field(5, gt=0, le=60)
    attempts: int = Field(6, ge=1, le=12)
    contact: str = ""


HostName = Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")]
Origin = Annotated[str, Field(pattern=r"^https?://[^/*\s]+$")]


OIDC_EXAMPLES = {
    "issuer": "access.oidc.issuer=https://sso.example.org/realms/hospital",
    "audience": "access.oidc.audience=xinglin",
    "jwks": "access.oidc.jwks=https://sso.example.org/realms/hospital/certs",
    "roles": "'access.oidc.roles={physician: doctor, it: admin}'",
}
"""The keys as they are typed."""


class OidcConfig(Config):
    """Tokens of a sign-on (OpenID Connect) that open the service as keys do.

    Attributes:
        issuer: Who signs them, as their ``iss`` says; null accepts none.
        audience: What they are for, as their ``aud`` says: this service's name there.
        jwks: The issuer's public keys: a file, or the ``https`` address that it publishes them at.
        name_claim: What a person is called in records, behind ``oidc:``.
        roles_claim: Where roles are: a list, or words; a dot goes into a claim (``realm_access.roles``).
        roles: What the issuer's roles are here, e.g. ``{physician: doctor, it: admin}``; who has none is refused.
        leeway_s: How far the clocks may differ.
        requests_per_minute: Most requests of a person in any 60 seconds; null without limit.
        tokens_per_day: Most tokens of prompts and answers of a person per day; null without limit.
    """

    issuer: str | None = Field(default=None, min_length=1)
    audience: str | None = Field(default=None, min_length=1)
    jwks: str | None = Field(default=None, min_length=1)
    name_claim: str = Field(default="sub", min_length=1)
    roles_claim: str = Field(default="roles", min_length=1)
    roles: dict[str, Role] = Field(default={})
    leeway_s: float = Field(default=30, ge=0, le=300)
    requests_per_minute: RequestsPerMinute | None = None
    tokens_per_day: TokensPerDay | None = None

    @model_validator(mode="after")
    def _whole_or_not_at_all(self) -> Self:
        needed = {"audience": self.audience, "jwks": self.jwks, "roles": self.roles}
        missing = [OIDC_EXAMPLES[name] for name, value in needed.items() if not value]
        if self.issuer is None and len(missing) < len(needed):
            raise ValueError(f"who signs the tokens is missing: give {OIDC_EXAMPLES['issuer']}")
        if self.issuer is not None and missing:
            raise ValueError(f"to accept this issuer's tokens, give also {' '.join(missing)}")
        if self.is_remote and not re.match(r"https:|http://(localhost|127\.0\.0\.1|\[::1\])[:/]", str(self.jwks)):
            raise ValueError(
                "over http anybody on the way could put his own keys there; give an https address or a file: "
                f"{OIDC_EXAMPLES['jwks']}"
            )
        return self

    @field_validator("roles", mode="before")
    @classmethod
    def _roles_are_ours(cls, roles: object) -> object:
        if not isinstance(roles, dict) or not set(map(str, roles.values())) <= set(get_args(Role)):
            problem = "each role of the issuer is one here: patient, doctor, admin or monitor"
            raise ValueError(f"{problem}; give {OIDC_EXAMPLES['roles']}")
        return roles

    @property
    def is_remote(self) -> bool:
        """Whether the keys are asked for over the network."""
        return self.jwks is not None and self.jwks.startswith(("http:", "https:"))


class RatesConfig(Config):
    """Where requests per minute are counted.

    Attributes:
        url: A Redis that several replicas share, ``redis://host:6379/0`` or ``rediss://…``; null counts those of each.
        password_file: File that contains its password; null where it needs none.
    """

    url: str | None = Field(default=None, pattern=r"^rediss?://[^@]+$")
    password_file: Path | None = None


class AccessConfig(Config):
    """Who may ask.

    Attributes:
        keys: File of the API keys, made by ``python -m app.keys``, which may be missing; or a PostgreSQL database,
            ``postgresql://user@host/database``.
        required: ``auto``: every request needs a key once there is one, and without any only this machine is served;
            ``always``: no start without a key; ``never``: whoever reaches the service may ask, for services behind an
            authenticating proxy.
        hosts: Names, in small letters, under which the service is reached, besides addresses and names without a dot.
        origins: Web pages elsewhere that may ask, e.g. ``https://portal.example.org``; none by default (CORS).
        rates: Where requests per minute are counted.
        oidc: Tokens of a sign-on that open it, too.
    """

    keys: Place = DEFAULT_FILE
    required: Literal["auto", "always", "never"] = "auto"
    hosts: tuple[HostName, ...] = ()
    origins: tuple[Origin, ...] = ()
    rates: RatesConfig = RatesConfig()
    oidc: OidcConfig = OidcConfig()


class TracingConfig(Config):
    """Traces of requests (OpenTelemetry), without what anybody wrote.

    Attributes:
        endpoint: Where they are sent by OTLP over HTTP, e.g. ``http://collector:4318``; null makes none.
    """

    endpoint: AnyHttpUrl | None = None


class AudienceConfig(Config):
    """Whom the service is for, and what that asks of it.

    Attributes:
        name: ``public`` is offered to the public in China; ``internal`` to the people of one organisation.
        complaints: How users complain and when they are answered; shown by the page, required where it is public.
        records: What is kept of answers; a folder is required where it is public.
        handover: Who is called where somebody may harm himself.
    """

    name: Literal["internal", "public"] = "internal"
    complaints: str = ""
    records: RecordsConfig = RecordsConfig()
    handover: HandoverConfig = HandoverConfig()

    @model_validator(mode="after")
    def _public_services_record_and_listen(self) -> Self:
        if self.name == "public" and not self.complaints:
            raise ValueError("audience=public: give audience.complaints, how users complain and when they are answered")
        if self.name == "public" and self.records.folder is None:
            raise ValueError("audience=public: give audience.records.folder, where answers and complaints are recorded")
        return self


class KnowledgeChoice(Config):
    """The knowledge base to cite.

    Attributes:
        path: Its folder, or the PostgreSQL database that it was published in (``python -m app.knowledge``); null for
            the one that the model was trained on, else the one that ships with the domain.
    """

    path: Place | None = None


class AppConfig(Config):
    """The whole configuration of ``python -m app``.

    Attributes:
        model: A run, its merged model, a model directory, or ``latest``.
        runs_dir: Where ``latest`` looks for runs; those below it can be loaded while another one is served.
        domain: Whose rules and notices are applied; None for the model's own.
        knowledge: What answers are cited from.
        grounding: Whether the model reads entries of the knowledge base before it answers; ``auto`` is as in training.
        verify: What happens to a claim of an answer that no entry holds: ``strict`` takes it out, ``mark`` marks it,
            ``off`` checks numbers and citations alone; None for the domain's choice.
        engine: What runs the model: ``local`` (transformers, any result), ``llamacpp`` (llama.cpp, faster on a CPU;
            ordinary models and LoRA adapters), or a server: ``openai`` (vLLM, SGLang, llama.cpp, any that is
            compatible) or ``tgi`` (text-generation-inference).
        upstream: That server.
        gguf: Type of the matrices with ``engine=llamacpp``; the file is written into the cache where it is missing.
        dtype: Type to compute in with ``engine=local``; ``auto`` is the run's, else the machine's.
        threads: CPU threads to compute with; null uses the cores that other work leaves free.
        workers: Processes that serve the port, in front of a server that runs the model.
        access: Who may ask.
        tracing: Traces of requests.
    """

    model: str = Field(min_length=1)
    runs_dir: Path = Path("runs")
    domain: DomainName | None = None
    knowledge: KnowledgeChoice = KnowledgeChoice()
    grounding: GroundingChoice = "auto"
    verify: Policy | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    engine: Literal["local", "llamacpp", "openai", "tgi"] = "local"
    upstream: UpstreamConfig = UpstreamConfig()
    gguf: GgufType = "q8_0"
    dtype: DType = "auto"
    threads: int | None = Field(default=None, ge=1)
    workers: int = Field(default=1, ge=1, le=64)
    serve: ServeConfig = ServeConfig()
    audience: AudienceConfig = AudienceConfig()
    access: AccessConfig = AccessConfig()
    tracing: TracingConfig = TracingConfig()

    @model_validator(mode="after")
    def _dtype_is_the_local_engines(self) -> "AppConfig":
        if self.engine != "local" and self.dtype != "auto":
            raise ValueError("dtype= belongs to engine=local; with engine=llamacpp give gguf=")
        return self

    @model_validator(mode="after")
    def _workers_share_what_they_count(self) -> "AppConfig":
        if self.workers > 1 and self.engine not in ("openai", "tgi"):
            raise ValueError(
                f"workers: with engine={self.engine} the model is in the process, and each further one would load it "
                "again; give workers=1 (serve.max_batch answers run at once), or let a server run the model"
            )
        if self.workers > 1 and self.access.rates.url is None:
            raise ValueError(
                "workers: each would count requests per minute for itself; give access.rates.url=redis://…"
            )
        return self

    @model_validator(mode="after")
    def _servers_have_an_address(self) -> "AppConfig":
        if self.engine in ("openai", "tgi") and not self.upstream.url:
            raise ValueError(f"engine={self.engine}: give upstream.url, where the server is")
        if self.engine in ("local", "llamacpp") and self.upstream.url:
            raise ValueError("upstream.url belongs to engine=openai or engine=tgi")
        return self

    @model_validator(mode="after")
    def _public_services_are_labelled(self) -> "AppConfig":
        if self.audience.name == "public" and (self.serve.raw_model or self.serve.ablation):
            raise ValueError(
                "audience=public: the model alone has no rules and no AI label; give serve.raw_model=false and "
                "serve.ablation=false"
            )
        if self.audience.name == "public" and self.serve.content_producer == DEFAULT_PRODUCER:
            raise ValueError("audience=public: give serve.content_producer, who is responsible for generated text")
        return self
