"""What medicine asks back: every 是 has the level of its question, and what is no complaint is never asked about."""

import pytest

from domains.asking_back import MOST, AnsweredTriager, RedFlagQuestion
from domains.medical.ask_back import MedicalAskBack, ask_back
from domains.medical.triager import RED_FLAGS, MedicalTriager, RedFlags
from domains.safety_rules import Triage, read_rules


@pytest.fixture(scope="module")
def book() -> MedicalAskBack:
    return ask_back()


def asks(book: MedicalAskBack, triager: MedicalTriager, message: str) -> bool:
    triage = triager.triage(message)
    concerned = triage.level != "emergency" and book.concerns(message, triage)
    return concerned and book.next_question(message) is not None


def test_common_complaints_have_questions_and_the_first_decides_an_emergency(book: MedicalAskBack) -> None:
    assert len(book.complaints) >= 15
    for complaint in book.complaints:
        levels = [question.level for question in complaint.questions]
        assert 3 <= len(levels) <= MOST and levels == sorted(levels), complaint.name  # emergency before urgent
        assert all(question.ask.endswith("？") for question in complaint.questions)
    assert book.answers.choices == ("是", "没有", "不清楚")


def test_every_yes_has_the_level_of_its_question(book: MedicalAskBack, triager: MedicalTriager) -> None:
    answered = AnsweredTriager(triager, book)
    for question in book.questions:
        triage = answered.triage(f"腰有点酸。{book.statement(question, '是')}")
        assert (triage.level, triage.disposition) == (
            question.level,
            {"emergency": "120", "urgent": "today"}[question.level],
        )
        assert question.sign in triage.reasons


@pytest.mark.parametrize(
    ("part", "answer", "kind"),
    [
        ("没有缓解", "没有缓解", "affirmed"),
        ("没有缓解", "没有", "denied"),
        ("没有小便", "没有小便了", "affirmed"),
        ("没有过的剧烈头痛", "没有过", "denied"),
        ("不褪色", "不清楚", "unclear"),
        ("没有缓解", "以上都没有", "denied"),
        ("没有缓解", "没有,谢谢", "denied"),
        ("没有缓解", "谢谢,没有", "denied"),
        ("没有缓解", "会不会是感冒", None),
    ],
)
def test_an_answer_is_read_by_how_it_begins_and_by_what_the_question_negates(
    book: MedicalAskBack, part: str, answer: str, kind: str | None
) -> None:
    question = next(question for question in book.questions if part in question.ask)
    assert book.answers.kind(question, answer) == kind


def test_who_repeats_what_a_question_negates_says_yes(book: MedicalAskBack) -> None:
    for question in book.questions:
        assert all(book.answers.kind(question, said) == "affirmed" for said in question.negated), question.ask
    assert sum(bool(question.negated) for question in book.questions) > 20


def test_who_answered_the_questions_is_told_where_to_go(book: MedicalAskBack) -> None:
    unheard = Triage(level="routine", reasons=[], advice="如果不适持续，请就医。")
    assert book.concluded(unheard).disposition == "days"
    assert book.concluded(unheard).advice == read_rules(RED_FLAGS, RedFlags).routine.days
    at_home = unheard.model_copy(update={"disposition": "home"})
    assert book.concluded(at_home) == at_home


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("太阳穴一跳一跳地疼", "头痛"), ("胸口闷", "胸痛或胸闷"), ("心口有点疼", "胸痛或胸闷"), ("肚子疼", "腹痛"),
        ("胃难受", "腹痛"), ("烧到38.5度", "发热"), ("半夜咳得睡不着", "咳嗽"), ("头昏沉沉的", "头晕"),
        ("今天一直恶心想吐", "呕吐"), ("上吐下泻", "呕吐"), ("拉肚子", "腹泻"), ("身上起了红疹子", "皮疹"),
        ("扭了腰", "腰背痛"), ("心跳很快", "心悸"), ("喉咙痛", "咽痛"), ("走几步就喘", "呼吸困难"),
        ("从床上掉下来了", "外伤"),
        ("被开水烫到了", "烫伤"), ("宝宝一直哭", "婴幼儿哭闹"), ("眼睛又红又疼", "眼睛不适"),
        ("尿尿刺痛", "排尿不适"), ("流鼻血了", "鼻出血"), ("左手发麻", "肢体麻木"), ("小腿肿了", "腿肿"),
        ("怀孕五个月，肚子有点发紧", "孕期不适"), ("大便带血", "便血或黑便"),
    ],
)  # fmt: skip
def test_each_complaint_is_heard_in_the_words_of_patients(book: MedicalAskBack, message: str, complaint: str) -> None:
    first = {one.name: one.questions[0] for one in book.complaints}
    asked = book.next_question(message)
    assert asked == first[complaint]


@pytest.mark.parametrize(
    "message", ["头痛", "咳嗽好几天了", "腰痛一周，挂什么科", "拉肚子两天了吃什么药", "我頭痛兩天了"]
)
def test_complaints_are_asked_about(book: MedicalAskBack, triager: MedicalTriager, message: str) -> None:
    assert asks(book, triager, message)


@pytest.mark.parametrize(
    "message",
    [
        "头痛应该挂什么科？", "高血压有哪些症状？", "布洛芬能治头痛吗", "发热门诊几点开门", "这道题让我头疼",
        "狗拉肚子了怎么办", "小时候经常肚子疼，现在没事", "我没有头痛，也不发烧，就是想体检", "怎么预防孩子发烧",
        "帮我写一段头痛的科普文章", "烧退了，谢谢您", "脱发怎么办", "我爸突然胸痛，大汗淋漓",
    ],
)  # fmt: skip
def test_knowledge_medicines_thanks_and_emergencies_are_not(
    book: MedicalAskBack, triager: MedicalTriager, message: str
) -> None:
    assert not asks(book, triager, message)


def test_the_age_of_a_child_is_asked_only_of_children_and_only_once(book: MedicalAskBack) -> None:
    of_babies = "发烧的孩子不满三个月"

    def signs(message: str) -> set[str]:
        asked: list[RedFlagQuestion] = []
        while question := book.next_question(message, asked):
            asked.append(question)
        return {question.sign for question in asked}

    assert of_babies in signs("孩子发烧") and of_babies not in signs("我发烧") | signs("孩子3岁发烧")


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("孩子发烧，有点喘不上气", "喘得厉害、嘴唇发紫，或者身上"),
        ("我肚子疼，还发烧", "发烧、一直吐"),
        ("头疼，昨天磕到头了", "撞到头"),
        ("这两天老是拉肚子，大便带血，便血不多", "大便里有没有血"),
        ("眼睛红，怕光", "怕光"),
    ],
)
def test_what_a_message_says_is_not_asked_and_does_not_wait(
    book: MedicalAskBack, triager: MedicalTriager, message: str, part: str
) -> None:
    question = next(question for question in book.questions if part in question.ask)
    assert question in book.answered_by(message)
    asked: list[str] = []
    while (then := book.next_question(message, tuple(one for one in book.questions if one.ask in asked))) is not None:
        asked.append(then.ask)
    assert question.ask not in asked
    assert AnsweredTriager(triager, book).triage(message).level != "routine"


def test_what_is_denied_or_not_said_is_asked(book: MedicalAskBack) -> None:
    assert book.answered_by("孩子发烧，没有抽搐，也不喘") == book.answered_by("孩子发烧") == []
    assert book.next_question("孩子发烧，没有抽搐") is not None
