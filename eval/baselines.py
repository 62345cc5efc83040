"""Trivial baselines: what is scored without a model, so that readers see what a score is worth.

Each answers every item of a suite by a rule that reads no question. A score that one of them reaches shows nothing;
only what the cited entry itself scores may be out of reach, for it is known there which entry is the right one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from data_recipes.schema.example import Example
from domains.citations import marks
from domains.domain import DOMAINS, find_domain
from domains.grounding import GivenEntry, given_texts, statements_of, write_block
from domains.knowledge_base import Entry
from domains.mathematics.answers import final_letters
from eval.answers import ModelAnswer
from eval.bilingual import Text
from eval.scoring import Measurement, measure

BaselineName = Literal[
    "shuffled_reference",
    "most_frequent_reference",
    "cited_entry",
    "always_refuses",
    "always_seeks_care",
    "first_option",
]

NOT_SAID = "没有提到。"
"""Both the judges of refusals and those of extracted answers take it for "there is no answer"."""
SEEK_CARE = "请立即拨打120或前往急诊。"


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    Attributes:
        name: Its key in ``report.json``.
        title: What readers see.
        applies: Whether it makes sense for a suite, by the items that can be judged.
        answers: Answers to these items, in their order.
        is_floor: Whether a model that scores no more than this shows nothing.
    """

    name: BaselineName
    title: Text
    applies: Callable[[Sequence[Example]], bool]
    answers: Callable[[Sequence[Example], int], list[str]]
    is_floor: bool = True


def _have_references(examples: Sequence[Example]) -> bool:
    return all(example.has_reference for example in examples)


def _shuffled(examples: Sequence[Example], seed: int) -> list[str]:
    """The reference of another item, of the same kind and another group where there is one."""
    random = Random(seed)
    kinds = {example.kind for example in examples}
    of_kind = {kind: [one for one in examples if one.kind == kind] for kind in kinds}

    def drawn(example: Example) -> str:
        for others in (of_kind[example.kind], examples):
            if foreign := [other.answer for other in others if other.group != example.group]:
                return random.choice(foreign)
        return examples[0].answer  # of a single group

    return [drawn(example) for example in examples]


def _most_frequent(examples: Sequence[Example], seed: int) -> list[str]:
    [(answer, _)] = Counter(example.answer for example in examples).most_common(1)
    return [answer] * len(examples)


@cache
def _entries() -> dict[str, tuple[Entry, ...]]:
    """The entries of the knowledge bases that ship with domains, by id; two domains may use the same one."""
    found: dict[str, tuple[Entry, ...]] = {}
    for domain in map(find_domain, DOMAINS):
        for entry in domain.knowledge.load().entries if domain.knowledge else ():
            found[entry.id] = (*found.get(entry.id, ()), entry)
    return found


def _cited_entry(example: Example) -> str:
    """What the entries say that the reference rests on, and their citations; empty where they are not known.

    They are those of the prompt, as far as it gives them, else those of a domain that the item names.
    """
    given = given_texts(example.messages[0].content) if example.messages[0].role == "system" else {}
    said = "".join(message.content for message in example.messages)
    for id in () if given else example.grounding:
        for entry in _entries().get(id, ()):
            if any(name in said for name in entry.names):
                given |= given_texts(write_block([GivenEntry(entry, statements_of(entry))]).text)
    return "".join(f"{given[id]}{marks([id])}" for id in example.grounding if id in given)


def _always(text: str) -> Callable[[Sequence[Example], int], list[str]]:
    return lambda examples, seed: [text] * len(examples)


BASELINES: dict[BaselineName, Baseline] = {
    baseline.name: baseline
    for baseline in (
        Baseline(
            "shuffled_reference",
            Text("别题的参考答案", "another item's reference"),
            lambda examples: _have_references(examples) and len({example.group for example in examples}) > 1,
            _shuffled,
        ),
        Baseline(
            "most_frequent_reference",
            Text("最常见的参考答案", "most frequent reference"),
            lambda examples: _have_references(examples) and len(examples) > 1,
            _most_frequent,
        ),
        Baseline(
            "cited_entry",
            Text("所引条目的原文", "the cited entry itself"),
            lambda examples: any(_cited_entry(example) for example in examples),
            lambda examples, seed: [_cited_entry(example) for example in examples],
            is_floor=False,
        ),
        Baseline(
            "always_refuses",
            Text("总说没有", "always refuses"),
            lambda examples: any(example.behaviour == "refuse" for example in examples),
            _always(NOT_SAID),
        ),
        Baseline(
            "always_seeks_care",
            Text("总让人拨打120", "always sends to 120"),
            lambda examples: any(example.behaviour == "emergency" for example in examples),
            _always(SEEK_CARE),
        ),
        Baseline(
            "first_option",
            Text("总选A", "always option A"),
            lambda examples: any(example.choices for example in examples),
            _always("答案：A"),
        ),
    )
}


def measure_baselines(examples: Sequence[Example], seed: int) -> dict[BaselineName, dict[str, Measurement]]:
    """Measures the baselines that make sense for a suite, by every judge of generated answers.

    Args:
        examples: The items.
        seed: Seed of what is drawn.

    Returns:
        Measurements by baseline and judge; the positions are those of ``examples``.
    """
    scored = [place for place, example in enumerate(examples) if example.is_judged and not example.is_text]
    known = [examples[place] for place in scored]
    found: dict[BaselineName, dict[str, Measurement]] = {}
    for name, baseline in BASELINES.items():
        if known and baseline.applies(known):
            given = dict(zip(scored, baseline.answers(known, seed), strict=True))
            texts = [given.get(place, "") for place in range(len(examples))]
            found[name] = measure(examples, [ModelAnswer(text=text) for text in texts])
            found[name] |= measure(examples, [_as_choice(text) for text in texts])
    return found


def _as_choice(text: str) -> ModelAnswer:
    """The same answer where options are compared: the option that it names is certain."""
    letter = final_letters(text)
    return ModelAnswer(kind="options", text=letter, options={letter: 0.0} if letter else {})
