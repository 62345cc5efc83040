"""The chat template that a model brings decides what its prompts look like.

A probe conversation is rendered with it. Where a format of ``models/prompts/`` gives the same ids, that one is used: it
marks the answers itself. Otherwise the model's own template becomes the prompt format, once the renderer is known to
find the answers in it: each begins where the prompt before it ends, and ends with a stop token. A template for which
that does not hold is refused, with the formats that could be chosen instead.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import TemplateError
from loguru import logger
from transformers import PreTrainedTokenizerBase

from common.errors import UserError
from models.conversation import Conversation
from models.prompt_format import PROMPTS, PromptFormat, without_marks

OWN = "own"
"""Name of a prompt format that is the model's own chat template."""

FIXED_DATE = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"
"""Goes before a template that prints today's date, because the prompt of training must be that of service. This is the
date that LLaMA 3.1's template falls back to."""

KEPT = "a copy that keeps the choice: python -m models.convert model.path=DIR prompt_format=NAME out=COPY"
"""For commands that take a directory and have no key for its prompt format."""


class _Turn(NamedTuple):
    role: str
    content: str


PROBE = (
    _Turn("system", "只答一句。"),
    _Turn("user", "头痛怎么办？"),
    _Turn("assistant", "多休息。"),
    _Turn("user", "要吃药吗？"),
    _Turn("assistant", "先看医生。"),
)


class _Unfit(Exception):
    """Why a template cannot be trained on."""


def format_of_template(tokenizer: PreTrainedTokenizerBase, directory: Path) -> PromptFormat:
    """The prompt format that a tokenizer's chat template asks for.

    Args:
        tokenizer: A tokenizer with a chat template.
        directory: Where it is from, for messages.

    Raises:
        UserError: The answers in it cannot be found reliably; the message lists the formats that fit the tokenizer.
    """
    formats = list(_fitting(tokenizer))
    try:
        template = _template(tokenizer)
        wanted = _probed(tokenizer, template)
        for known in formats:
            if _ids(known, wanted.turns) == wanted.ids:
                return known
        own = _own_format(tokenizer, template)
    except (_Unfit, TemplateError) as problem:
        raise UserError(
            f"the model's chat template cannot be trained on: {problem}",
            where=str(directory),
            fix=f"choose model.prompt_format=NAME yourself: {', '.join(known.name for known in formats)}; {KEPT}",
        ) from None
    logger.info("prompt format: the model's own chat template; answers end in {}", own.stop[0])
    return own


def warn_of_another_format(chosen: PromptFormat) -> None:
    """Says so where the user chose another prompt than the model's chat template writes."""
    tokenizer = chosen.tokenizer
    if tokenizer.chat_template is None:
        return
    try:
        wanted = _probed(tokenizer, _template(tokenizer))
    except (_Unfit, TemplateError):
        return
    if _ids(chosen, wanted.turns) != wanted.ids:
        logger.warning(
            "prompt format {}, as chosen: the model's own chat template writes other prompts, which it was made for "
            "(model.prompt_format=null uses them)",
            chosen.name,
        )


class _Probed(NamedTuple):
    """The probe up to its last question, with a system turn where the template has a place for one, and its ids."""

    turns: Sequence[_Turn]
    ids: list[int]


def _template(tokenizer: PreTrainedTokenizerBase) -> str:
    """The default template of a tokenizer, which prints the same on every day.

    Raises:
        _Unfit: It has several, and none of them is the default.
    """
    try:
        template = without_marks(str(tokenizer.get_chat_template()))
    except ValueError as problem:
        raise _Unfit(str(problem)) from None
    return FIXED_DATE + template if "strftime_now" in template else template


def _fitting(tokenizer: PreTrainedTokenizerBase) -> Iterator[PromptFormat]:
    """The formats of ``models/prompts/`` whose tokens a tokenizer has."""
    for path in sorted(PROMPTS.glob("*.jinja")):
        try:
            yield PromptFormat.named(path.stem, tokenizer)
        except UserError:  # it lacks a token of this one
            continue


def _probed(tokenizer: PreTrainedTokenizerBase, template: str) -> _Probed:
    with_system, without = PROBE[:-1], PROBE[1:-1]
    try:
        text = _text(tokenizer, template, with_system, prompt=True)
        turns = with_system if PROBE[0].content in text else without
    except TemplateError:
        turns = without
    text = _text(tokenizer, template, turns, prompt=True)
    return _Probed(turns, tokenizer.encode(text, add_special_tokens=False))


