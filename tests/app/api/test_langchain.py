"""LangChain's client for OpenAI, in front of the service."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.app.fake_engine import ANSWER, FakeEngine
from tests.app.serving import Running

langchain = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")

QUESTION = "高血压有哪些症状？"
Chat = Callable[..., Any]


class Symptoms(BaseModel):
    """What somebody has."""

    symptoms: list[str]


@pytest.fixture
def chat(running: Running) -> Chat:
    def made(model: str = "fake-1", **settings: Any) -> Any:
        url = f"{running.url}/v1"
        return langchain.ChatOpenAI(base_url=url, api_key="none", model=model, max_retries=0, **settings)

    return made


@pytest.mark.parametrize("settings", [{}, {"max_tokens": 1024}, {"temperature": 0.7, "top_p": 0.9, "seed": 1, "n": 1}])
def test_an_answer_comes_whole_with_label_and_usage(chat: Chat, settings: dict[str, Any]) -> None:
    answer = chat(**settings).invoke(QUESTION)
    assert answer.content.startswith(ANSWER) and "由人工智能生成" in answer.content
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata["output_tokens"] == len(ANSWER)


@pytest.mark.parametrize("model", ["fake-1", "fake-1-raw"])
def test_a_stream_says_the_same_and_ends_with_usage(chat: Chat, model: str) -> None:
    client = chat(model, max_tokens=1024, stream_usage=True)
    whole, *pieces = client.invoke(QUESTION), *client.stream(QUESTION)
    streamed = pieces[0]
    for piece in pieces[1:]:
        streamed += piece
    assert len(pieces) > 3 and streamed.content == whole.content
    assert streamed.usage_metadata == whole.usage_metadata
    assert streamed.response_metadata["finish_reason"] == "stop"


def test_a_batch_is_answered_in_order(chat: Chat) -> None:
    answers = chat("fake-1-raw").batch([QUESTION, "你好", "再见"], {"max_concurrency": 3})
    assert [answer.content for answer in answers] == [ANSWER] * 3
    counted = [answer.usage_metadata["input_tokens"] for answer in answers]
    assert counted == [len(QUESTION), 2, 2]


def test_roles_and_history_arrive(chat: Chat, engine: FakeEngine) -> None:
    said = [("system", "你是医生"), ("human", QUESTION), ("ai", "头痛。"), ("human", "要空腹吗")]
    chat("fake-1-raw").invoke(said)
    [(conversation, _)] = engine.batches[-1]
    assert [turn.role for turn in conversation] == ["system", "user", "assistant", "user"]  # type: ignore[union-attr]


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
def test_structured_output_is_refused_by_name(chat: Chat, method: str) -> None:
    named = "tool" if method == "function_calling" else "response_format"
    with pytest.raises(openai.BadRequestError, match=f"{named}.* is not supported here") as refused:
        chat().with_structured_output(Symptoms, method=method).invoke(QUESTION)
    assert refused.value.code == "unsupported_parameter"


def test_embeddings_are_refused_with_a_reason(running: Running) -> None:
    client = langchain.OpenAIEmbeddings(
        base_url=f"{running.url}/v1", api_key="none", model="fake-1", check_embedding_ctx_length=False, max_retries=0
    )
    with pytest.raises(openai.NotFoundError, match="no such path"):
        client.embed_query(QUESTION)
