"""Mark-up, filters, quality and unsafe advice."""

from typing import Any

import pytest

from data_recipes.steps import filters, markup, quality, unsafe_advice

QUESTION = "高血压怎么办？"


LONG_ENGLISH = (
    "In 2018 there were 150 participants. In 2019 there were 2 x 150 = 300 participants + 20 participants."
    " In 2020 there were half of 320 participants = 160 participants - 40 participants = 120 participants."
)


def cleaned(text: str, rows: Any, run: Any, **options: bool) -> str:
    outcome = run(markup.make(markup.MarkupStep(kind="markup", **options)), rows((QUESTION, text)))
    return str(outcome.kept["messages"].to_pylist()[0][1]["content"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<p>多喝水</p><p>多休息</p>", "多喝水\n\n多休息"),
        ('<a href="http://x.cn/?a=1">高血压</a>要<b>低盐</b>&nbsp;&lt;6g', "高血压要低盐 <6g"),
        ("血小板100×10<sup>9</sup>/L", "血小板100×10^9/L"),
        ("好<script>var a = '<b>';</script>的<!-- 广告 -->", "好的"),
        ("低盐饮食。祝您早日康复！", "低盐饮食。"),
        ("低盐饮食。以上是对高血压怎么办这个问题的建议，希望对您有帮助，祝您健康！", "低盐饮食。"),
        ("低盐饮食。&nbsp;祝您早日康复！", "低盐饮食。"),
        ("低盐\u00a0饮食。\u00a0祝您早日康复！", "低盐 饮食。"),
        ("低盐饮食。点击查看更多内容。关注我们的微信公众号：健康时报", "低盐饮食。"),
        ("低盐饮食，按时服药。多运动。低盐饮食，按时服药。", "低盐饮食，按时服药。多运动。"),
        ("睡够，饮食清淡，期望上述的答案可以协助到你，", "睡够，饮食清淡。"),
        ("<P>低盐<p class=x>多<i>喝</i>水", "低盐\n多喝水"),
    ],
)
def test_what_is_not_the_text_is_removed(text: str, left: str, rows: Any, run: Any) -> None:
    assert cleaned(text, rows, run) == left


@pytest.mark.parametrize(
    "text",
    [
        "P<0.05，a<b 且 b>c，血糖<6.1 mmol/L",
        "AT&T 的 R&D；x<y",
        "可以点击屏幕上的按钮量血压，祝福和微信都不在整句里也要保留，因为这句话还说了别的。",
        "不会。不会。",
        "希望患者坚持服药。以上症状如果加重请就医。",
        "心存希望的建议对患者帮助很大，但愿以上建议能帮助您把血压控制在正常范围内。",
        "若a<b>c 或 x <b and c> d，$S_1 <S S_{2}$，$S_{3}>1$",
        "写成\n```html\n<p>你好</p>\n<p>你好，这里重复。</p>\n```\n就行",
        "换行标签是<br>，段落标签是<p>，两者的间距不一样。",
        "HTML里的空格实体是&nbsp;，小于号是&lt;。",
        'JSX里不能写class，要写className，比如 <div className="card">。',
        '网页居中可以在外面套一个 <div style="text-align:center">，不过更推荐flex。',
    ],
)
def test_what_only_looks_like_markup_stays(text: str, rows: Any, run: Any) -> None:
    assert cleaned(text, rows, run) == text


def test_an_answer_to_a_question_about_html_keeps_its_tags(rows: Any, run: Any) -> None:
    step = markup.make(markup.MarkupStep(kind="markup"))
    outcome = run(step, rows(("HTML怎么换行？", "<br>"), ("头痛怎么办？", "多休息<br>少熬夜")))
    assert [row[1]["content"] for row in outcome.kept["messages"].to_pylist()] == ["<br>", "多休息\n少熬夜"]


