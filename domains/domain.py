"""What a domain brings: the record that each folder of ``domains/`` fills in.

A domain says what its service is called and must say, which rules come before the model, and what answers are checked
against. Nothing here loads a model: commands and services import the record of the one domain that they need.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from data_recipes.schema.manifest import Description
from domains import prose
from domains.advice import Adviser, FirstAid
from domains.asking_back import AskBack
from domains.citations import AskedFor
from domains.claims.language import ClaimLanguage
from domains.claims.quotations import QuotationReader
from domains.conditions import TakingLanguage
from domains.knowledge import Knowledge
from domains.knowledge_base import Entry, KnowledgeBase
from domains.phrases import NOTHING
from domains.retrieval.wording import SmallTalkKind
from domains.safety_rules import Decline, RuleTriager, SafetyRules, Triage, Triager

DOMAINS = (
    "documents",
    "general",
    "hospital",
    "image_prompts",
    "instruments",
    "mathematics",
    "medical",
)
"""The folders of ``domains/``; ``domains/NAME/domain.py`` has the domain as ``DOMAIN``."""

Policy = Literal["strict", "mark", "off"]
"""What happens to a claim that no entry holds: it is taken out, marked, or left."""

NO_KNOWLEDGE = KnowledgeBase(entries=(), sha256="")
"""The knowledge base of a domain that has none."""

GENERAL = "general"
"""What an artefact without a domain is served as."""


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExampleQuestion(_Text):
    """A question that the page offers, and its label."""

    topic: Description
    question: str


class Notices(_Text):
    """What the service of a domain says besides the model's answers.

    Attributes:
        disclaimer: Sent with every answer.
        no_source: Sent with an answer to which the knowledge base has no entry; empty where there is no knowledge base.
        not_found: The answer of a service that answers from entries alone, where it finds none; empty as ``no_source``.
        not_mentioned: Said after an answer where no entry speaks of what was asked in particular (孕妇能用吗); empty
            where nobody is told.
        untold: The same with ``{told}`` in it for the circumstance and ``{name}`` for the medicine.
        no_entry: The answer where what is asked about, ``{name}``, has no entry, though something like it may have one.
        ask_first: Said after what an entry holds against taking a medicine.
        small_talk: Its answers to messages that ask nothing.
        greeting: Heads the empty page.
        intro: What can be asked.
        placeholder: Shown in the empty field.
        standing: The disclaimer below the field.
        no_answer: Shown where a question gets no answer: what to do if it cannot wait; empty where nothing is urgent.
        examples: Questions to start with.
    """

    disclaimer: str
    no_source: str = ""
    not_found: str = ""
    not_mentioned: str = ""
    untold: str = ""
    no_entry: str = ""
    ask_first: str = ""
    small_talk: Mapping[SmallTalkKind, str] = {}
    greeting: Description
    intro: Description
    placeholder: Description
    standing: Description
    no_answer: Description = Description(zh="", en="")
    examples: tuple[ExampleQuestion, ...]


@dataclass(frozen=True)
class Domain:
    """One domain.

    Attributes:
        name: Name of its folder.
        title: What it is about, for readers.
        notices: What its service says.
        triager: Makes its safety rules, which may read the knowledge base: ``rules_in(FILE)`` where a file is enough.
        first_aid: What to do at once about an accident that a message tells of; None where no accident is known.
        advisers: What it says itself to kinds of questions; the first that knows one.
        declines: What rules answer without the model; the first that applies.
        ask_back: What is asked back about a complaint, and read by the triager; None where nothing is.
        alarm: How a model sends its reader to emergency help; taken out of answers where triage hears no patient.
        crisis: Whether triage finds danger to oneself, for which somebody must be called to help.
        knowledge: What it makes of its knowledge base; None where it has none.
        asked_for: How questions ask for the attributes of its entries.
        claims: How its answers say what the knowledge base holds; None where they say it in no words of their own.
        quotations: Reads its answers where they repeat the entries word by word, to a question, with the entries and
            the ids of those that are asked about; None where they do not.
        verify: What happens to a claim that no entry holds, unless the service's configuration says otherwise.
        taking: How it says who may take its medicines; None where it has none.
        in_english: What its attributes are called in an English report.
        corpus: What the embedded base model reads in a domain without a knowledge base.
    """

    # the service
    name: str
    title: Description
    notices: Notices
    triager: Callable[[KnowledgeBase], Triager] = lambda _: RuleTriager(SafetyRules())
    first_aid: Callable[[str, Sequence[str]], FirstAid | None] | None = None
    advisers: tuple[Adviser, ...] = ()
    declines: tuple[Decline, ...] = ()
    ask_back: Callable[[], AskBack] | None = None
    alarm: re.Pattern[str] = NOTHING
    crisis: Callable[[Triage], bool] = lambda _: False
    # the knowledge base
    knowledge: Knowledge | None = None
    asked_for: AskedFor = field(default_factory=dict)
    claims: ClaimLanguage | None = None
    quotations: Callable[[str, Sequence[Entry], Sequence[str]], QuotationReader] | None = None
    verify: Policy = "off"
    taking: TakingLanguage | None = None
    in_english: Mapping[str, str] = field(default_factory=dict)
    corpus: Callable[[], list[str]] | None = None

    @property
    def is_verifiable(self) -> bool:
        """Whether claims of its answers can be checked against the entries."""
        return self.claims is not None or self.quotations is not None

    @property
    def has_prose(self) -> bool:
        """Whether there is text that an embedded base model can read."""
        return self.corpus is not None or (self.knowledge is not None and self.knowledge.has_prose)

    def prose(self, folder: Path | None = None) -> list[str]:
        """What the embedded base model of this domain reads: paragraphs of plain statements, no questions.

        Args:
            folder: Folder of another knowledge base than the shipped one.

        Returns:
            The paragraphs; none where the domain has none.

        Raises:
            UserError: The knowledge base is damaged.
        """
        if self.knowledge is not None and self.knowledge.has_prose:
            return prose.corpus(self.knowledge.load(folder), self.knowledge)
        return self.corpus() if self.corpus is not None else []


def find_domain(name: str) -> Domain:
    """The record of a domain, imported on demand.

    Raises:
        ValueError: There is no such domain.
    """
    if name not in DOMAINS:
        raise ValueError(f"no such domain: {name}; available: {', '.join(DOMAINS)}")
    domain: Domain = import_module(f"domains.{name}.domain").DOMAIN
    return domain


def _existing(name: str) -> str:
    return find_domain(name).name


DomainName = Annotated[str, AfterValidator(_existing)]
"""The name of a domain, in a configuration."""
