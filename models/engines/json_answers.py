"""Answers in JSON: at every token, only what a JSON schema allows next may be chosen (llguidance).

JSON is written without blanks between its parts, so a small model cannot fill its answer with them, and characters are
written as they are, without ``\\u``: half a surrogate pair would be no text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from common.errors import UserError

if TYPE_CHECKING:
    import llguidance

DEEPEST, LONGEST = 16, 20_000
"""Levels and characters of a schema."""
PROBE = '{"高":"a 1"}'
WRITTEN = {"whitespace_flexible": False, "json_allowed_escapes": 'nrbtf\\"'}


class JsonAnswers:
    """Writes JSON with one tokenizer.

    Args:
        tokenizer: The tokenizer.
        vocabulary: Tokens that the model has logits for.
        stop_ids: Tokens that end an answer.

    Raises:
        UserError: llguidance is not installed, or misreads the tokenizer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int, stop_ids: Sequence[int]) -> None:
        self._library = _llguidance()
        self._tokens = self._library.LLTokenizer(_continuing(tokenizer), n_vocab=vocabulary, eos_token=list(stop_ids))
        if self._tokens.decode_bytes(self._tokens.tokenize_str(PROBE)) != PROBE.encode():
            raise UserError("no JSON can be written with this tokenizer: its tokens do not make up their text")

    def check(self, schema: str) -> None:
        """Refuses a schema that no answer can be held to.

        Raises:
            UserError: It is no JSON schema, or has keywords that would be ignored.
        """
        if problem := self._matcher(schema).get_error():
            raise UserError(f"the JSON schema cannot be followed: {problem.splitlines()[0]}")

    def follow(self, schema: str) -> "JsonAnswer":
        """A new answer."""
        return JsonAnswer(self._matcher(schema))

    def _matcher(self, schema: str) -> "llguidance.LLMatcher":
        grammar = self._library.LLMatcher.grammar_from_json_schema(schema, overrides=WRITTEN)
        return self._library.LLMatcher(self._tokens, grammar, log_level=0)


class JsonAnswer:
    """Follows one answer through its schema.

    Args:
        matcher: At its beginning.
    """

    def __init__(self, matcher: "llguidance.LLMatcher") -> None:
        self._matcher = matcher

    def allowed(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits ``[vocabulary]`` of which only the tokens that may come next are left."""
        may_come = torch.from_numpy(np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) > 0)
        self._check()
        return logits.masked_fill(~may_come.to(logits.device), -torch.inf)

    def is_whole_with(self, token: int) -> bool:
        """Adds a token, and says whether nothing can follow it."""
        self._matcher.consume_token(token)
        self._check()
        return bool(self._matcher.is_stopped())

    def _check(self) -> None:
        if self._matcher.is_error():  # its message may have what was said
            raise RuntimeError("the schema became too complex while the answer was written")


def _continuing(tokenizer: PreTrainedTokenizerBase) -> str:
    """The tokenizer as llguidance reads it, without the blank that SentencePiece puts before a text.

    llguidance asks for the tokens of what must come next, in the middle of a text. It drops that blank where it is a
    ``Prepend``; ours is none where user-defined symbols must be spared (``models/tokenizers/conversion.py``).
    """
    stored = json.loads(tokenizer.backend_tokenizer.to_str())
    stored["truncation"] = stored["padding"] = None
    if (normalizer := stored["normalizer"]) and normalizer["type"] == "Sequence":
        steps = normalizer["normalizers"]
        kept = [step for step in steps if not step.get("pattern", {}).get("Regex", "").startswith(r"\A")]
        normalizer["normalizers"] = kept
    return json.dumps(stored)


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as ``Sampling.response_format`` has it.

    Raises:
        UserError: It is too long or too deep.
    """
    if _depth(schema) > DEEPEST:
        raise UserError(f"a JSON schema may have at most {DEEPEST} levels")
    if len(text := json.dumps(schema, ensure_ascii=False)) > LONGEST:
        raise UserError(f"a JSON schema may have at most {LONGEST} characters")
    return text


def _depth(value: Any) -> int:
    """Levels of a JSON value, up to one more than are allowed."""
    levels, level = 0, [value]
    while level and levels <= DEEPEST:
        levels += 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return levels


def _llguidance() -> Any:
    try:
        import llguidance  # an extra
    except ImportError:
        raise UserError("answers in JSON need llguidance", fix='pip install "xinglin[json]"') from None
    return llguidance
