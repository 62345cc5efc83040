"""The same row in several wordings: a bounded number, the same ones every time, tests in wordings never trained."""

from collections import Counter

from data_recipes.dataset.dataset import BuiltDataset
from data_recipes.sources.derived.prompt_wordings import wordings
from tests.data_recipes.conftest import Made


def test_each_training_row_stands_in_so_many_different_prompts(made: Made, consultations: BuiltDataset) -> None:
    path = f"source.path={consultations.directory}"
    more = made("more", "data=multi_prompt", path, "source.factor=3")
    train = more.splits["train"]
    assert len(train) == 3 * len(consultations.splits["train"])
    assert set(Counter(example.id.split("~")[0] for example in train).values()) == {3}
    assert len({(*example.messages,) for example in train}) == len(train)
    assert {example.answer for example in train} == {example.answer for example in consultations.splits["train"]}
    assert made("again", "data=multi_prompt", path, "source.factor=3").manifest.sha256 == more.manifest.sha256


def test_every_prompt_is_used_and_tests_have_their_own(made: Made, consultations: BuiltDataset) -> None:
    more = made("more", "data=multi_prompt", f"source.path={consultations.directory}", "source.factor=8")
    used = {example.phrasing for example in more.splits["train"]}
    assert used == {prompt.name for prompt in wordings().train}
    assert {example.phrasing for example in more.splits["test_other_prompts"]} <= {p.name for p in wordings().test}
    assert [e.messages for e in more.splits["test"]] == [e.messages for e in consultations.splits["test"]]
    assert more.manifest.overlap["test"].exact == more.manifest.overlap["test_other_prompts"].exact == 0
