"""Knowledge tuning: entries of the knowledge base are in the prompt, and the answer cites those that it rests on.

The questions and answers are those of ``knowledge_base``. The system turn gives the entries that the service would find
and give (``domains.retrieval``, ``domains.reading``), written as it writes them: the right ones, and as distractors
what the retriever ranks beside them (RAFT, arXiv:2403.10131) or, in a share, the most similar ones. Some questions get
entries that do not answer them; then the answer says what is missing. Some are about two entities, some follow a
question about another one, some do not say what they are about and are asked back, some use a name that only people
use, some are told with circumstances. Emergencies have one fixed answer, whatever is given. A model learns to read what
it is given instead of reciting: ``unseen_entity`` shows whether it does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from random import Random
from typing import Literal

from pydantic import Field, PositiveInt

from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description, GroundingUsed
from data_recipes.sources.generated.knowledge_base import (
    InstructionSourceConfig,
    details,
    files,
    rows_of,
    used,
)
from data_recipes.sources.generated.knowledge_dialogues import Partners, about_both, asked_about
from data_recipes.sources.source import PROJECT_LICENCE, Source, SourceDetails
from domains.citations import AskedFor, marks
from domains.domain import find_domain
from domains.grounding import TEMPLATE, GivenEntry, statements_of, template_sha256, write_block
from domains.instructions import held_out, write
from domains.knowledge import Knowledge, ReadTogether
from domains.knowledge_base import Entry, KnowledgeBase
from domains.reading import entries_to_read
from domains.retrieval.lexicon import lexicon_files
from domains.retrieval.retriever import Retrieved, Retriever
from domains.wording import DEFINITION

SEEN_IN_TRAINING = ("train", "dev")
NEAREST = 8  # similar entries among which distractors are drawn
NO_ENTRY = 0.5  # of the withheld answers lack the entry, the others what is asked about it
NOTHING_FOUND = 0.5  # of those that lack the entry have no other one either


class KnowledgeTuningSource(InstructionSourceConfig):
    """Instructions with the entries that answer them.

    Attributes:
        kind: Selects this source.
        entries: Entries in a prompt; more where the answer rests on more.
        attributes: Attributes of each entry; more where the answer needs more.
        withheld_share: Share of the questions whose entries do not have the answer.
        similar_share: Share of the prompts whose distractors are the most similar entries, in any order; the others
            have what the retriever ranks beside the right entry, the best first, as the service has it.
        two_entities_share: Share of the questions about one entity that are asked about two.
        topic_change_share: Share of them that follow a question about another entity; the entries are those of the
            last question, as the service gives them. Train with ``train.supervise=last``.
        spoken_share: Share of them that use a name of the lexicon, where it has one.
        ask_back_share: Share of them that do not say which entity they are about.
        told_share: Share of all questions of one turn that are told with circumstances: 我妈七十多了，自己住。
    """

    kind: Literal["knowledge_tuning"]
    entries: PositiveInt
    attributes: PositiveInt
    withheld_share: float = Field(ge=0, lt=1)
    similar_share: float = Field(0.0, ge=0, le=1)
    two_entities_share: float = Field(0.0, ge=0, lt=1)
    topic_change_share: float = Field(0.0, ge=0, lt=1)
    spoken_share: float = Field(0.0, ge=0, lt=1)
    ask_back_share: float = Field(0.0, ge=0, lt=1)
    told_share: float = Field(0.0, ge=0, le=1)


def read(config: KnowledgeTuningSource) -> Iterator[Example | Dropped]:
    """Writes the instructions, training first, and gives each its entries.

    Raises:
        UserError: The knowledge base is damaged.
    """
    kb = config.load()
    splits, dropped = write(kb, config.knowledge, config.sizes.model_dump(), config.held_out_share, config.seed)
    unseen = held_out(kb, config.knowledge, config.held_out_share, Random(f"{config.seed} held out"))
    training, testing = _Shelf.of(kb, unseen, config), _Shelf.of(kb, set(), config)
    for name, examples in splits.items():
        shelf = training if name in SEEN_IN_TRAINING else testing
        partners = Partners(examples, kb)
        for example in examples:
            row = shelf.row(_told(example, config, name in SEEN_IN_TRAINING), partners)
            yield row.model_copy(update={"split": name, "source": f"{config.domain}_knowledge"})
    yield from dropped


@dataclass(frozen=True)
class _Shelf:
    """What may be given.

    Attributes:
        kb: The knowledge base without the entries that must not be given.
        retriever: Finds them.
        hidden: The names of the entries that must not be given: they must not be read either.
        knowledge: What the domain makes of its knowledge base.
        asked_for: How its attributes are asked for.
        similar: Entries by similarity to one, as far as they were needed.
    """

    kb: KnowledgeBase
    retriever: Retriever
    hidden: re.Pattern[str]
    config: KnowledgeTuningSource
    knowledge: Knowledge
    asked_for: AskedFor
    similar: dict[str, list[Entry]] = field(default_factory=dict)

    @classmethod
    def of(cls, kb: KnowledgeBase, hidden: set[str], config: KnowledgeTuningSource) -> "_Shelf":
        """Everything but the hidden entries."""
        names = re.compile("|".join(re.escape(name) for id in sorted(hidden) for name in kb.by_id[id].names) or "(?!)")
        shown = kb.without(hidden)
        return cls(shown, Retriever(shown), names, config, config.knowledge, find_domain(config.domain).asked_for)

    def row(self, example: Example, partners: Partners) -> Example:
        """The example with entries: as it is, or as one of the dialogues that are made of it."""
        rng = Random(f"{self.config.seed} {example.id} dialogue")
        if not partners.is_single(example):
            return self._with_entries(example)
        drawn = rng.random()
        for share, make in (
            (self.config.two_entities_share, self._about_two),
            (self.config.topic_change_share, self._after_another),
            (self.config.spoken_share, self._as_people_say),
            (self.config.ask_back_share, self._asked_back),
        ):
            if drawn < share:
                return make(example, partners, rng) or self._with_entries(example)
            drawn -= share
        return self._with_entries(example)

    def _about_two(self, example: Example, partners: Partners, rng: Random) -> Example | None:
        """One question about two entities; the entries may lack what is asked about one of them."""
        other = partners.with_the_same_attribute(example, rng)
        if other is None:
            return None
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
        system = _system(self._given(joined, needed, rng, lacking={lacking.id: asked} if lacking else {}))
        return joined.model_copy(update={"messages": (system, *joined.messages)})

    def _after_another(self, example: Example, partners: Partners, rng: Random) -> Example | None:
        """The question after one about something else, whose entries are no longer given."""
        before = partners.with_another_topic(example, rng)
        if before is None:
            return None
        row = self._with_entries(example, earlier=(before.messages[0].content,))
        system, *turns = row.messages
        told = [_cited(turn, before.grounding) for turn in before.messages]
        kind = row.kind if row.behaviour == "refuse" else "topic_change"
        return row.model_copy(
            update={"id": f"{before.grounding[0]}>{row.id}", "messages": (system, *told, *turns), "kind": kind}
        )

    def _as_people_say(self, example: Example, partners: Partners, rng: Random) -> Example | None:
        """The question with a name that only the lexicon has; the answer keeps the entry's own."""
        entry = self.kb.by_id[example.grounding[0]]
        names = [name for line in self.kb.lexicon.names if line.id == entry.id for name, _ in line.names()]
        if not names:
            return None
        name = rng.choice(names)
        question = Message(role="user", content=asked_about(example, entry, name))
        renamed = example.model_copy(
            update={"id": f"{example.id}~{name}", "messages": (question, *example.messages[1:])}
        )
        return self._with_entries(renamed)

    def _asked_back(self, example: Example, partners: Partners, rng: Random) -> Example | None:
        """The question with nothing but a pronoun; the answer asks what it is about."""
        entry, answer = self.kb.by_id[example.grounding[0]], self.knowledge.phrasebook.ask_back
        pointers = self.knowledge.phrasebook.pointers.get(entry.type, ())
        if not answer or not pointers or example.kind == DEFINITION:
            return None
        question = Message(role="user", content=asked_about(example, entry, rng.choice(pointers)))
        asking = example.model_copy(
            update={
                "id": f"{example.id}?",
                "messages": (question, Message(role="assistant", content=answer)),
                "kind": "ask_back",
                "facts": (),
                "grounding": (),
                "behaviour": "refuse",
            }
        )
        system = _system(self._given(asking, {}, rng))
        return asking.model_copy(update={"messages": (system, *asking.messages)})

    def _with_entries(self, example: Example, earlier: Sequence[str] = ()) -> Example:
        """The example with entries before the question, and their citation after each answer."""
        rng = Random(f"{self.config.seed} {example.id}")
        if example.behaviour == "emergency":
            return self._emergency(example, rng)
        right = [self.kb.by_id[id] for id in example.grounding]
        asked = example.kind
        readable = right and (asked == DEFINITION or asked in right[0].attributes)
        if readable and rng.random() < self.config.withheld_share:
            return self._withheld(example, right[0], rng, earlier)
        together = self.knowledge.read_together.get(asked)
        needed = {
            entry.id: [asked] if readable else together.attributes if together else self._used(entry, example)
            for entry in right
        }
        given = self._given(example, needed, rng, earlier=earlier)
        if together:
            example = _as_read(example, given, together)
        cites = example.behaviour != "refuse"
        turns = (_cited(turn, example.grounding) if cites else turn for turn in example.messages)
        return example.model_copy(update={"messages": (_system(given), *turns)})

    def _withheld(self, example: Example, entry: Entry, rng: Random, earlier: Sequence[str]) -> Example:
        """The same question over entries that lack what is asked about: the entry, or this attribute of it."""
        lacks_entry = example.kind == DEFINITION or rng.random() < NO_ENTRY
        needed: dict[str, list[str]] = {} if lacks_entry else {entry.id: []}
        lacking = {entry.id: None if lacks_entry else example.kind}
        answer = Message(role="assistant", content=self._not_given(entry, example.kind))
        if lacks_entry and rng.random() < NOTHING_FOUND:
            given = []
        else:
            given = self._given(example, needed, rng, lacking=lacking, earlier=earlier)
        return example.model_copy(
            update={
                "messages": (_system(given), *example.prompt, answer),
                "facts": (),
                "grounding": (),
                "behaviour": "refuse",
                "kind": "not_given",
            }
        )

    def _emergency(self, example: Example, rng: Random) -> Example:
        """The fixed answer, whatever is found for the signs."""
        answer = Message(role="assistant", content=self.knowledge.phrasebook.emergency or example.answer)
        system = _system(self._given(example, {}, rng))
        return example.model_copy(update={"messages": (system, *example.prompt, answer), "grounding": ()})

    def _not_given(self, entry: Entry, attribute: str) -> str:
        return self.knowledge.phrasebook.not_given.format(name=entry.name, attribute=attribute)

    def _given(
        self,
        example: Example,
        needed: Mapping[str, Sequence[str]],
        rng: Random,
        lacking: dict[str, str | None] | None = None,
        earlier: Sequence[str] = (),
    ) -> list[GivenEntry]:
        """What the service would give for the last question, completed by what the answer needs.

        Args:
            example: The question, not yet with entries.
            needed: By entry that must be there, the attributes that the answer takes something from.
            rng: Decides on similar distractors.
            lacking: Entries that must not say something: this attribute, or anything where it is None.
            earlier: Questions before those of the example.
        """
        lacking = lacking or {}
        given = self._found(example, needed, {id for id, attribute in lacking.items() if attribute is None}, earlier)
        if needed and rng.random() < self.config.similar_share:
            given = self._beside_similar(example, given, needed, rng)
        given = [_without(one, lacking.get(one.entry.id)) for one in given]
        return [self._readable(one) for one in given]

    def _found(
        self, example: Example, needed: Mapping[str, Sequence[str]], withheld: set[str], earlier: Sequence[str]
    ) -> list[GivenEntry]:
        """The entries of the service; those that it does not find, or does not give enough of, are completed."""
        *before, question = [message.content for message in example.messages if message.role == "user"]
        retrieved = self.retriever.retrieve(question, [*earlier, *before])
        excluded = (withheld | self.knowledge.also_answers(self.kb, example)) - set(needed)
        kept = Retrieved(tuple(found for found in retrieved.found if found.entry.id not in excluded))
        given = entries_to_read(kept, question, self.asked_for, self.config.entries, self.config.attributes)
        missing = [id for id in needed if id not in {one.entry.id for one in given}]
        others = [one for one in given if one.entry.id not in needed]
        dropped = {one.entry.id for one in others[max(0, self.config.entries - len(needed)) :]}
        given = [one for one in given if one.entry.id not in dropped] + [self._plain(id) for id in missing]
        return [_with(one, needed.get(one.entry.id, ())) for one in given]

    def _plain(self, id: str) -> GivenEntry:
        """What an entry says first."""
        entry = self.kb.by_id[id]
        return GivenEntry.of(entry, list(statements_of(entry))[: self.config.attributes])

    def _beside_similar(
        self, example: Example, given: list[GivenEntry], needed: Mapping[str, Sequence[str]], rng: Random
    ) -> list[GivenEntry]:
        """The needed entries in any order among the most similar ones, which say the same kind of thing."""
        right = [one for one in given if one.entry.id in needed]
        like = right[0]
        excluded = {*example.grounding, *needed, *self.knowledge.also_answers(self.kb, example)}
        excluded |= {entry.id for entry in self.kb.find("".join(message.content for message in example.messages))}
        similar = [entry for entry in self._most_similar(like.entry) if entry.id not in excluded][:NEAREST]
        others = rng.sample(similar, min(len(similar), max(0, self.config.entries - len(right))))
        attributes = list(like.statements)[: self.config.attributes]
        mixed = right + [GivenEntry.of(e, [name for name in attributes if name in statements_of(e)]) for e in others]
        rng.shuffle(mixed)
        return mixed

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

    def _readable(self, given: GivenEntry) -> GivenEntry:
        """The entry without what names a hidden one."""
        kept = {name: items for name, items in given.statements.items() if not self.hidden.search("、".join(items))}
        return replace(given, statements=kept)

    def _used(self, entry: Entry, example: Example) -> list[str]:
        """The attributes of an entry that the answer takes something from; earlier answers had entries of their own."""
        plain = self.knowledge.phrasebook.plain
        said = {name: [plain(item) for item in items] for name, items in statements_of(entry).items()}
        stated = [name for name, items in said.items() if not {plain(fact) for fact in example.facts}.isdisjoint(items)]
        return stated or [name for name, items in said.items() if any(item in example.answer for item in items)]


