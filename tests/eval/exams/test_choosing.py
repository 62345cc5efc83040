"""Log-probabilities of options: those of a plain loop over whole texts, whatever is shared and how it is batched."""

from pathlib import Path

import pytest

from eval.exams.choosing import choose_options
from eval.exams.published import LETTERS
from models.engines import choices
from models.engines.engine import Choice
from models.engines.local import LocalEngine, load_engine
from tests.eval.exams.test_exam import exam_of
from tests.models.test_choices import CLOSE, plain


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> LocalEngine:
    return load_engine(tiny_base)


def test_twelve_items_have_the_probabilities_of_a_plain_loop(
    engine: LocalEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "TOKENS_AT_ONCE", 600)  # several batches
    items = exam_of(folder).items
    found = {i: answer for part in choose_options(engine, items, range(12)) for i, answer in part.items()}
    for i, item in enumerate(items):
        context = engine.encode(item.context, beginning=True)
        whole = [engine.encode(item.context + text, beginning=True) for text in item.continuations]
        expected = plain(engine.model, Choice(context, [ids[len(context) :] for ids in whole]))
        assert list(found[i].options.values()) == pytest.approx(expected, abs=CLOSE)
        assert found[i].text == LETTERS[max(range(4), key=expected.__getitem__)] and found[i].kind == "options"


def test_what_does_not_fit_is_too_long_and_wrong(engine: LocalEngine, folder: Path) -> None:
    items = exam_of(folder).items[:2]
    long = items[0]._replace(context=items[0].context + "很长" * engine.context_length)
    found = {i: answer for part in choose_options(engine, [long, items[1]], [0, 1]) for i, answer in part.items()}
    assert (found[0].finish_reason, found[0].text, found[0].options) == ("too_long", "", {})
    assert found[1].options