def _text(tokenizer: PreTrainedTokenizerBase, template: str, turns: Sequence[_Turn], *, prompt: bool) -> str:
    """What transformers itself renders."""
    messages = [turn._asdict() for turn in turns]
    return str(
        tokenizer.apply_chat_template(
            messages, chat_template=template, add_generation_prompt=prompt, tokenize=False, return_dict=False
        )
    )


def _ids(prompt_format: PromptFormat, turns: Conversation) -> list[int]:
    """Ids of a prompt; none where the format has no place for these turns."""
    try:
        return prompt_format.render_prompt(turns)
    except UserError:
        return []


def _own_format(tokenizer: PreTrainedTokenizerBase, template: str) -> PromptFormat:
    """The template as a prompt format, tried on conversations of one and two answers.

    A system turn is not tried: many templates have no place for one, and a conversation with one is refused when it is
    rendered.

    Raises:
        _Unfit: The answers cannot be found in what it renders.
    """
    stop = _stop(tokenizer, template)
    marks = _marks(tokenizer, template)
    head = f"{{#- stop: {shlex.join(stop)} -#}}\n" + (f"{{#- marks: {shlex.join(marks)} -#}}\n" if marks else "")
    own = PromptFormat(OWN, head + template, stop, tokenizer)
    for conversation in (PROBE[1:3], PROBE[1:5]):
        _try(own, template, conversation)
    return own


def _stop(tokenizer: PreTrainedTokenizerBase, template: str) -> tuple[str, ...]:
    """The token that the template writes after an answer, and the one that ends a text.

    Raises:
        _Unfit: It writes none, or does not continue the prompt with the answer alone.
    """
    question, answer = PROBE[1], PROBE[2]
    prompt = _text(tokenizer, template, [question], prompt=True)
    text = _text(tokenizer, template, [question, answer], prompt=False)
    if not text.startswith(prompt):
        raise _Unfit("the prompt that it writes is not the beginning of what it writes with the answer")
    before, found, after = text.removeprefix(prompt).partition(answer.content)
    if before.strip() or not found:
        raise _Unfit(f"it writes {before.strip()[:40]!r} between the prompt and the answer")
    special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    stop = max((token for token in special if after.lstrip().startswith(token)), key=len, default=None)
    if stop is None:
        raise _Unfit("it writes no special token after an answer, so a model would not learn to stop")
    return tuple(dict.fromkeys((stop, *(token for token in [tokenizer.eos_token] if token in special))))


def _marks(tokenizer: PreTrainedTokenizerBase, template: str) -> list[str]:
    """What users could type to open a turn: tokens that are not special, and role marks in plain words."""
    text = _text(tokenizer, template, PROBE[1:5], prompt=False)
    added = [token for token in tokenizer.added_tokens_decoder.values() if token.content in text]
    plain = [token.content for token in added if not token.special]
    between = re.split("|".join(re.escape(turn.content) for turn in PROBE), text)[1:-1]
    words = [part.strip() for part in between if not any(token.content in part for token in added)]
    return list(dict.fromkeys(mark for mark in (*plain, *words) if len(mark) > 1 and "\n" not in mark))


def _try(own: PromptFormat, template: str, conversation: Sequence[_Turn]) -> None:
    """Renders a conversation and compares it with what transformers makes of it.

    Raises:
        _Unfit: Other ids, or the supervised tokens are not the answers with their stop token.
    """
    tokenizer, prompt = own.tokenizer, conversation[:-1]
    try:
        sequences, ids = own.render_all(conversation), own.render_prompt(prompt)
        _ = own.probes  # they are stored with a result, so they must not fail after training
    except UserError as problem:
        raise _Unfit(str(problem)) from None
    if ids != tokenizer.encode(_text(tokenizer, template, prompt, prompt=True), add_special_tokens=False):
        raise _Unfit("its tokenizer joins the end of a prompt with the beginning of the answer")
    answers = [answer for sequence in sequences for answer in sequence.answers]
    said = [turn.content for turn in conversation if turn.role == "assistant"]
    if [own.decode(answer) for answer in answers] != said or any(a[-1] != own.stop_ids[0] for a in answers):
        raise _Unfit("what it writes for an answer is not the answer with a stop token")
    if sequences[-1].ids[: len(ids)] != ids:
        raise _Unfit("a prompt is not the beginning of the conversation that answers it")
