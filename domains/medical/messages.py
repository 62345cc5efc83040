"""What a learned classifier hears in a message: an emergency, who needs care how soon, danger to oneself.

The safety rules know signs and name them. They do not know every way to say one, nor whether it is a story, a figure of
speech, past or over. The classifier learned that from labelled messages: ``python -m domains.medical.train_messages``.
What it hears of an emergency and of danger to oneself is then weighed with all else that it hears.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

from common.text_classifier import TextClassifier
from common.weighed_answers import WeighedAnswers
from domains.medical.figures import with_bands

WEIGHTS = Path(__file__).parent / "messages.npz"
WEIGHING = Path(__file__).parent / "weighing.npz"

EMERGENCY = "emergency"  # 120, now
TODAY = "today"  # a doctor today, or sooner
CLINIC = "clinic"  # a clinic within days, or sooner
PATIENT = "patient"  # somebody is ill now, be it ever so little
SELF_HARM = "self_harm"
PRESCRIPTION = "prescription"
WEIGHED = (EMERGENCY, SELF_HARM)
"""What is weighed with all else that is heard."""

LONGEST_AT_ONCE = 200
"""Characters of a message that is judged as a whole; a longer one may hide an emergency, and is judged in parts too."""

_CLAUSE = re.compile("[^。,!?; ]*[。,!?; ]*")
_DENIAL = re.compile("没有?|无|未|不|否认|别|从来|并非")
_SCOPE_END = re.compile("([。,!?; ]|但|却|可是|不过|只是|就是)")
_DENIED = 0x20000  # added to the code of a denied character, so that it makes other runs


@cache
def classifier() -> TextClassifier:
    """The weights that ship; their log-odds are shifted so that 0 is the threshold of each question."""
    return TextClassifier.load(WEIGHTS)


@cache
def weighing() -> WeighedAnswers:
    """The weights that ship, which say of ``WEIGHED`` what counts; 0 is the threshold here, too."""
    return WeighedAnswers.load(WEIGHING)


def heard(text: str) -> Mapping[str, float]:
    """The log-odds of each question about a normalised message: the highest of its parts."""
    parts = [_heard_at_once(part) for part in (text, *parts_of(text))]
    return {name: max(part[name] for part in parts) for name in parts[0]}


def _heard_at_once(text: str) -> dict[str, float]:
    answers = classifier().log_odds(as_heard(text))
    return answers | weighing().log_odds(answers)


def parts_of(text: str) -> Iterator[str]:
    """A text that is longer than ``LONGEST_AT_ONCE`` in parts of at most so many characters that overlap by half."""
    if len(text) <= LONGEST_AT_ONCE:
        return
    halves = [""]
    for clause in _clauses(text):
        if len(halves[-1]) + len(clause) > LONGEST_AT_ONCE // 2:
            halves.append("")
        halves[-1] += clause
    for first, second in pairwise(halves):
        yield first + second


def _clauses(text: str) -> Iterator[str]:
    longest = LONGEST_AT_ONCE // 2
    for clause in _CLAUSE.findall(text):
        yield from (clause[start : start + longest] for start in range(0, len(clause), longest))


def as_heard(text: str) -> str:
    """A normalised text as the classifier reads it: figures by their limits, and what is denied apart."""
    return marked(with_bands(text))


def marked(text: str) -> str:
    """A normalised text in which what a denial may be about is other characters: 没有胸痛 has no run 胸痛."""
    return "".join(map(_marked, _SCOPE_END.split(text)))


def _marked(part: str) -> str:
    denial = _DENIAL.search(part)
    if denial is None:
        return part
    return part[: denial.end()] + "".join(chr(ord(character) % _DENIED + _DENIED) for character in part[denial.end() :])
