"""Tokens in vLLM's format."""

from typing import Any

import httpx
import pytest


def test_a_text_becomes_tokens_and_a_text_again(standing: httpx.Client) -> None:
    tokens = standing.post("/tokenize", json={"prompt": "血压", "add_special_tokens": False}).json()
    assert tokens == {"count": 2, "max_model_len": 1000, "tokens": [34880, 21387], "token_strs": None}
    assert standing.post("/detokenize", json={"tokens": tokens["tokens"]}).json() == {"prompt": "血压"}


def test_messages_become_the_tokens_of_their_prompt(standing: httpx.Client) -> None:
    body = {"model": "fake-1-raw", "messages": [{"role": "user", "content": "血压"}], "return_token_strs": True}
    tokens = standing.post("/tokenize", json=body).json()
    assert (tokens["tokens"], tokens["token_strs"]) == ([34880, 21387], ["血", "压"])


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "body"),
        ({"prompt": "a", "messages": [{"role": "user", "content": "a"}]}, 400, "body"),
        ({"prompt": "a", "model": "fake-1"}, 404, "model"),
        ({"prompt": "a", "add_generation_prompt": False}, 400, "add_generation_prompt"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    standing: httpx.Client, body: dict[str, Any], status: int, param: str
) -> None:
    response = standing.post("/tokenize", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
