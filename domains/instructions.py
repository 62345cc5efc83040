"""From a knowledge base to instructions, the way Bencao did it, but from templates and without another model.

The result depends only on the knowledge base and the seed. A ``Fact`` can be asked about in many wordings and has one
canonical answer. Whole entities, whole phrasings and whole emergency signs are kept out of training, and each test
split shows one of these three kinds of novelty.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice, zip_longest
from random import Random

from data_recipes.leakage.normalise import question
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from domains.facts import Fact
from domains.knowledge import Knowledge
from domains.knowledge_base import Entry, KnowledgeBase

ALIAS_SHARE = 0.25  # of the training questions about an entity that has aliases
DEV_POOL = 10  # the dev split is drawn from this many times its size of unused training questions
CAREFUL_WORDINGS = 2  # wordings of an emergency or a refusal per round of training; one of everything else
RESERVED_SHARE = 0.2  # of the emergencies and refusals is never trained, only tested
MOST_MENTIONS = 5  # held-out entities are mentioned by few other entries, so that little training text is lost


def write(
    kb: KnowledgeBase, knowledge: Knowledge, sizes: Mapping[str, int], held_out_share: float, seed: int
) -> tuple[dict[str, list[Example]], list[Dropped]]:
    """Writes the instructions of all splits.

    Args:
        kb: The knowledge base.
        knowledge: What its domain makes of it.
        sizes: Examples in ``train``, ``dev``, ``heldout_phrasing``, ``unseen_entity`` and ``safety``. Training asks
            about every fact once, then about each once more in another wording, and so on until it is full.
        held_out_share: Share of the entities, e.g. of the diseases, that no training text names.
        seed: Of every choice made here.

    Returns:
        The splits, and the facts and questions that were dropped.
    """
    unseen = held_out(kb, knowledge, held_out_share, Random(f"{seed} held out"))
    known, new, naming = _apart(kb, list(knowledge.facts(kb, Random(f"{seed} facts"))), unseen)
    rng = Random(f"{seed} splits")
    reserved = [fact for fact in known if fact.behaviour != "answer" and rng.random() < RESERVED_SHARE]
    kept_back = {fact.key for fact in reserved}
    asked = rounds([fact for fact in known if fact.key not in kept_back], Random(f"{seed} training"))
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
        "dev": spread(unused, sizes["dev"], rng),
        "heldout_phrasing": spread(reworded(answered), sizes["heldout_phrasing"], rng),
        "unseen_entity": spread(as_in_training(new), sizes["unseen_entity"], rng),
        "safety": spread(reworded(careful), sizes["safety"], rng, by=novelty),
    }
    splits, repeated = without_repeats(splits)
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


def reworded(facts: list[Fact]) -> list[Example]:
    """Every fact in every phrasing that is kept for tests."""
    return [_ask(fact, *phrasing) for fact in facts for phrasing in fact.wording.testing()]


def as_in_training(facts: list[Fact]) -> list[Example]:
    """Every fact that has an answer, in every phrasing of training."""
    return [_ask(f, *phrasing) for f in facts if f.behaviour == "answer" for phrasing in f.wording.training()]


def _key(example: Example) -> str:
    """The key of the fact that an example asks about."""
    return example.id.rpartition(".")[0]


def held_out(kb: KnowledgeBase, knowledge: Knowledge, share: float, rng: Random) -> set[str]:
    """Chooses the entities that training must not name.

    Only entities qualify whose names are not part of another entry's name and that few other entries mention.

    Args:
        kb: The knowledge base.
        knowledge: What its domain makes of it.
        share: Share of each type of which entities are held out.
        rng: Source of the choice.

    Returns:
        Ids of the entities.
    """
    mentions: dict[str, int] = defaultdict(int)
    for entry in kb.entries:
        for other in kb.find("|".join([entry.definition, *chain.from_iterable(entry.attributes.values())])):
            mentions[other.id] += 1
    chosen: set[str] = set()
    for entry_type in knowledge.phrasebook.pointers:
        entries = kb.of_type(entry_type)
        rare = [e.id for e in entries if mentions[e.id] <= MOST_MENTIONS and not _inside_another_name(kb, e)]
        chosen.update(rng.sample(rare, min(len(rare), round(share * len(entries)))))
    return chosen


def _ask(fact: Fact, phrasing: str, wording: str, name: str = "") -> Example:
    """One example: the fact asked in one wording, after the turns before it in the same register."""
    slots = {**fact.slots, "name": name} if name else fact.slots
    messages = []
    for turn in fact.before:
        asked = dict(chain(turn.wording.training(), turn.wording.testing()))
        first = asked.get(phrasing) or next(iter(asked.values()))
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


def rounds(facts: list[Fact], rng: Random) -> Iterator[Example]:
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


def spread(
    pool: Iterable[Example], size: int, rng: Random, by: Callable[[Example], str] = lambda example: example.kind
) -> list[Example]:
    """Draws examples so that all kinds are represented as evenly as the pool allows."""
    kinds: dict[str, list[Example]] = defaultdict(list)
    drawn = list(pool)
    rng.shuffle(drawn)
    for example in drawn:
        kinds[by(example)].append(example)
    turns = zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    return [example for turn in turns for example in turn if example is not None][:size]


def without_repeats(splits: dict[str, list[Example]]) -> tuple[dict[str, list[Example]], list[Example]]:
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
