"""The one renderer: a conversation becomes token ids **and** a loss mask, here and nowhere else.

A prompt format is a Jinja chat template whose ``{% generation %}`` marks enclose what the assistant says, with its stop
token. Training, evaluation and service all call this module; the template travels with every artefact together with its
SHA-256, and a directory whose template was changed afterwards is refused.

Two rules make "the prompt in training is the prompt in service" true by construction:

* text is cut at the generation marks and each piece is tokenised alone, so the ids of a prompt are always a prefix of
  the ids of the conversation that continues it;
* a special token that somebody types into a message is defused, so no user can open an assistant turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal, Protocol

from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import render_jinja_template

from common.errors import Refused, UserError
from common.files import read_json, write_json
from common.hashing import sha256_value

PROMPTS = Path(__file__).parent / "prompts"
FILE_NAME = "prompt_format.json"


class Turn(Protocol):
    """What the renderer needs of a message."""

    @property
    def role(self) -> str:
        """``system``, ``user`` or ``assistant``."""
        ...

    @property
    def content(self) -> str:
        """The text."""
        ...


@dataclass(frozen=True)
class Rendered:
    """Token ids of a conversation and which of them the loss counts.

    Attributes:
        ids: Token ids, ``[seq]``.
        mask: 1 where the token is supervised, else 0, ``[seq]``.
    """

    ids: list[int]
    mask: list[int]


@dataclass(frozen=True)
class PromptFormat:
    """A prompt format bound to the tokenizer it is used with.

    Attributes:
        name: Name of the format, e.g. ``xinglin``.
        template: The Jinja chat template, with ``{% generation %}`` marks.
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
            UserError: There is no such format, or the tokenizer lacks its stop token.
        """
        path = PROMPTS / f"{name}.jinja"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in PROMPTS.glob("*.jinja")))
            raise UserError(f"no prompt format {name!r}", where="model.prompt_format", fix=f"choose one of: {known}")
        return cls(name, path.read_text(encoding="utf-8"), (str(tokenizer.eos_token),), tokenizer)._checked()

    @classmethod
    def load(cls, directory: Path, tokenizer: PreTrainedTokenizerBase) -> "PromptFormat":
        """The format stored beside a model or adapter.

        Raises:
            Refused: The stored template is not the one the model was trained with.
            UserError: The directory has no prompt format.
        """
        stored = read_json(directory / FILE_NAME)
        prompt_format = cls(stored["name"], stored["template"], tuple(stored["stop"]), tokenizer)._checked()
        if prompt_format.sha256 != stored["sha256"]:
            raise Refused(
                f"{directory / FILE_NAME} was changed after training (its SHA-256 does not match); restore it"
            )
        return prompt_format

    def save(self, directory: Path) -> None:
        """Writes ``prompt_format.json``: name, template, stop tokens and their SHA-256."""
        stored = {"name": self.name, "template": self.template, "stop": list(self.stop), "sha256": self.sha256}
        write_json(directory / FILE_NAME, stored)

    def _checked(self) -> "PromptFormat":
        for token in self.stop:
            if self.tokenizer.convert_tokens_to_ids(token) in (None, self.tokenizer.unk_token_id):
                raise UserError(
                    f"the tokenizer has no token {token!r}, the stop token of prompt format {self.name!r}",
                    where="model.prompt_format",
                    fix="choose the prompt format this model was made for",
                )
        return self

    @cached_property
    def sha256(self) -> str:
        """Identity of the format: template and stop tokens."""
        return sha256_value([self.template, list(self.stop)])

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """Ids that end a generated answer."""
        return tuple(int(self.tokenizer.convert_tokens_to_ids(token)) for token in self.stop)

    @cached_property
    def _special_tokens(self) -> list[str]:
        added = [token.content for token in self.tokenizer.added_tokens_decoder.values()]
        return sorted({token for token in added if len(token) > 1}, key=len, reverse=True)

    def render(self, messages: Sequence[Turn], supervise: Literal["all", "last"] = "all") -> Rendered:
        """Renders a finished conversation for training or scoring.

        Args:
            messages: The turns; the last one is the assistant's.
            supervise: Which assistant turns the loss counts.

        Returns:
            Ids and mask of equal length; the last supervised id of each turn is a stop id.
        """
        text, spans = self._text(messages, add_generation_prompt=False)
        supervised = spans if supervise == "all" else spans[-1:]
        ids: list[int] = []
        mask: list[int] = []
        for start, end in _pieces(len(text), spans):
            piece = self._encode(text[start:end])
            ids += piece
            mask += [int((start, end) in supervised)] * len(piece)
        return Rendered(ids, mask)

    def render_prompt(self, messages: Sequence[Turn]) -> list[int]:
        """Token ids after which the model writes its answer: exactly the ids that training saw before it."""
        text, spans = self._text(messages, add_generation_prompt=True)
        return [token for start, end in _pieces(len(text), spans) for token in self._encode(text[start:end])]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of generated ids up to the first stop id, special tokens left out."""
        end = next((i for i, token in enumerate(ids) if token in self.stop_ids), len(ids))
        return str(self.tokenizer.decode(list(ids[:end]), skip_special_tokens=True))

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def _text(self, messages: Sequence[Turn], *, add_generation_prompt: bool) -> tuple[str, list[tuple[int, int]]]:
        conversation = [{"role": turn.role, "content": self._defused(turn.content)} for turn in messages]
        texts, spans = render_jinja_template(
            conversations=[conversation],
            chat_template=self.template,
            return_assistant_tokens_mask=True,
            add_generation_prompt=add_generation_prompt,
            **{k: v for k, v in self.tokenizer.special_tokens_map.items() if isinstance(v, str)},
        )
        return texts[0], [(start, end) for start, end in spans[0]]

    def _defused(self, content: str) -> str:
        """The content with every literal special token broken by a space after its first character."""
        for token in self._special_tokens:
            content = content.replace(token, f"{token[0]} {token[1:]}")
        return content


def _pieces(length: int, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The text positions cut at the generation marks: alternately outside and inside, empty pieces left out."""
    edges = [0, *(edge for span in spans for edge in span), length]
    return [(start, end) for start, end in pairwise(edges) if start < end]
