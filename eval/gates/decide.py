"""Decides a gate: what each of its rules finds in a report, with the numbers, and why that is or is no pass.

All rules have to pass, so that no correction for several tests is due: a bad model passes none of them more often than
it passes the one that it breaks (docs/decisions/0105).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from common.errors import UserError
from common.problems import nearest
from eval import significance
from eval.bilingual import Text
from eval.gates.config import (
    GainRule,
    GateConfig,
    MergeRule,
    NoLossRule,
    On,
    Rule,
    SameAnswersRule,
    ScoreRule,
    WholeAnswersRule,
)
from eval.judges import JUDGES
from eval.judges.judge import Unit
from eval.report.schema import MOST_LOOPS, GateOutcome, GateVerdict, Report, RuleOutcome, System, shown
from eval.report.wording import NOT_MEASURABLE, suite_name, system_names

NOT_PASSED: Sequence[GateVerdict] = ("failed", "undecided")


@dataclass(frozen=True)
class Limit:
    """What a number has to reach.

    Attributes:
        at: The threshold.
        is_least: Whether it may not be less, instead of not more.
        on: Whether the number is meant, or the end of its interval that is nearer to the threshold.
    """

    at: float
    is_least: bool
    on: On

    def holds(self, value: float) -> bool:
        """Whether a number is on the right side."""
        return value >= self.at if self.is_least else value <= self.at


@dataclass(frozen=True)
class Number:
    """What a rule found in the report.

    Attributes:
        what: What was measured.
        low: Lower end of the 95 % interval; None where there is none.
        n: Number of items.
        unit: What it is shown in.
        signed: Whether it is a difference.
    """

    what: Text
    value: float
    low: float | None
    high: float | None
    n: int
    unit: Unit = "share"
    signed: bool = False


def check_gate(gate: GateConfig) -> None:
    """Checks what can be checked of a gate before there is a report.

    Raises:
        UserError: A metric does not exist.
    """
    for name, rule in gate.rules.items():
        if isinstance(rule, ScoreRule | GainRule | NoLossRule) and rule.metric not in JUDGES:
            raise UserError(
                f"there is no metric {rule.metric!r}{nearest(rule.metric, list(JUDGES))}",
                where=f"gate.rules.{name}.metric",
            )


def decide(report: Report, gate: GateConfig) -> GateOutcome:
    """What every rule of a gate finds in a report.

    Args:
        report: The report.
        gate: The rules.

    Raises:
        UserError: A metric does not exist.
    """
    check_gate(gate)
    return GateOutcome(gate=gate.name, rules=tuple(_decided(report, name, rule) for name, rule in gate.rules.items()))


def _decided(report: Report, name: str, rule: Rule) -> RuleOutcome:
    """A rule about several suites has the outcome of the one that is worst off."""
    if isinstance(rule, MergeRule):
        return _merge(report, name)
    system = rule.system or report.subject
    if system not in report.systems:
        return _undecided(name, Text(f"报告里没有系统 {system}。", f"The report has no system {system}."))
    match rule:
        case ScoreRule():
            outcomes = [_score(report, name, rule, system)]
        case GainRule() | NoLossRule():
            outcomes = [_difference(report, name, rule, system)]
        case SameAnswersRule():
            outcomes = list(_same_answers(report, name, rule, system))
        case WholeAnswersRule():
            outcomes = list(_whole_answers(report, name, rule, system))
    for verdict in NOT_PASSED:
        if found := [outcome for outcome in outcomes if outcome.verdict == verdict]:
            return max(found, key=_from_threshold)
    return min(outcomes, key=_from_threshold)


def _from_threshold(outcome: RuleOutcome) -> float:
    """How far the number of a rule is from its threshold; 0 where there is none."""
    return abs((outcome.value or 0.0) - (outcome.threshold or 0.0))


def _score(report: Report, name: str, rule: ScoreRule, system: System) -> RuleOutcome:
    clean = rule.items == "clean"
    what = _about(report, rule.suite, rule.metric, system, Text("，干净题", ", clean items") if clean else Text("", ""))
    scores = report.systems[system].get(rule.suite, {})
    if clean and scores:
        if why := _why_not_clean(report, rule.suite, system):
            return _undecided(name, Text(f"{what.zh}：{why.zh}。", f"{what.en}: {why.en}."))
        scores = report.clean.get(system, {}).get(rule.suite, scores)  # the same where nothing overlaps
    score = scores.get(rule.metric)
    if score is None:
        return _undecided(name, _not_measured(what))
    at = rule.most if rule.least is None else rule.least
    assert at is not None
    limit = Limit(at, rule.least is not None, rule.on)
    unit = JUDGES[rule.metric].unit
    return _judged(name, Number(what, score.value, score.low, score.high, score.n, unit), limit, rule.least_items)


def _why_not_clean(report: Report, suite: str, system: System) -> Text | None:
    """Why there is no score without the items that overlap with training data, where there is none."""
    record = report.suites[suite]
    overlap = record.overlap if system == report.subject else record.other_overlaps.get(system)
    if overlap and overlap.not_measurable:
        return NOT_MEASURABLE[overlap.not_measurable]
    if overlap and (overlap.exact or overlap.shared_13) and suite not in report.clean.get(system, {}):
        return Text(
            "没有不重合的题，或报告早于这项测量", "no item is without overlap, or the report is from before that"
        )
    return None


def _difference(report: Report, name: str, rule: GainRule | NoLossRule, system: System) -> RuleOutcome:
    """A gain or a loss, turned so that more is better."""
    baseline = system_names(report)[report.baseline]
    versus = Text(f"，与{baseline.zh}相比", f", compared with {baseline.en}")
    what = _about(report, rule.suite, rule.metric, system, versus)
    found = report.comparison(rule.suite, rule.metric, system)
    if found is None:
        return _undecided(name, _not_measured(what))
    low, high = found.low, found.high
    if low is None and found.difference == 0:
        low, high = _bounds_of_no_change(found.groups)
    judge = JUDGES[rule.metric]
    value = found.difference
    if not judge.higher_is_better:
        value, low, high = 0.0 - value, None if high is None else 0.0 - high, None if low is None else 0.0 - low
    limit = Limit(rule.least if isinstance(rule, GainRule) else -rule.margin, True, rule.on)
    outcome = _judged(name, Number(what, value, low, high, found.n, judge.unit, signed=True), limit, rule.least_items)
    if isinstance(rule, GainRule) and outcome.verdict == "passed":
        return _not_for_show(report, outcome, rule.suite, system)
    return outcome


def _bounds_of_no_change(groups: int) -> tuple[float | None, float | None]:
    """Between what two systems may differ by that scored the same on every item: so many groups may yet change."""
    _, most = significance.of_share(np.zeros(groups), [str(group) for group in range(groups)])
    return (None, None) if most is None else (-most, most)


def _not_for_show(report: Report, outcome: RuleOutcome, suite: str, system: System) -> RuleOutcome:
    """Nothing is better by loops, or by answers that are not whole, as in the verdicts of the report."""
    if report.loop_share(system) > MOST_LOOPS:
        zh, en = "回答复读，不算更好。", "The answers loop: not called better."
        return outcome.model_copy(update={"verdict": "failed", "zh": outcome.zh + zh, "en": f"{outcome.en} {en}"})
    if report.unfinished(suite, system) or report.unfinished(suite, report.baseline):
        zh, en = "回答不完整，不能判断。", "Answers are not whole: this cannot be decided."
        return outcome.model_copy(update={"verdict": "undecided", "zh": outcome.zh + zh, "en": f"{outcome.en} {en}"})
    return outcome


def _same_answers(report: Report, name: str, rule: SameAnswersRule, system: System) -> Iterator[RuleOutcome]:
    other = rule.other or report.subject
    names = system_names(report)
    if other not in names or other == system:
        text = Text(f"没有可与 {system} 比较的系统 {other}。", f"There is no system {other} to compare {system} with.")
        yield _undecided(name, text)
        return
    pair = {system, other}
    for found in report.agreements:
        if {found.system, found.other} == pair:
            where = suite_name(found.suite)
            what = Text(
                f"{where.zh} · {names[system].zh}与{names[other].zh}回答相同",
                f"{where.en} · same answers, {names[system].en} and {names[other].en}",
            )
            share = found.share
            number = Number(what, share.value, share.low, share.high, share.n)
            yield _judged(name, number, Limit(rule.least, True, "value"), rule.least_items)
    if not report.agreements:
        yield _undecided(
            name,
            Text(
                "报告早于回答的逐字比较，请重新评测。",
                "The report is from before answers were compared; evaluate again.",
            ),
        )


def _whole_answers(report: Report, name: str, rule: WholeAnswersRule, system: System) -> Iterator[RuleOutcome]:
    for suite, record in report.suites.items():
        counted, where, who = record.counted[system], suite_name(suite), system_names(report)[system]
        odd = (counted.unfinished or 0) + (counted.loops or 0)
        what = Text(
            f"{where.zh} · 不完整或复读的回答（{who.zh}）", f"{where.en} · answers not whole, or looping ({who.en})"
        )
        number = Number(what, odd / record.items, None, None, record.items)
        yield _judged(name, number, Limit(rule.most, False, "value"), rule.least_items)


def _merge(report: Report, name: str) -> RuleOutcome:
    """A merge that was refused failed; where nothing was merged, what was trained is what answers."""
    merge = report.merge
    if merge is None:
        return _undecided(name, Text("这个模型没有训练记录。", "There is no record of how this model was tuned."))
    if merge.proof is None and merge.kind == "merged":
        return _undecided(name, Text("已合并，但没有合并校验。", "Merged, but there is no proof of it."))
    if merge.proof is None:
        said = Text("没有合并：训练所得就是作答的模型。", "Nothing was merged: what was trained is what answers.")
        return RuleOutcome(rule=name, verdict="passed", zh=said.zh, en=said.en)
    kl, greedy = f"{merge.proof.mean_kl:.3g}", f"{merge.proof.greedy_agreement:.2%}"
    return RuleOutcome(
        rule=name,
        verdict="passed" if merge.proof.passed else "failed",
        zh=f"合并校验{'通过' if merge.proof.passed else '未通过'}：平均 KL {kl} nat，贪心一致 {greedy}。",
        en=f"Merge proof {'passed' if merge.proof.passed else 'failed'}: mean KL {kl} nats, greedy agreement {greedy}.",
        n=merge.proof.prompts,
    )


def _judged(name: str, found: Number, limit: Limit, least_items: int) -> RuleOutcome:
    """Passed where what was meant reaches the threshold; failed where even the number alone misses it."""
    bound = found.low if limit.is_least else found.high
    verdict: GateVerdict = "passed"
    why = Text("", "")
    if found.n < least_items:
        verdict, why = "undecided", Text(f"不足 {least_items} 题。", f" Fewer than {least_items} items.")
    elif not limit.holds(found.value):
        verdict, why = "failed", Text("未达到。", " Missed.")
    elif limit.on == "bound" and bound is None:
        verdict, why = "undecided", Text("没有区间，不能判断。", " There is no interval to decide it by.")
    elif limit.on == "bound" and bound is not None and not limit.holds(bound):
        verdict, why = "undecided", _too_few(found, bound, limit)
    zh, en = _statement(found, limit)
    return RuleOutcome(
        rule=name,
        verdict=verdict,
        zh=zh + why.zh,
        en=en + why.en,
        value=found.value,
        low=found.low,
        high=found.high,
        threshold=limit.at,
        n=found.n,
    )


def _too_few(found: Number, bound: float, limit: Limit) -> Text:
    """That the number reaches the threshold and its interval does not, and about how many items may show it."""
    zh = "数值达到，区间没有：题数不足以证明"
    en = " The number reaches it, the interval does not: too few items to show it"
    if found.value == limit.at:
        return Text(f"{zh}。", f"{en}.")
    at_edge = found.unit == "share" and not found.signed and found.value in (0, 1)
    items = significance.items_for(found.n, abs(found.value - bound), abs(found.value - limit.at), at_edge=at_edge)
    return Text(f"{zh}；数值不变时约需 {items:,} 题。", f"{en}; about {items:,} would, if the number stays as it is.")


def _statement(found: Number, limit: Limit) -> Text:
    """The number with its interval, and what is required of it."""
    value = _shown(found.value, found)
    if found.low is not None and found.high is not None:
        value += f" [{_shown(found.low, found)}, {_shown(found.high, found)}]"
    relation, at = "≥" if limit.is_least else "≤", _shown(limit.at, found)
    if limit.on == "bound":
        meant = Text("区间下限", "lower bound") if limit.is_least else Text("区间上限", "upper bound")
    else:
        meant = Text("数值", "value")
    return Text(
        f"{found.what.zh}：{value}，{found.n} 题；要求{meant.zh} {relation} {at}。",
        f"{found.what.en}: {value}, {found.n} items; required: {meant.en} {relation} {at}.",
    )


def _shown(value: float, of: Number) -> str:
    """A number in its unit; differences of shares in percentage points, with their sign."""
    if not of.signed:
        return shown(value, of.unit)
    scale, digits = (100, 1) if of.unit == "share" else (1, 1 if of.unit == "points" else 3)
    return f"{scale * value:+.{digits}f}"


def _about(report: Report, suite: str, metric: str, system: System, more: Text) -> Text:
    where, title, who = suite_name(suite), JUDGES[metric].title, system_names(report)[system]
    return Text(f"{where.zh} · {title.zh}（{who.zh}{more.zh}）", f"{where.en} · {title.en} ({who.en}{more.en})")


def _not_measured(what: Text) -> Text:
    return Text(f"{what.zh}：报告里没有测量。", f"{what.en}: not measured in this report.")


def _undecided(name: str, why: Text) -> RuleOutcome:
    return RuleOutcome(rule=name, verdict="undecided", zh=why.zh, en=why.en)
