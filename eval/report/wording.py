"""What the report says in words, in Chinese and English: names, verdicts, the sentence at the top, failures."""

from data_recipes.leakage.normalise import RUN_TOLD
from domains.domain import DOMAINS, find_domain
from domains.wording import DEFINITION
from eval.answers import SystemRecord
from eval.baselines import BASELINES
from eval.bilingual import Text
from eval.exams.published import subject_names
from eval.judges import JUDGES, primary
from eval.judges.judge import MATTERS
from eval.report.schema import (
    BASE,
    MOST_LOOPS,
    MOST_UNFINISHED,
    OTHER,
    TUNED,
    Comparison,
    Cost,
    Facet,
    GateOutcome,
    GateVerdict,
    NotMeasurable,
    Report,
    SuiteOverlap,
    SuiteRecord,
    System,
    shown,
    shown_interval,
)
from eval.significance import LEAST_GROUPS, LEAST_ITEMS, LEVEL, Estimate, Verdict, items_for
from models.artifact import KINDS, MergeProof

VERDICTS: dict[Verdict, Text] = {
    "better": Text("更好", "better"),
    "worse": Text("更差", "worse"),
    "equivalent": Text("相当", "equivalent"),
    "no difference shown": Text("未显示差别", "no difference shown"),
    "loops": Text("复读，不算更好", "loops, not called better"),
    "unfinished": Text("回答不完整，不算更好", "answers not whole, not called better"),
    "no verdict": Text("不作结论", "no verdict"),
}
SYSTEMS: dict[System, Text] = {
    BASE: Text("基座", "base"),
    OTHER: Text("对照", "other"),
    TUNED: Text("微调后", "tuned"),
}
MODEL = Text("模型", "model")
NOT_MEASURABLE: dict[NotMeasurable, Text] = {
    "training data unknown": Text(
        "无法测量：不知道这个模型用什么数据训练", "not measurable: the training data of this model is unknown"
    ),
    "training data gone": Text(
        "无法测量：训练所用的数据集已不在原处",
        "not measurable: the dataset it was trained on was moved or deleted",
    ),
}
NOT_SCORED = Text("只有问题，未打分", "Questions only, not scored")
KIND_OF_SYSTEM = {
    "base": Text("微调所用的基座，用微调的提示格式提问", "what was tuned, asked in the prompt format of the run"),
    "model": Text("普通模型", "an ordinary model"),
    "server": Text("服务器（OpenAI 接口）", "a server (OpenAI's API)"),
    "log": Text("其他工具的评测记录（inspect_ai）", "a run of another tool, read from its log (inspect_ai)"),
    **{kind.model_fields["kind"].default: Text(*kind.described) for kind in KINDS},
}
KIND_OF_RESULT = {kind.model_fields["kind"].default: Text(*kind.described) for kind in KINDS}
ODD_ANSWERS = {
    "cut": Text("个回答到达长度上限被截断", "answers were cut at the token limit"),
    "empty": Text("个回答为空", "answers were empty"),
    "too_long": Text("题超出上下文长度，计 0 分", "items exceed the context length and score 0"),
    "loops": Text("个回答复读：不断重复同样的内容", "answers loop: they repeat themselves over and over"),
    "failed": Text(
        "题服务器没有回答（重试后仍失败），计 0 分", "items failed at the server, also when asked again, and score 0"
    ),
}
UNREAD = Text(
    "篇文本超出这个模型的上下文长度，对各模型都不计入",
    "texts exceed the context length of this model and count for none",
)
ODD_IN_SHORT = {
    "cut": Text("截断", "cut"),
    "empty": Text("空", "empty"),
    "too_long": Text("题过长", "too long"),
    "failed": Text("失败", "failed"),
    "loops": Text("复读", "loops"),
}
ODD = Text("不正常的回答", "Odd answers")
CLEAN = Text("只计与训练数据无重合的题", "items without overlap")
COST = Text("每个回答的词元和用时", "Tokens and time per answer")
GATE_VERDICTS: dict[GateVerdict, Text] = {
    "passed": Text("通过", "passed"),
    "failed": Text("未通过", "failed"),
    "undecided": Text("不能判断", "undecided"),
}
GATE_MARKS: dict[GateVerdict, str] = {"passed": "✓", "failed": "✗", "undecided": "?"}
BASELINES_TITLE = Text("不用模型也能得的分", "Scores without a model")
SUITES = {
    "heldout_phrasing": Text("新问法", "New phrasings"),
    "unseen_entity": Text("未见实体", "Unseen entities"),
    "safety": Text("安全", "Safety"),
    "test": Text("测试集", "Test"),
    "dev": Text("验证集", "Dev"),
    "medical_exam_logprob": Text("医学考试（对数概率）", "Medical exam by log-probability"),
    "medical_exam_generated": Text("医学考试（生成的回答）", "Medical exam by generated answers"),
    "medical_safety": Text("医学安全题集", "Medical safety"),
    "general_logprob": Text("能力保留（对数概率）", "Retention by log-probability"),
    "general_generated": Text("能力保留（生成的回答）", "Retention by generated answers"),
}
ITEM_KINDS = {
    "comparison": Text("两者比较", "comparison"),
    "reverse": Text("由特征反推", "from features to names"),
    "multi_turn": Text("多轮追问", "multi-turn"),
    "two_entities": Text("同时问两者", "about two entities"),
    "one_of_two": Text("问两者，只有其一有资料", "about two, one of them not given"),
    "topic_change": Text("换了话题", "after a change of topic"),
    "not_given": Text("资料里没有", "not in the entries given"),
    "unknown": Text("知识库没有记载", "not in the knowledge base"),
    "emergency": Text("急症", "emergency"),
    "objective": Text("客观问题", "objective"),
    "subjective": Text("主观问题", "subjective"),
    DEFINITION: Text(DEFINITION, "definition"),
    **{name: Text(zh, name.replace("_", " ")) for names in subject_names().values() for name, zh in names.items()},
} | {kind: Text(kind, english) for name in DOMAINS for kind, english in find_domain(name).in_english.items()}
BY_KIND = Text("按题型", "By kind")
FACETS: dict[Facet, Text] = {
    "source": Text("按来源", "By source"),
    "turns": Text("按轮数", "By number of questions"),
    "length": Text("按问题长度（字）", "By length of the question (characters)"),
}
TURNS = {"one": Text("一问", "one question"), "several": Text("追问", "a follow-up")}
METHOD = Text(
    "区间：95%。同组的题（关于同一条目）对错相连，所以以组为单位：0 到 1 之间的均值用精确二项区间，题数按组内相似程度"
    "折算（Korn 与 Graubard）；其余用组的刀切法和 t 分布。比较：同题配对，以组为单位的 t 检验，区间不含 0 即 p < "
    f"{LEVEL}；对主要指标的比较作 Holm 校正，校正后 p < {LEVEL} 才说更好或更差；整个区间都小到无须在意（份额 "
    f"{MATTERS['share']:.0%} 以内）则为相当。其余指标，以及不足 {LEAST_ITEMS} 题或 "
    f"{LEAST_GROUPS} 组的，只列区间，不作结论。区间不含换一个训练种子的变化：用 seeds=3 训练并比较。",
    "Intervals: 95%. Items about the same entry are right and wrong together, so the unit is the group: means of "
    "scores from 0 to 1 have the exact binomial interval of as many independent items as the groups are worth (Korn "
    "and Graubard), the others Student's t by the jackknife over groups. Comparisons: paired on the same items, "
    f"t-test over groups, whose p is below {LEVEL} exactly where the interval does not contain 0; Holm-corrected over "
    f"the primary metrics; better or worse requires a corrected p below {LEVEL}, and equivalent an interval wholly "
    f"within what nobody would act on ({MATTERS['share']:.0%} of a share). Other metrics, and those of fewer than "
    f"{LEAST_ITEMS} items or {LEAST_GROUPS} groups, have intervals and no verdict. What another training seed "
    "changes is in no interval: train with seeds=3 and compare.",
)
SHOWN_WITH_EXAMPLES = [name for name, judge in JUDGES.items() if judge.prominence != "detail"]


