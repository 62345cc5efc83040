"""From the knowledge base to instructions, the way Bencao did it, but from templates and without another model.

Everything follows from the knowledge base and the seed. A ``Fact`` is something that can be asked about in many
wordings and has one canonical answer. Whole entities, whole phrasings and whole emergency signs are kept out of
training, and each test split shows one of these three kinds of novelty.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from random import Random
from typing import Literal

from data_recipes.leakage.normalise import question
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from domains.knowledge_base import Entry, EntryType, KnowledgeBase
from domains.medical import phrasings
from domains.medical.phrasings import WORDINGS, Wording

LONGEST_ANSWER = 90
ALIAS_SHARE = 0.25  # of the training questions about an entity that has aliases
DEV_POOL = 10  # the dev split is drawn from so many times its size of unused training questions
CAREFUL_WORDINGS = 2  # of an emergency or a refusal in each round of training; one of everything else
RESERVED_SHARE = 0.2  # of the emergencies and refusals is never trained, only tested
SHARED_BY = 3  # at most so many diseases are named for one set of symptoms
MOST_MENTIONS = 5  # held-out entities are mentioned by few other entries, so that little training text is lost
ASKED_ABOUT: tuple[EntryType, ...] = ("disease", "drug")  # the types of which entities are held out

ACUTE = re.compile(
    "意识|昏迷|昏睡|抽搐|呼吸困难|胸痛|呕血|咯血|休克|晕厥|晕倒|肢体无力|四肢无力|言语不清|说话不清|窒息"
    "|出血不止|出血量大|大量出血|自杀|轻生|发绀|口唇发紫|剧烈头痛|剧烈腹痛"
)


@dataclass(frozen=True)
class Fact:
    """Something that can be asked about, with its one canonical answer.

    Attributes:
        key: Unique and stable, e.g. ``D001.症状``.
        kind: Question type for the report.
        wording: The questions.
        slots: What fills the slots of a question.
        answer: The canonical answer.
        items: Phrases that a right answer contains.
        grounding: Ids of the entries that the answer rests on.
        behaviour: What a right answer does.
        aliases: Other names that may stand for ``{name}`` in a training question.
        before: Turns of the conversation before this question.
    """

    key: str
    kind: str
    wording: Wording
    slots: Mapping[str, str]
    answer: str
    items: tuple[str, ...]
    grounding: tuple[str, ...]
    behaviour: Literal["answer", "refuse", "emergency"] = "answer"
    aliases: tuple[str, ...] = ()
    before: tuple["Fact", ...] = ()


def write(
    kb: KnowledgeBase, sizes: Mapping[str, int], held_out_share: float, seed: int
) -> tuple[dict[str, list[Example]], list[Dropped]]:
    """Writes the instructions of all splits.

    Args:
        kb: The knowledge base.
        sizes: Examples in ``train``, ``dev``, ``heldout_phrasing``, ``unseen_entity`` and ``safety``. Training asks
            about every fact once, then about each once more in another wording, and so on until it is full.
        held_out_share: Share of the diseases and of the drugs that no training text names.
        seed: Of every choice made here.

    Returns:
        The splits, and the facts and questions that had to be left out.
    """
    unseen = held_out(kb, held_out_share, Random(f"{seed} held out"))
    known, new, naming = _apart(kb, list(all_facts(kb, Random(f"{seed} facts"))), unseen)
    rng = Random(f"{seed} splits")
    reserved = [fact for fact in known if fact.behaviour != "answer" and rng.random() < RESERVED_SHARE]
    kept_back = {fact.key for fact in reserved}
    asked = _rounds([fact for fact in known if fact.key not in kept_back], Random(f"{seed} training"))
    train = list(islice(asked, sizes["train"]))
    train = rng.sample(train, len(train))
    asks_first = {question(example): _key(example) for example in reversed(train)}  # of equal questions one is kept
    trained = set(asks_first.values())
    unused = islice((example for example in asked if _key(example) in trained), DEV_POOL * sizes["dev"])
    answered = [fact for fact in known if fact.key in trained and fact.behaviour == "answer"]
    careful = [fact for fact in [*reserved, *new] if fact.behaviour != "answer"]

    def novelty(example: Example) -> str:
        return f"{example.kind} {bool(unseen.intersection(example.grounding))} {bool(example.grounding)}"

    splits = {
        "train": train,
        "dev": _spread(unused, sizes["dev"], rng),
        "heldout_phrasing": _spread(_reworded(answered), sizes["heldout_phrasing"], rng),
        "unseen_entity": _spread(_as_in_training(new), sizes["unseen_entity"], rng),
        "safety": _spread(_reworded(careful), sizes["safety"], rng, by=novelty),
    }
    splits, repeated = _without_repeats(splits)
    return splits, [Dropped(id, "names_held_out") for id in naming] + [
        Dropped(example.id, "duplicate_question") for example in repeated
    ]


def _apart(kb: KnowledgeBase, facts: list[Fact], unseen: set[str]) -> tuple[list[Fact], list[Fact], list[str]]:
    """Facts for training, facts about held-out entities, and keys of facts about others that name such an entity."""
    names = re.compile("|".join(re.escape(name) for id in sorted(unseen) for name in kb.by_id[id].names) or "(?!)")
    new = [fact for fact in facts if unseen.intersection(fact.grounding)]
    others = [fact for fact in facts if not unseen.intersection(fact.grounding)]
    naming = {fact.key for fact in others if names.search(_text_of(fact))}
    return [fact for fact in others if fact.key not in naming], new, sorted(naming)


def _reworded(facts: list[Fact]) -> list[Example]:
    return [_ask(fact, *phrasing) for fact in facts for phrasing in fact.wording.testing()]


def _as_in_training(facts: list[Fact]) -> list[Example]:
    return [_ask(f, *phrasing) for f in facts if f.behaviour == "answer" for phrasing in f.wording.training()]


def _key(example: Example) -> str:
    """The key of the fact that an example asks about."""
    return example.id.rpartition(".")[0]


def held_out(kb: KnowledgeBase, share: float, rng: Random) -> set[str]:
    """Chooses the entities that training must not name.

    Only entities qualify whose names are not part of another entry's name and that few other entries mention.

    Args:
        kb: The knowledge base.
        share: Share of each type in ``ASKED_ABOUT``.
        rng: Source of the choice.

    Returns:
        Ids of the entities.
    """
    mentions: dict[str, int] = defaultdict(int)
    for entry in kb.entries:
        for other in kb.find("|".join([entry.definition, *chain.from_iterable(entry.attributes.values())])):
            mentions[other.id] += 1
    chosen: set[str] = set()
    for entry_type in ASKED_ABOUT:
        entries = kb.of_type(entry_type)
        rare = [e.id for e in entries if mentions[e.id] <= MOST_MENTIONS and not _inside_another_name(kb, e)]
        chosen.update(rng.sample(rare, min(len(rare), round(share * len(entries)))))
    return chosen


def all_facts(kb: KnowledgeBase, rng: Random) -> Iterator[Fact]:
    """All facts of the knowledge base, of every kind.

    Args:
        kb: The knowledge base.
        rng: Decides which attributes conversations and refusals are about.
    """
    for entry in kb.entries:
        if kb.named(entry.name)[0] is not entry:
            continue  # a symptom that shares its name with a disease: the question would have two answers
        about = list(attribute_facts(kb, entry))
        yield from about
        if entry.type in ASKED_ABOUT:
            yield _conversation(entry, rng.sample(about[1:], 3)[: rng.choice((2, 3))], rng)
            yield _unknown(entry, *rng.choice(list(phrasings.UNKNOWN[entry.type].items())))
    yield from _reverse_facts(kb)
    yield from _comparisons(kb)
    yield from _invented(rng)
    yield from _emergencies(kb)


def attribute_facts(kb: KnowledgeBase, entry: Entry) -> Iterator[Fact]:
    """The definition of an entry and each of its attributes."""
    aliases = tuple(alias for alias in entry.aliases if len(kb.named(alias)) == 1)
    for attribute, wording in WORDINGS[entry.type].items():
        items = (entry.definition,) if attribute == phrasings.DEFINITION else entry.attributes[attribute]
        items = tuple(item.removeprefix("伴") for item in items)  # "伴" leans on the symptom, which a list has not
        if items:
            answer, told = _answer(wording, entry.name, items)
            yield Fact(
                key=f"{entry.id}.{attribute}",
                kind=attribute,
                wording=wording,
                slots={"name": entry.name},
                answer=answer,
                items=told,
                grounding=(entry.id,),
                aliases=aliases,
            )


def listed(items: Iterable[str], joint: str = "和") -> str:
    """Joins items as a sentence does: ``头痛、头晕和心悸``."""
    *first, last = items
    between = joint if joint == "，" else "、"
    return joint.join([between.join(first), last]) if first else last


def _answer(wording: Wording, name: str, items: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The answer with as many items, in their order of weight, as its greatest length allows."""
    for count in range(len(items), 0, -1):
        answer = wording.answer.format(name=name, items=listed(items[:count], wording.joint))
        if len(answer) <= LONGEST_ANSWER:
            break
    return answer, items[:count]


