"""How a rules file writes its phrases."""

import pytest

from domains.phrases import Phrases, pattern_of, with_words


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("胸…痛", "胸一阵阵痛", True),
        ("胸…痛", "胸口一阵一阵地痛", False),
        ("胸……痛", "胸口一阵一阵地痛", True),
        ("胸……痛", "胸口不痛", False),
        ("胸……痛", "胸闷,头痛", False),
        ("(左|右)手(都|)麻", "右手麻", True),
        ("(左|右)手(都|)麻", "左手都麻", True),
        ("血氧…<90", "血氧只有85", True),
        ("血氧…<90", "血氧98", False),
        ("血氧…<90", "血氧98吸氧3升", False),
        ("血糖…<3", "血糖2.9", True),
        ("血糖…<3", "血糖13", False),
        ("血糖…≥30", "血糖30", True),
        ("血糖…≥30", "血糖29.9", False),
        ("≥10片", "三十多片", True),
        ("≥10片", "十来片", True),
        ("≥10片", "三片", False),
        ("≥15分钟", "四十分钟", True),
        ("≥15分钟", "十四分钟", False),
        ("<4个月", "三个月", True),
        ("<4个月", "十三个月", False),
        ("#度", "几十度", True),
    ],
)
def test_what_a_phrase_matches(phrase: str, text: str, found: bool) -> None:
    assert (pattern_of((phrase,)).search(text) is not None) == found
    phrases = Phrases((phrase, "与此无关"))
    assert (phrases.search(text) is not None) == found


def test_a_match_begins_with_one_of_the_heads() -> None:
    assert Phrases(("胸…痛", "(左|(右|两))手麻", "(很|)痛")).heads == {"胸", "左", "右", "两", "很", "痛"}
    assert "" in Phrases(("≥10片",)).heads


def test_words_stand_for_their_lists() -> None:
    data = {"words": {"疼": ["疼", "痛"], "胸疼": ["胸(疼)"]}, "rules": [{"all": [["(胸疼)了", "(左|右)"]]}]}
    assert with_words(data)["rules"] == [{"all": [["(胸(疼|痛))了", "(左|右)"]]}]


@pytest.mark.parametrize(("phrase", "message"), [("(疼)了", "no words called 疼"), ("(左|右", "parenthesis")])
def test_a_wrong_phrase_is_refused(phrase: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_words({"rules": [{"all": [[phrase]]}]})
