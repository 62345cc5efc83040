"""What a learned classifier hears in a message: an emergency, danger to oneself, a request to prescribe.

The safety rules know signs and name them; they do not know every way to say one, nor when it is a story, a figure of
speech, past or over. The classifier was trained on labelled messages (``python -m domains.medical.train_messages``).
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from common.text_classifier import TextClassifier
from domains.safety_rules import normalised

WEIGHTS = Path(__file__).parent / "messages.npz"
EMERGENCY, SELF_HARM, PRESCRIPTION = "emergency", "self_harm", "prescription"
LONGEST_AT_ONCE = 60
"""Characters of a message that is judged as a whole only; a longer one may hide an emergency in a sentence."""

_CLAUSE = re.compile("[^。,!?;\n]*[。,!?;\n]*")
_DENIAL = re.compile("没有?|无|未|不|否认|别|从来|并非")
_SCOPE_END = re.compile("([。,!?;\n]|但|却|可是|不过|只是|就是)")
_DENIED = 0x20000  # added to the code of a denied character, so that its runs are others


@cache
def classifier() -> TextClassifier:
    """The weights that ship."""
    return TextClassifier.load(WEIGHTS)


def heard(text: str, model: TextClassifier | None = None) -> dict[str, float]:
    """The log-odds of each question about a message, the highest of its parts."""
    model = model or classifier()
    whole = normalised(text)
    parts = [model.log_odds(marked(part)) for part in {whole, *windows(whole)}]
    return {name: max(part[name] for part in parts) for name in model.outputs}


def windows(text: str) -> Iterator[str]:
    """Overlapping parts of a long text that begin with a clause, up to ``LONGEST_AT_ONCE`` characters each."""
    if len(text) <= LONGEST_AT_ONCE:
        return
    clauses = [found.group()[at : at + LONGEST_AT_ONCE] for found in _CLAUSE.finditer(text) for at in range(0, len(found.group()), LONGEST_AT_ONCE)]
    for first in range(len(clauses)):
        window = ""
        for clause in clauses[first:]:
            if len(window) + len(clause) > LONGEST_AT_ONCE:
                break
            window += clause
        yield window


def marked(text: str) -> str:
    """A normalised text with everything that a denial may be about made distinct: 没有胸痛 has no run of 胸痛."""
    return "".join(map(_marked_part, _SCOPE_END.split(text)))


def _marked_part(part: str) -> str:
    denial = _DENIAL.search(part)
    if denial is None:
        return part
    return part[: denial.end()] + "".join(chr(ord(character) + _DENIED) for character in part[denial.end() :])
