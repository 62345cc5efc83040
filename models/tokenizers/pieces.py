"""Encodes a rendered conversation piece by piece, so that the ids of the pieces are those of the whole.

SentencePiece puts a dummy prefix (``▁``) before every *text*. The original ChatGLM, Baichuan 1 and LLaMA-2 code encodes
the text between two special tokens as one text, so each gets its own ``▁``. The renderer, however, also cuts where the
assistant's part begins and ends, which may be in the middle of a text: ``…答：`` + answer in ChatGLM2, ``[/INST]`` +
answer in LLaMA-2. Encoded alone, such a piece would get a ``▁`` that the whole does not have.

Here a piece gets its ``▁`` at the beginning of the conversation and after a special token, nowhere else. Any further
``▁`` that a format needs is an ordinary space in its template. For the original ids:

* ChatGLM2: the P-Tuning trainer encodes the answer on its own, with a ``▁``: the template writes ``答：`` and, inside
  the generation marks, a space, the answer, ``</s>``. Earlier rounds are one text with their answers, without a space
  and without ``</s>``; so only the last answer is marked, and earlier ones, having no stop token, are not supervised.
* ChatGLM3: ``<|user|>``, line break, one space, content.
* Baichuan: nothing; each message follows its role token.
* LLaMA-2: the answer is written with the space that follows ``[/INST]``.

Prefix consistency follows: the ids of a piece depend on what precedes it only by "does a special token end there".
A token that takes the white space after it (``rstrip``, in Phi-3) takes that of the next piece, too.
Only a merge across a cut in the middle of a text could differ from the text encoded whole, as with every tokenizer.
Tokenizers without a dummy prefix (Baichuan2, byte-level BPE) encode every piece as is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from transformers import PreTrainedTokenizerBase

from models.tokenizers.sentencepiece import SPACE

_ANCHOR = "\uffff"
"""A character that is not text: it is in no vocabulary, so it becomes bytes that never merge with what follows."""


@dataclass(frozen=True)
class PieceEncoder:
    """Encodes pieces of rendered text, special tokens included, without adding any.

    Attributes:
        tokenizer: The tokenizer of the model.
    """

    tokenizer: PreTrainedTokenizerBase

    def encode_pieces(self, pieces: Sequence[str]) -> list[list[int]]:
        """Ids of consecutive pieces of one rendered conversation.

        Args:
            pieces: The text cut at the generation marks, in order, none empty.

        Returns:
            Ids of each piece; concatenated they are the ids of the whole text.
        """
        encoded: list[list[int]] = []
        starts = True
        takes_space = False
        for piece in pieces:
            text = piece.lstrip() if takes_space else piece
            encoded.append(self.encode_piece(text, starts_segment=starts))
            starts = self._ends_special(text)
            takes_space = text.endswith(self._takers)
        return encoded

    def encode_piece(self, text: str, *, starts_segment: bool) -> list[int]:
        """Ids of one piece.

        Args:
            text: The piece.
            starts_segment: Whether it opens the conversation or follows a special token; else it continues a text and
                gets no dummy prefix.
        """
        if not self._has_dummy_prefix:
            return self._plain(text)
        ids: list[int] = []
        for i, part in enumerate(self._special.split(text)):
            if i % 2:
                ids.append(int(self.tokenizer.convert_tokens_to_ids(part.strip())))
            elif part:
                ids += self._segment(part, prefixed=starts_segment if i == 0 else self._prefixes_after_special)
        return ids

    def _segment(self, text: str, *, prefixed: bool) -> list[int]:
        """Ids of a text without special tokens."""
        if not prefixed:
            return self._plain(_ANCHOR + text)[len(self._anchor_ids) :]
        ids = self._plain(text)
        # a text that is just one user-defined piece comes without its prefix
        return [*self._anchor_ids[:1], *ids] if text in self._symbols else ids

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _ends_special(self, text: str) -> bool:
        return self._prefixes_after_special and self._special.split(text)[-1] == ""

    @cached_property
    def _anchor_ids(self) -> list[int]:
        return self._plain(_ANCHOR)

    @cached_property
    def _has_dummy_prefix(self) -> bool:
        return bool(self.tokenizer.convert_ids_to_tokens(self._anchor_ids[0]) == SPACE)

    @cached_property
    def _prefixes_after_special(self) -> bool:
        """Whether a text after a special token gets its own dummy prefix (not in newer LLaMA-2 files)."""
        return self._plain(f"{self.tokenizer.eos_token}{_ANCHOR}")[1:] == self._anchor_ids

    @cached_property
    def _special(self) -> re.Pattern[str]:
        tokens = [token for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        longest_first = sorted(tokens, key=lambda token: len(token.content), reverse=True)
        space = {True: r"\s*", False: ""}
        spaced = (space[token.lstrip] + re.escape(token.content) + space[token.rstrip] for token in longest_first)
        return re.compile(f"({'|'.join(spaced)})")

    @cached_property
    def _takers(self) -> tuple[str, ...]:
        """The tokens that take the white space after them."""
        return tuple(token.content for token in self.tokenizer.added_tokens_decoder.values() if token.rstrip)

    @cached_property
    def _symbols(self) -> set[str]:
        added = self.tokenizer.added_tokens_decoder.values()
        return {token.content for token in added if not token.special and token.normalized}
