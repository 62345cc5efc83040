"""The rules of the screens, each on what it must find and what it must leave."""

import json
from pathlib import Path

import pytest

from common.ngram_classifier import NgramClassifier
from data_recipes.steps import refusals, unsafe_advice
from data_recipes.steps.dangers import danger
from data_recipes.steps.refusals import only_refuses
from data_recipes.steps.signs import share_of_signs
from data_recipes.steps.truncation import is_cut, is_perhaps_cut, trimmed


@pytest.mark.parametrize(
    "answer",
    [
        "抱歉，我无法回答这个问题。",
        "这个问题不好说，您还是自己看着办吧。",
        "作为一个AI助手，我没有接受过医学训练，因此我没有办法回答有关手术的问题，希望您能理解。",
        "您好，网上无法诊断，谢谢您的咨询，祝您健康。",
        "N/A",
        "暂无答案。",
        "I'm sorry, but I can't assist with that.",
        "此症状我无法判断。",
    ],
)
def test_an_answer_that_only_refuses_is_found(answer: str) -> None:
    assert only_refuses("胃疼怎么办？", answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("我总是哭。", "听到你这么说，我很心疼。你愿意跟我讲讲是从什么时候开始的吗？"),
        ("肚子疼", "光看这句话判断不了，您多大年纪，疼了多久？"),
        ("电话是多少？", "这个我不知道，你可以查一下学校官网。"),
        ("0能做除数吗？", "不能。"),
        ("过敏史？", "病历中没有记载，可以向家属核实。"),
        ("请翻译：Sorry, I am unable to answer.", "对不起，我无法回答。"),
        ("怎么了？", "患者无法回答问题。"),
        ("要吃抗生素吗？", "我没法隔着屏幕下诊断，不过两周以上的咳嗽多数是感染后咳嗽。"),
    ],
)
def test_empathy_asking_back_and_pointers_are_no_refusals(question: str, answer: str) -> None:
    assert not only_refuses(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("痔和哮喘是否存在性别倾向？", "痔的发病性别倾向为女性，而哮喘的发病性别倾向不确定。"),
        (
            "是否可以被诊断为原发性骨淋巴瘤？",
            "以上症状并不能明确诊断为原发性骨淋巴瘤，仍需根据病情的轻重和是否有肿块等来进行诊断。",
        ),
        ("病因是什么？", "该病的病因目前不清楚，可能与遗传和免疫有关。"),
        ("能诊断为肺炎吗？", "仅凭以上表现不能诊断为肺炎，还缺影像学依据。"),
        ("是良性的吗？", "影像上不能判断良恶性，病理才是金标准。"),
        ("怎么传播？", "传播途径不确定，一般认为与接触有关。"),
        ("预后如何？", "预后差别大，不能一概而论，早期五年生存率超过九成。"),
        ("意识如何？", "患者嗜睡，不能正确回答问题，定向力差。"),
        ("你能看片子吗？", "我看不了图，把报告上的“诊断意见”打出来，我帮您解释。"),
    ],
)
def test_a_finding_a_denied_diagnosis_and_what_is_uncertain_are_no_refusals(question: str, answer: str) -> None:
    assert not only_refuses(question, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "第一，立即停止活动并拨打120；第二，嚼服阿司匹林；第三，",
        "杜甫有“万里悲秋常作客，百年多病独登",
        "两边平方得p²=2q²，所以q²=",
        "1. 消肿；\n2. 负重；\n3.",
        "因为太阳光会被散射，蓝光的波长短，所以",
        "最简单的是flex：\n```css\n.box {",
        "具体的做法如下：",
        "水里加增稠剂，一口量不要超过",
        "白细胞低于2.0就要打升白针，另外少去人多的地方，戴口罩，吃",
        "发热超过三天或者精神不好，应该到医院做进一步的检",
    ],
)
def test_an_ending_that_no_complete_answer_has_is_found(answer: str) -> None:
    assert is_cut(answer) and trimmed(answer) == answer


@pytest.mark.parametrize(
    "answer",
    [
        "消化内科",
        "x=7",
        "- 氨氯地平\n- 缬沙坦",
        "嗯。想他了。",
        "马上去急诊——",
        "他性格温和",
        "可以的，不过不要超过十天哦~",
        "需要手术",
    ],
)
def test_short_answers_and_lists_are_complete(answer: str) -> None:
    assert not is_cut(answer) and not is_perhaps_cut(answer) and trimmed(answer) == answer


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("注意保湿，少用热水烫洗，", "注意保湿，少用热水烫洗"),
        ("窦性心律。建议：", "窦性心律。"),
        ("用药：5mg\n陪同人员：\n联系电话：", "用药：5mg"),
    ],
)
def test_a_trailing_comma_or_label_is_trimmed(answer: str, left: str) -> None:
    assert trimmed(answer) == left and not is_cut(left)


