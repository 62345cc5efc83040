"""64-bit hashes used to compare rows: of questions, of whole rows and of runs of characters.

Everything is computed on whole columns at once. Texts are normalised as ``leakage.normalise`` describes: width and case
folded, letters and digits only.
"""

from dataclasses import dataclass
from functools import cache
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_recipes.leakage.normalise import LATIN_BELOW, LATIN_RUN, RUN, normalise

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

_KNOWN = 0x30000  # characters beyond these planes are taken as they are
_ODD = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Codes:
    """Normalised texts, all in one array.

    Attributes:
        characters: The remaining characters, one text after another.
        ends: Where each text ends in ``characters``.
    """

    characters: npt.NDArray[np.uint32]
    ends: Numbers

    @property
    def lengths(self) -> Numbers:
        """Characters of each text."""
        return np.diff(self.ends, prepend=0)

    def joined(self, counts: Numbers) -> "Codes":
        """Joins every so many neighbouring texts into one."""
        return Codes(self.characters, np.concatenate([[0], self.ends])[np.cumsum(counts)])


@dataclass(frozen=True)
class Runs:
    """The runs of characters by which two questions are known to share text.

    A text that is mostly Latin letters and digits has runs of ``LATIN_RUN`` characters, and of ``RUN`` where the run is
    mostly not Latin: a Chinese problem full of formulas. Every other text has runs of ``RUN``.


    Attributes:
        hashes: One for each run.
        rows: Which text it is in.
    """

    hashes: Hashes
    rows: npt.NDArray[np.int32]


def mix(values: Hashes) -> Hashes:
    """Scatters numbers over all 64 bits (splitmix64)."""
    values = values + np.uint64(_ODD)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def codes(texts: pa.Array) -> Codes:
    """Normalises texts.

    Args:
        texts: An array of strings without nulls.
    """
    folded = pc.utf8_normalize(texts, "NFKC")
    lengths = np.asarray(pc.utf8_length(folded), dtype=np.int64)
    whole = np.frombuffer("".join(folded.to_pylist()).encode("utf-32-le", "surrogatepass"), np.uint32)
    table = _folding()
    lower = np.where(whole < _KNOWN, table[np.minimum(whole, _KNOWN - 1)], whole)
    kept = lower != 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return Codes(lower[kept], before[np.cumsum(lengths)])


@cache
def _folding() -> npt.NDArray[np.uint32]:
    """For each character its lower case, and 0 where it is neither a letter nor a digit."""
    lower = [c.lower()[0] if c.isalnum() else "\0" for c in map(chr, range(_KNOWN))]  # İ alone becomes two characters
    return np.fromiter(map(ord, lower), np.uint32, _KNOWN)


def whole_hashes(texts: Codes) -> Hashes:
    """One hash per text: a polynomial in the scattered characters, modulo 2^64."""
    starts, lengths = texts.ends - texts.lengths, texts.lengths
    place = np.arange(len(texts.characters)) - np.repeat(starts, lengths)
    powers = _powers(int(lengths.max(initial=0)))
    terms = mix(texts.characters.astype(np.uint64)) * powers[place]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return mix((sums[texts.ends] - sums[starts]) ^ lengths.astype(np.uint64))


def run_hashes(texts: Codes) -> Runs:
    """One hash per run, see ``Runs``; none for a shorter text."""
    row_of = np.repeat(np.arange(len(texts.ends), dtype=np.int32), texts.lengths)
    is_latin = texts.characters < LATIN_BELOW
    latin = 2 * np.bincount(row_of[is_latin], minlength=len(texts.ends)) > texts.lengths
    of_latin = latin[row_of]
    found = [
        _runs_of(texts, row_of, ~of_latin, RUN),
        _runs_of(texts, row_of, of_latin, LATIN_RUN),
        _runs_of(texts, row_of, of_latin, RUN, is_latin),
    ]
    return Runs(np.concatenate([runs.hashes for runs in found]), np.concatenate([runs.rows for runs in found]))


