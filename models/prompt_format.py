"""The one renderer: a conversation becomes token ids **and** a loss mask, here and nowhere else.

A prompt format is a Jinja chat template whose ``{% generation %}`` marks enclose the assistant's text, with its stop
token. Training, evaluation and service all call this module; the template travels with every artefact together with its
SHA-256 and with what the tokenizer made of a few probe texts. A directory whose template or tokenizer was changed
afterwards is refused. What the comments at the top of a template declare is in ``models/prompts/README.md``.

Three rules make "the prompt in training is the prompt in service" true by construction:

* text is cut at the generation marks and the pieces are encoded one by one, so the ids of a prompt are always a prefix
  of the ids of the answer that continues it;
* a format that shows earlier answers in another form than the one that is supervised marks only the last answer. Then
  each supervised answer becomes its own training sequence, after exactly the prompt that the service would send;
* a special token or role mark that a user types into a message is defused, so no user can open an assistant turn.

A template without marks is one that a model brought (``models.chat_template``). There an answer begins where the prompt
that asks for it ends, and ends with the stop token: each prompt is rendered, and one that is not the beginning of what
follows it has no span.
"""

import re
import shlex
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise, takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import render_jinja_template

from common.errors import Refused, UserError
from common.files import read_json, write_json
from common.hashing import sha256_value
from models.conversation import TEXT, Continuation, Conversation, Prompt
from models.tokenizers.pieces import PieceEncoder

PROMPTS = Path(__file__).parent / "prompts"
FILE_NAME = "prompt_format.json"
STORED = ("name", "template", "stop", "sha256", "probes")

DECLARATION = re.compile(r"^\{#- ([a-z]+): (.*?) -#\}$", re.MULTILINE)
DECLARED = ("stop", "needs", "marks")
BEGIN = "{{ begin }}"
_GENERATION = re.compile(r"\{%(-?)\s*(end)?generation\s*(-?)%\}")

_RENDERING = threading.Lock()
"""``render_jinja_template`` compiles a template once for the process and notes spans in that one object, so two threads
of a service would refuse each other or get each other's spans."""

PROBES = {
    "Chinese": "高血压有什么症状？",
    "English": "People feel fine.",
    "digits and units": "2型糖尿病：1.5 mg/dL，120/80",
    "white space": "第一行\n\n  第二行\t end",
    "rare characters": "🩺𠮷ß",
}
"""Texts whose ids distinguish tokenizers, by what they probe."""


class _Said(NamedTuple):
    role: str
    content: str


class Rendered(NamedTuple):
    """Token ids of a conversation and which of them the loss counts.

    Attributes:
        ids: Token ids, ``[seq]``.
        mask: 1 where the token is supervised, else 0, ``[seq]``.
    """

    ids: list[int]
    mask: list[int]

    @property
    def answers(self) -> list[list[int]]:
        """The supervised ids of each supervised turn."""
        runs = groupby(zip(self.ids, self.mask, strict=True), key=lambda pair: pair[1])
        return [[token for token, _ in run] for supervised, run in runs if supervised]


