"""Prompt ensembles, with a scripted model that misreads some phrasings."""

from collections.abc import Sequence

import pytest

from common.command import read_config
from common.errors import UserError
from common.hashing import sha256_text
from eval.answers import ModelAnswer
from eval.config import EvalConfig, SuiteConfig
from eval.solving import solve_together
from eval.suites import solving
from strategies.prompt_ensemble import TEMPLATES
from strategies.strategy import ModelCall
from strategies.voting import elected_or_central
from tests.eval.conftest import example

ITEMS = [example(f"s-{n}", f"{n}+{n + 3}等于几？", f"答案：{2 * n + 3}", result=str(2 * n + 3)) for n in range(40)]


class Reader:
    """Adds rightly, and misreads a prompt in one of three cases, which depends on every character of it."""

    def ask(self, requests: Sequence[ModelCall]) -> list[ModelAnswer]:
        return [ModelAnswer(text=self.says(request.messages[-1].content)) for request in requests]

    @staticmethod
    def says(text: str) -> str:
        [item] = [one for one in ITEMS if one.prompt[0].content in text]
        chance = int(sha256_text(text)[:8], 16)
        return f"答案：{int(item.result) + (chance % 7 + 1 if chance % 3 == 0 else 0)}"


def right(strategy: object) -> int:
    config = SuiteConfig.model_validate({"name": "x", "strategy": strategy})
    answers = solve_together([solving(item, config) for item in ITEMS], Reader().ask)
    assert {answer.calls for answer in answers} == {1 if strategy == "zero_shot" else len(TEMPLATES)}
    return sum(answer.text == f"答案：{item.result}" for answer, item in zip(answers, ITEMS, strict=True))


def test_phrasings_outvote_the_one_that_misleads() -> None:
    plain, ensemble = right("zero_shot"), right("prompt_ensemble")
    assert plain < ensemble


def test_templates_are_the_users_own() -> None:
    words = ["suite.strategy.name=prompt_ensemble", "suite.strategy.templates=['{question}','问：{question}']"]
    [config] = read_config("eval", [*words, "model=x", "out=y"], EvalConfig)
    requests = next(solving(ITEMS[0], config.suite))
    assert [one.messages[-1].content for one in requests] == ["0+3等于几？", "问：0+3等于几？"]
    with pytest.raises(UserError, match="once"):
        read_config(
            "eval", [words[0], "suite.strategy.templates=['{question}','问：']", "model=x", "out=y"], EvalConfig
        )


@pytest.mark.parametrize(
    ("said", "elected"),
    [
        (["答案：8", "答案：7元", "3加4，答案：七"], "答案：7元"),  # the same quantity twice
        (["头痛、头晕", "咳嗽、发热", "头痛、心悸"], "头痛、头晕"),  # nearest to the two others
        (["咳嗽", "头痛、头晕、心悸", "头痛、头晕"], "头痛、头晕、心悸"),
        (["", "头痛", ""], "头痛"),
    ],
)
def test_free_texts_elect_the_one_that_is_most_like_the_others(said: list[str], elected: str) -> None:
    assert elected_or_central([ModelAnswer(text=text) for text in said], options=False).text == elected
