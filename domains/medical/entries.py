"""What the medical knowledge base is made of: diseases, drugs, symptoms, examinations and departments."""

from pathlib import Path
from typing import Literal

from domains.knowledge_base import Entry, EntryType, KnowledgeBase, KnowledgeSchema

Urgency = Literal["emergency", "urgent", "routine"]


class Disease(Entry):
    """A disease.

    Attributes:
        urgency: How soon to see a doctor.
    """

    urgency: Urgency


SCHEMA = KnowledgeSchema(
    folder=Path(__file__).parent / "knowledge",
    types=(
        EntryType(
            name="disease",
            file="diseases.jsonl",
            attributes=("症状", "病因", "检查", "治疗", "用药", "科室", "并发症", "预防", "传染性", "饮食", "就医信号"),
            may_be_empty=frozenset({"用药"}),  # some diseases are treated without any drug of the knowledge base
            model=Disease,
        ),
        EntryType(
            name="drug",
            file="drugs.jsonl",
            attributes=("类别", "适应症", "用法要点", "禁忌", "不良反应", "相互作用", "注意事项"),
        ),
        EntryType("symptom", "symptoms.jsonl", ("常见原因", "科室", "护理要点", "就医信号")),
        EntryType("examination", "examinations.jsonl", ("用途", "注意事项")),
        EntryType("department", "departments.jsonl", ("诊疗范围",)),
    ),
    references={"症状": "symptom", "检查": "examination", "用药": "drug", "科室": "department"},
)


def urgency_of(entry: Entry) -> Urgency | None:
    """How soon to see a doctor; None for an entry that is not a disease."""
    return entry.urgency if isinstance(entry, Disease) else None


def diseases(kb: KnowledgeBase) -> list[Disease]:
    """All diseases."""
    return [entry for entry in kb.entries if isinstance(entry, Disease)]
