"""The knowledge base as plain prose, for pre-training the small base model that the project builds itself.

Every fact is told four times in different words and surroundings, forwards (from the entity to the fact) and backwards.
There are statements only: how questions are answered is left to tuning.
"""

from collections.abc import Iterator
from random import Random

from data_recipes.instructions import listed
from data_recipes.knowledge_base import Entry, EntryType, KnowledgeBase
from data_recipes.phrasings import DEFINITION, WORDINGS

PASSES = 4
LONGEST = 120  # characters in a paragraph
SENTENCES = 3  # in a paragraph

Telling = tuple[str, str, str, str]

ALIASES: Telling = ("{name}也叫{items}。", "{items}指的就是{name}。", "{name}又称{items}。", "{items}是{name}的别名。")
URGENCY: dict[str, Telling] = {
    "emergency": (
        "{name}是急症，要立即拨打120或前往急诊。",
        "怀疑{name}时，请立即拨打120或前往急诊。",
        "遇到{name}不要拖延，立即拨打120或前往急诊。",
        "{name}十分危险，应立即拨打120或前往急诊。",
    ),
    "urgent": (
        "{name}应当天就医。",
        "怀疑{name}，当天就要去看医生。",
        "{name}不宜拖到第二天，要当天就诊。",
        "得了{name}，应尽快在当天看医生。",
    ),
}

DISEASE: dict[str, Telling] = {
    DEFINITION: (
        "{name}是{items}。",
        "{name}，即{items}。",
        "{items}，这就是{name}。",
        "所谓{name}，指的是{items}。",
    ),
    "症状": (
        "{name}的常见症状有{items}。",
        "出现{items}时，要想到{name}。",
        "{items}是{name}患者常见的表现。",
        "得了{name}，常有{items}等不适。",
    ),
    "病因": (
        "{name}的常见病因有{items}。",
        "{items}都可能引起{name}。",
        "{name}的发生与{items}有关。",
        "从病因看，{name}多与{items}相关。",
    ),
    "检查": (
        "{name}的常用检查有{items}。",
        "怀疑{name}时，常做{items}。",
        "{items}有助于诊断{name}。",
        "诊断{name}主要依靠{items}。",
    ),
    "治疗": (
        "{name}的治疗方法有{items}。",
        "对于{name}，常用的处理是{items}。",
        "{items}是{name}的治疗办法。",
        "{name}确诊以后的治疗包括{items}。",
    ),
    "用药": (
        "{name}的常用药物有{items}，具体用药请遵医嘱。",
        "{items}可用于{name}，须由医生决定。",
        "治疗{name}时，医生常选用{items}。",
        "{name}患者常用{items}，用药要听医生的。",
    ),
    "科室": (
        "{name}的就诊科室是{items}。",
        "得了{name}，可以挂{items}。",
        "{items}诊治{name}。",
        "看{name}应去{items}。",
    ),
    "并发症": (
        "{name}的并发症有{items}。",
        "{name}控制不好，可能引起{items}。",
        "{items}是{name}的并发症。",
        "{name}进一步发展，可出现{items}。",
    ),
    "预防": (
        "{name}的预防要点是{items}。",
        "预防{name}要做到{items}。",
        "{items}有助于预防{name}。",
        "想远离{name}，平时要{items}。",
    ),
    "传染性": (
        "{name}{items}。",
        "从传染性看，{name}{items}。",
        "就传染而言，{name}{items}。",
        "要知道，{name}{items}。",
    ),
    "饮食": (
        "{name}的饮食建议是{items}。",
        "{name}患者在饮食上要{items}。",
        "{items}是对{name}患者的饮食建议。",
        "饮食方面，得了{name}应{items}。",
    ),
    "就医信号": (
        "{name}的就医信号有{items}，出现时要立即就医。",
        "{name}患者出现{items}，要立即就医。",
        "{items}是{name}的危险信号，应马上去医院。",
        "患{name}时如有{items}，不能再拖，要立即就医。",
    ),
}

DRUG: dict[str, Telling] = {
    DEFINITION: (
        "{name}是{items}。",
        "{name}，即{items}。",
        "有一种{items}，叫{name}。",
        "所谓{name}，指的是{items}。",
    ),
    "类别": (
        "{name}的药物类别是{items}。",
        "{name}属于{items}。",
        "在{items}当中，有一种是{name}。",
        "按类别分，{name}归入{items}。",
    ),
    "适应症": (
        "{name}的适应症有{items}。",
        "{name}用于{items}。",
        "遇到{items}，医生可能会用{name}。",
        "{items}都是{name}的适应症。",
    ),
    "用法要点": (
        "{name}的用法要点是{items}。",
        "使用{name}时要做到{items}。",
        "{items}是使用{name}的要点。",
        "{name}的正确用法是{items}。",
    ),
    "禁忌": (
        "{name}的禁忌有{items}。",
        "有{items}的情况，不能用{name}。",
        "{items}属于{name}的禁忌。",
        "用{name}之前要排除{items}。",
    ),
    "不良反应": (
        "{name}的不良反应有{items}。",
        "用了{name}以后可能出现{items}。",
        "{items}是{name}的副作用。",
        "{name}可引起{items}等不良反应。",
    ),
    "相互作用": (
        "{name}的相互作用要点是{items}。",
        "{name}与别的药合用时要知道{items}。",
        "{items}是{name}的药物相互作用。",
        "同时用药时，{name}要注意{items}。",
    ),
    "注意事项": (
        "{name}的注意事项有{items}。",
        "使用{name}期间要注意{items}。",
        "{items}是使用{name}的注意事项。",
        "用{name}的人应记住{items}。",
    ),
}