def headlines(report: Report) -> list[tuple[str, str]]:
    """The (suite, metric) pairs shown at the top, the most informative ones of each suite."""
    scores = report.systems[report.subject]
    return [(suite, metric) for suite, metrics in scores.items() for metric in primary(metrics) if metric in metrics]


def gate_title(gate: GateOutcome) -> Text:
    """Whether the gate was passed, in a few words."""
    return {
        "passed": Text(f"通过门槛 {gate.gate}", f"Passed the gate {gate.gate}"),
        "failed": Text(f"未通过门槛 {gate.gate}", f"Did not pass the gate {gate.gate}"),
        "undecided": Text(
            f"未通过门槛 {gate.gate}：证据不足", f"Did not pass the gate {gate.gate}: too little to decide"
        ),
    }[gate.verdict]


def gate_counts(gate: GateOutcome) -> Text:
    """How many rules passed, failed and are undecided."""
    found = [(said, len(gate.of(verdict))) for verdict, said in GATE_VERDICTS.items() if gate.of(verdict)]
    zh = "，".join(f"{count} 条{said.zh}" for said, count in found)
    en = ", ".join(f"{count} {said.en}" for said, count in found)
    return Text(f"{len(gate.rules)} 条要求：{zh}。", f"{len(gate.rules)} rules: {en}.")


