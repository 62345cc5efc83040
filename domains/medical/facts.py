"""Medical facts about several entries at once, emergencies, and what the prose says of them."""

import re
from collections.abc import Iterator, Sequence

from data_recipes.schema.example import Example
from domains.facts import Fact, listed
from domains.grounding import GivenEntry
from domains.knowledge import ReadTogether
from domains.knowledge_base import Entry, KnowledgeBase
from domains.medical import phrasings
from domains.medical.entries import Urgency, diseases, urgency_of

SHARED_BY = 3  # most diseases that are named for one set of symptoms

ACUTE = re.compile(
    "意识|昏迷|昏睡|抽搐|呼吸困难|胸痛|呕血|咯血|休克|晕厥|晕倒|肢体无力|四肢无力|言语不清|说话不清|窒息"
    "|出血不止|出血量大|大量出血|自杀|轻生|发绀|口唇发紫|剧烈头痛|剧烈腹痛"
)
URGENCY: dict[Urgency | None, str] = {
    "emergency": "{name}是急症，要立即拨打120或前往急诊。",
    "urgent": "{name}应当天就医。",
}


def relations(kb: KnowledgeBase) -> Iterator[Fact]:
    """Which diseases symptoms point to, and what distinguishes two diseases."""
    yield from _reverse_facts(kb)
    yield from _comparisons(kb)


def emergencies(kb: KnowledgeBase) -> Iterator[Fact]:
    """Acute signs in plain words: of emergencies, of urgent diseases and of symptoms; each sign once."""
    said = set()
    for entry in kb.entries:
        for number, (sign, cause) in enumerate(_acute_signs(entry), 1):
            if sign not in said:
                said.add(sign)
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


def statements(entry: Entry) -> Iterator[str]:
    """How soon to see a doctor."""
    if (urgency := urgency_of(entry)) in URGENCY:
        yield URGENCY[urgency].format(name=entry.name)


def also_answers(kb: KnowledgeBase, example: Example) -> set[str]:
    """Diseases that show the same symptoms as the one that an example is about."""
    if example.kind not in ("reverse", "emergency") or not example.grounding:
        return set()
    symptoms = set(kb.by_id[example.grounding[0]].attributes.get("症状", ())[:3])
    return {disease.id for disease in diseases(kb) if symptoms <= set(disease.attributes["症状"])}


def _reverse_facts(kb: KnowledgeBase) -> Iterator[Fact]:
    """From symptoms to the diseases that show all of them; where one is an emergency, that is the answer instead."""
    known = diseases(kb)
    for disease in known:
        symptoms = disease.attributes["症状"][:3]
        matching = [d for d in known if set(symptoms) <= set(d.attributes["症状"])]
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
    """Each disease with the one whose symptoms are most similar, where both also have some of their own."""
    known = diseases(kb)
    by_id = {d.id: d for d in known}
    symptoms = {d.id: set(d.attributes["症状"]) for d in known}
    pairs = set()
    for one in known:
        others = [o for o in known if o is not one and symptoms[one.id] & symptoms[o.id]]
        if others:
            nearest = max(others, key=lambda o: _likeness(symptoms[one.id], symptoms[o.id]))
            pairs.add(tuple(sorted((one.id, nearest.id))))
    for ids in sorted(pairs):
        one, other = (by_id[id] for id in ids)
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


def _diseases_read(example: Example, given: Sequence[GivenEntry]) -> tuple[str, tuple[str, ...]]:
    """The diseases in the order of the prompt; where to go is what the first of them says."""
    signs, _, _ = example.answer.partition("可能是")
    names = tuple(one.entry.name for one in given)
    departments = listed(given[0].statements["科室"][:2], "或")
    return phrasings.REVERSE.answer.format(items=signs, diseases=listed(names, "或"), departments=departments), names


def _comparison_read(example: Example, given: Sequence[GivenEntry]) -> tuple[str, tuple[str, ...]]:
    """What each of the two says in full, then what they share."""
    one, other = (list(entry.statements["症状"]) for entry in given)
    answer = phrasings.COMPARISON_READ.format(
        name=given[0].entry.name,
        other=given[1].entry.name,
        symptoms=listed(one),
        others=listed(other),
        shared=listed(symptom for symptom in one if symptom in other),
    )
    return answer, tuple(dict.fromkeys([*one, *other]))


READ_TOGETHER = {
    "reverse": ReadTogether(("症状", "科室"), _diseases_read),
    "comparison": ReadTogether(("症状",), _comparison_read),
}


def _likeness(one: set[str], other: set[str]) -> float:
    """Jaccard index."""
    return len(one & other) / len(one | other)


def _acute_signs(entry: Entry) -> Iterator[tuple[str, str]]:
    urgency = urgency_of(entry)
    if urgency == "routine" or "就医信号" not in entry.attributes:
        return
    if urgency == "emergency":
        yield "、".join(entry.attributes["症状"][:3]), f"可能是{entry.name}"
    for signal in entry.attributes["就医信号"]:
        beside = entry.name + ("伴" if signal.startswith("伴") else "，") if entry.type == "symptom" else ""
        for part in re.split("[或及]", signal):
            if ACUTE.search(part):  # one sign alone does not identify the disease
                yield beside + re.sub("^(伴有?|出现|突然|突发|有)", "", part), "可能危及生命"
