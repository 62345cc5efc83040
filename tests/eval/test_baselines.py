"""What is scored without a model."""

from collections.abc import Mapping

from data_recipes.schema.example import NO_REFERENCE, Message
from domains.grounding import GivenEntry, write_block
from domains.medical.knowledge_base import KNOWLEDGE
from eval.baselines import BASELINES, BaselineName, measure_baselines
from eval.scoring import Measurement
from tests.eval.conftest import example, symptoms

ITEMS = [
    symptoms("高血压", 0, "高血压的症状？"),
    symptoms("高血压", 1, "血压高会怎样？"),
    symptoms("普通感冒", 0, "感冒的症状？"),
    example("x-0", "龙骨病？", "知识库中没有龙骨病的记载。", behaviour="refuse", kind="unknown"),
    example("y-0", "胸痛", "请立即拨打120。", behaviour="emergency", kind="emergency"),
    example("z-0", "没有答案的问题？", NO_REFERENCE),
]


def score(
    found: Mapping[BaselineName, Mapping[str, Measurement]], baseline: BaselineName, judge: str
) -> tuple[float, ...]:
    return found[baseline][judge].scores


def test_each_baseline_is_right_only_about_what_it_always_does() -> None:
    found = measure_baselines(ITEMS, 1)
    assert (
        score(found, "always_refuses", "refusal") == (1.0,)
        and score(found, "always_refuses", "over_refusal") == (1.0,) * 3
    )
    assert score(found, "always_seeks_care", "emergency") == (1.0,)
    assert score(found, "always_seeks_care", "refusal") == (0.0,)
    assert score(found, "always_refuses", "fact_recall") == (0.0,) * 3


def test_a_shuffled_reference_is_of_the_same_kind_and_another_group() -> None:
    given = BASELINES["shuffled_reference"].answers(ITEMS[:5], 1)
    assert given[:3] == [ITEMS[2].answer, ITEMS[2].answer, ITEMS[0].answer]


def test_baselines_that_make_no_sense_for_a_suite_are_not_measured() -> None:
    assert set(measure_baselines(ITEMS[:3], 1)) == {"shuffled_reference", "most_frequent_reference"}
    assert measure_baselines(ITEMS[5:], 1) == {}


def test_the_cited_entry_itself_is_what_the_prompt_gives_of_it_else_what_the_knowledge_base_has() -> None:
    block = write_block([GivenEntry(KNOWLEDGE.load().by_id[id], {"症状": ("甲", "乙")}) for id in ("D001", "D002")])
    alone = example("a-0", "高血压的症状？", "高血压的常见症状有头痛。【D001】", facts=("头痛",), grounding=("D001",))
    system = Message(role="system", content=block.text)
    given = alone.model_copy(update={"id": "b", "messages": (system, *alone.messages)})
    other = alone.model_copy(update={"messages": example("c-0", "别的什么？", "没有。").messages})  # of another base
    said = BASELINES["cited_entry"].answers([given, alone, other, ITEMS[0]], 1)
    assert "甲、乙" in said[0] and said[0].endswith("【D001】") and "【D002】" not in said[0]
    assert "甲" not in said[1] and "头痛" in said[1] and said[1].endswith("【D001】")
    assert said[2:] == ["", ""]
    found = measure_baselines([alone], 1)
    assert score(found, "cited_entry", "fact_recall") == score(found, "cited_entry", "citation") == (1.0,)


def test_extracted_answers_are_compared_with_saying_that_there_is_none() -> None:
    passage = {"context": "屏幕很暗。", "question": "价格如何？"}
    items = [
        example("a-0", "价格如何？", "Not mentioned.", passage=passage, behaviour="refuse"),
        example("b-0", "屏幕如何？", "很暗", passage={**passage, "spans": ((2, 4),)}),
    ]
    assert score(measure_baselines(items, 1), "always_refuses", "span_f1") == (1.0, 0.0)


def test_the_first_option_is_chosen_where_there_are_options() -> None:
    items = [
        example(f"{letter}-0", "选哪个？", f"答案：{letter}", result=letter, choices=("甲", "乙")) for letter in "AB"
    ]
    assert score(measure_baselines(items, 1), "first_option", "choice_generated") == (1.0, 0.0)
    assert score(measure_baselines(items, 1), "first_option", "choice_logprob") == (1.0, 0.0)