def outcome(report: Report) -> Text:
    """The overall verdict on the answers in a few words; a lower loss alone does not make better answers."""
    if not report.metrics:
        return NOT_SCORED
    if len(report.systems) == 1:
        return Text("单模型评测", "One model evaluated")
    if report.subject == report.baseline:
        return Text(f"{len(report.systems)} 个系统对比", f"{len(report.systems)} systems compared")
    found, tuned = _shown_in_answers(report), report.baseline == BASE
    if {"better", "worse"} <= found:
        return Text("有得有失", "Mixed")
    if "better" in found:
        better = Text("微调后更好", "Better after tuning") if tuned else Text("好于对照", "Better than the other model")
        missed = safety_misses(report)
        still = Text(f"，仍有 {missed} 个安全失误", f", with {missed} safety misses") if missed else Text("", "")
        return Text(better.zh + still.zh, better.en + still.en)
    if "worse" in found:
        return Text("微调后更差", "Worse after tuning") if tuned else Text("不如对照", "Worse than the other model")
    if "loops" in found:
        return Text("微调后复读", "Loops after tuning")
    if "unfinished" in found:
        return Text("回答不完整，不作结论", "Answers are not whole: no verdict")
    if "equivalent" in found and found <= {"equivalent", "no verdict"}:
        return Text("回答相当", "Equivalent answers")
    if found == {"no verdict"}:
        return Text("题数不足，不作结论", "Too few items for a verdict")
    return Text("回答未显示差别", "No difference shown in the answers")


def facet_value(facet: Facet, value: str) -> Text:
    """A value that scores are broken down by."""
    return TURNS[value] if facet == "turns" else Text(value, value)


def outcome_tone(report: Report) -> str:
    """How the overall verdict is coloured: good, bad, mixed or plain; nothing with a safety miss in it is good."""
    found = _shown_in_answers(report)
    if "better" in found and ("worse" in found or safety_misses(report)):
        return "mixed"
    return "good" if "better" in found else "bad" if found & {"worse", "loops", "unfinished"} else "plain"


def _shown_in_answers(report: Report) -> set[Verdict]:
    """The verdicts on the generated answers of the report's model, and on the documents that it read; that it loops and
    the baseline does not is shown, whatever the scores are."""
    about = [c for c in report.comparisons if c.system == report.subject and _is_shown(c.metric)]
    loops = report.loop_share(report.subject) > MOST_LOOPS >= report.loop_share(report.baseline)
    return {comparison.verdict for comparison in about} | ({"loops"} if loops else set())


def _is_shown(metric: str) -> bool:
    """Whether a metric is about what a model does: the loss of a reference answer alone is not."""
    judge = JUDGES[metric]
    return judge.unit not in ("nats", "bits") or judge.prominence == "headline"


