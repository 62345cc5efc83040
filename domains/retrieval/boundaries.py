"""Whether a name in a question is only a part of a longer one that is not there: 贫血 in 地中海贫血."""

import re
from collections.abc import Container

from domains.retrieval.names import Mention
from domains.retrieval.normalise import HAN
from domains.retrieval.wording import AFTER_A_WORD, BEFORE_A_NAME

_HAN = re.compile(f"[{HAN}]")
_WHOLE = re.compile("[药病类剂症炎癌科检查]$")  # what ends so is continued by another word


def is_part_of_longer(text: str, mention: Mention, said: Container[str]) -> bool:
    """Whether what stands beside a name may belong to it.

    Args:
        text: The normalised question.
        mention: The name.
        said: Pairs of characters that stand side by side in the knowledge base.
    """
    broader = mention.meanings[0].kind == "broader"
    before, after = text[mention.start - 1 : mention.start], text[mention.end : mention.end + 1]
    if _HAN.match(before) and before not in BEFORE_A_NAME and (broader or before + mention.word[0] not in said):
        return True
    if not broader or _WHOLE.search(mention.word):
        return False
    if re.match("[a-z0-9]", after):
        return True
    following = re.match(f"[{HAN}]{{2}}", text[mention.end :])
    return following is not None and not AFTER_A_WORD & set(following[0])
