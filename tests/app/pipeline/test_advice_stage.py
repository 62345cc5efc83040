"""What the domain itself says, with what entries say of it: doses, figures, an eye; the model is not asked."""

import asyncio
from collections.abc import Callable

import pytest

from app.backends.backend import ChatTurn
from app.backends.local import LocalBackend
from app.pipeline.consultation import Consultation, Decided, FixedAnswer, consult
from app.pipeline.taking import Unasked
from app.service import pipeline
from domains.domain import find_domain
from domains.knowledge_base import KnowledgeBase
from domains.medical.doses import EXTRA_DOSE, MISSED_DOSE
from domains.medical.first_aid import RINSE
from domains.medical.prescriptions import DECLINED, DOSE_NOT_GIVEN
from tests.app.fake_engine import FakeEngine
from tests.app.serving import CONFIG

MEDICAL = find_domain("medical")
MODEL = "模型的回答。"


Served = Callable[..., tuple[str, Decided]]


@pytest.fixture(scope="module")
def served(knowledge: KnowledgeBase) -> Served:
    """Answers a question, after earlier ones, by stages that are made once."""
    backend = LocalBackend(FakeEngine(MODEL), CONFIG)
    stages = pipeline(backend, MEDICAL, MEDICAL.triager(knowledge), knowledge, CONFIG)

    async def answered(question: str, *earlier: str) -> tuple[str, Decided]:
        history = [turn for said in earlier for turn in (ChatTurn("user", said), ChatTurn("assistant", "好的。"))]
        decided = await consult(stages, Consultation("r-1", question, history))
        if not isinstance(decided.reply, Unasked | FixedAnswer):
            decided.reply.cancel()  # the model would be asked
            return MODEL, decided
        return "".join([event async for event in decided if isinstance(event, str)]), decided

    return lambda question, *earlier: asyncio.run(answered(question, *earlier))


@pytest.mark.parametrize(
    "question", ["氨氯地平漏服了怎么办", "降压药忘记吃了怎么办", "早上的二甲双胍忘了，晚上一起吃双倍行不行"]
)
def test_a_missed_dose_is_not_doubled(question: str, served: Served) -> None:
    text, _ = served(question)
    assert text == MISSED_DOSE and "不要吃双份" in text and "120" in text


def test_an_entry_that_speaks_of_it_comes_first(served: Served) -> None:
    text, decided = served("忘吃华法林了")
    assert text == f"华法林的用法要点：漏服不可加倍补服。【M076】\n{MISSED_DOSE}"
    assert [one.id for one in decided.consultation.citations] == ["M076"]


@pytest.mark.parametrize("question", ["多吃了一片降压药", "不小心吃了两次美托洛尔怎么办", "孩子多喝了一次感冒糖浆"])
def test_an_extra_dose_is_answered(question: str, served: Served) -> None:
    assert served(question)[0] == EXTRA_DOSE and "120" in EXTRA_DOSE


def test_what_an_entry_says_of_too_much_comes_first(served: Served) -> None:
    text, _ = served("对乙酰氨基酚过量会怎样")
    assert text.startswith("对乙酰氨基酚的不良反应：过量可致肝损伤。【M034】") and text.endswith(EXTRA_DOSE)


@pytest.mark.parametrize("question", ["西瓜吃多了拉肚子怎么办", "忘了吃早饭怎么办"])
def test_food_is_no_medicine(question: str, served: Served) -> None:
    assert not served(question)[0].endswith((EXTRA_DOSE, MISSED_DOSE))


@pytest.mark.parametrize(
    "question", ["阿莫西林一天几次", "布洛芬混悬液2岁宝宝吃多少毫升", "奥司他韦吃几天", "能不能多吃一片布洛芬"]
)
def test_how_it_is_taken_is_said_and_the_amount_is_not(question: str, served: Served) -> None:
    text, _ = served(question)
    assert "的用法要点：" in text and text.endswith(DOSE_NOT_GIVEN)


def test_who_must_not_take_it_is_told_that_before_how(served: Served) -> None:
    text, _ = served("孩子10岁左氧氟沙星吃几片")
    assert text.startswith("左氧氟沙星的禁忌：未满十八岁者、")


@pytest.mark.parametrize(
    "question",
    ["奥美拉唑怎么吃", "左氧氟沙星怎么吃", "高血牙吃啥药", "痛风吃什么药好", "前列腺增生吃什么药", "奥美拉唑饭前饭后"],
)
def test_what_an_entry_says_is_not_declined(question: str, served: Served) -> None:
    assert served(question)[0] != DECLINED


@pytest.mark.parametrize("question", ["给我开点奥美拉唑", "咳嗽吃啥药好", "帮我把氨氯地平换成缬沙坦"])
def test_requests_are_declined_all_the_same(question: str, served: Served) -> None:
    assert served(question)[0] == DECLINED


def test_a_figure_is_compared(served: Served) -> None:
    text, _ = served("血压150/95要吃药吗")
    assert text.startswith("高血压的治疗：") and "140/90" in text and "由医生" in text


def test_an_eye_is_rinsed_before_anything_else(served: Served) -> None:
    text, decided = served("眼睛进了洗衣液")
    assert text.startswith(RINSE.now) and decided.consultation.triage.level in ("urgent", "emergency")
    text, decided = served("辣椒水喷到眼睛里了")
    assert decided.consultation.triage.level == "emergency"
    assert "冲洗" in text and "120" in text


def test_a_medicine_by_its_trade_name_leaves_the_subject(served: Served) -> None:
    text, _ = served("吃了伟哥能含吗", "硝酸甘油怎么含")
    assert text.startswith("硝酸甘油的禁忌：近期服用西地那非类药、") and "与西地那非同用可致重度低血压" in text


def test_every_question_of_a_message_keeps_the_subject(served: Served) -> None:
    _, decided = served("高血压能根治吗，吃药会上瘾吗，能喝酒吗")
    found = [[one.entry.name for one in part.consultation.retrieved.topic[:1]] for part in decided.parts]
    assert found == [["高血压"]] * 3