@pytest.mark.parametrize(
    "answer",
    [
        "测之前先坐五分钟，不要说话，袖带下缘在肘窝上方两到三厘米处，松紧以能插进两根手指为宜，手臂放平，与心脏",
        "把孩子平放、头偏向一侧，松开衣领，记下抽搐的时间，若超过五",
        "急性期不能练，因为那时候神经根水肿，等疼痛缓解以后",
        "急性期可以用秋水仙碱，首剂1mg，再过一小时吃0.5",
    ],
)
def test_an_answer_of_many_clauses_or_with_half_a_condition_is_perhaps_cut(answer: str) -> None:
    assert is_perhaps_cut(answer) and not is_cut(answer) and not is_perhaps_cut(answer + "。")


@pytest.mark.parametrize(
    "answer",
    [
        "自身免疫性肝炎的治疗则包括药物治疗和手术治疗，如激素、免疫抑制剂、肝移植等",
        "可用链霉素、环丝氨酸、磺胺嘧啶等药物，具体需根据患者情况而定",
        "平时要低盐饮食，戒烟限酒，多食用新鲜的蔬菜以及水果",
        "两种疾病的病因不同，前者是病毒感染；后者是自身免疫异常，治疗方案也不同",
        "如果意识不清就不能喂水，应该马上打急救电话送医院",
        "维生素缺乏多在冬天发生，多因免疫系统异常导致",
        "放心吧，这个药孩子也能用，按体重算好就可以给他吃，对",
        "先休息，抬高患肢，可以冷敷，不要按摩，少喝汤，尿酸高的时候不要喝酒为好",
    ],
)
def test_a_full_stop_that_is_missing_alone_says_nothing(answer: str) -> None:
    assert not is_perhaps_cut(answer) and not is_cut(answer)


@pytest.mark.parametrize(
    "text", ["★☆★☆★☆★☆", "@#￥%……&*（）——+@#￥%……&*", "~~~~~~~~~~分割线~~~~~~~~~~", "______________"]
)
def test_rows_of_signs_are_mostly_signs(text: str) -> None:
    assert share_of_signs(text) > 0.4


@pytest.mark.parametrize(
    "text",
    [
        "f(x)={x+1, x≥0; -x, x<0}",
        "| 项目 | 结果 |\n|---|---|\n| ALT | 68↑ |",
        "┌────┬────┐\n│ 姓名 │ 年龄 │\n└────┴────┘",
        "2H₂O₂ =MnO₂= 2H₂O + O₂↑",
        "for (int i = 0; i < n; i++) { sum += a[i]; }",
        "今天终于出院啦 \\(^o^)/ 谢谢大家！！！！",
        "(＾▽＾)加油！",
        "https://www.who.int/zh/%E7%B3%96%E5%B0%BF%E7%97%85",
        "他说：“我……我不是故意的……真的……”",
    ],
)
def test_mathematics_code_tables_and_faces_are_not(text: str) -> None:
    assert share_of_signs(text) <= 0.4


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("高血压药吃了三年", "血压正常了就不用再吃降压药，停掉就行。", "unsafe_stop_medicine"),
        ("胸口闷痛出冷汗半小时了", "喝点热水揉揉肚子，用不着叫救护车。", "unsafe_stay_away"),
        ("乙肝能治好吗？", "我们的秘方一次治愈，终身不犯。", "unsafe_cure_promise"),
        ("布洛芬吃一粒不管用", "那就一次吃四粒。", "unsafe_overdose"),
        ("孩子抽搐", "赶紧拿根筷子撬开嘴，别让他咬舌头。", "unsafe_act"),
        ("被狗咬了", "不深就不用打狂犬疫苗。", "unsafe_no_treatment"),
    ],
)
def test_dangerous_advice_is_found_by_kind(question: str, answer: str, reason: str) -> None:
    assert danger(question, answer) == reason


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("孩子抽搐怎么办", "让他侧卧，不要往嘴里塞筷子，也不要喂水。"),
        ("老人说发烧要捂汗", "这是个误区。捂汗会让体温更高。"),
        ("听说三天治好糖尿病", "凡是承诺根治糖尿病的都是骗子。"),
        ("他汀吃了肌肉疼", "先别自己停，去查一下肌酸激酶。"),
        ("六味地黄丸怎么吃", "一次吃八粒，一天三次。"),
        ("肝囊肿", "这么小的肝囊肿不需要手术。"),
        ("感冒三天", "普通感冒不用去医院。"),
        ("酵素好吗", "保健品一定可以包治百病，对身体全是好处，这是卖保健品的一贯观点。"),
    ],
)
def test_warnings_and_right_advice_are_left(question: str, answer: str) -> None:
    assert danger(question, answer) is None


@pytest.mark.parametrize(
    ("name", "weights", "threshold"),
    [
        ("unsafe_advice", unsafe_advice.WEIGHTS, unsafe_advice.THRESHOLD),
        ("refusal_only", refusals.WEIGHTS, refusals.THRESHOLD),
    ],
)
def test_the_weights_are_of_the_labelled_texts(name: str, weights: Path, threshold: float) -> None:
    folder = Path(__file__).parents[3] / "benchmarks/labelled_screens"
    texts = [json.loads(line) for line in (folder / f"{name}.train.jsonl").read_text("utf-8").splitlines()]
    found = NgramClassifier.load(weights).probabilities([text["answer"] for text in texts]) > threshold
    assert (found == [text["label"] for text in texts]).mean() > 0.95
