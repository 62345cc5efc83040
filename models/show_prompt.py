"""Shows what a prompt format makes of a question and its answer: every token, its id, and whether the loss counts it.

python -m models.show_prompt model=DIR text="高血压有什么症状？" answer="头痛、头晕。"
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator

from common.command import Config, read_config, run_command
from common.errors import UserError

if TYPE_CHECKING:  # the libraries load only once the configuration is valid
    from transformers import PreTrainedTokenizerBase

    from models.prompt_format import PromptFormat, Rendered

HELP = """
Shows every token that a model is given, with its id, and which tokens training supervises.

  python -m models.show_prompt model=DIR text="高血压有什么症状？"                       what the service would send
  python -m models.show_prompt model=DIR text="…" answer="头痛、头晕。"                  what training would learn from
  python -m models.show_prompt model=DIR prompt_format=chatglm2 text="…" answer="…"      through another format
  python -m models.show_prompt model=DIR file=rows.jsonl row=3                           row 3 of a data file

Keys:
  model=DIR            a model or adapter directory with its tokenizer; no weights are loaded
  prompt_format=NAME   a file of models/prompts/; by default the stored one, else what the chat template says
  system=TEXT          a system turn before the question
  text=TEXT            the question
  answer=TEXT          the answer
  file=FILE row=N      instead of them: row N (from 1) of JSON lines with messages, or instruction, input and output
  supervise=WHICH      all (default) | last: which assistant turns the loss counts

Supervised tokens are green on a terminal and in «…» elsewhere or under NO_COLOR. "▁" is a space, "⏎" a line
break; after "/" comes the id. A format that shows earlier answers in another form gives one sequence per answer.
Exit codes: 0 done, 1 failed, 2 wrong input.
"""

GREEN, GREY, RESET = "\x1b[1;32m", "\x1b[90m", "\x1b[0m"


class ShowPromptConfig(Config):
    """The command ``models.show_prompt``.

    Attributes:
        model: A directory with a tokenizer.
        prompt_format: Name of a file in ``models/prompts/``; by default the stored one, else the model's own.
        system: A system turn before the question.
        text: The question.
        answer: The answer; without it the prompt alone is shown.
        file: JSON lines to take the conversation from instead.
        row: Which of them, from 1.
        supervise: Which assistant turns the loss counts.
    """

    as_typed: ClassVar[tuple[str, ...]] = ("system", "text", "answer", "file", "model")

    model: Path
    prompt_format: str | None = None
    system: str | None = None
    text: str | None = None
    answer: str | None = None
    file: Path | None = None
    row: int = Field(1, ge=1)
    supervise: Literal["all", "last"] = "all"

    @model_validator(mode="after")
    def _one_conversation(self) -> "ShowPromptConfig":
        if (self.text is None) == (self.file is None):
            raise ValueError("give text=… or file=…")
        if self.file is not None and (self.answer is not None or self.system is not None):
            raise ValueError("answer= and system= go with text=; a file has its own")
        return self


class TypedTurn(NamedTuple):
    """One turn of the conversation that is shown."""

    role: str
    content: str


def show(config: ShowPromptConfig, *, coloured: bool) -> str:
    """The tokens of a conversation as text for the terminal.

    Args:
        config: What to show.
        coloured: Whether to mark supervised tokens by colour; else by ``«…»``.

    Raises:
        UserError: The directory has no tokenizer, the format does not fit it, or there is no such row.
    """
    from models.loading import load_prompt_format
    from models.prompt_format import Rendered

    prompt_format = load_prompt_format(config.model, name=config.prompt_format)
    messages = _row(config.file, config.row) if config.file else _typed(config)
    if messages[-1].role == "assistant":
        sequences = prompt_format.render_all(messages, config.supervise)
    else:
        prompt = prompt_format.render_prompt(messages)
        sequences = [Rendered(prompt, [0] * len(prompt))]
    parts = [_legend(prompt_format, coloured=coloured), *_recommendation(config.model)]
    for number, sequence in enumerate(sequences, 1):
        parts += [_heading(sequence, number, len(sequences)), _tokens(prompt_format.tokenizer, sequence, coloured)]
    return "\n\n".join(parts)


def _typed(config: ShowPromptConfig) -> list[TypedTurn]:
    said = (("system", config.system), ("user", config.text), ("assistant", config.answer))
    return [TypedTurn(role, content) for role, content in said if content is not None]


def _row(file: Path, number: int) -> list[TypedTurn]:
    try:
        lines = [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(file), fix="give a file of JSON lines in UTF-8") from None
    if number > len(lines):
        raise UserError(f"there is no row {number}", where=str(file), fix=f"it has {len(lines)}; count from 1")
    try:
        return _messages(json.loads(lines[number - 1]))
    except (ValueError, KeyError, TypeError):
        raise UserError(
            "not a conversation",
            where=f"{file}, row {number}",
            fix='expected: {"messages": [{"role": "user", "content": "…"}, …]} or instruction, input and output',
        ) from None


def _messages(row: dict[str, Any]) -> list[TypedTurn]:
    """The turns of a row; instruction and input are joined by a line break, as in the data recipes."""
    if "messages" in row:
        return [TypedTurn(str(turn["role"]), str(turn["content"])) for turn in row["messages"]]
    asked = "\n".join(part for part in (row["instruction"], row.get("input", "")) if part)
    return [TypedTurn("user", asked), TypedTurn("assistant", row["output"])]


def _legend(prompt_format: "PromptFormat", *, coloured: bool) -> str:
    marks = f"{GREEN}supervised{RESET} {GREY}not supervised{RESET}" if coloured else "«supervised» not supervised"
    stops = ", ".join(f"{t}/{i}" for t, i in zip(prompt_format.stop, prompt_format.stop_ids, strict=True))
    return f"{marks}    prompt format {prompt_format.name}, stop tokens {stops}"


def _recommendation(model: Path) -> list[str]:
    """What the base's authors recommend for sampling; nothing where they do not."""
    from models.recommended import FILE_NAME, Recommended

    said = Recommended.by(model).described
    if not said:
        return []
    return [f"{FILE_NAME}: {said} (kept for other servers; here answers are greedy unless serve.sampling says else)"]