def _runs_of(
    texts: Codes,
    row_of: npt.NDArray[np.int32],
    wanted: npt.NDArray[np.bool_],
    length: int,
    is_latin: npt.NDArray[np.bool_] | None = None,
) -> Runs:
    """The runs of one length in the given characters, and with ``is_latin`` only those that are mostly not Latin."""
    rows, scattered = row_of[wanted], mix(texts.characters[wanted].astype(np.uint64))
    count = max(0, len(scattered) - length + 1)
    hashes = np.zeros(count, np.uint64)
    for offset, power in enumerate(_powers(length)):
        hashes += scattered[offset : offset + count] * power
    kept = rows[:count] == rows[length - 1 :][:count]
    if is_latin is not None:
        before = np.concatenate([[0], np.cumsum(is_latin[wanted])])
        kept &= 2 * (before[length:] - before[:-length]) < length
    return Runs(mix(hashes[kept]), rows[:count][kept])


def _powers(count: int) -> Hashes:
    factors = np.full(count, _ODD, np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def text_hashes(texts: pa.Array) -> Hashes:
    """One hash per text as it is, e.g. an id or a group key."""
    lengths = np.asarray(pc.utf8_length(texts), dtype=np.int64)
    whole = np.frombuffer("".join(texts.to_pylist()).encode("utf-32-le", "surrogatepass"), np.uint32)
    return whole_hashes(Codes(whole, np.cumsum(lengths)))


def questions(rows: pa.Table) -> Codes:
    """What the user asks in each row, over all turns."""
    messages = rows["messages"].combine_chunks()
    turns = messages.flatten()
    asked = np.asarray(pc.equal(turns.field("role"), "user"))
    row_of = np.repeat(np.arange(len(messages)), np.asarray(pc.list_value_length(messages)))
    counts = np.bincount(row_of[asked], minlength=len(messages))
    return codes(turns.field("content").filter(pa.array(asked))).joined(counts)


def question_hashes(rows: pa.Table, asked: Codes) -> Hashes:
    """One hash per question; where it ends in a list of options, their order does not count.

    A published set and its copy often differ only in which option is A, and many questions are shorter than a run.

    Args:
        rows: The rows.
        asked: Their ``questions``.
    """
    hashes = whole_hashes(asked)
    listed = np.flatnonzero(np.asarray(pc.list_value_length(rows["choices"].combine_chunks())))
    numbers: list[int] = []
    stems: list[str] = []
    options: list[str] = []
    question_of: list[int] = []  # the place of its stem, for each option
    choices = rows.select(["messages", "choices"]).take(pa.array(listed, pa.int64()))
    for number, row in zip(listed.tolist(), choices.to_pylist(), strict=True):
        text = normalise("".join(turn["content"] for turn in row["messages"] if turn["role"] == "user"))
        lettered = "".join(f"{letter}{option}" for letter, option in zip(ascii_uppercase, row["choices"], strict=False))
        if text.endswith(ending := normalise(lettered)):
            question_of += [len(stems)] * len(row["choices"])
            numbers.append(number)
            stems.append(text.removesuffix(ending))
            options += row["choices"]
    if numbers:
        of_options = np.zeros(len(stems), np.uint64)
        np.add.at(of_options, question_of, whole_hashes(codes(pa.array(options, pa.string()))))
        hashes[numbers] = mix(whole_hashes(codes(pa.array(stems, pa.string()))) ^ mix(of_options))
    return hashes


def row_hashes(rows: pa.Table, asked: Hashes) -> Hashes:
    """One hash per row: the question, the answer, the text it is about and the worse answer.

    Args:
        rows: The rows.
        asked: The hashes of their questions.
    """
    whole = mix(asked) ^ whole_hashes(answers(rows))
    for column in (pc.struct_field(rows["passage"], "context"), rows["rejected"]):
        texts = column.combine_chunks().fill_null("")
        if pc.any(pc.not_equal(texts, "")).as_py():
            whole = mix(whole) ^ whole_hashes(codes(texts))
    return whole


def answers(rows: pa.Table) -> Codes:
    """The last turn of each row."""
    messages = rows["messages"].combine_chunks()
    ends = np.cumsum(np.asarray(pc.list_value_length(messages)))
    return codes(messages.flatten().field("content").take(pa.array(ends - 1)))


def conversations(rows: pa.Table) -> pa.Array:
    """All turns of each row as one text, for near-duplicates."""
    messages = rows["messages"].combine_chunks()
    contents = pa.ListArray.from_arrays(_offsets(messages), messages.flatten().field("content"))
    return pc.binary_join(contents, "\n")


def _offsets(messages: pa.ListArray) -> pa.Array:
    lengths = np.asarray(pc.list_value_length(messages))
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
