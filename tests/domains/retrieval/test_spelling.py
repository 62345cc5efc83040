import pytest

from domains.retrieval.names import Meaning
from domains.retrieval.spelling import Spelling, near

MEANT = ("高血压", "胃癌", "阿莫西林", "下消化道出血", "慢性支气管炎", "药物性皮炎", "酒精性肝炎", "慢性阻塞性肺疾病")


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    meanings = {name: (Meaning(name, "name"),) for name in MEANT}
    return Spelling({**meanings, "病理": (Meaning("病理", "lay"),)})


def found(spelling: Spelling, text: str) -> set[str]:
    return {mention.meanings[0].id for mention in spelling.candidates(text)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("高血鸭怎么办", "高血压"),
        ("为癌的表现", "胃癌"),
        ("阿莫西琳", "阿莫西林"),
        ("阿莫西宁", "阿莫西林"),  # of a near sound
        ("amoxilin", "阿莫西林"),
        ("慢性阻塞肺疾病", "慢性阻塞性肺疾病"),
        ("慢性阻寨性肺疾病", "慢性阻塞性肺疾病"),
    ],
)
def test_a_misspelt_name_is_found(spelling: Spelling, text: str, name: str) -> None:
    assert found(spelling, text) == {name}


@pytest.mark.parametrize(
    "text",
    [
        "上消化道出血",  # its opposite
        "急性支气管炎",
        "胰腺癌",  # no misspelt 胰腺炎
        "药物性肝炎",  # another thing, made of known words
        "高血压怎么",  # the name itself is not misspelt, nor are common words part of it
        "病历丢了",  # a short word of the lexicon sounds like too much else
        "喂饭",
        "amo",
    ],
)
def test_what_is_another_word_is_not(spelling: Spelling, text: str) -> None:
    assert found(spelling, text) == set()


def test_sounds_that_many_do_not_tell_apart_are_one() -> None:
    assert near("zhang") == near("zan") and near("niu") == near("liu") and near("ning") == near("lin")
    assert near("gao") != near("kao") and near("hu") != near("fu")
