"""What the domain makes of the knowledge base of laboratory instruments."""

from collections.abc import Iterator
from pathlib import Path

from data_recipes.schema.manifest import Description
from domains.facts import Fact, listed
from domains.instruments.phrasings import PHRASEBOOK, REVERSE
from domains.knowledge import Knowledge
from domains.knowledge_base import EntryType, KnowledgeBase, KnowledgeSchema

SCHEMA = KnowledgeSchema(
    folder=Path(__file__).parent / "knowledge",
    types=(
        EntryType(
            name="instrument",
            file="instruments.jsonl",
            attributes=("用途", "使用要点", "日常维护", "校准", "安全注意", "常见故障"),
            may_be_empty=frozenset({"校准", "常见故障"}),
        ),
        EntryType("fault", "faults.jsonl", ("涉及仪器", "现象", "可能原因", "处理步骤", "何时报修")),
    ),
    references={"常见故障": "fault", "涉及仪器": "instrument"},
)


def faults_by_signs(kb: KnowledgeBase) -> Iterator[Fact]:
    """Which fault its first two signs point to, and what to do first."""
    for fault in kb.of_type("fault"):
        signs = fault.attributes["现象"][:2]
        yield Fact(
            key=f"{fault.id}.reverse",
            kind="reverse",
            wording=REVERSE,
            slots={"signs": "、".join(signs), "turned": "、".join(reversed(signs))},
            answer=REVERSE.answer.format(items=listed(signs), faults=fault.name, first=fault.attributes["处理步骤"][0]),
            items=(fault.name,),
            grounding=(fault.id,),
        )


KNOWLEDGE = Knowledge(
    source="instruments",
    schema=SCHEMA,
    phrasebook=PHRASEBOOK,
    about=Description(
        zh="由知识库按模板生成的实验室仪器问答。答案简短，只陈述知识库里的通用做法；与说明书或本单位规程不一致时，以后者为准。",
        en="Questions and answers about laboratory instruments, written from the knowledge base by templates. Answers"
        " are short and state general practice only; the instrument's manual and the laboratory's rules come first.",
    ),
    unseen=Description(zh="仪器和故障", en="instruments and faults"),
    relations=faults_by_signs,
)
