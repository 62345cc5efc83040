"""What entries hold: their statements in every form in which an answer may repeat them."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from domains.claims.language import Form
from domains.grounding import statements_of
from domains.knowledge_base import Entry

Verdict = Literal["held", "elsewhere", "contradicted", "not_held"]
"""Held by the attribute that was asked; by another one; the entry says something else; it says nothing of it."""

_JOINTS = re.compile("以及|[和或及与、，]")
_LEADS = re.compile(
    "^(?:不|少|多|限|低|高|忌|禁|戒|避免|防止|勿|无|未|可|偶见|罕见|定期|严重|长期|过量|适量|增强|减弱|升高|降低|突发?|突然)"
)
_RELATES = re.compile("增|减|升|降|加重|影响|抑制|促|致|引起|掩盖|代替")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_OPPOSITES = (
    "高低",
    "升降",
    "增减",
    "多少",
    "强弱",
    "轻重",
    "急缓",
    "早晚",
    "前后",
    "上下",
    "内外",
    "左右",
    "快慢",
    "常罕",
)
_OPPOSITE = {one: other for pair in _OPPOSITES for one, other in zip(pair, pair[::-1], strict=True)}


@dataclass(frozen=True)
class JudgedClaim:
    """What entries say about a statement.

    Attributes:
        verdict: Whether they hold it.
        ids: Of the entries that hold it.
    """

    verdict: Verdict
    ids: tuple[str, ...] = ()


class Statements:
    """The statements of one entry.

    Args:
        entry: The entry.
        asked: The attributes that the question asks for; none where none is recognised.
        form: Of the domain.
    """

    def __init__(self, entry: Entry, asked: Sequence[str], form: Form) -> None:
        self.entry, self.asked = entry, tuple(asked)
        self.attributes = statements_of(entry)
        self._forms = {name: set(_forms(items, form)) for name, items in self.attributes.items()}
        self._loose = {_loosely(one) for forms in self._forms.values() for one in forms}

    def judge(self, said: str, stated: Collection[str]) -> Verdict:
        """Judges the form of what is said.

        Args:
            said: The form.
            stated: The attributes that the answer says it belongs to; none where it says nothing of that.
        """
        attributes = [name for name in self._forms if name in stated] if stated else list(self._forms)
        holding = [name for name in attributes if said in self._forms[name]]
        if holding:
            return "held" if not self.asked or set(holding) & set(self.asked) else "elsewhere"
        return "contradicted" if _loosely(said) in self._loose else "not_held"


def judged(said: str, about: Iterable[Statements], stated: Collection[str], every: bool) -> JudgedClaim:
    """What several entries say about a statement.

    Args:
        said: Its form.
        about: The entries.
        stated: See ``Statements.judge``.
        every: Whether it is said of every one of them, or of any.
    """
    verdicts = {one.entry.id: one.judge(said, stated) for one in about}
    for verdict in ("held", "elsewhere"):
        ids = tuple(id for id, found in verdicts.items() if found == verdict)
        if ids and (not every or len(ids) == len(verdicts)):
            return JudgedClaim(verdict, ids)
    return JudgedClaim("contradicted" if "contradicted" in verdicts.values() else "not_held")


def _forms(items: Iterable[str], form: Form) -> Iterator[str]:
    for item in items:
        whole = form.of(item)
        yield whole
        yield whole[:1] + whole[1:].replace("不", "") if whole.startswith("不") else whole  # 不热敷和揉按
        yield from turned(whole)
        for part in _parts(item):
            said = form.of(part)
            if len(said) > 1:
                yield said
                yield from turned(said)


def _parts(item: str) -> Iterator[str]:
    """What an item says in one breath: 忌动物内脏和浓肉汤 is 忌动物内脏 and 忌浓肉汤."""
    named, such, _ = item.partition("等")  # 恶心腹泻等胃肠不适
    first, *others = _JOINTS.split(named)
    if not others and not such:
        return
    lead = _LEADS.match(first)
    yield first
    for other in others:
        yield (lead[0] if lead and not _LEADS.match(other) else "") + other


def turned(said: str) -> Iterator[str]:
    """The same in another order: 动物内脏少食 for 少食动物内脏; not where the order says what acts on what."""
    if not _RELATES.search(said):
        yield from (said[place:] + said[:place] for place in range(2, len(said) - 1))


def _loosely(said: str) -> str:
    """A form without denials, numbers and directions: what is equal in this alone contradicts."""
    return "".join(min(one, _OPPOSITE.get(one, one)) for one in _DIGITS.sub("#", said).replace("不", ""))