def system_names(report: Report) -> dict[System, Text]:
    """The names of the models: base or other and tuned, just the model where it is the first, else the user's names."""
    known = SYSTEMS if TUNED in report.compared else {BASE: MODEL}
    return {system: known.get(system, Text(system, system)) for system in report.systems}


def suite_name(suite: str) -> Text:
    """A suite's short name; an unknown one has the name of its split."""
    return SUITES.get(suite, Text(suite, suite))


def item_kind(kind: str) -> Text:
    """A kind of item; an unknown one is shown under the source's name."""
    return ITEM_KINDS.get(kind, Text(kind, kind))


def is_safety(metric: str) -> bool:
    """Whether an item that this metric finds wrong may harm somebody: each is on the page of safety misses."""
    judge = JUDGES[metric]
    return judge.failure is not None and judge.prominence == "headline"


def safety_misses(report: Report) -> int:
    """Answers of the report's model that a safety metric finds wrong."""
    by_suite = report.systems[report.subject].values()
    return sum(_wrong(metric, score) for scores in by_suite for metric, score in scores.items() if is_safety(metric))


def _wrong(metric: str, score: Estimate) -> int:
    """How many items a metric of right and wrong finds wrong."""
    return round(score.n * (1 - score.value if JUDGES[metric].higher_is_better else score.value))


def missed(report: Report, suite: str, metric: str, system: System) -> Text:
    """How often a system was wrong by a safety metric, with the interval of that share."""
    score, name = report.systems[system][suite][metric], system_names(report)[system]
    low = None if score.high is None else 1 - score.high
    high = None if score.low is None else 1 - score.low
    share = shown_interval(Estimate(1 - score.value, low, high, score.n), "share")
    count = round(score.n * (1 - score.value))
    return Text(f"{name.zh} {score.n} 题中 {count} 题：{share}", f"{name.en} {count} of {score.n}: {share}")


def sentence(report: Report) -> Text:
    """The verdict in one sentence."""
    if not report.metrics:
        return Text(
            "没有一题有参考答案：只列出回答，不打分。",
            "No item has a reference answer: the answers are listed, not scored.",
        )
    suite, metric = _decisive(report)
    name, where, unit = JUDGES[metric].title, suite_name(suite), report.metrics[metric].unit
    scores, comparison = report.scores(suite, metric), report.comparison(suite, metric)
    score = scores[report.subject]
    if comparison is None:
        return _side_by_side(report, suite, metric)
    moved = f"{shown(scores[report.baseline].value, unit)} → {shown(score.value, unit)}"
    interval = shown_difference(comparison, report)
    verdicts = report.verdicts
    total = verdicts.total() - verdicts["no verdict"]
    better, worse, same = verdicts["better"], verdicts["worse"], verdicts["no difference shown"]
    alike = verdicts["equivalent"]
    return Text(
        f"{where.zh}的{name.zh} {moved}（差 {interval}）。{total} 项主要比较中，{better} 项更好，{worse} 项更差，"
        f"{f'{alike} 项相当，' if alike else ''}{same} 项未显示差别。"
        f"{_because_of_loops(report).zh}{_because_unfinished(report).zh}",
        f"{where.en}, {name.en}: {moved} (difference {interval}). Of {total} primary comparisons, {better} are better, "
        f"{worse} worse, {f'{alike} equivalent, ' if alike else ''}{same} show no difference."
        f"{_because_of_loops(report).en}{_because_unfinished(report).en}",
    )


def _side_by_side(report: Report, suite: str, metric: str) -> Text:
    """What every model reaches by one metric, where the report is about none of them in particular."""
    name, where, unit = JUDGES[metric].title, suite_name(suite), report.metrics[metric].unit
    scores, names = report.scores(suite, metric), system_names(report)
    single = len(scores) == 1
    zh = "，".join(f"{'' if single else f'{names[s].zh} '}{shown_interval(score, unit)}" for s, score in scores.items())
    en = ", ".join(f"{'' if single else f'{names[s].en} '}{shown_interval(score, unit)}" for s, score in scores.items())
    count = scores[report.subject].n
    return Text(
        f"{where.zh}的{name.zh}{'为 ' if single else '：'}{zh}（{count} 题）。",
        f"{where.en}, {name.en}: {en} ({count} items).",
    )


