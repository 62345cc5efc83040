from collections import Counter

import opencc
import pytest

from data_recipes.steps.names import lists
from data_recipes.steps.names.features import Joined, candidates, described
from data_recipes.steps.names.running import running_names
from data_recipes.steps.names.scores import BESIDE, weights

TEXTS = ["昨天陪刘桂芳去透析", "高血压要少吃盐", "管床的是周立新，查房时说能出院", "林淑惠護士說陳志強要轉院"]


def test_what_is_found_does_not_depend_on_the_texts_beside() -> None:
    together = running_names(TEXTS, [[]] * len(TEXTS))
    alone = {at: running_names([text], [[]]).get(0) for at, text in enumerate(TEXTS)}
    assert together == {at: names for at, names in alone.items() if names}
    found = {TEXTS[at][name.start : name.end] for at, names in together.items() for name in names}
    assert {"刘桂芳", "周立新", "林淑惠"} <= found


@pytest.mark.parametrize("text", ["我叫王建国，高血压", "我的电话，高血压有哪些症状？", "王建国"])
def test_the_last_text_may_end_with_what_could_be_a_name(text: str) -> None:
    found = [text[name.start : name.end] for name in running_names([text], [[]]).get(0, [])]
    assert found == (["王建国"] if "王建国" in text else [])


def test_a_text_may_end_with_a_name() -> None:
    assert running_names(["杜甫晚年消渴，白居易眼昏，李时珍（1518—1593）著《本草纲目》，名医叶天士"], [[]]) == {}


def test_every_feature_has_a_weight_and_every_weight_a_feature() -> None:
    joined = Joined.of(TEXTS)
    assert {*described(joined, candidates(joined)), BESIDE} == set(weights().of)


def test_traditional_characters_are_those_of_opencc() -> None:
    simplified = opencc.OpenCC("t2s").convert
    assert {old: new for old, new in lists.TRADITIONAL.items() if simplified(old) != new} == {}


@pytest.mark.parametrize("section", [lists.BEFORE, lists.AFTER])
def test_a_word_stands_in_one_list(section: dict[str, tuple[str, ...]]) -> None:
    count = Counter(word for words in section.values() for word in words)
    assert [word for word, times in count.items() if times > 1] == []
