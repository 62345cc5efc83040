"""Whether a name in a question is only a part of a longer one that is not there: 贫血 in 地中海贫血."""

import logging
import re
from collections.abc import Container

import jieba
import jieba.posseg

from domains.retrieval.names import Mention
from domains.retrieval.normalise import HAN
from domains.retrieval.wording import ACTS_ON_A_NAME, AFTER_A_WORD, BEFORE_A_NAME

_HAN = re.compile(f"[{HAN}]")
_WHOLE = re.compile("[药病类剂症炎癌科检查]$")  # what ends so is continued by another word
_NO_PART_OF_A_NAME = (
    "v",
    "d",
    "p",
    "r",
    "c",
    "u",
    "t",
    "ad",
    "z",
)  # jieba's tags: verbs, adverbs, prepositions, pronouns …
_COUNTED = re.compile("[一二两三四五六七八九十几半每]+[包盒瓶片粒颗支袋圈块次天年月回场只]$")
_LOOKED_BACK = 8  # characters; words are shorter

jieba.setLogLevel(logging.WARNING)


def is_part_of_longer(text: str, mention: Mention, said: Container[str]) -> bool:
    """Whether what stands beside a name may belong to it.

    Args:
        text: The normalised question.
        mention: The name.
        said: Pairs of characters that stand side by side in the knowledge base.
    """
    broader = mention.meanings[0].kind == "broader"
    before, after = text[mention.start - 1 : mention.start], text[mention.end : mention.end + 1]
    unsaid = broader or before + mention.word[0] not in said
    if _HAN.match(before) and unsaid and not _ends_before_a_name(text[: mention.start]):
        return True
    if not broader or _WHOLE.search(mention.word):
        return False
    if re.match("[a-z0-9]", after):
        return True
    following = re.match(f"[{HAN}]{{2}}", text[mention.end :])
    return following is not None and not AFTER_A_WORD & set(following[0])


def _ends_before_a_name(text: str) -> bool:
    """Whether no name begins with the last word of a text: 解释 in 解释麦粒肿, unlike 地中海 in 地中海贫血."""
    if text[-1] in BEFORE_A_NAME:
        return True
    words = jieba.posseg.lcut(text[-_LOOKED_BACK:], HMM=False)
    last = words[-1]
    if len(last.word) == 1:
        return False
    return bool(_COUNTED.match(last.word)) or last.word in ACTS_ON_A_NAME or last.flag.startswith(_NO_PART_OF_A_NAME)
