"""Whether an answer abstains, and from what is asked."""

import pytest

from app.pipeline.answer_check import NOT_ANSWERED
from data_recipes.schema.example import Example
from domains.domain import find_domain
from domains.medical.knowledge_base import KNOWLEDGE
from eval.judges import JUDGES
from eval.judges.refusal.abstaining import abstains, abstains_from
from tests.eval.conftest import example


@pytest.mark.parametrize(
    "answer",
    [
        "我不知道",
        "我对这个疾病不了解。",
        "对此我一无所知。",
        "这个问题我答不上来。",
        "资料里没提这一点。",
        "我没有足够的信息来回答。",
        "查无此药",
        "没有这种药。",
        "知识库中没有龙骨病的记载，建议咨询医生或药师。",
        "很抱歉，我无法回答这个问题。",
        "資料庫中沒有費用的記載。",
        "治疗费用因医院而异，知识库没有这方面的记载。",
        "I don't have any information about it.",
    ],
)
def test_it_abstains(answer: str) -> None:
    assert abstains(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "难以诊断，常被误诊为肺炎。",
        "不能判断预后，主要取决于分期。",
        "发病机制不能确定。",
        "血检查不到病毒。",
        "没有这种药的禁忌症。",
        "无法提供营养时应静脉补充。",
        "该药无严重不良反应",
        "目前没有根治的方法，以控制血压为主。",
        "病因不明，可能与遗传和免疫有关。",
        "未见明显异常。",
        "患者不能回答问题，应向家属了解病史。",
        "知识库中没有龙骨病的记载。龙骨病的不良反应有恶心、皮疹和头晕。",
        "我不清楚具体价格，一般在30元到50元之间。",
        "No, it is not contagious.",
    ],
)
def test_it_answers(answer: str) -> None:
    assert not abstains(answer)


def test_abstaining_from_another_name_or_attribute_is_no_abstention() -> None:
    assert abstains_from("知识库中没有诺维多宁的记载。", "诺维多宁有什么副作用？")
    assert not abstains_from("知识库中没有诺维那啶的记载。", "诺维多宁有什么副作用？")
    assert not abstains_from("知识库中没有扩张型心肌病治愈率的记载。", "扩张型心肌病的治疗费用是多少？")


@pytest.mark.parametrize(
    "answer",
    [
        *(find_domain(name).notices.not_found for name in ("medical", "hospital", "instruments", "documents")),
        NOT_ANSWERED,
        "没有找到与您描述的情况匹配的信息。",
        "没有找到您提到的药物。",
        "没有找到符合您描述的药品。",
        "未查到可以回答此问题的资料。",
    ],
)
def test_words_for_whatever_was_asked_are_no_other_name(answer: str) -> None:
    assert abstains_from(answer, "诺维多宁与什么同用会有问题？")


@pytest.mark.parametrize("answer", ["没有查到您问的阿莫西林。", "没有找到与诺维那啶对应的条目。"])
def test_another_name_among_them_is_one(answer: str) -> None:
    assert not abstains_from(answer, "诺维多宁与什么同用会有问题？")


def test_names_that_do_not_exist_and_what_entries_do_not_say_have_scores_of_their_own() -> None:
    invented = example("a", "诺维多宁？", "知识库中没有诺维多宁的记载。", behaviour="refuse")
    unrecorded = example(
        "b", "痛风的治愈率？", "知识库中没有痛风治愈率的记载。", behaviour="refuse", grounding=("D031",)
    )

    def judged_by(item: Example) -> set[str]:
        return {name for name, judge in JUDGES.items() if name.startswith("refusal") and judge.applies(item)}

    assert judged_by(invented) == {"refusal", "refusal_unknown_name"}
    assert judged_by(unrecorded) == {"refusal", "refusal_unrecorded"}


@pytest.mark.parametrize("name", [name for entry in KNOWLEDGE.load().entries for name in entry.names if "他" in name])
def test_a_sound_in_a_name_is_nobody(name: str) -> None:
    assert abstains(f"知识库中没有{name}有效期的记载，建议咨询医生或药师。")
    assert abstains("其他资料里也没有提到。") and not abstains("他们没有提到疼痛。")
