"""A vocabulary with more tokens: byte-pair encoding goes on from the merges that a tokenizer has.

A new token joins two that are there, and its merge comes after all others. What the old merges make of a text is
therefore as before; only then are neighbours joined further. So a new token stands for exactly the old ones that it
replaces, and its embedding can start as their mean.
"""

import codecs
import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, NamedTuple

from tokenizers import Encoding, Tokenizer, decoders
from transformers import PreTrainedTokenizerBase

from common.errors import UserError
from models.tokenizers.sentencepiece import SPACE

LONGEST = 8
"""Most characters of a token that is learned."""
NO_LETTERS = re.compile(f"{SPACE}|<0x[0-9A-F]{{2}}>")
"""In pieces of SentencePiece: what opens a text, and a byte of a character that it does not know."""
AT_ONCE = 1000
"""Texts that are encoded at a time."""
SHOWN = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
HIDDEN = (byte for byte in range(0x100) if byte not in SHOWN)
SIGNS = {chr(byte): byte for byte in SHOWN} | {chr(0x100 + place): byte for place, byte in enumerate(HIDDEN)}
"""The byte that each sign of a byte-level tokenizer stands for (GPT-2's ``bytes_to_unicode``)."""


class TokenMerge(NamedTuple):
    """Two tokens that become one."""

    left: str
    right: str

    @property
    def joined(self) -> str:
        """The new token."""
        return self.left + self.right


def backend_of(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """What encodes, of a tokenizer that can be extended.

    Raises:
        UserError: It joins no pieces, or marks where words begin or end by other means than the pieces themselves.
    """
    backend: Tokenizer | None = getattr(tokenizer, "backend_tokenizer", None)
    model = json.loads(backend.to_str())["model"] if backend else {"type": "slow"}
    marks = model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    if backend is None or model["type"] != "BPE" or marks:
        kind = f"{model['type']} with {marks!r} on its pieces" if marks else model["type"]
        raise UserError(
            f"a tokenizer of the kind {kind} ({type(tokenizer).__name__}) cannot be extended: only byte-pair encoding"
            " goes on from what it has",
            where="vocabulary",
            fix="leave vocabulary out, or choose a model with byte-pair encoding (Qwen, LLaMA, Baichuan, ChatGLM)",
        )
    return backend


def learned(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], count: int, min_count: int) -> list[TokenMerge]:
    """The merges that byte-pair encoding would learn next from some texts.

    Only letters are joined (Chinese characters are letters), to tokens of at most ``LONGEST`` characters.

    Args:
        tokenizer: Where it goes on.
        texts: What it learns from.
        count: How many it learns at most.
        min_count: How often the texts must have a pair.

    Raises:
        UserError: The tokenizer cannot be extended.
    """
    backend = backend_of(tokenizer)
    in_bytes = isinstance(backend.decoder, decoders.ByteLevel)
    words = _TokenRuns(_runs(backend, texts), known=set(tokenizer.get_vocab()), in_bytes=in_bytes)
    found: list[TokenMerge] = []
    while len(found) < count and (merge := words.best(min_count)):
        words.join(merge)
        found.append(merge)
    return found


def joining(tokenizer: PreTrainedTokenizerBase, words: Iterable[str]) -> list[TokenMerge]:
    """The merges that make each word one token, from left to right; what is joined on the way becomes a token, too.

    Raises:
        UserError: The tokenizer cannot be extended.
    """
    backend, known = backend_of(tokenizer), set(tokenizer.get_vocab())
    found: dict[str, TokenMerge] = {}
    for word in words:
        left, *rest = _pieces(backend, word, found)
        for right in rest:
            merge = TokenMerge(left, right)
            if merge.joined not in known:
                found.setdefault(merge.joined, merge)
            left = merge.joined
    return list(found.values())


def extended(tokenizer: PreTrainedTokenizerBase, merges: Sequence[TokenMerge]) -> Tokenizer:
    """What encodes with these merges, too; new tokens have the ids after all others, in their order.

    Raises:
        UserError: The tokenizer cannot be extended.
    """
    said: dict[str, Any] = json.loads(backend_of(tokenizer).to_str())
    # added tokens are found by the model from now on, or they would get the ids that follow the new ones
    vocabulary = {token["content"]: token["id"] for token in said["added_tokens"]} | said["model"]["vocab"]
    first = max(vocabulary.values()) + 1
    vocabulary |= {merge.joined: first + place for place, merge in enumerate(merges)}
    said["model"]["vocab"] = vocabulary
    said["model"]["merges"] = [*said["model"]["merges"], *map(list, merges)]
    return Tokenizer.from_str(json.dumps(said))


