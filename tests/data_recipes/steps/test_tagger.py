import numpy as np
import pytest

from data_recipes.steps import tagger

CLAUSES = ["我同事高翔得了抑郁症", "黄芪白术石斛各十克", "昨天王建国和李小红一起去了协和医院", "刘志强", "血压高"]


@pytest.mark.parametrize(
    ("clause", "names"), [(CLAUSES[0], ["高翔"]), (CLAUSES[1], []), (CLAUSES[2], ["王建国", "李小红"])]
)
def test_people_are_named_where_the_clause_names_them(clause: str, names: list[str]) -> None:
    assert [clause[start:end] for start, end in tagger.people([clause])[0]] == names


def test_what_is_found_does_not_depend_on_the_clauses_beside() -> None:
    together = tagger.people(CLAUSES * 9)
    assert together[: len(CLAUSES)] == [tagger.people([clause])[0] for clause in CLAUSES]


def test_sums_are_the_same_bits_however_many_are_computed_at_once() -> None:
    model = tagger._tagger()
    lengths = np.full(40, 8)
    inputs = model.embedding[np.random.default_rng(0).integers(0, 20_000, (8, 40))]
    together = tagger._states(inputs, lengths, model.layers[0][0])
    for count in (1, 2, 3, 7, 31):
        alone = tagger._states(inputs[:, :count], lengths[:count], model.layers[0][0])
        assert np.array_equal(alone, together[:, :count])