def _conversation(entry: Entry, turns: list[Fact], rng: Random) -> Fact:
    """Turns about one entity of which only the first names it."""
    pointers = phrasings.POINTERS[entry.type]
    pointed = [replace(turn, slots={"name": rng.choice(pointers)}, aliases=()) for turn in turns[1:]]
    return replace(pointed[-1], key=f"{entry.id}.multi_turn", kind="multi_turn", before=(turns[0], *pointed[:-1]))


def _unknown(entry: Entry, attribute: str, wording: Wording) -> Fact:
    return Fact(
        key=f"{entry.id}.unknown",
        kind="unknown",
        wording=wording,
        slots={"name": entry.name},
        answer=wording.answer.format(name=entry.name),
        items=(),
        grounding=(entry.id,),
        behaviour="refuse",
    )


def _invented(rng: Random) -> Iterator[Fact]:
    """Questions about diseases and drugs that do not exist."""
    for entry_type, (heads, tails) in phrasings.INVENTED.items():
        for name in (head + tail for head in heads for tail in tails):
            yield Fact(
                key=f"invented.{name}",
                kind="unknown",
                wording=rng.choice(list(WORDINGS[entry_type].values())),
                slots={"name": name},
                answer=phrasings.INVENTED_ANSWER.format(name=name),
                items=(),
                grounding=(),
                behaviour="refuse",
            )