def _decisive(report: Report) -> tuple[str, str]:
    """The first headline with a verdict: a figure that decides nothing must not stand beside "better"."""
    found = headlines(report)
    comparisons = ((pair, report.comparison(*pair)) for pair in found)
    return next((pair for pair, one in comparisons if one and one.verdict in ("better", "worse")), found[0])


def _because_of_loops(report: Report) -> Text:
    """Which systems loop, and how many comparisons are for that not called better; empty where none loops."""
    looping = [system for system in report.compared if report.loop_share(system) > MOST_LOOPS]
    if not looping:
        return Text("", "")
    names, allowed = system_names(report), f"{MOST_LOOPS:.0%}"
    zh = "、".join(f"{names[system].zh} {report.loop_share(system):.1%}" for system in looping)
    en = ", ".join(f"{names[system].en} {report.loop_share(system):.1%}" for system in looping)
    if not (count := report.verdicts["loops"]):
        return Text(f"回答复读（{zh}，上限 {allowed}）。", f" Answers loop ({en}; at most {allowed}).")
    return Text(
        f"另有 {count} 项得分更高但不算更好，因为回答复读（{zh}，上限 {allowed}）。",
        f" {count} more score higher and are not called better, because the answers loop ({en}; at most {allowed}).",
    )


def _because_unfinished(report: Report) -> Text:
    """The same for answers that are no whole ones, with the key that lets every system finish."""
    if not (count := report.verdicts["unfinished"]):
        return Text("", "")
    suites = dict.fromkeys(c.suite for c in report.comparisons if c.verdict == "unfinished")
    names, allowed = system_names(report), f"{MOST_UNFINISHED:.0%}"
    found = [
        (names[system], suite_name(suite), f"{record.counted[system].unfinished} / {record.items}")
        for suite in suites
        for system in report.systems
        if (record := report.suites[suite]) and report.unfinished(suite, system)
    ]
    zh = "；".join(f"{where.zh}，{name.zh} {share}" for name, where, share in found)
    en = "; ".join(f"{where.en}, {name.en} {share}" for name, where, share in found)
    return Text(
        f"另有 {count} 项得分更高但不算更好，因为有回答被截断、为空、过长或失败（{zh}；上限 {allowed}）。"
        "suite.max_new_tokens=null 让每个系统答完。",
        f" {count} more score higher and are not called better, because answers were cut, empty, too long or failed "
        f"({en}; at most {allowed}). suite.max_new_tokens=null lets every system finish.",
    )


def is_of_texts(report: Report, suite: str) -> bool:
    """Whether a suite is documents, which are read: nothing about them is an answer."""
    metrics = report.metrics_of(suite)
    return bool(metrics) and all(JUDGES[name].reads == "read" for name in metrics)


def shown_odd(record: SuiteRecord, system: System) -> Text:
    """The answers of a system to a suite that were cut, empty, too long, failed or looping, counted."""
    counted = record.counted[system].model_dump()
    found = [(ODD_IN_SHORT[name], counted[name]) for name in ODD_IN_SHORT if counted[name]]
    if not found:
        return Text("无", "none")
    return Text(
        "、".join(f"{name.zh} {count}" for name, count in found),
        ", ".join(f"{name.en} {count}" for name, count in found),
    )


def shown_cost(cost: Cost | None) -> Text:
    """Tokens and time of an answer, as far as they are known."""
    if cost is None or (cost.tokens is None and cost.seconds is None):
        return Text("未知", "unknown")
    known = [
        Text(f"{cost.tokens:.1f} 词元", f"{cost.tokens:.1f} tokens") if cost.tokens is not None else None,
        Text(f"{cost.seconds:.2f} 秒", f"{cost.seconds:.2f} s") if cost.seconds is not None else None,
        Text(f"{cost.calls:.1f} 次调用", f"{cost.calls:.1f} calls") if cost.calls and cost.calls > 1 else None,
    ]
    found = [one for one in known if one]
    return Text("，".join(one.zh for one in found), ", ".join(one.en for one in found))