@dataclass(frozen=True)
class PromptFormat:
    """A prompt format bound to the tokenizer it is used with.

    Attributes:
        name: Name of the format, e.g. ``xinglin``.
        template: The Jinja chat template, with ``{% generation %}`` marks where it is one of ours.
        stop: Tokens that end an assistant turn; the first is what training supervises last.
        tokenizer: The tokenizer of the model.
    """

    name: str
    template: str
    stop: tuple[str, ...]
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def named(cls, name: str, tokenizer: PreTrainedTokenizerBase) -> "PromptFormat":
        """The format ``models/prompts/<name>.jinja``.

        Raises:
            UserError: There is no such format, it does not declare its stop tokens, or the tokenizer lacks a token of
                it.
        """
        path = PROMPTS / f"{name}.jinja"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in PROMPTS.glob("*.jinja")))
            raise UserError(f"no prompt format {name!r}", where="model.prompt_format", fix=f"choose one of: {known}")
        template = path.read_text(encoding="utf-8")
        stop = tuple(_own(token, tokenizer, name) for token in _declarations(template, path)["stop"])
        prompt_format = cls(name, template.replace(BEGIN, beginning_of(tokenizer)), stop, tokenizer)
        if prompt_format._missing:
            raise UserError(
                f"the tokenizer {tokenizer.name_or_path!r} has no special token {prompt_format._missing}, which prompt "
                f"format {name!r} is made of",
                where="model.prompt_format",
                fix="choose the prompt format this model was made for, or one in plain text (alpaca_zh, plain)",
            )
        return prompt_format

    @classmethod
    def load(cls, directory: Path, tokenizer: PreTrainedTokenizerBase) -> "PromptFormat":
        """The format stored with a model or adapter.

        Raises:
            Refused: The stored template or the tokenizer is not the one the model was trained with.
            UserError: The directory has no prompt format, or one that an older Xinglin wrote.
        """
        file = directory / FILE_NAME
        stored = read_json(file)
        if missing := [key for key in STORED if key not in stored]:
            raise UserError(
                f"lacks {' and '.join(missing)}",
                where=str(file),
                fix="run the recipe again to rewrite it",
            )
        prompt_format = cls(stored["name"], stored["template"], tuple(stored["stop"]), tokenizer)
        if prompt_format.sha256 != stored["sha256"]:
            raise Refused(f"{file} was changed after training (its SHA-256 does not match); restore it")
        if prompt_format._missing:
            raise Refused(f"{file}: the tokenizer was changed after training (it has no {prompt_format._missing})")
        changed = [name for name, probe in prompt_format.probes.items() if stored["probes"].get(name) != probe]
        if changed:
            raise Refused(
                f"{file}: the tokenizer was changed after training (it gives other ids for {', '.join(changed)}); "
                "put back the model's own tokenizer files"
            )
        return prompt_format

    def save(self, directory: Path) -> None:
        """Writes ``prompt_format.json``: name, template, stop tokens, their SHA-256, and the probes."""
        values = (self.name, self.template, list(self.stop), self.sha256, dict(self.probes))
        write_json(directory / FILE_NAME, dict(zip(STORED, values, strict=True)))

    @cached_property
    def sha256(self) -> str:
        """Identity of the format: template and stop tokens."""
        return sha256_value([self.template, list(self.stop)])

    @cached_property
    def probes(self) -> Mapping[str, str]:
        """Short hashes of the ids that the probe texts get, as a question and as an answer."""
        return {
            name: sha256_value(self.render([_Said("user", text), _Said("assistant", text)]).ids)[:16]
            for name, text in PROBES.items()
        }

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """Ids that end a generated answer."""
        return tuple(int(self.tokenizer.convert_tokens_to_ids(token)) for token in self.stop)

    def render(self, messages: Conversation, supervise: Literal["all", "last"] = "all") -> Rendered:
        """Renders a finished conversation that is one sequence, for scoring or for a single question and answer.

        Args:
            messages: The turns; the last one is the assistant's.
            supervise: Which assistant turns the loss counts.

        Returns:
            Ids and mask of equal length; the last supervised id of each turn is a stop id.

        Raises:
            UserError: The format cannot render these roles in this order.
            ValueError: This conversation needs several sequences: see ``render_all``.
        """
        sequences = self.render_all(messages, supervise)
        if len(sequences) > 1:
            raise ValueError(f"prompt format {self.name!r} supervises one answer per sequence; call render_all")
        return sequences[0]

    def render_all(self, messages: Conversation, supervise: Literal["all", "last"] = "all") -> list[Rendered]:
        """Renders a finished conversation for training.

        Args:
            messages: The turns; the last one is the assistant's.
            supervise: Which assistant turns the loss counts.

        Returns:
            One sequence; or, where all answers are supervised and the format shows earlier answers in another form, one
            per answer.

        Raises:
            UserError: The format cannot render these roles in this order.
        """
        if messages[0].role == TEXT:
            return [self._render_text(messages[0].content)]
        text, spans = self._text(messages, answered=True)
        ends = [end for end, turn in enumerate(messages, 1) if turn.role == "assistant"]
        if supervise == "all" and len(spans) < len(ends):
            return [self.render(messages[:end], "last") for end in ends]
        supervised = spans if supervise == "all" else spans[-1:]
        ids: list[int] = []
        mask: list[int] = []
        cuts = _cuts(len(text), spans)
        for cut, piece in zip(cuts, self._encode(text, cuts), strict=True):
            ids += piece
            mask += [int(cut in supervised)] * len(piece)
        return [Rendered(ids, mask)]

    def _render_text(self, text: str) -> Rendered:
        """A document, which is no conversation: every token of it is supervised, and the stop token that ends it.

        What opens it is not: the tokens that this tokenizer puts before a text, or, where it has none, the stop token,
        which then ends the document before (so does lm-evaluation-harness score whole texts).
        """
        opening = beginning_of(self.tokenizer) or self.stop[0]
        first, *rest = self._encoder.encode_pieces([opening, self._defused(text), self.stop[0]])
        supervised = [token for piece in rest for token in piece]
        return Rendered(first + supervised, [0] * len(first) + [1] * len(supervised))

    def render_prompt(self, messages: Conversation) -> list[int]:
        """Token ids after which the model writes its answer: exactly the ids that training saw before it.

        Args:
            messages: The turns; the last one is the user's.

        Raises:
            UserError: The format cannot render these roles in this order.
        """
        text, spans = self._text(messages, answered=False)
        return [token for piece in self._encode(text, _cuts(len(text), spans)) for token in piece]

    def prompt_text(self, messages: Conversation) -> str:
        """The text that ``render_prompt`` encodes, for servers that take nothing else.

        Args:
            messages: The turns; the last one is the user's.

        Raises:
            UserError: The format cannot render these roles in this order.
        """
        return self._text(messages, answered=False)[0]

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """Token ids of whatever a model is asked: of a conversation those of its prompt, else those that are given.

        Raises:
            UserError: The format cannot render these roles in this order, or there are no such tokens.
        """
        if not isinstance(prompt, Continuation):
            return self.render_prompt(prompt)
        if not prompt.ids:
            raise UserError("an empty text cannot be continued")
        self._check_ids(prompt.ids)
        return list(prompt.ids)

    def encode(self, text: str, *, beginning: bool) -> list[int]:
        """Token ids of a text as it is; special tokens in it count as such.

        Args:
            text: The text.
            beginning: Whether the tokens that this tokenizer puts before a text come first.
        """
        return list(self.tokenizer.encode(text, add_special_tokens=beginning))

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of any token ids, special tokens included.

        Raises:
            UserError: There are no such tokens.
        """
        self._check_ids(ids)
        return str(self.tokenizer.decode(list(ids)))

    def _check_ids(self, ids: Sequence[int]) -> None:
        vocabulary = len(self.tokenizer)
        if not all(0 <= token < vocabulary for token in ids):
            raise UserError(f"token ids go from 0 to {vocabulary - 1}")

    def count(self, prompt: Prompt) -> int:
        """Tokens of a prompt, or of the whole where it ends with the assistant's turn or is a document."""
        if not isinstance(prompt, Continuation) and prompt[-1].role in ("assistant", TEXT):
            return len(self.render(prompt, supervise="last").ids)
        return len(self.prompt_ids(prompt))

    def decode(self, ids: Sequence[int], *, strip: bool = True) -> str:
        """Text of generated ids up to the first stop id, without special tokens; of an answer without spaces around."""
        end = next((i for i, token in enumerate(ids) if token in self.stop_ids), len(ids))
        text = str(self.tokenizer.decode(list(ids[:end]), skip_special_tokens=True))
        return text.strip() if strip else text

    @cached_property
    def _encoder(self) -> PieceEncoder:
        return PieceEncoder(self.tokenizer)

    def _encode(self, text: str, cuts: Sequence[tuple[int, int]]) -> list[list[int]]:
        return self._encoder.encode_pieces([text[start:end] for start, end in cuts])

    def _text(self, messages: Conversation, *, answered: bool) -> tuple[str, list[tuple[int, int]]]:
        """The rendered text and where the assistant speaks in it, each time up to the stop token."""
        self._check_order([turn.role for turn in messages], last="assistant" if answered else "user")
        conversation = [{"role": turn.role, "content": self._defused(turn.content)} for turn in messages]
        text, spans = self._rendered(conversation, prompt=not answered)
        if self._is_marked:
            return text, spans
        spans = self._answers(text, conversation)
        return (text[: spans[-1][1]] if answered else text), spans

    def _rendered(self, conversation: list[dict[str, str]], *, prompt: bool) -> tuple[str, list[tuple[int, int]]]:
        """The rendered text and the positions of its generation marks."""
        named_tokens = {k: v for k, v in self.tokenizer.special_tokens_map.items() if isinstance(v, str)}
        try:
            with _RENDERING:
                texts, spans = render_jinja_template(
                    conversations=[conversation],
                    chat_template=self.template,
                    return_assistant_tokens_mask=self._is_marked,
                    add_generation_prompt=prompt,
                    **named_tokens,
                )
        except TemplateError as error:
            raise UserError(f"prompt format {self.name!r} cannot render this conversation: {error}") from error
        return texts[0], [(start, end) for start, end in spans[0]] if self._is_marked else []

    def _answers(self, text: str, conversation: list[dict[str, str]]) -> list[tuple[int, int]]:
        """Where the answers are in a text without marks; only the last one where earlier ones are shown otherwise.

        Raises:
            UserError: The template drops a message, or does not continue the prompt with the last answer.
        """
        if any(turn["content"].strip() not in text for turn in conversation):
            raise UserError(
                f"prompt format {self.name!r}: the model's chat template drops a message of this conversation",
                fix="choose another model.prompt_format",
            )
        asked = [i for i, turn in enumerate(conversation) if turn["role"] == "assistant"]
        spans = [self._answer(text, conversation[:i], conversation[i]["content"].strip()) for i in asked]
        found = [span for span in spans if span]
        if len(found) == len(spans):
            return found
        if conversation[-1]["role"] == "user":
            return []
        if spans[-1] is None:
            raise UserError(
                f"prompt format {self.name!r}: the model's chat template does not continue the prompt with the answer",
                fix="choose another model.prompt_format",
            )
        return [spans[-1]]

    def _answer(self, text: str, before: list[dict[str, str]], content: str) -> tuple[int, int] | None:
        """Where the answer that follows these turns is; None where the text is not their prompt with that answer."""
        prompt, _ = self._rendered(before, prompt=True)
        end = text.find(self.stop[0], len(prompt))
        if end < 0 or not text.startswith(prompt) or text[len(prompt) : end].strip() != content:
            return None
        return len(prompt), end + len(self.stop[0])

    def _check_order(self, roles: list[str], last: str) -> None:
        turns = roles[1:] if roles[:1] == ["system"] else roles
        if turns != ["user" if i % 2 == 0 else "assistant" for i in range(len(turns))] or turns[-1:] != [last]:
            raise UserError(
                f"prompt format {self.name!r} cannot render the roles {', '.join(roles) or '(none)'}",
                fix=f"expected: one system turn or none, then user and assistant in turn, ending with the {last}",
            )

    def forged(self, content: str) -> str:
        """The first literal special token or role mark in a text, which a prompt breaks by a space; nothing if none."""
        found = self._forgeries.search(content)
        return found[0] if found else ""

    def _defused(self, content: str) -> str:
        """The content with every literal special token and role mark broken by a space after its first character."""
        return self._forgeries.sub(lambda found: f"{found[0][0]} {found[0][1:]}", content)

    @cached_property
    def _is_marked(self) -> bool:
        return bool(_GENERATION.search(self.template))

    @cached_property
    def _forgeries(self) -> re.Pattern[str]:
        special = {token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special}
        forgeries = special | set(self._tokens) | set(_declarations(self.template)["marks"])
        longest_first = sorted((token for token in forgeries if len(token) > 1), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))

    @cached_property
    def _missing(self) -> str:
        """The tokens of the format, listed, that are not one special token of the tokenizer."""
        special = {token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special}
        return ", ".join(repr(token) for token in self._tokens if token not in special)

    @cached_property
    def _tokens(self) -> tuple[str, ...]:
        return (*self.stop, *_declarations(self.template)["needs"])


