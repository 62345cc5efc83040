"""Knowledge tuning: entries of the knowledge base are in the prompt, and the answer cites those that it rests on.

The questions and answers are those of ``knowledge_base``. The system turn, written by ``domains.grounding`` as the
service writes it, gives a few entries: the right ones and distractors of the same type, with the attribute that is
asked about. Some questions get entries that do not answer them, or none; then the answer says so. A model learns to
read what it is given instead of reciting: ``unseen_entity`` shows whether it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from pydantic import Field, PositiveInt

from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description, GroundingUsed
from data_recipes.sources.generated.knowledge_base import (
    LICENCE,
    KnowledgeSourceConfig,
    details,
    files,
    rows_of,
    used,
)
from data_recipes.sources.source import Source, SourceDetails
from domains.citations import marks
from domains.grounding import TEMPLATE, GivenEntry, statements_of, template_sha256, write_block
from domains.instructions import held_out, write
from domains.knowledge import Knowledge
from domains.knowledge_base import Entry, KnowledgeBase
from domains.wording import DEFINITION

SEEN_IN_TRAINING = ("train", "dev")
NOTHING_FOUND = 0.5  # of the questions that rest on no entry; the service finds none for an invented name


class KnowledgeTuningSource(KnowledgeSourceConfig):
    """Instructions with the entries that answer them.

    Attributes:
        kind: Selects this source.
        entries: Entries in a prompt; more where the answer rests on more.
        attributes: Attributes of each entry; more where the answer needs more.
        withheld_share: Share of the questions whose entries do not have the answer.
    """

    kind: Literal["knowledge_tuning"]
    entries: PositiveInt
    attributes: PositiveInt
    withheld_share: float = Field(ge=0, lt=1)


def read(config: KnowledgeTuningSource) -> Iterator[Example | Dropped]:
    """Writes the instructions, training first, and gives each its entries.

    Raises:
        UserError: The knowledge base is damaged.
    """
    kb = config.load()
    splits, dropped = write(kb, config.knowledge, config.sizes.model_dump(), config.held_out_share, config.seed)
    unseen = held_out(kb, config.knowledge, config.held_out_share, Random(f"{config.seed} held out"))
    for name, examples in splits.items():
        shelf = _Shelf(kb, config.knowledge, unseen if name in SEEN_IN_TRAINING else set(), config)
        for example in examples:
            row = shelf.with_entries(example)
            yield row.model_copy(update={"split": name, "source": f"{config.domain}_knowledge"})
    yield from dropped


@dataclass(frozen=True)
class _Shelf:
    """What may be given.

    Attributes:
        kb: The knowledge base.
        knowledge: What its domain makes of it.
        hidden: Ids of the entries that must not be given, and whose names must not be read.
    """

    kb: KnowledgeBase
    knowledge: Knowledge
    hidden: set[str]
    config: KnowledgeTuningSource

    def with_entries(self, example: Example) -> Example:
        """The example with entries before the question, and their citation after each answer."""
        rng = Random(f"{self.config.seed} {example.id}")
        right = [self.kb.by_id[id] for id in example.grounding]
        asked = example.kind
        readable = right and (asked == DEFINITION or asked in right[0].attributes)
        if readable and rng.random() < self.config.withheld_share:
            return self._withheld(example, right[0], rng)
        needed = {entry.id: [asked] if readable else self._used(entry, example) for entry in right}
        cites = example.behaviour != "refuse"
        nothing_found = not right and rng.random() < NOTHING_FOUND
        system = _system_turn([]) if nothing_found else self._system(example, right, needed, rng)
        turns = (_cited(turn, example.grounding) if cites else turn for turn in example.messages)
        return example.model_copy(update={"messages": (system, *turns)})

    def _withheld(self, example: Example, entry: Entry, rng: Random) -> Example:
        """The same question over entries that lack what is asked about: the entry, or this attribute of it."""
        lacks_entry = example.kind == DEFINITION or rng.random() < 0.5
        right = [] if lacks_entry else [entry]
        not_given = self.knowledge.phrasebook.not_given.format(name=entry.name, attribute=example.kind)
        answer = Message(role="assistant", content=not_given)
        system = self._system(example, right, {entry.id: []}, rng, without=example.kind)
        return example.model_copy(
            update={
                "messages": (system, *example.prompt, answer),
                "facts": (),
                "grounding": (),
                "behaviour": "refuse",
                "kind": "not_given",
            }
        )

    def _system(
        self, example: Example, right: list[Entry], needed: dict[str, list[str]], rng: Random, without: str = ""
    ) -> Message:
        alike = list(dict.fromkeys(attribute for attributes in needed.values() for attribute in attributes))
        given = [self._given(entry, needed[entry.id], rng, without) for entry in right]
        others = self._distractors(example, right, max(0, self.config.entries - len(right)), rng)
        given += [self._given(entry, alike or [example.kind], rng) for entry in others]
        rng.shuffle(given)
        return _system_turn(given)

    def _distractors(self, example: Example, right: list[Entry], count: int, rng: Random) -> list[Entry]:
        """Entries of the same type that the conversation does not name and that would not answer it either."""
        named = {entry.id for entry in self.kb.find("".join(message.content for message in example.messages))}
        of_type = right[0].type if right else self.knowledge.schema.types[0].name
        excluded = named | self.hidden | set(example.grounding) | self.knowledge.also_answers(self.kb, example)
        others = [entry for entry in self.kb.of_type(of_type) if entry.id not in excluded]
        return rng.sample(others, min(count, len(others)))

    def _given(self, entry: Entry, wanted: list[str], rng: Random, without: str = "") -> GivenEntry:
        """An entry with the wanted attributes and, up to the configured number, others."""
        readable = [name for name, items in statements_of(entry).items() if not self._names_hidden("、".join(items))]
        chosen = [name for name in wanted if name in readable]
        spare = [name for name in readable if name not in (*chosen, without)]
        chosen += rng.sample(spare, min(len(spare), max(0, self.config.attributes - len(chosen))))
        return GivenEntry.of(entry, chosen)

    def _names_hidden(self, text: str) -> bool:
        names = [re.escape(name) for id in sorted(self.hidden) for name in self.kb.by_id[id].names]
        return bool(names) and re.search("|".join(names), text) is not None

    def _used(self, entry: Entry, example: Example) -> list[str]:
        """The attributes of an entry that the answers of a conversation take something from."""
        said = "".join(message.content for message in example.messages)
        return [
            name
            for name, items in statements_of(entry).items()
            if any(self.knowledge.phrasebook.plain(item) in said for item in items)
        ]


def _system_turn(given: list[GivenEntry]) -> Message:
    return Message(role="system", content=write_block(given).text)


def _cited(turn: Message, ids: tuple[str, ...]) -> Message:
    return turn.model_copy(update={"content": turn.content + marks(ids)}) if turn.role == "assistant" else turn


def _grounding(config: KnowledgeTuningSource) -> GroundingUsed:
    """What the manifest says about the entries in the prompts."""
    return GroundingUsed(
        kind="entries",
        template=TEMPLATE,
        sha256=template_sha256(TEMPLATE),
        entries=config.entries,
        attributes=config.attributes,
    )


def _details(config: KnowledgeTuningSource) -> SourceDetails:
    """The card of the same questions without entries, adapted to what the entries change."""
    card = details(config)
    about, unseen = config.knowledge.about, config.knowledge.unseen
    return card._replace(
        about=Description(zh=f"{SOURCE.about.zh}{about.zh}", en=f"{SOURCE.about.en} {about.en}"),
        splits={
            **card.splits,
            "unseen_entity": Description(
                zh=f"训练集中从未出现的{unseen.zh}：考察回答是读出来的还是背出来的",
                en=f"{unseen.en} that no training text names: does the model read what it is given?",
            ),
        },
    )


SOURCE = Source(
    config=KnowledgeTuningSource,
    read=read,
    files=files,
    about=Description(
        zh="知识微调：题前给出知识库条目，回答注明所依据的条目编号；条目里没有的就说没有。",
        en="Knowledge tuning: entries of the knowledge base stand before the question, the answer cites those that it"
        " rests on, or says that they do not say.",
    ),
    rows_of=rows_of,
    licence=LICENCE,
    splits={},
    details=_details,
    knowledge=used,
    grounding=_grounding,
)