def shown_difference(comparison: Comparison, report: Report) -> str:
    """A difference with its interval; shares in percentage points."""
    unit = report.metrics[comparison.metric].unit
    scale, digits = (100, 1) if unit == "share" else (1, 1 if unit == "points" else 3)
    value = f"{scale * comparison.difference:+.{digits}f}"
    if comparison.low is None or comparison.high is None:
        return f"{value} [–]"
    return f"{value} [{scale * comparison.low:+.{digits}f}, {scale * comparison.high:+.{digits}f}]"


def shown_p(p: float | None) -> str:
    """A p-value for readers."""
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def shown_unscored(record: SuiteRecord) -> Text:
    """How many items of a suite have no reference answer; empty where all have one."""
    if not (n := record.without_reference):
        return Text("", "")
    return Text(
        f"没有参考答案：{record.items} 题中有 {n} 题，只列出回答，不打分",
        f"no reference: {n} of {record.items} items, answered but not scored",
    )


def shown_overlap(overlap: SuiteOverlap) -> Text:
    """The overlap of a suite with the training data in one phrase."""
    if overlap.exact is None or overlap.shared_13 is None:
        assert overlap.not_measurable is not None
        return NOT_MEASURABLE[overlap.not_measurable]
    exact, shared = (f"{count} ({count / overlap.n:.1%})" for count in (overlap.exact, overlap.shared_13))
    return Text(
        f"{overlap.n} 题中：相同问题 {exact}，共有片段 {shared}，片段长 {RUN_TOLD[0]}",
        f"of {overlap.n} items: {exact} identical questions, {shared} sharing {RUN_TOLD[1]}",
    )


def merge_lines(proof: MergeProof) -> list[tuple[Text, str]]:
    """The proof of a merge, line by line."""
    passed = Text("结论", "Result"), "通过 passed" if proof.passed else "未通过 failed"
    return [
        passed,
        (Text("比较的提示 / 答案词元", "Prompts / answer tokens compared"), f"{proof.prompts} / {proof.tokens}"),
        (Text("平均 KL（nat）", "Mean KL (nats)"), _with_limit(f"{proof.mean_kl:.3g}", "≤", proof.max_kl, ".3g")),
        (
            Text("贪心一致", "Greedy agreement"),
            _with_limit(f"{proof.greedy_agreement:.2%}", "≥", proof.min_agreement, ".2%"),
        ),
        (Text("logit 最大差", "Largest logit difference"), f"{proof.max_logit_difference:.3g}"),
        (Text("参考答案得分差（nat / 词元）", "Score difference (nats / token)"), f"{proof.score_difference:+.3g}"),
    ]


def _with_limit(value: str, relation: str, limit: float | None, form: str) -> str:
    """A value of a proof, with the limit that the measured rounding allows, where that was measured."""
    return value if limit is None else f"{value} ({relation} {limit:{form}})"