def _reverse_facts(kb: KnowledgeBase) -> Iterator[Fact]:
    """From symptoms to the diseases that show all of them; where one is an emergency, that is the answer instead."""
    diseases = kb.of_type("disease")
    for disease in diseases:
        symptoms = disease.attributes["症状"][:3]
        matching = [d for d in diseases if set(symptoms) <= set(d.attributes["症状"])]
        if any(d.urgency == "emergency" for d in matching) or disease.name in symptoms:
            continue
        matching = sorted(matching, key=lambda d: d is not disease)[:SHARED_BY]
        answer = phrasings.REVERSE.answer.format(
            items=listed(symptoms),
            diseases=listed((d.name for d in matching), "或"),
            departments=listed(disease.attributes["科室"][:2], "或"),
        )
        yield Fact(
            key=f"{disease.id}.reverse",
            kind="reverse",
            wording=phrasings.REVERSE,
            slots={"symptoms": "、".join(symptoms), "turned": "、".join(reversed(symptoms))},
            answer=answer,
            items=tuple(d.name for d in matching),
            grounding=tuple(d.id for d in matching),
        )


def _comparisons(kb: KnowledgeBase) -> Iterator[Fact]:
    """Each disease beside the one whose symptoms are most like its own, where both also have some of their own."""
    diseases = kb.of_type("disease")
    symptoms = {d.id: set(d.attributes["症状"]) for d in diseases}
    pairs = set()
    for one in diseases:
        others = [o for o in diseases if o is not one and symptoms[one.id] & symptoms[o.id]]
        if others:
            nearest = max(others, key=lambda o: _likeness(symptoms[one.id], symptoms[o.id]))
            pairs.add(tuple(sorted((one.id, nearest.id))))
    for ids in sorted(pairs):
        one, other = (kb.by_id[id] for id in ids)
        shared = [s for s in one.attributes["症状"] if s in symptoms[other.id]][:2]
        own = [s for s in one.attributes["症状"] if s not in symptoms[other.id]][:2]
        others_own = [s for s in other.attributes["症状"] if s not in symptoms[one.id]][:2]
        if own and others_own:
            yield Fact(
                key=f"{one.id}.{other.id}.comparison",
                kind="comparison",
                wording=phrasings.COMPARISON,
                slots={"name": one.name, "other": other.name},
                answer=phrasings.COMPARISON.answer.format(
                    name=one.name, other=other.name, shared=listed(shared), own=listed(own), others=listed(others_own)
                ),
                items=(*shared, *own, *others_own),
                grounding=ids,
            )


def _likeness(one: set[str], other: set[str]) -> float:
    """Jaccard index."""
    return len(one & other) / len(one | other)