SYMPTOM: dict[str, Telling] = {
    DEFINITION: (
        "{name}是指{items}。",
        "{name}，即{items}。",
        "{items}，这就是{name}。",
        "所谓{name}，指的是{items}。",
    ),
    "常见原因": (
        "{name}的常见原因有{items}。",
        "{items}都可能引起{name}。",
        "出现{name}，要考虑{items}。",
        "{name}多与{items}有关。",
    ),
    "科室": (
        "{name}的就诊科室是{items}。",
        "{name}可以挂{items}。",
        "{name}由{items}诊治。",
        "有{name}的人应去{items}。",
    ),
    "护理要点": (
        "{name}的护理要点是{items}。",
        "出现{name}时要{items}。",
        "{items}是护理{name}的要点。",
        "照顾有{name}的人，要做到{items}。",
    ),
    "就医信号": (
        "{name}的就医信号有{items}，出现时要立即就医。",
        "有{name}的人出现{items}，要立即就医。",
        "{items}是{name}的危险信号，应马上去医院。",
        "{name}时如有{items}，不能再拖，要立即就医。",
    ),
}

EXAMINATION: dict[str, Telling] = {
    DEFINITION: (
        "{name}是{items}。",
        "{name}，即{items}。",
        "{items}，这就是{name}。",
        "所谓{name}，指的是{items}。",
    ),
    "用途": ("{name}的用途是{items}。", "做{name}可以{items}。", "{items}，要靠{name}。", "医生用{name}来{items}。"),
    "注意事项": (
        "{name}的注意事项有{items}。",
        "做{name}时要注意{items}。",
        "{items}是做{name}的注意事项。",
        "做{name}的人应记住{items}。",
    ),
}

DEPARTMENT: dict[str, Telling] = {
    DEFINITION: (
        "{name}是{items}。",
        "{name}，即{items}。",
        "{items}，这就是{name}。",
        "所谓{name}，指的是{items}。",
    ),
    "诊疗范围": (
        "{name}的诊疗范围包括{items}。",
        "{name}诊治{items}。",
        "{items}应去{name}就诊。",
        "得了{items}，可以挂{name}。",
    ),
}

TELLINGS: dict[EntryType, dict[str, Telling]] = {
    "disease": DISEASE,
    "drug": DRUG,
    "symptom": SYMPTOM,
    "examination": EXAMINATION,
    "department": DEPARTMENT,
}


def corpus(kb: KnowledgeBase) -> list[str]:
    """Tells the whole knowledge base as short paragraphs.

    Args:
        kb: The knowledge base.

    Returns:
        Paragraphs of one to three sentences and at most 120 characters; the same ones in the same order every time.
    """
    paragraphs = [text for number in range(PASSES) for entry in kb.entries for text in _paragraphs(kb, entry, number)]
    Random(0).shuffle(paragraphs)
    return paragraphs


def _paragraphs(kb: KnowledgeBase, entry: Entry, number: int) -> Iterator[str]:
    sentences = list(_sentences(kb, entry, number))
    Random(f"{entry.id} {number}").shuffle(sentences)
    paragraph: list[str] = []
    for sentence in sentences:
        if len(paragraph) == SENTENCES or sum(map(len, paragraph)) + len(sentence) > LONGEST:
            yield "".join(paragraph)
            paragraph = []
        paragraph.append(sentence)
    yield "".join(paragraph)


def _sentences(kb: KnowledgeBase, entry: Entry, number: int) -> Iterator[str]:
    own = [alias for alias in entry.aliases if len(kb.named(alias)) == 1]
    for position, (attribute, telling) in enumerate(TELLINGS[entry.type].items()):
        items = (entry.definition,) if attribute == DEFINITION else entry.attributes[attribute]
        if items:
            # every third sentence of the later passes speaks of the entity by an alias
            by_alias = own and number > 0 and (position + number) % 3 == 0
            name = own[(position + number) % len(own)] if by_alias else entry.name
            joint = WORDINGS[entry.type][attribute].joint
            yield telling[number].format(name=name, items=listed((i.removeprefix("伴") for i in items), joint))
    if entry.aliases:
        yield ALIASES[number].format(name=entry.name, items=listed(entry.aliases))
    if entry.urgency in URGENCY:
        yield URGENCY[entry.urgency][number].format(name=entry.name)
