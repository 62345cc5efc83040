"""Special tokens of every prompt format are found in texts; HTML is none."""

import re
from pathlib import Path

import pytest

from data_recipes.formats.special_tokens import special_token, without_stop_tokens

PROMPTS = Path(__file__).resolve().parents[3] / "models/prompts"
DECLARED = re.compile(r"^\{#- (?:stop|needs): (.*?) -#\}$", re.MULTILINE)


def declared() -> set[str]:
    found = DECLARED.findall("".join(file.read_text(encoding="utf-8") for file in PROMPTS.glob("*.jinja")))
    return {token for tokens in found for token in tokens.split()} - {"eos_token"}


def test_every_token_of_the_prompt_formats_is_found_at_the_end_of_an_answer() -> None:
    assert len(declared()) > 10
    for token in declared():
        assert special_token(f"多休息。{token}") == token
        assert without_stop_tokens(f"多休息。 {token}{token}\n") == "多休息。"
        assert special_token(without_stop_tokens(f"{token}多休息。{token}")) == token


@pytest.mark.parametrize(
    "token", ["<|im_start|>", "[INST]", "<<SYS>>", "<｜Assistant｜>", "<reserved_106>", "<end_of_turn>"]
)
def test_a_token_inside_a_text_is_found_and_stays(token: str) -> None:
    text = f"多休息。{token}再问？"
    assert special_token(text) == token and without_stop_tokens(text) == text


@pytest.mark.parametrize(
    "text", ["用 <s>删除线</s> 标签即可。", "a < |b| 且 c > d", "[INS] 与 [inst]", "<strong>要</strong>"]
)
def test_what_looks_similar_is_none(text: str) -> None:
    assert special_token(text) == ""
