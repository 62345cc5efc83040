"""Answers under a JSON schema: whatever a model would say, they parse, fit, and end when they are whole."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from common.errors import UserError
from models.engines.engine import RepetitionDetection, Sampling
from models.engines.json_answers import DEEPEST, schema_text
from models.engines.local import LocalEngine, load_engine
from tests.models.asking import QUESTIONS, ask

ENTRY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "疾病": {"type": "string", "enum": ["高血压", "偏头痛", "感冒"]},
        "级别": {"type": "integer", "minimum": 1, "maximum": 3},
        "症状": {"type": "array", "items": {"type": "string", "maxLength": 8}, "minItems": 1, "maxItems": 3},
        "急": {"type": "boolean"},
    },
    "required": ["疾病", "级别", "症状", "急"],
    "additionalProperties": False,
}
SHORT: dict[str, Any] = {
    "type": "object",
    "properties": {"答": {"enum": ["是", "否", None]}},
    "required": ["答"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> LocalEngine:
    pytest.importorskip("llguidance", reason="llguidance is not installed (pip install 'xinglin[json]')")
    return load_engine(tiny_base)


def test_answers_fit_their_schemas_and_end_when_they_are_whole(engine: LocalEngine) -> None:
    drawn = Sampling(max_new_tokens=400, temperature=2.0, repetition_detection=RepetitionDetection(8, 1, 4))
    forms = [ENTRY, SHORT, ENTRY, SHORT, ENTRY, None]
    sampling = [
        replace(drawn, seed=seed, temperature=2.0 * (seed % 2), response_format=form and schema_text(form))
        for seed, form in enumerate(forms)
    ]
    sampling[2] = replace(sampling[2], repetition_penalty=1.8, frequency_penalty=1.5)
    answers = engine.generate([ask(QUESTIONS[seed % 3]) for seed in range(len(forms))], sampling)
    for form, answer in zip(forms[:-1], answers, strict=False):
        assert answer.finish_reason == "stop"
        jsonschema.validate(json.loads(answer.text), form)  # type: ignore[arg-type]
    # beside the others, a row without a schema says what it says alone
    assert answers[-1] == engine.generate([ask(QUESTIONS[2])], [sampling[-1]])[0]


def test_an_answer_that_is_cut_says_so(engine: LocalEngine) -> None:
    [answer] = engine.generate([ask("高血压")], [Sampling(max_new_tokens=3, response_format=schema_text(ENTRY))])
    assert answer.finish_reason == "length" and answer.completion_tokens == 3 and answer.text.startswith("{")


@pytest.mark.parametrize("schema", [{"type": "objekt"}, {"type": "string", "contentEncoding": 5, "if": {}}])
def test_a_schema_that_would_be_ignored_is_refused(engine: LocalEngine, schema: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="cannot be followed"):
        engine.check_schema(schema_text(schema))


def test_a_schema_has_limits() -> None:
    deep: dict[str, Any] = {}
    for _ in range(DEEPEST):
        deep = {"properties": deep}
    with pytest.raises(UserError, match="levels"):
        schema_text(deep)
    with pytest.raises(UserError, match="characters"):
        schema_text({"enum": ["长" * 20_000]})