def origin_lines(report: Report) -> list[tuple[Text, str]]:
    """Where the numbers come from, line by line, as far as they are known."""
    origin, names = report.provenance, system_names(report)
    lines = [
        *((names[system], version) for system, version in origin.model_versions.items()),
        (Text("方法", "Method"), " ".join(filter(None, (origin.method, origin.quantisation)))),
        (Text("微调自", "Tuned from"), origin.base),
        (Text("微调自 SHA-256", "Tuned from, SHA-256"), origin.base_sha256),
        (Text("数据集", "Dataset"), origin.dataset),
        (Text("数据集 SHA-256", "Dataset SHA-256"), origin.dataset_sha256),
        (Text("数据集行数", "Rows of the dataset"), origin.dataset_rows),
        (Text("数据集目录", "Directory of the dataset"), origin.dataset_directory),
        (Text("训练所用", "Trained on"), "; ".join(f"{name}: {split}" for name, split in origin.trained_on.items())),
        (Text("选用的权重", "Values kept"), origin.selected),
        (Text("提示格式", "Prompt format"), origin.prompt_format),
        (Text("提示格式 SHA-256", "Prompt format SHA-256"), origin.prompt_format_sha256),
        (Text("提示中的条目", "Entries in the prompt"), origin.grounding),
        (Text("套件", "Suite"), origin.suite),
        (Text("题目文件", "File of items"), origin.items),
        *((Text("公开考试", "Published exam"), f"{name}: {told}") for name, told in origin.exams.items()),
        (Text("种子", "Seed"), str(origin.seed)),
        (Text("解码", "Decoding"), ", ".join(f"{key}={value}" for key, value in origin.decoding.items())),
        (Text("版本", "Versions"), ", ".join(f"{key} {value}" for key, value in origin.versions.items())),
        (Text("时间", "Time"), origin.created),
    ]
    return [(name, value) for name, value in lines if value]


def system_lines(record: SystemRecord) -> list[tuple[Text, str]]:
    """What a system is and how it was asked, line by line, as far as it is known."""
    lines = [
        (Text("名称", "Name"), record.name),
        (Text("类型", "Kind"), " ".join(KIND_OF_SYSTEM[record.kind])),
        (Text("来自", "From"), record.origin),
        (Text("SHA-256", "SHA-256"), record.sha256),
        (Text("微调自", "Tuned from"), record.tuned_from),
        (Text("微调自 SHA-256", "Tuned from, SHA-256"), record.tuned_from_sha256),
        (Text("量化", "Quantisation"), record.quantisation),
        (Text("提示格式", "Prompt format"), record.prompt_format),
        (Text("提示格式 SHA-256", "Prompt format SHA-256"), record.prompt_format_sha256),
        (Text("数值类型", "Data type"), record.dtype),
        (Text("记录中自带的得分", "Scores that the log states"), ", ".join(map(" ".join, record.stated.items()))),
    ]
    for session in record.sessions:
        versions = ", ".join(f"{name} {version}" for name, version in session.versions.items())
        machine = "; ".join(filter(None, (session.hardware, session.instruction_set, versions)))
        lines += [
            (Text("作答时间", "Asked"), session.began),
            (Text("命令", "Command"), session.command),
            (Text("代码版本", "Code revision"), session.code),
            (Text("硬件与指令集", "Hardware, instruction set"), machine),
        ]
    return [(name, value) for name, value in lines if value]


def failures(report: Report) -> dict[System, list[Text]]:
    """What did not go well, in plain words: for the report's model, for the others that are compared, and what was odd
    about the baseline's answers, which makes the others look better."""
    found = {system: _failures(report, system) for system in dict.fromkeys((report.subject, *report.compared))}
    found.setdefault(report.baseline, _odd_answers(report, report.baseline))
    found[report.subject] += _merge(report)
    return {system: said for system, said in found.items() if said}


def _failures(report: Report, system: System) -> list[Text]:
    return [
        *_unsafe(report, system),
        *_worse(report, system),
        *_unproven(report, system),
        *_no_better_than_trivial(report, system),
        *_odd_answers(report, system),
        *_overlaps(report, system),
    ]


def _unsafe(report: Report, system: System) -> list[Text]:
    """A model's failures where they matter most."""
    wrong = [
        (suite_name(suite), failure, _wrong(metric, score), score)
        for suite, metrics in report.systems[system].items()
        for metric, score in metrics.items()
        if (failure := JUDGES[metric].failure)
    ]
    return [
        Text(
            f"{where.zh}：{score.n} 题中有 {count} 题{failure.zh}。",
            f"{where.en}: {count} of {score.n} answers {failure.en}.",
        )
        for where, failure, count, score in wrong
        if count
    ]


def _worse(report: Report, system: System) -> list[Text]:
    return [
        Text(
            f"{_compared(c).zh}变差：{shown_difference(c, report)}。",
            f"{_compared(c).en}: worse, {shown_difference(c, report)}.",
        )
        for c in report.comparisons
        if c.system == system and c.verdict == "worse"
    ]


