"""How questions are compared: by runs of letters and digits, and as a whole with the signs that carry meaning.

A run has no signs, so that a copy is found whatever its punctuation and its way to write a formula. Equal are
only questions with the same signs: ``3+5`` and ``3-5``, ``1.5`` and ``15``, ``HBsAg(+)`` and ``(-)`` are not.
"""

import re
import unicodedata

from data_recipes.schema.example import Example

RUN = 13  # characters; the length that GPT-3 and later evaluation harnesses settled on, there in words
LATIN_RUN = 60  # characters of a text in Latin letters: about 13 English words; any two texts share 13 letters
LATIN_PART = 48  # characters; fingerprints know a run of Latin letters by its 13 parts
RUN_TOLD = (
    f"{RUN} 字（拉丁字母为主处为 {LATIN_RUN} 字符）",
    f"{RUN} characters ({LATIN_RUN} where most are Latin letters)",
)
LATIN_BELOW = 0x250  # digits and the letters of western languages

DASHES = "-‐‒–—−~"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ"
SUPERSCRIPT = (f"([0-9)])([{SUPERSCRIPTS}])", r"\1^\2")
"""A power is a sign that NFKC would drop: 10³ is not 103."""
SIGNS = re.compile(  # of a text after NFKC; begins with the signs themselves, so that a search skips all else
    rf"""
    [{DASHES}.·:、,/*|&_@\\\#=!()\[\]{{}}]
    (?: (?<=[0-9],)               (?=[0-9]) (?![0-9]{{3}}(?![0-9]))       # 选1,2; not 1,000
      | (?<=[0-9][:、])           (?=[0-9])                             # 1:2
      | (?<=[0-9][.·]) [.·]*      (?=[0-9])                             # 1.5, 7÷3=2……1
      | (?<=[0-9)][{DASHES}])     (?=[0-9(]|[a-z](?![A-Za-z]))          # 3-5, 2-x, (a)-(b)
      | (?<=[0-9a-z)]\ [{DASHES}]) (?=\ [0-9a-z(])                      # 3 - 5
      | (?<=(?<![A-Za-z])[a-z][{DASHES}]) (?=[0-9(]|[a-z](?![A-Za-z]))  # x-5, x-y; not B-12, X-ray, IL-6
      | (?<![A-Za-z0-9)].) (?<=[{DASHES}]) (?=[0-9])                    # -5
      | (?<=[A-Za-z(\[][{DASHES}]) (?![{DASHES}\w])                     # HBsAg-, (-); not Rh-阴性
      | (?<=[A-Za-z0-9)][/*|&_@\\]) \*? (?=[A-Za-z0-9(])                # mg/kg, 2**3
      | (?<=[A-Za-z0-9)]\ [/*|&_@\\]) (?=\ [A-Za-z0-9(])               # 3 * 5
      | (?<=[A-Za-z]\#)           (?![A-Za-z0-9])                       # C#
      | (?<==)                    (?=\s?[\w(\[+\-√=<>])                # x=5; not 3+5=?
      | (?<=!)                    (?:(?==)|(?<=[0-9a-z)].)(?=\s?[+×÷*/^-]))  # a!=b, 5!+3!
      | (?<=[+×÷*/^√-]\()                                               # 3×(1+2)
      | (?<=\))                   (?=\s?[+×÷*/^-])                      # (1+2)×3
      | (?<=\}}\{{)                                                      # \frac{{1}}{{23}}
      | (?<=[0-9][()\[\]{{}}])    (?=[0-9]) )                            # 2(3+4)
    """,
    re.VERBOSE,
)
"""Signs that carry meaning where they are; ``always_counts`` names those that do anywhere."""

SIGN_ALONE = "[\u2600-\u27bf\U0001f000-\U0001faff]|^\\s*\\W?[√×÷+<>=≤≥≠±]\\W?\\s*$"
"""An emoji, or one sign and nothing else: √ says that a statement is true, > compares. For ``re`` and for Arrow."""

_SIGN_ALONE = re.compile(SIGN_ALONE)
_SAME_SIGN = dict.fromkeys(DASHES, "-") | {"、": ",", "*": "×", "·": ".", "⩽": "≤", "⩾": "≥"}


def normalise(text: str) -> str:
    """Folds width and case and drops punctuation, symbols and spaces."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def normalise_with_signs(text: str) -> str:
    """The same, with the signs that carry meaning; a text without letters, digits and such signs is its characters."""
    folded = unicodedata.normalize("NFKC", re.sub(*SUPERSCRIPT, text))
    places = {place for found in SIGNS.finditer(folded) for place in range(*found.span())}
    kept = [c for place, c in enumerate(folded) if place in places or always_counts(c)]
    return "".join(map(folded_sign, kept or "".join(folded.split())))


def always_counts(character: str) -> bool:
    """Whether a character counts wherever it is: letters, digits, vowel signs, and ``+ < > × ÷ ≤ % ° ↑`` and others."""
    if character in "%‰°^€£¥♀♂":
        return True
    category = unicodedata.category(character)
    if category == "Sm":
        return character not in "|=−~"
    is_variation = "\ufe00" <= character <= "\ufe0f"  # of an emoji
    return character.isalnum() or (category in ("Mn", "Mc") and not is_variation)


def folded_sign(character: str) -> str:
    """Its lower case, or the one sign for those that mean the same."""
    return _SAME_SIGN.get(character) or character.lower()[0]  # İ alone would become two characters


def says_something(text: str) -> bool:
    """Whether a text has a letter, a digit or an emoji, or is one sign that is an answer."""
    return any(map(str.isalnum, text)) or _SIGN_ALONE.search(text) is not None


def question(example: Example) -> str:
    """What the user asked, over all turns, normalised."""
    return normalise("".join(message.content for message in example.messages if message.role == "user"))


def runs(text: str, length: int) -> set[str]:
    """The runs of characters of a normalised text; none where it is shorter."""
    return {text[i : i + length] for i in range(len(text) - length + 1)}
