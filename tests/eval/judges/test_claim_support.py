"""What answers claim, against the entries in their prompts."""

import pytest

from data_recipes.schema.example import Example, Message
from domains.grounding import GivenEntry, write_block
from domains.medical.knowledge_base import KNOWLEDGE
from eval.answers import ModelAnswer
from eval.judges.claim_support.judge import verdicts
from eval.scoring import measure

BASE = KNOWLEDGE.load()
ENTRY = next(entry for entry in BASE.entries if entry.name == "高血压")
SYMPTOMS = ENTRY.attributes["症状"]


def item(system: str, question: str = "高血压有哪些症状？") -> Example:
    turns = [Message(role="user", content=question), Message(role="assistant", content="（见资料）")]
    system_turn = [Message(role="system", content=system)] if system else []
    return Example(id="g-1", messages=(*system_turn, *turns), source="x", group="g", kind="症状", grounding=(ENTRY.id,))


GROUNDED = item(write_block([GivenEntry.of(ENTRY, ["症状"])]).text)


@pytest.mark.parametrize(
    ("answer", "supported", "claims"),
    [
        (f"高血压的常见症状有{'、'.join(SYMPTOMS[:2])}。【{ENTRY.id}】", 2, 2),
        (f"高血压的常见症状有{SYMPTOMS[0]}、脱发。", 1, 2),
        ("高血压的常见症状有脱发、鼻出血不止。", 0, 2),
    ],
)
def test_claims_are_counted_and_those_that_the_entry_holds(answer: str, supported: int, claims: int) -> None:
    found = list(verdicts(GROUNDED, answer))
    assert (found.count("held"), len(found)) == (supported, claims)
    measured = measure([GROUNDED], [ModelAnswer(text=answer)])["claims_supported"]
    assert measured.statistics.tolist() == [[supported, claims]]


def test_what_the_entry_says_the_opposite_of_is_contradicted() -> None:
    attribute = next(name for name, items in ENTRY.attributes.items() if "低盐饮食" in items)
    diet = item(write_block([GivenEntry.of(ENTRY, [attribute])]).text, f"高血压的{attribute}要点是什么？")
    assert list(verdicts(diet, f"高血压的{attribute}包括低盐饮食。")) == ["held"]
    assert list(verdicts(diet, f"高血压的{attribute}包括高盐饮食。")) == ["contradicted"]
    # that it is a cause of the disease, as the entry says, is no support for it here
    assert "held" not in verdicts(diet, "高血压病人要高盐饮食。")


def test_an_answer_without_a_claim_is_not_judged() -> None:
    for text in ("", "您好，希望对您有帮助。", "资料中没有脱发的记载。"):
        assert "claims_supported" not in measure([GROUNDED], [ModelAnswer(text=text)])


def test_items_without_known_entries_are_not_judged() -> None:
    answer = [ModelAnswer(text="高血压的常见症状有头痛。")]
    unknown = GROUNDED.messages[0].content.replace("「高血压", "「本院规定")
    for system in ("", "你是医生。", unknown):
        assert "claims_supported" not in measure([item(system)], answer)