def _system(given: Sequence[GivenEntry]) -> Message:
    return Message(role="system", content=write_block(given).text)


def _as_read(example: Example, given: Sequence[GivenEntry], together: ReadTogether) -> Example:
    """The example with its answer about several entries in the order in which they are given."""
    right = [one for one in given if one.entry.id in example.grounding]
    answer, facts = together.answer(example, right)
    told = Message(role="assistant", content=answer)
    return example.model_copy(
        update={
            "messages": (*example.prompt, told),
            "facts": facts,
            "grounding": tuple(one.entry.id for one in right),
        }
    )


def _told(example: Example, config: KnowledgeTuningSource, training: bool) -> Example:
    """The question with circumstances before it, in a share: a story alone is no emergency, and no reason to refuse."""
    known = config.knowledge.phrasebook.circumstances
    circumstances = known.training if training else known.kept
    rng = Random(f"{config.seed} {example.id} told")
    if not circumstances or len(example.messages) != 2 or rng.random() >= config.told_share:
        return example
    question, answer = example.messages
    told = question.model_copy(update={"content": rng.choice(circumstances) + question.content})
    return example.model_copy(update={"messages": (told, answer)})


def _with(given: GivenEntry, needed: Sequence[str]) -> GivenEntry:
    """The entry with attributes that it must have, those that were missing last."""
    added = {name: items for name, items in statements_of(given.entry).items() if name in needed}
    return replace(given, statements={**given.statements, **added})