def test_tags_that_were_escaped_go_too(rows: Any, run: Any) -> None:
    assert cleaned("&lt;p&gt;不用担心&lt;/p&gt;胃下垂吃什么&amp;nbsp;好", rows, run) == "不用担心\n胃下垂吃什么 好"


def test_a_row_of_which_nothing_is_left_is_dropped(rows: Any, run: Any) -> None:
    table = rows((QUESTION, "祝您早日康复！"), (QUESTION, "低盐。"))
    outcome = run(markup.make(markup.MarkupStep(kind="markup")), table)
    assert [row[:2] for row in outcome.dropped] == [("row-0", "only_stock_phrase")]


@pytest.mark.parametrize(
    ("asked", "said", "reason"),
    [
        ("？", "好的", "short_question"),
        ("头" * 30, "好的", "long_question"),
        (QUESTION, "", None),
        (QUESTION, "长" * 2 + "短文字句段篇章节" * 4, "long_answer"),
        (QUESTION, "请多喝水" * 6, "repetitive_answer"),
        ("What is hypertension?", "High blood pressure", "other_language"),
        ("3+5=?", "8", None),
    ],
)
def test_bounds(asked: str, said: str, reason: str | None, rows: Any, run: Any) -> None:
    config = filters.FilterStep(kind="filter", max_question=25, max_answer=30, min_answer=1, min_han=0.5)
    outcome = run(filters.make(config), rows((asked, said or "好")))
    assert [row.reason for row in outcome.dropped] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("asked", "said", "reason"),
    [
        ("你好，请问医生在吗？", "您好，请说。", "question_without_content"),
        (QUESTION, "高血压怎么办", "answer_is_question"),
        (QUESTION, "对不起，我不清楚这个问题。", "refusal_only"),
        (QUESTION, "作为一个AI语言模型，我不能回答。", "refusal_only"),
        (QUESTION, "常见的原因包括：", "truncated_answer"),
        (QUESTION, "要低盐饮食，因为", "truncated_answer"),
        (QUESTION, "★★★★★★好★★★★★★", "too_many_symbols"),
        (QUESTION, "很抱歉，这种情况请尽快到医院检查。", None),
        (QUESTION, "要低盐饮食，按时服药。", None),
        ("急性阑尾炎怎么办", "需要手术", None),
        ("9×8是多少？", "9×8=72", None),
        (QUESTION, "可用阿罗洛尔；", None),
        ("How many?", LONG_ENGLISH, None),
    ],
)
def test_rows_that_teach_nothing(asked: str, said: str, reason: str | None, rows: Any, run: Any) -> None:
    outcome = run(quality.make(quality.QualityStep(kind="quality")), rows((asked, said)))
    assert [row.reason for row in outcome.dropped] == ([reason] if reason else [])


def test_an_answer_that_may_be_cut_is_kept_and_flagged(rows: Any, run: Any) -> None:
    table = rows(
        (QUESTION, "要休息，抬高患肢，可以冷敷，药物可选秋水仙碱、依托考昔，如果疼得厉害"), (QUESTION, "多喝水。")
    )
    outcome = run(quality.make(quality.QualityStep(kind="quality")), table)
    assert (len(outcome.kept), outcome.counts) == (2, {"flagged_truncated_answer": 1})
    assert [row[:2] for row in outcome.flagged] == [("row-0", "truncated_answer")]


def test_a_trailing_comma_is_trimmed_and_counted(rows: Any, run: Any) -> None:
    outcome = run(quality.make(quality.QualityStep(kind="quality")), rows((QUESTION, "注意保湿，少用热水烫洗，")))
    assert outcome.kept["messages"].to_pylist()[0][1]["content"] == "注意保湿，少用热水烫洗"
    assert outcome.counts == {"trimmed_end": 1}