def replaced(tokenizer: PreTrainedTokenizerBase, merges: Sequence[TokenMerge]) -> list[list[int]]:
    """For each merge the ids of the old tokens that its new token stands for."""
    ids = {token: [id] for token, id in tokenizer.get_vocab().items()}
    found = []
    for merge in merges:
        ids[merge.joined] = [*ids[merge.left], *ids[merge.right]]
        found.append(ids[merge.joined])
    return found


def _encoded(piece: str, in_bytes: bool) -> bytes:
    """A piece in UTF-8; pieces of a byte-level tokenizer have a sign for each byte."""
    return bytes(map(SIGNS.__getitem__, piece)) if in_bytes else piece.encode()


def _runs(backend: Tokenizer, texts: Iterable[str]) -> Counter[tuple[str, ...]]:
    """Pieces of letters in a row that nothing keeps apart, counted."""
    added = {token.content for token in backend.get_added_tokens_decoder().values()}
    runs: Counter[tuple[str, ...]] = Counter()
    remaining = iter(texts)
    while batch := list(islice(remaining, AT_ONCE)):
        for text, encoding in zip(batch, backend.encode_batch(batch, add_special_tokens=False), strict=True):
            runs.update(_runs_of(text, encoding, added))
    return runs


def _runs_of(text: str, encoding: Encoding, added: Container[str]) -> Iterator[tuple[str, ...]]:
    run: list[str] = []
    before: int | None = None
    for token, word, (start, end) in zip(encoding.tokens, encoding.word_ids, encoding.offsets, strict=True):
        joins = text[start:end].isalpha() and token not in added and not NO_LETTERS.search(token)
        if run and not (joins and word == before):
            yield tuple(run)
            run = []
        if joins:
            run.append(token)
        before = word
    if run:
        yield tuple(run)


class _TokenRuns:
    """Runs of tokens in which pairs are joined, the most frequent first; of equal ones the first in their order."""

    def __init__(self, runs: Counter[tuple[str, ...]], known: set[str], in_bytes: bool) -> None:
        self.runs = [list(run) for run in runs]
        self.counts = list(runs.values())
        self.known, self.in_bytes = known, in_bytes
        self.pairs: Counter[TokenMerge] = Counter()
        self.places: defaultdict[TokenMerge, set[int]] = defaultdict(set)
        for place in range(len(self.runs)):
            self._count(place, 1)
        self.queue = [(-count, pair) for pair, count in self.pairs.items()]
        heapq.heapify(self.queue)

    def best(self, min_count: int) -> TokenMerge | None:
        """The most frequent pair that makes a new word; none where all are rarer than ``min_count``."""
        while self.queue:
            count, pair = heapq.heappop(self.queue)
            if -count != self.pairs[pair]:  # it was counted again since
                continue
            if -count < min_count:
                return None
            if pair.joined not in self.known and self._is_good(pair):
                return pair
        return None

    def _is_good(self, pair: TokenMerge) -> bool:
        """Whether a pair is a word that is not too long, or the beginning of one character: never a word and a part."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            text = decoder.decode(_encoded(pair.joined, self.in_bytes))
        except UnicodeDecodeError:  # it begins in the middle of a character
            return False
        pending, _ = decoder.getstate()
        return len(text) <= LONGEST and bool(text) != bool(pending)

    def join(self, pair: TokenMerge) -> None:
        """Joins a pair wherever it is, and counts the pairs that it is part of then."""
        self.known.add(pair.joined)
        changed: set[TokenMerge] = set()
        for place in sorted(self.places[pair]):
            changed |= self._count(place, -1)
            self.runs[place] = _joined(self.runs[place], pair)
            changed |= self._count(place, 1)
        for other in changed:
            if self.pairs[other] > 0:
                heapq.heappush(self.queue, (-self.pairs[other], other))

    def _count(self, place: int, sign: int) -> set[TokenMerge]:
        pairs = [TokenMerge(*pair) for pair in pairwise(self.runs[place])]
        for pair in pairs:
            self.pairs[pair] += sign * self.counts[place]
            if sign > 0:
                self.places[pair].add(place)
            else:
                self.places[pair].discard(place)
        return set(pairs)


def _joined(run: Sequence[str], pair: TokenMerge) -> list[str]:
    found: list[str] = []
    for token in run:
        if found and (found[-1], token) == pair:
            found[-1] = pair.joined
        else:
            found.append(token)
    return found


def _pieces(backend: Tokenizer, word: str, merges: dict[str, TokenMerge]) -> Iterator[str]:
    """The tokens of a word in the middle of a text, with the merges so far."""
    pieces = backend.encode(word, add_special_tokens=False).tokens
    if len(pieces) > 1 and pieces[0] == SPACE:  # what opens a text is no part of the word
        pieces = pieces[1:]
    for merge in merges.values():
        pieces = _joined(pieces, merge)
    return iter(pieces)