def _heading(sequence: "Rendered", number: int, count: int) -> str:
    supervised = sum(sequence.mask)
    part = f"sequence {number} of {count}: " if count > 1 else ""
    without = "" if supervised else " (the prompt alone; give answer=… to see what training learns)"
    return f"{part}{len(sequence.ids)} tokens, {supervised} supervised{without}"


def _tokens(tokenizer: "PreTrainedTokenizerBase", sequence: "Rendered", coloured: bool) -> str:
    shown = []
    for token_id, supervised in zip(sequence.ids, sequence.mask, strict=True):
        token = f"{_readable(tokenizer, token_id)}/{token_id}"
        if coloured:
            token = f"{GREEN if supervised else GREY}{token}{RESET}"
        elif supervised:
            token = f"«{token}»"
        shown.append(token)
        shown.append("\n" if "⏎" in token else " ")
    return "".join(shown).rstrip()


def _readable(tokenizer: "PreTrainedTokenizerBase", token_id: int) -> str:
    """A token in readable form; a part of a character as the tokenizer writes it."""
    raw = str(tokenizer.convert_ids_to_tokens(token_id))
    text = str(tokenizer.decode([token_id]))
    if "\ufffd" in text or text == raw.lstrip("▁"):  # the decoder removes the space before the first word
        text = raw
    text = text.replace(" ", "▁").replace("\n", "⏎").replace("\t", "⇥")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda control: f"\\x{ord(control[0]):02x}", text)


def main(arguments: list[str]) -> None:
    """Prints the requested tokens."""
    configs = read_config("show_prompt", arguments, ShowPromptConfig)
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for config in configs:
        print(show(config, coloured=coloured))


if __name__ == "__main__":
    run_command(main, HELP)