def _emergencies(kb: KnowledgeBase) -> Iterator[Fact]:
    """Acute signs in plain words: of emergencies, of urgent diseases and of symptoms; each sign once."""
    told = set()
    for entry in kb.entries:
        for number, (sign, cause) in enumerate(_acute_signs(entry), 1):
            if sign not in told:
                told.add(sign)
                yield Fact(
                    key=f"{entry.id}.emergency{number}",
                    kind="emergency",
                    wording=phrasings.EMERGENCY,
                    slots={"sign": sign},
                    answer=phrasings.EMERGENCY.answer.format(cause=cause),
                    items=("拨打120", "急诊"),
                    grounding=(entry.id,),
                    behaviour="emergency",
                )


def _acute_signs(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.urgency == "routine" or "就医信号" not in entry.attributes:
        return
    if entry.urgency == "emergency":
        yield "、".join(entry.attributes["症状"][:3]), f"可能是{entry.name}"
    for signal in entry.attributes["就医信号"]:
        beside = entry.name + ("伴" if signal.startswith("伴") else "，") if entry.type == "symptom" else ""
        for part in re.split("[或及]", signal):
            if ACUTE.search(part):  # one sign alone does not tell the disease
                yield beside + re.sub("^(伴有?|出现|突然|突发|有)", "", part), "可能危及生命"


def _ask(fact: Fact, phrasing: str, wording: str, name: str = "") -> Example:
    """One example: the fact asked in one wording, after the turns before it in the same register."""
    slots = {**fact.slots, "name": name} if name else fact.slots
    messages = []
    for turn in fact.before:
        asked = dict(chain(turn.wording.training(), turn.wording.testing()))
        first = asked[phrasing if phrasing in asked else "formal1"]
        messages += [_user(first.format(**turn.slots)), _assistant(turn.answer)]
    messages += [_user(wording.format(**slots)), _assistant(fact.answer)]
    return Example(
        id=f"{fact.key}.{phrasing}",
        messages=tuple(messages),
        source="knowledge_base",
        group="+".join(fact.grounding) or fact.key,
        kind=fact.kind,
        facts=fact.items,
        grounding=fact.grounding,
        behaviour=fact.behaviour,
        phrasing=f"{fact.kind}.{phrasing}",
    )


def _user(text: str) -> Message:
    return Message(role="user", content=text)


def _assistant(text: str) -> Message:
    return Message(role="assistant", content=text)


def _rounds(facts: list[Fact], rng: Random) -> Iterator[Example]:
    """Every fact in one training wording, then every fact in a second one, and so on; careful ones in two at a time."""
    orders = []
    for fact in rng.sample(facts, len(facts)):
        wordings = list(fact.wording.training())
        rng.shuffle(wordings)
        at_once = 1 if fact.behaviour == "answer" else CAREFUL_WORDINGS
        orders.append([(fact, wordings[i : i + at_once]) for i in range(0, len(wordings), at_once)])
    for one_round in zip_longest(*orders):
        for fact, wordings in filter(None, one_round):
            for phrasing, wording in wordings:
                alias = rng.choice(fact.aliases) if fact.aliases and rng.random() < ALIAS_SHARE else ""
                yield _ask(fact, phrasing, wording, alias)


def _spread(
    pool: Iterable[Example], size: int, rng: Random, by: Callable[[Example], str] = lambda example: example.kind
) -> list[Example]:
    """Draws examples so that all kinds are as equally present as the pool allows."""
    kinds: dict[str, list[Example]] = defaultdict(list)
    drawn = list(pool)
    rng.shuffle(drawn)
    for example in drawn:
        kinds[by(example)].append(example)
    turns = zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    return [example for turn in turns for example in turn if example is not None][:size]


def _without_repeats(splits: dict[str, list[Example]]) -> tuple[dict[str, list[Example]], list[Example]]:
    """Keeps the first of several examples with the same question, training before tests."""
    asked: set[str] = set()
    kept: dict[str, list[Example]] = {name: [] for name in splits}
    repeated = []
    for name, examples in splits.items():
        for example in examples:
            text = question(example)
            if text in asked:
                repeated.append(example)
            else:
                asked.add(text)
                kept[name].append(example)
    return kept, repeated


def _text_of(fact: Fact) -> str:
    return "|".join([fact.answer, *fact.slots.values(), *(_text_of(turn) for turn in fact.before)])


def _inside_another_name(kb: KnowledgeBase, entry: Entry) -> bool:
    others = [name for other in kb.entries if other is not entry for name in other.names]
    return any(name in other for name in entry.names for other in others)