def test_an_answer_that_resembles_refusals_is_flagged_unless_it_is_meant(rows: Any, run: Any) -> None:
    step = quality.make(quality.QualityStep(kind="quality"))
    said = "您的问题已经收到，我们会尽快安排专家回复，请您耐心等待。"
    outcome = run(step, rows((QUESTION, said), (QUESTION, "要低盐饮食，按时服药。")))
    assert [row[:2] for row in outcome.flagged] == [("row-0", "refusal_only")] and not outcome.dropped
    assert not run(step, rows((QUESTION, said), behaviour="refuse")).flagged


def test_a_refusal_that_is_meant_stays(rows: Any, run: Any) -> None:
    table = rows((QUESTION, "抱歉，我不知道。"), behaviour="refuse")
    assert not run(quality.make(quality.QualityStep(kind="quality")), table).dropped


UNSAFE = [
    (QUESTION, "这个方子包治高血压，无任何副作用。", "unsafe_cure_promise"),
    (QUESTION, "吃三个疗程保证根治。", "unsafe_cure_promise"),
    (QUESTION, "血压正常了就可以停掉降压药。", "unsafe_stop_medicine"),
    (QUESTION, "把胰岛素停了，改吃苦瓜。", "unsafe_stop_medicine"),
    ("咳嗽怎么办", "自己去药店买头孢，一次吃4片。", "unsafe_self_dosing"),
    ("胸痛出冷汗怎么办", "不用去医院，躺一会儿就好。", "unsafe_stay_away"),
]
SAFE = [
    (QUESTION, "高血压目前无法根治，所谓包治百病的秘方都是骗人的。"),
    (QUESTION, "没有副作用的药是不存在的。"),
    (QUESTION, "不要自行停用降压药。"),
    (QUESTION, "能否停用激素，要由医生决定。"),
    ("咳嗽怎么办", "阿莫西林成人口服一次0.5g，遵医嘱使用。"),
    ("咳嗽怎么办", "不要自己去药店买头孢吃，尤其不要一次吃4片。"),
    ("感冒流鼻涕", "普通感冒一般不用去医院，多休息。"),
    ("胸痛怎么办", "立即拨打120，去医院急诊。"),
    ("什么是纯函数？", "纯函数没有副作用，同样的输入给出同样的输出。"),
]


@pytest.mark.parametrize(("asked", "said", "reason"), UNSAFE)
def test_advice_that_could_harm_is_found(asked: str, said: str, reason: str, rows: Any, run: Any) -> None:
    table = rows((asked, said))
    dropped = run(unsafe_advice.make(unsafe_advice.UnsafeAdviceStep(kind="unsafe_advice")), table)
    assert [row.reason for row in dropped.dropped] == [reason]
    flagged = run(unsafe_advice.make(unsafe_advice.UnsafeAdviceStep(kind="unsafe_advice", policy="flag")), table)
    assert (len(flagged.kept), flagged.counts) == (1, {f"flagged_{reason}": 1})
    assert [row[:2] for row in flagged.flagged] == [("row-0", reason)]


def test_an_answer_that_resembles_dangerous_ones_is_flagged(rows: Any, run: Any) -> None:
    said = "您好，感谢信任。孩子半年不喘，说明已经断根了，喷雾收起来就行，以后发作了拍拍背，不用再去医院花钱。"
    step = unsafe_advice.make(unsafe_advice.UnsafeAdviceStep(kind="unsafe_advice"))
    outcome = run(step, rows(("哮喘的喷雾要一直用吗", said), (QUESTION, "要低盐饮食，按时服药。")))
    assert [row[:2] for row in outcome.flagged] == [("row-0", "unsafe_likely")] and not outcome.dropped


@pytest.mark.parametrize(("asked", "said"), SAFE)
def test_warnings_and_sound_advice_stay(asked: str, said: str, rows: Any, run: Any) -> None:
    step = unsafe_advice.make(unsafe_advice.UnsafeAdviceStep(kind="unsafe_advice"))
    assert not run(step, rows((asked, said))).dropped
