"""64-bit hashes used to compare rows: of questions, of whole rows and of runs of characters.

Everything is computed on whole columns at once. Texts are normalised as ``leakage.normalise`` describes: width and case
folded, letters and digits only; whole texts also with the signs that carry meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_recipes.leakage.normalise import (
    LATIN_BELOW,
    LATIN_PART,
    LATIN_RUN,
    RUN,
    SIGNS,
    SUPERSCRIPT,
    SUPERSCRIPTS,
    always_counts,
    folded_sign,
    normalise_with_signs,
)
from data_recipes.schema.example import GIVEN, TEXT, Role

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
        parts: The hashes of all ``LATIN_PART`` characters in runs of ``LATIN_RUN``; neighbours share all but one.
        first: For each run the place of its first part.
        end: For each run the place after its last part; runs of ``RUN`` have none.
    """

    hashes: Hashes
    rows: npt.NDArray[np.int32]
    parts: Hashes
    first: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]

    @classmethod
    def joined(cls, several: Sequence["Runs"]) -> "Runs":
        """The runs of several ones, in their order."""
        before = np.cumsum([0, *(len(runs.parts) for runs in several)]).astype(np.int32)
        return cls(
            np.concatenate([runs.hashes for runs in several]),
            np.concatenate([runs.rows for runs in several]),
            np.concatenate([runs.parts for runs in several]),
            np.concatenate([runs.first + start for runs, start in zip(several, before, strict=False)]),
            np.concatenate([runs.end + start for runs, start in zip(several, before, strict=False)]),
        )

    def taken(self, at: Numbers, rows: npt.NDArray[np.int32]) -> "Runs":
        """Some of the runs, in other rows."""
        return Runs(self.hashes[at], rows, self.parts, self.first[at], self.end[at])

    @property
    def has_parts(self) -> npt.NDArray[np.bool_]:
        """Which runs are of ``LATIN_RUN``."""
        return self.end > self.first

    def among(self, seen: npt.NDArray[np.bool_], parts_seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which runs were seen, those with parts by all of these."""
        before = np.concatenate([[0], np.cumsum(parts_seen)])
        return np.where(self.has_parts, before[self.end] - before[self.first] == self.end - self.first, seen)

    def parts_of(self, chosen: npt.NDArray[np.bool_]) -> Hashes:
        """The parts of some of the runs."""
        change = np.bincount(self.first[chosen], minlength=len(self.parts) + 1)
        change -= np.bincount(self.end[chosen], minlength=len(self.parts) + 1)
        return self.parts[np.cumsum(change)[:-1] > 0]


def mix(values: Hashes) -> Hashes:
    """Scatters numbers over all 64 bits (splitmix64)."""
    values = values + np.uint64(_ODD)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def codes(texts: pa.Array) -> Codes:
    """Normalises texts: ``normalise`` on a column.

    Args:
        texts: An array of strings without nulls.
    """
    folded = pc.utf8_normalize(texts, "NFKC")
    whole = _code_points("".join(folded.to_pylist()))
    return _kept(_lowered(whole, _letters()), _ends(folded))


def signed_codes(texts: pa.Array) -> Codes:
    """Normalises texts with the signs that carry meaning: ``normalise_with_signs`` on a column.

    Args:
        texts: An array of strings without nulls.
    """
    if pc.any(pc.match_substring_regex(texts, f"[{SUPERSCRIPTS}]")).as_py():
        texts = pc.replace_substring_regex(texts, *SUPERSCRIPT)
    folded = pc.utf8_normalize(texts, "NFKC")
    joined = "".join(f"{text}\0" for text in folded.to_pylist())  # what is beside a sign is of the same text
    ends = _ends(folded) + np.arange(1, len(folded) + 1)
    whole = _code_points(joined)
    lower = _lowered(whole, _letters_and_signs())
    signs = [place for match in SIGNS.finditer(joined) for place in range(*match.span())]
    lower[signs] = [ord(folded_sign(joined[place])) for place in signs]
    found = _kept(lower, ends)
    empty = found.lengths == 0
    if empty.any():
        in_empty = np.flatnonzero(np.repeat(empty, np.diff(ends, prepend=0)))
        lower[in_empty] = [
            ord(folded_sign(chr(code))) if code and not chr(code).isspace() else 0 for code in whole[in_empty].tolist()
        ]
        found = _kept(lower, ends)
    return found


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _ends(texts: pa.Array) -> Numbers:
    return np.cumsum(np.asarray(pc.utf8_length(texts), dtype=np.int64))


def _kept(lower: npt.NDArray[np.uint32], ends: Numbers) -> Codes:
    """The texts without the characters that do not count, which are 0."""
    places = np.flatnonzero(lower)
    return Codes(lower[places], np.searchsorted(places, ends))


def _lowered(whole: npt.NDArray[np.uint32], table: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return np.where(whole < _KNOWN, table[np.minimum(whole, _KNOWN - 1)], whole)


@cache
def _letters() -> npt.NDArray[np.uint32]:
    """For each character its lower case, and 0 where it is neither a letter nor a digit."""
    lower = [c.lower()[0] if c.isalnum() else "\0" for c in map(chr, range(_KNOWN))]  # İ alone becomes two characters
    return np.fromiter(map(ord, lower), np.uint32, _KNOWN)


@cache
def _letters_and_signs() -> npt.NDArray[np.uint32]:
    """The same with the signs that carry meaning wherever they are."""
    table = _letters().copy()
    signs = [code for code in np.flatnonzero(table == 0).tolist() if always_counts(chr(code))]
    table[signs] = [ord(folded_sign(chr(code))) for code in signs]
    return table


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
    of_latin = mostly_latin(texts)[row_of]
    found = [
        _runs_of(texts, row_of, ~of_latin, RUN),
        _runs_of(texts, row_of, of_latin, LATIN_RUN),
        _runs_of(texts, row_of, of_latin, RUN, is_latin),
    ]
    return Runs.joined(found)


def mostly_latin(texts: Codes) -> npt.NDArray[np.bool_]:
    """Which texts are mostly Latin letters and digits."""
    row_of = np.repeat(np.arange(len(texts.ends), dtype=np.int32), texts.lengths)
    return 2 * np.bincount(row_of[texts.characters < LATIN_BELOW], minlength=len(texts.ends)) > texts.lengths


def _runs_of(
    texts: Codes,
    row_of: npt.NDArray[np.int32],
    wanted: npt.NDArray[np.bool_],
    length: int,
    is_latin: npt.NDArray[np.bool_] | None = None,
) -> Runs:
    """The runs of one length in the given characters, and with ``is_latin`` only those that are mostly not Latin."""
    characters, rows = texts.characters[wanted], row_of[wanted]
    hashes = _rolling(characters, length)
    count = len(hashes)
    kept = rows[:count] == rows[length - 1 :][:count]
    if is_latin is not None:
        before = np.concatenate([[0], np.cumsum(is_latin[wanted])])
        kept &= 2 * (before[length:] - before[:-length]) < length
    places = np.flatnonzero(kept)
    if length != LATIN_RUN:
        none = np.zeros(len(places), np.int32)
        return Runs(mix(hashes[places]), rows[places], np.zeros(0, np.uint64), none, none)
    parts, number = _parts(characters, places, count)
    ends = number[places + LATIN_RUN - LATIN_PART + 1]
    return Runs(mix(hashes[places]), rows[places], parts, number[places], ends)


def _parts(characters: npt.NDArray[np.uint32], places: Numbers, count: int) -> tuple[Hashes, npt.NDArray[np.int32]]:
    """The hashes of the parts of runs, and how many are before each place."""
    further = LATIN_RUN - LATIN_PART
    change = np.bincount(places, minlength=count + further + 1)
    change[further + 1 :] -= change[: -further - 1].copy()
    needed = np.cumsum(change)[: count + further if count else 0] > 0
    parts = mix(_rolling(characters, LATIN_PART)[: len(needed)][needed])
    return parts, np.concatenate([[0], np.cumsum(needed)]).astype(np.int32)


def hashes_by_place(texts: Codes, length: int) -> tuple[Numbers, Hashes]:
    """The runs of one length in all texts: where each begins in ``characters``, and its hash as in ``run_hashes``."""
    row_of = np.repeat(np.arange(len(texts.ends), dtype=np.int32), texts.lengths)
    hashes = _rolling(texts.characters, length)
    places = np.flatnonzero(row_of[: len(hashes)] == row_of[length - 1 :][: len(hashes)])
    return places, mix(hashes[places])


def _rolling(characters: npt.NDArray[np.uint32], length: int) -> Hashes:
    """For each place but the last ones, a polynomial in the characters from there on."""
    scattered = mix(characters.astype(np.uint64))
    count = max(0, len(scattered) - length + 1)
    hashes = np.zeros(count, np.uint64)
    for offset, power in enumerate(_powers(length)):
        hashes += scattered[offset : offset + count] * power
    return hashes


def _powers(count: int) -> Hashes:
    factors = np.full(count, _ODD, np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def text_hashes(texts: pa.Array) -> Hashes:
    """One hash per text as it is, e.g. an id or a group key."""
    return whole_hashes(Codes(_code_points("".join(texts.to_pylist())), _ends(texts)))


def questions(rows: pa.Table) -> Codes:
    """What the user asks in each row, over all turns, for runs of characters."""
    texts, counts = _turns(rows, "user")
    return codes(texts).joined(counts)


@dataclass(frozen=True)
class Systems:
    """The system texts of some rows; from where on one only gives something to read (``GIVEN``), it is not counted.

    Attributes:
        hashes: One per row; 0 where there is no text.
        text_of: The number of each row's text among the different ones.
        runs: The runs of the different texts, in their order; ``rows`` are numbers of texts.
    """

    hashes: Hashes
    text_of: npt.NDArray[np.int32]
    runs: Runs

    def runs_of(self, chosen: npt.NDArray[np.int32]) -> Runs:
        """The runs in the system texts of some rows."""
        counts = np.bincount(self.runs.rows, minlength=int(self.text_of.max(initial=0)) + 1)
        texts = self.text_of[chosen]
        firsts, lengths = (np.cumsum(counts) - counts)[texts], counts[texts]
        at = np.repeat(firsts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        return self.runs.taken(at, np.repeat(chosen, lengths))


def systems(rows: pa.Table) -> Systems:
    """Hashes and runs of the system texts of some rows."""
    texts, counts = _turns(rows, "system")
    own = pc.replace_substring_regex(texts, f"(?s)(?:{'|'.join(GIVEN)}).*", "")
    place = pa.array(np.cumsum(counts) - 1, pa.int64(), mask=counts == 0)
    different = pc.fill_null(own.take(place), "").dictionary_encode()
    signed, text_of = signed_codes(different.dictionary), np.asarray(different.indices, np.int32)
    found = run_hashes(codes(different.dictionary))
    order = np.argsort(found.rows, kind="stable")
    hashes = np.where(signed.lengths > 0, whole_hashes(signed), np.uint64(0))
    return Systems(hashes[text_of], text_of, found.taken(order, found.rows[order]))


def _turns(rows: pa.Table, role: Role) -> tuple[pa.Array, Numbers]:
    """The turns of one role before the answer, and how many each row has; all of a document counts as asked."""
    messages = rows["messages"].combine_chunks()
    turns, lengths = messages.flatten(), np.asarray(pc.list_value_length(messages))
    of_role = np.array(pc.equal(turns.field("role"), role))
    of_role[np.cumsum(lengths) - 1] = False  # the answer
    if role == "user":
        of_role |= np.array(pc.equal(turns.field("role"), TEXT))
    counts = np.bincount(np.repeat(np.arange(len(messages)), lengths)[of_role], minlength=len(messages))
    return turns.field("content").filter(pa.array(of_role)), counts


def question_hashes(rows: pa.Table) -> Hashes:
    """One hash per question, with its signs and the earlier answers; in a list of options at its end any order counts.

    A published set and its copy often differ only in which option is A, and many questions are shorter than a run. The
    system turn is not part of it: whether it is one of the question, only all rows can tell (``leakage.boilerplate``).
    """
    texts, counts = _turns(rows, "user")
    hashes = whole_hashes(signed_codes(texts).joined(counts))
    listed = np.flatnonzero(np.asarray(pc.list_value_length(rows["choices"].combine_chunks())))
    numbers: list[int] = []
    stems: list[str] = []
    options: list[str] = []
    question_of: list[int] = []  # the place of its stem, for each option
    choices = rows.select(["messages", "choices"]).take(pa.array(listed, pa.int64()))
    for number, row in zip(listed.tolist(), choices.to_pylist(), strict=True):
        text = normalise_with_signs("".join(turn["content"] for turn in row["messages"] if turn["role"] == "user"))
        lettered = "".join(
            f"{letter}. {option}\n" for letter, option in zip(ascii_uppercase, row["choices"], strict=False)
        )
        if text.endswith(ending := normalise_with_signs(lettered)):
            question_of += [len(stems)] * len(row["choices"])
            numbers.append(number)
            stems.append(text.removesuffix(ending))
            options += row["choices"]
    if numbers:
        of_options = np.zeros(len(stems), np.uint64)
        np.add.at(of_options, question_of, whole_hashes(signed_codes(pa.array(options, pa.string()))))
        hashes[numbers] = mix(text_hashes(pa.array(stems, pa.string())) ^ mix(of_options))
    return _with_earlier_answers(rows, hashes)


def _with_earlier_answers(rows: pa.Table, hashes: Hashes) -> Hashes:
    """The hashes of questions that follow answers of at least a run; a shorter one (好的) holds no case."""
    said, counts = _turns(rows, "assistant")
    long = np.asarray(pc.greater_equal(pc.utf8_length(said), RUN))
    if not long.any():
        return hashes
    row_of = np.repeat(np.arange(len(counts)), counts)[long]
    counts = np.bincount(row_of, minlength=len(counts))
    earlier = whole_hashes(signed_codes(said.filter(pa.array(long))).joined(counts))
    return np.where(counts > 0, mix(hashes ^ mix(earlier)), hashes)


def row_hashes(rows: pa.Table, asked: Hashes) -> Hashes:
    """One hash per row: the question, the answer, the text it is about and the worse answer.

    Args:
        rows: The rows.
        asked: The hashes of their questions.
    """
    whole = mix(asked) ^ whole_hashes(signed_codes(_answers(rows)))
    for column in (pc.struct_field(rows["passage"], "context"), rows["rejected"]):
        texts = column.combine_chunks().fill_null("")
        if pc.any(pc.not_equal(texts, "")).as_py():
            whole = mix(whole) ^ whole_hashes(signed_codes(texts))
    return whole


def _answers(rows: pa.Table) -> pa.Array:
    """The last turn of each row."""
    messages = rows["messages"].combine_chunks()
    ends = np.cumsum(np.asarray(pc.list_value_length(messages)))
    return messages.flatten().field("content").take(pa.array(ends - 1))


def conversations(rows: pa.Table) -> pa.Array:
    """All turns of each row as one text, for near-duplicates."""
    messages = rows["messages"].combine_chunks()
    contents = pa.ListArray.from_arrays(_offsets(messages), messages.flatten().field("content"))
    return pc.binary_join(contents, "\n")


def _offsets(messages: pa.ListArray) -> pa.Array:
    lengths = np.asarray(pc.list_value_length(messages))
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
