"""Knowledge tuning: entries of the knowledge base are in the prompt, and the answer cites those that it rests on.

The questions and answers are those of ``knowledge_base``. The system turn, written by ``domains.grounding`` as the
service writes it, gives a few entries: the right ones and distractors with the attribute that is asked about, most of
them as similar as the knowledge base has them (RAFT, arXiv:2403.10131). Some questions get entries that do not answer
them, or none; then the answer says what is missing. Some are about two entities, some follow a question about another
one. Emergencies have one fixed answer, whatever is given. A model learns to read what it is given instead of reciting:
``unseen_entity`` shows whether it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
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
from data_recipes.sources.generated.knowledge_dialogues import Partners, about_both
from data_recipes.sources.source import Source, SourceDetails
from domains.citations import marks
from domains.grounding import TEMPLATE, GivenEntry, statements_of, template_sha256, write_block
from domains.instructions import held_out, write
from domains.knowledge import Knowledge
from domains.knowledge_base import Entry, KnowledgeBase
from domains.wording import DEFINITION

SEEN_IN_TRAINING = ("train", "dev")
NEAREST = 8  # similar entries among which hard distractors are drawn
RIGHT_IN_EMERGENCY = 0.5  # of the emergencies get the entry of their sign
NOTHING_FOUND = 0.5  # of the questions that rest on no entry; the service finds none for an invented name


class KnowledgeTuningSource(KnowledgeSourceConfig):
    """Instructions with the entries that answer them.

    Attributes:
        kind: Selects this source.
        entries: Entries in a prompt; more where the answer rests on more.
        attributes: Attributes of each entry; more where the answer needs more.
        withheld_share: Share of the questions whose entries do not have the answer.
        hard_share: Share of the distractors that are the most similar entries; the others are any of the same type.
        two_entities_share: Share of the questions about one entity that are asked about two.
        topic_change_share: Share of them that follow a question about another entity; the entries are those of the
            last question, as the service gives them. Train with ``train.supervise=last``.
    """

    kind: Literal["knowledge_tuning"]
    entries: PositiveInt
    attributes: PositiveInt
    withheld_share: float = Field(ge=0, lt=1)
    hard_share: float = Field(0.0, ge=0, le=1)
    two_entities_share: float = Field(0.0, ge=0, lt=1)
    topic_change_share: float = Field(0.0, ge=0, lt=1)


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
        partners = Partners(examples, kb)
        for example in examples:
            row = shelf.row(example, partners)
            yield row.model_copy(update={"split": name, "source": f"{config.domain}_knowledge"})
    yield from dropped


@dataclass(frozen=True)
class _Shelf:
    """What may be given.

    Attributes:
        kb: The knowledge base.
        knowledge: What its domain makes of it.
        hidden: Ids of the entries that must not be given, and whose names must not be read.
        similar: Entries by similarity to one, as far as they were needed.
    """

    kb: KnowledgeBase
    knowledge: Knowledge
    hidden: set[str]
    config: KnowledgeTuningSource
    similar: dict[str, list[Entry]] = field(default_factory=dict)

    def row(self, example: Example, partners: Partners) -> Example:
        """The example with entries; alone, joined with another question, or after one."""
        rng = Random(f"{self.config.seed} {example.id} dialogue")
        drawn = rng.random()
        if partners.is_single(example):
            if drawn < self.config.two_entities_share:
                other = partners.with_the_same_question(example, rng)
                return self._about_two(example, other, rng) if other else self._with_entries(example)
            if drawn < self.config.two_entities_share + self.config.topic_change_share:
                before = partners.with_another_topic(example, rng)
                row = self._with_entries(example)
                return _after(before, row) if before else row
        return self._with_entries(example)

    def _about_two(self, example: Example, other: Example, rng: Random) -> Example:
        """One question about two entities; the entries may lack what is asked about one of them."""
        both = [(example, self.kb.by_id[example.grounding[0]]), (other, self.kb.by_id[other.grounding[0]])]
        asked = example.kind
        lacking = rng.choice(both)[1] if rng.random() < self.config.withheld_share and asked != DEFINITION else None
        answered = [(one, entry) for one, entry in both if entry is not lacking]
        answer = "".join(
            self._not_given(entry, asked) if entry is lacking else one.answer + marks([entry.id]) for one, entry in both
        )
        question = Message(role="user", content=about_both(example, both[0][1], other, both[1][1]))
        joined = example.model_copy(
            update={
                "id": f"{example.id}+{other.grounding[0]}",
                "group": "+".join(sorted({example.group, other.group})),
                "messages": (question, Message(role="assistant", content=answer)),
                "kind": "one_of_two" if lacking else "two_entities",
                "facts": tuple(fact for one, _ in answered for fact in one.facts),
                "grounding": tuple(entry.id for _, entry in answered),
            }
        )
        needed = {entry.id: [] if entry is lacking else [asked] for _, entry in both}
        right = [entry for _, entry in both]
        system = self._system(joined, right, needed, rng, right[0], without=asked)
        return joined.model_copy(update={"messages": (system, *joined.messages)})

    def _with_entries(self, example: Example) -> Example:
        """The example with entries before the question, and their citation after each answer."""
        rng = Random(f"{self.config.seed} {example.id}")
        if example.behaviour == "emergency":
            return self._emergency(example, rng)
        right = [self.kb.by_id[id] for id in example.grounding]
        asked = example.kind
        readable = right and (asked == DEFINITION or asked in right[0].attributes)
        if readable and rng.random() < self.config.withheld_share:
            return self._withheld(example, right[0], rng)
        needed = {entry.id: [asked] if readable else self._used(entry, example) for entry in right}
        cites = example.behaviour != "refuse"
        nothing_found = not right and rng.random() < NOTHING_FOUND
        like = right[0] if right else None
        system = _system_turn([]) if nothing_found else self._system(example, right, needed, rng, like)
        turns = (_cited(turn, example.grounding) if cites else turn for turn in example.messages)
        return example.model_copy(update={"messages": (system, *turns)})

    def _withheld(self, example: Example, entry: Entry, rng: Random) -> Example:
        """The same question over entries that lack what is asked about: the entry, or this attribute of it."""
        lacks_entry = example.kind == DEFINITION or rng.random() < 0.5
        right = [] if lacks_entry else [entry]
        answer = Message(role="assistant", content=self._not_given(entry, example.kind))
        system = self._system(example, right, {entry.id: []}, rng, entry, without=example.kind)
        return example.model_copy(
            update={
                "messages": (system, *example.prompt, answer),
                "facts": (),
                "grounding": (),
                "behaviour": "refuse",
                "kind": "not_given",
            }
        )

    def _emergency(self, example: Example, rng: Random) -> Example:
        """The fixed answer, whether the entries are about the sign, about something else, or none was found."""
        answer = Message(role="assistant", content=self.knowledge.phrasebook.emergency or example.answer)
        right = [self.kb.by_id[id] for id in example.grounding if rng.random() < RIGHT_IN_EMERGENCY]
        if not right and rng.random() < NOTHING_FOUND:
            system = _system_turn([])
        else:
            system = self._system(example, right, {entry.id: [] for entry in right}, rng, None)
        return example.model_copy(update={"messages": (system, *example.prompt, answer), "grounding": ()})

    def _not_given(self, entry: Entry, attribute: str) -> str:
        return self.knowledge.phrasebook.not_given.format(name=entry.name, attribute=attribute)

    def _system(
        self,
        example: Example,
        right: list[Entry],
        needed: dict[str, list[str]],
        rng: Random,
        like: Entry | None,
        without: str = "",
    ) -> Message:
        """The right entries among distractors that are like an entry; None: like no particular one."""
        alike = list(dict.fromkeys(attribute for attributes in needed.values() for attribute in attributes))
        given = [self._given(entry, needed[entry.id], rng, without) for entry in right]
        others = self._distractors(example, right, max(0, self.config.entries - len(right)), rng, like)
        given += [self._given(entry, alike or [example.kind], rng) for entry in others]
        rng.shuffle(given)
        return _system_turn(given)

    def _distractors(
        self, example: Example, right: list[Entry], count: int, rng: Random, like: Entry | None
    ) -> list[Entry]:
        """Entries of the same type that the conversation does not name and that would not answer it either."""
        named = {entry.id for entry in self.kb.find("".join(message.content for message in example.messages))}
        named |= {entry.id for entry in right} | ({like.id} if like else set())
        of_type = like.type if like else right[0].type if right else self.knowledge.schema.types[0].name
        excluded = named | self.hidden | set(example.grounding) | self.knowledge.also_answers(self.kb, example)
        others = [entry for entry in self.kb.of_type(of_type) if entry.id not in excluded]
        similar = [entry for entry in self._most_similar(like) if entry.id not in excluded][:NEAREST] if like else []
        hard = rng.sample(similar, min(len(similar), sum(rng.random() < self.config.hard_share for _ in range(count))))
        any_other = [entry for entry in others if entry not in hard]
        return hard + rng.sample(any_other, min(count - len(hard), len(any_other)))

    def _most_similar(self, entry: Entry) -> list[Entry]:
        """All entries of a type, those first that share the most items and pairs of characters of their names."""
        if entry.id not in self.similar:
            own, of = self._features[entry.id], self._features
            of_type = self.kb.of_type(entry.type)
            self.similar[entry.id] = sorted(of_type, key=lambda other: (-len(own & of[other.id]), other.id))
        return self.similar[entry.id]

    @cached_property
    def _features(self) -> dict[str, frozenset[str]]:
        return {entry.id: _features_of(entry) for entry in self.kb.entries}

    def _given(self, entry: Entry, wanted: list[str], rng: Random, without: str = "") -> GivenEntry:
        """An entry with the wanted attributes and, up to the configured number, others."""
        readable = [name for name, items in statements_of(entry).items() if not self._names_hidden("、".join(items))]
        chosen = [name for name in wanted if name in readable]
        telling = (without, DEFINITION) if without else ()  # a definition says something of everything
        spare = [name for name in readable if name not in (*chosen, *telling)]
        chosen += rng.sample(spare, min(len(spare), max(0, self.config.attributes - len(chosen))))
        return GivenEntry.of(entry, chosen)

    def _names_hidden(self, text: str) -> bool:
        return self._hidden_names.search(text) is not None

    @cached_property
    def _hidden_names(self) -> re.Pattern[str]:
        names = [re.escape(name) for id in sorted(self.hidden) for name in self.kb.by_id[id].names]
        return re.compile("|".join(names) or "(?!)")

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


def _features_of(entry: Entry) -> frozenset[str]:
    """What makes entries alike: departments, medicines, symptoms … and parts of their names."""
    items = chain.from_iterable(entry.attributes.values())
    return frozenset(items) | {name[i : i + 2] for name in entry.names for i in range(len(name) - 1)}


def _after(before: Example, row: Example) -> Example:
    """A row after a question about something else, whose entries are no longer given."""
    system, *turns = row.messages
    earlier = [_cited(turn, before.grounding) for turn in before.messages]
    kind = row.kind if row.behaviour == "refuse" else "topic_change"
    return row.model_copy(
        update={"id": f"{before.grounding[0]}>{row.id}", "messages": (system, *earlier, *turns), "kind": kind}
    )


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
