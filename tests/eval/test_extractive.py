"""EM and F1 of extracted answers, and the threshold that is chosen on dev."""

import pytest

from data_recipes.schema.example import Example, Message, Passage
from eval.answers import ModelAnswer
from eval.extractive import NO_ANSWER, choose_threshold, silent
from eval.scoring import measure
from models.reader import Reading
from tests.eval.conftest import public_metric


def squad(prediction: str, *references: str) -> tuple[float, float, float]:
    result = public_metric("squad_zh_en").compute(predictions=[prediction], references=[list(references)])
    assert str(result["signature"]).startswith("squad_zh_en|")
    return result["exact_scores"][0], result["f1_scores"][0], result["either_scores"][0]


@pytest.mark.parametrize(
    ("prediction", "references", "exact", "f1"),
    [
        ("the Sound is great!", ["Sound is great"], 1, 1),  # articles, case and punctuation do not count
        ("sound quality is great", ["the sound is really great"], 0, 2 * 3 / (4 + 4)),
        ("great great", ["great"], 0, 2 * 1 / (2 + 1)),  # a word counts as often as the reference has it
        ("bad", ["great", "is bad"], 0, 2 * 1 / (1 + 2)),  # the best reference
        ("", ["great"], 0, 0),
        ("great", ["Not mentioned."], 0, 0),
        ("", ["Not mentioned."], 1, 1),
        ("Not mentioned.", [""], 1, 1),
        ("没有提到", [""], 1, 1),
        ("没有发热", ["无发热"], 0, 2 * 2 / (4 + 3)),  # Chinese by characters
        ("ＡＣＥ抑制剂", ["ACE 抑制剂。"], 1, 1),  # width
        ("用ACE抑制剂", ["ACE抑制剂"], 0, 2 * 4 / (5 + 4)),  # a Latin word between characters is one token
    ],
)
def test_golden_values(prediction: str, references: list[str], exact: float, f1: float) -> None:
    assert squad(prediction, *references)[:2] == (exact, pytest.approx(f1))


def test_no_answer_of_one_annotator_counts_only_for_either() -> None:
    assert squad("", "great", "Not mentioned.") == (0, 0, 1)
    assert squad("great", "great", "Not mentioned.") == (1, 1, 1)
    assert squad("bad", "great", "Not mentioned.") == (0, 0, 0)


def item(name: str, answer: str, *others: str) -> Example:
    context = "The sound is great, the screen is dim."
    spans = tuple((context.index(a), context.index(a) + len(a)) for a in (answer, *others) if a != NO_ANSWER)
    return Example(
        id=name,
        messages=(Message(role="user", content=name), Message(role="assistant", content=answer)),
        source="test",
        group=name,
        kind="subjective",
        behaviour="answer" if spans else "refuse",
        references=others,
        passage=Passage(context=context, question=name, spans=spans),
    )


def test_threshold_is_the_margin_with_the_best_f1() -> None:
    examples = [item("a", "great"), item("b", "dim"), item("c", NO_ANSWER), item("d", NO_ANSWER)]
    found = [Reading("great", 0, 5, 3.0), Reading("dim", 0, 3, 1.0), Reading("x", 0, 1, 0.5), Reading("x", 0, 1, -2.0)]
    chosen = choose_threshold(found, examples)
    assert (chosen.f1, chosen.exact) == (1.0, 1.0) and 0.5 <= chosen.margin < 1.0


def test_threshold_may_always_or_never_answer() -> None:
    right, wrong = Reading("great", 0, 5, 1.0), Reading("screen", 0, 6, 9.0)
    assert choose_threshold([right], [item("a", "great")]).margin < 1.0
    never = choose_threshold([wrong, wrong], [item("a", NO_ANSWER), item("b", NO_ANSWER)])
    assert never.margin >= 9.0 and never.f1 == 1.0


def test_report_scores_answerable_and_unanswerable_apart() -> None:
    examples = [item("a", "great"), item("b", "dim", NO_ANSWER), item("c", NO_ANSWER)]
    texts = ["great", NO_ANSWER, NO_ANSWER]
    answers = [ModelAnswer(text=text) for text in texts]
    found = {name: m.scores for name, m in measure(examples, answers).items()}
    assert found["span_f1"] == (1, 0, 1) and found["span_exact"] == (1, 0, 1)
    assert found["span_f1_answerable"] == (1, 0) and found["span_unanswerable"] == (1,)
    assert found["span_f1_either"] == (1, 1, 1)
    assert not {"refusal", "over_refusal", "bleu_zh", "loss_per_token"} & set(found)


def test_the_baseline_is_right_exactly_where_there_is_no_answer() -> None:
    examples = [item("a", "great"), item("c", NO_ANSWER)]
    scores = measure(examples, silent({"test": examples}).answers["test"])["span_f1"].scores
    assert scores == (0, 1)