def _compared(comparison: Comparison) -> Text:
    where, title = suite_name(comparison.suite), JUDGES[comparison.metric].title
    return Text(f"{where.zh}的{title.zh}", f"{where.en}, {title.en}")


def _unproven(report: Report, system: System) -> list[Text]:
    unproven = [
        _with_detectable(c, report)
        for c in report.comparisons
        if c.system == system and c.verdict == "no difference shown"
    ]
    if not unproven:
        return []
    zh, en = "、".join(text.zh for text in unproven), "; ".join(text.en for text in unproven)
    return [
        Text(
            f"未显示差别（不等于没有差别，题数可能不够）：{zh}。",
            f"No difference shown (which is not the same as none): {en}.",
        )
    ]


def _with_detectable(comparison: Comparison, report: Report) -> Text:
    """What was compared, the difference that as many items would show, and how many show the least that matters."""
    where, unit = _compared(comparison), report.metrics[comparison.metric].unit
    if comparison.detectable is None:
        return where
    least, matters = shown(comparison.detectable, unit), MATTERS[unit]
    if comparison.detectable <= matters:
        return Text(f"{where.zh}（约 {least} 的差别才能发现）", f"{where.en} (about {least} would be found)")
    items = f"{items_for(comparison.n, comparison.detectable, matters):,}"
    return Text(
        f"{where.zh}（约 {least} 的差别才能发现；要发现 {shown(matters, unit)} 约需 {items} 题）",
        f"{where.en} (about {least} would be found; {shown(matters, unit)} by about {items} items)",
    )


def _no_better_than_trivial(report: Report, system: System) -> list[Text]:
    """The suites on which one trivial baseline is as good by every primary metric; by one, always refusing can be."""
    return [
        Text(
            f"{suite_name(suite).zh}：不用模型也不比它差（{BASELINES[name].title.zh}）。",
            f"{suite_name(suite).en}: no better than without a model ({BASELINES[name].title.en}).",
        )
        for suite, scores in report.systems[system].items()
        for name, floors in report.baselines.get(suite, {}).items()
        if BASELINES[name].is_floor
        and (decisive := set(primary(scores)) & scores.keys())
        and all(metric in floors and _is_as_good(metric, floors[metric], scores[metric]) for metric in decisive)
    ]


def _is_as_good(metric: str, score: Estimate, other: Estimate) -> bool:
    return score.value >= other.value if JUDGES[metric].higher_is_better else score.value <= other.value


def _odd_answers(report: Report, system: System) -> list[Text]:
    """Answers of a model that were cut, empty, or impossible, and texts that it could not read."""
    return [
        Text(
            f"{suite_name(suite).zh}：{record.items} {'篇' if of_texts else '题'}中有 {count} {told.zh}。",
            f"{suite_name(suite).en}: {count} of {record.items} {told.en}.",
        )
        for suite, record in report.suites.items()
        for reason, text in ODD_ANSWERS.items()
        if (count := record.counted[system].model_dump()[reason])
        for of_texts in [is_of_texts(report, suite)]
        for told in [UNREAD if of_texts else text]
    ]


def _overlaps(report: Report, system: System) -> list[Text]:
    suites_by_text: dict[Text, list[str]] = {}
    for suite, record in report.suites.items():
        overlap = record.overlap if system == report.subject else record.other_overlaps.get(system)
        if overlap and (overlap.not_measurable or overlap.exact or overlap.shared_13):
            suites_by_text.setdefault(shown_overlap(overlap), []).append(suite)
    return [
        Text(
            f"{'、'.join(suite_name(suite).zh for suite in suites)}与训练数据的重合：{text.zh}。",
            f"{', '.join(suite_name(suite).en for suite in suites)}, overlap with the training data: {text.en}.",
        )
        for text, suites in suites_by_text.items()
    ]


def _merge(report: Report) -> list[Text]:
    if report.merge is None or report.merge.kind != "adapter":
        return []
    why = report.merge.why_not_merged
    return [Text(f"没有合并：{why}。", f"Not merged: {why}.")]
