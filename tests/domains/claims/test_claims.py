"""When two statements are the same, and which claims of labelled answers the entries hold."""

import pytest

from benchmarks.claims import Bench, labelled
from domains.citations import asked_attributes
from domains.claims.language import Form, form_of, with_digits
from domains.claims.reader import ClaimReader
from domains.knowledge_base import KnowledgeBase
from domains.medical.citations import ASKED
from domains.medical.claims import LANGUAGE


@pytest.fixture(scope="module")
def form(knowledge: KnowledgeBase) -> Form:
    return form_of(LANGUAGE, knowledge)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("发烧", "发热"),
        ("肚子疼", "腹痛"),
        ("扑热息痛", "对乙酰氨基酚"),
        ("发病四十八小时内尽早用", "发病48小时内尽早用"),
        ("不要掏耳朵", "避免掏耳"),
        ("无需空腹", "不需要空腹"),
        ("三月龄以下婴儿", "3个月以下的婴儿"),
    ],
)
def test_statements_in_other_words_have_one_form(one: str, other: str, form: Form) -> None:
    assert form.of(one) == form.of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("两次用药间隔不少于四小时", "两次用药间隔不少于两小时"),
        ("体温超过39度", "体温不超过39度"),
        ("具有传染性", "不具有传染性"),
        ("严重肝功能不全", "肝功能不全"),
        ("右上腹痛", "右下腹痛"),
        ("孕妇", "孕妇可以使用"),
        ("罕见急性胰腺炎", "常见急性胰腺炎"),
        ("空腹服用", "餐后服用"),
    ],
)
def test_denials_numbers_and_degrees_make_another_statement(one: str, other: str, form: Form) -> None:
    assert form.of(one) != form.of(other)


def test_only_quantities_become_digits() -> None:
    assert with_digits("一般每日三次，四十八小时内，一百二十") == "一般每日3次，48小时内，120"


@pytest.mark.parametrize(
    ("said", "verdicts"),
    [
        ("忌动物内脏", ["held"]),
        ("不吃浓肉汤", ["not_held"]),
        ("动物内脏", ["contradicted"]),
        ("痛风的症状有关节痛", ["elsewhere"]),
        ("痛风的饮食建议是少吃海鲜和多饮水", ["held", "held"]),
        ("痛风的就诊科室是急诊科", ["not_held"]),  # no advice, but an item
        ("请尽快到急诊科就诊", []),
        ("银屑病的饮食建议是少吃海鲜", ["not_held"]),
    ],
)
def test_a_claim_is_judged_by_the_attribute_that_is_asked(
    said: str, verdicts: list[str], knowledge: KnowledgeBase, form: Form
) -> None:
    entry = knowledge.by_name("disease", "痛风")
    question = "痛风饮食上注意什么？"
    asked = {entry.id: asked_attributes(entry, question, ASKED)}
    parts = list(ClaimReader(question, [entry], asked, asked, LANGUAGE, form).clause(said, "。"))
    assert "".join(part.text for part in parts) == said
    assert [part.judged.verdict for part in parts if part.judged] == verdicts


def test_no_wrong_claim_of_the_labelled_answers_is_served() -> None:
    claims = list(labelled("dev", Bench("medical")))
    served = [claim.label for claim in claims if claim.served]
    assert len(claims) > 300 and set(served) == {"h"}
    assert len(served) / sum(claim.label == "h" for claim in claims) > 0.98