def _without(given: GivenEntry, attribute: str | None) -> GivenEntry:
    """The entry without an attribute, and without its definition, which says something of everything."""
    if attribute is None:
        return given
    kept = {name: items for name, items in given.statements.items() if name not in (attribute, DEFINITION)}
    return replace(given, statements=kept)


def _features_of(entry: Entry) -> frozenset[str]:
    """What makes entries alike: departments, medicines, symptoms … and parts of their names."""
    items = chain.from_iterable(entry.attributes.values())
    return frozenset(items) | {name[i : i + 2] for name in entry.names for i in range(len(name) - 1)}


def _cited(turn: Message, ids: tuple[str, ...]) -> Message:
    return turn.model_copy(update={"content": turn.content + marks(ids)}) if turn.role == "assistant" else turn


def _files(config: KnowledgeTuningSource) -> list[Path]:
    """The files of the knowledge base, and of the lexicon that its entries are found with."""
    return files(config) + lexicon_files(config.knowledge.schema.lexicon(config.folder))


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
    files=_files,
    about=Description(
        zh="知识微调：题前给出知识库条目，回答注明所依据的条目编号；条目里没有的就说没有。",
        en="Knowledge tuning: entries of the knowledge base stand before the question, the answer cites those that it"
        " rests on, or says that they do not say.",
    ),
    rows_of=rows_of,
    licence=PROJECT_LICENCE,
    splits={},
    details=_details,
    knowledge=used,
    grounding=_grounding,
    instructs_in_system=True,
)
