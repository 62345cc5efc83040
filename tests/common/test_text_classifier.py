"""The classifier of texts: what it learns, what it ignores, and that a saved one judges the same."""

from pathlib import Path

import pytest

from common.text_classifier import Labels, TextClassifier, out_of_fold, runs_of, train

STOPS = ["这药可以直接停掉", "明天起就不用吃药了", "药停了就行", "自己把药停了吧", "不用再吃药了", "马上停药没事"] * 3
KEEPS = ["这药要按医嘱吃", "明天起继续按时吃药", "药不能停", "自己不要停药", "还要再吃三个月", "停药要问医生"] * 3
TEXTS = [*STOPS, *KEEPS]
LABELS: Labels = {
    "stops": [True] * 18 + [False] * 18,
    "tomorrow": ["明天" in text or None for text in TEXTS[:-1]] + [False],
}


@pytest.fixture(scope="module")
def model() -> TextClassifier:
    return train(TEXTS, LABELS)


def test_it_answers_each_question_about_texts_that_it_has_not_seen(model: TextClassifier) -> None:
    assert [model.log_odds(text)["stops"] > 0 for text in TEXTS] == LABELS["stops"]
    assert model.log_odds("降压药可以直接停掉就行")["stops"] > 0 > model.log_odds("降压药不能停，要按医嘱")["stops"]


def test_a_text_without_an_answer_is_not_learned_from(model: TextClassifier) -> None:
    assert model.log_odds("明天起")["tomorrow"] > model.log_odds("停药要问医生")["tomorrow"]


def test_runs_of_one_text_only_are_unknown() -> None:
    few = train(["停药", "停药", "三个月"], {"any": [True, False, True]})
    assert "停药" in few.runs and "三个" not in few.runs
    assert runs_of("停药") == {"停", "药", "停药", "\n", "\n停", "药\n", "\n停药", "停药\n"}


def test_a_saved_model_judges_the_same_and_its_bytes_depend_on_nothing_else(
    model: TextClassifier, tmp_path: Path
) -> None:
    model.save(tmp_path / "one")
    train(TEXTS, LABELS).save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    loaded = TextClassifier.load(tmp_path / "one")
    assert [loaded.log_odds(text) for text in TEXTS] == [model.log_odds(text) for text in TEXTS]


@pytest.mark.parametrize("text", ["", "🙂", "\ud800", "\n" * 9])
def test_any_text_has_odds(model: TextClassifier, text: str) -> None:
    assert set(model.log_odds(text)) == {"stops", "tomorrow"}


def test_a_group_is_judged_by_a_model_that_saw_none_of_it() -> None:
    texts, groups = [*TEXTS, "甲乙丙丁", "甲乙丙丁", "停药"], [*["drug"] * 36, "odd", "odd", None]
    models = out_of_fold(texts, {"stops": [*LABELS["stops"], True, True, True]}, groups, folds=2)
    assert "甲乙" in models[0].runs and "甲乙" not in models[36].runs and len(models) == 38