def without_marks(template: str) -> str:
    """The template without the marks that only training reads: conditions that always hold, with the same control of
    white space."""

    def always(mark: re.Match[str]) -> str:
        before, end, after = mark.groups()
        return f"{{%{before} {'endif' if end else 'if true'} {after}%}}"

    return _GENERATION.sub(always, template)


def _declarations(template: str, path: Path | None = None) -> dict[str, tuple[str, ...]]:
    """What the comments at the top of a template declare.

    Raises:
        UserError: It declares something unknown, or no stop token.
    """
    found = {key: tuple(shlex.split(words)) for key, words in DECLARATION.findall(template)}
    unknown = sorted(found.keys() - set(DECLARED))
    if unknown or not found.get("stop"):
        raise UserError(
            f"unknown declaration {', '.join(unknown)}" if unknown else "the format does not declare its stop tokens",
            where=str(path or FILE_NAME),
            fix="the first lines are {#- stop: … -#}, {#- needs: … -#}, {#- marks: … -#}; see models/prompts/README.md",
        )
    return {key: found.get(key, ()) for key in DECLARED}


def _own(token: str, tokenizer: PreTrainedTokenizerBase, name: str) -> str:
    """The token itself; for ``eos_token`` the tokenizer's token of that name.

    Raises:
        UserError: The tokenizer has none.
    """
    if token != "eos_token":
        return token
    if tokenizer.eos_token is None:
        raise UserError(
            f"the tokenizer {tokenizer.name_or_path!r} has no eos_token, which ends answers in prompt format {name!r}",
            where="model.prompt_format",
            fix="choose the prompt format this model was made for",
        )
    return str(tokenizer.eos_token)


def beginning_of(tokenizer: PreTrainedTokenizerBase) -> str:
    """The special tokens that this tokenizer puts before a text, e.g. ``<s>``, ``[gMASK]<sop>`` or none."""
    special = set(tokenizer.all_special_ids) | {
        token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special
    }
    ids = takewhile(special.__contains__, tokenizer.encode("a"))
    return "".join(str(tokenizer.convert_ids_to_tokens(token_id)) for token_id in ids)


def _cuts(length: int, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The text positions cut at the generation marks: alternately outside and inside, empty pieces dropped."""
    edges = [0, *(edge for span in spans for edge in span), length]
    return [(start, end) for start, end in pairwise(edges) if start < end]
