"""The lists of ``lists.yaml``, which says what each is."""

from collections.abc import Mapping
from pathlib import Path

import yaml

_READ = yaml.load(Path(__file__).with_suffix(".yaml").read_text("utf-8"), yaml.CSafeLoader)


def _characters(text: str) -> str:
    return "".join(text.split())


def _words(section: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(text.split()) for name, text in section.items()}


USUAL_SURNAMES = _characters(_READ["surnames"]["usual"])
SURNAMES_AND_WORDS = _characters(_READ["surnames"]["also_words"])
RARE_SURNAMES = _characters(_READ["surnames"]["rare"])
SURNAMES = USUAL_SURNAMES + SURNAMES_AND_WORDS + RARE_SURNAMES
DOUBLE_SURNAMES = tuple(_READ["surnames"]["double"].split())
USUAL_GIVEN = _characters(_READ["given"]["usual"])
NEVER_GIVEN = frozenset(_characters(_READ["given"]["never"]))
PARTS = tuple(word for name, words in _words(_READ["parts"]).items() if name != "sounds" for word in words)
SOUNDS = _characters(_READ["parts"]["sounds"])
BEFORE = _words(_READ["before"])
AFTER = _words(_READ["after"])
MEDICINE_ENDS = _characters(_READ["medicine_ends"])
LABELS = tuple(_READ["labels"].split())
NOT_FILLED_IN = frozenset(_READ["not_filled_in"].split())
ADDRESS = tuple(_READ["address"].split())
WORDS = tuple(_READ["words"].split())
ABROAD = tuple(_READ["abroad"].split())
FAMOUS = tuple(_READ["famous"].split())
PINYIN_SURNAMES = frozenset(_READ["pinyin_surnames"].split())
TRADITIONAL = {pair[0]: pair[1] for pair in _READ["traditional"].split()}
