"""How a passage is asked about when nobody wrote questions for it: by its heading, or by the question it answers."""

import re

from domains.wording import DEFINITION, Phrasebook, Wording

PASSAGE = Wording(
    answer="{items}",
    voices={
        "formal": (
            "请介绍一下「{name}」。",
            "关于「{name}」，有哪些说明？",
            "「{name}」包括哪些内容？",
            "{name}是怎么说的？",
        ),
        "colloquial": (
            "{name}，能讲讲吗？",
            "给我讲讲「{name}」。",
            "关于{name}，都说了些啥？",
            "{name}，都有啥内容？",
        ),
        "visitor": ("您好，我想了解「{name}」。", "请问关于{name}，是怎么说的？", "我想问一下：{name}。"),
        "short": ("{name}", "关于{name}"),
    },
    kept=(
        "「{name}」有什么内容？",
        "能告诉我{name}是怎么说的吗？",
        "关于「{name}」，要知道些什么？",
        "想咨询一下：{name}。",
    ),
)
"""Of a passage with a heading: ``{name}`` is the heading, which may be a thing, an action or a rule."""

ANSWER = Wording(
    answer="{items}",
    voices={
        "as_written": ("{name}",),
        "polite": ("请问{name}", "您好，{name}", "想问一下，{name}", "麻烦问一下，{name}"),
    },
    kept=("{reworded}", "请教一下，{reworded}"),
)
"""Of a question with its answer: ``{name}`` is the question, ``{reworded}`` the same in other words."""

_OTHER_WORDS = {
    "什么时候": "何时",
    "为什么": "为何",
    "多长时间": "多久",
    "多久": "多长时间",
    "几点": "什么时间",
    "哪些": "什么",
    "在哪里": "在什么地方",
    "在哪儿": "在什么地方",
    "能不能": "是否能",
    "可不可以": "是否可以",
    "要不要": "是否要",
    "怎么": "如何",
    "如何": "怎么",
}
_WORDS = re.compile(f"{'|'.join(_OTHER_WORDS)}(?![样了])")


def reworded(question: str) -> str:
    """A question with other words for 怎么, 哪些 …; where it has none of them, as it is."""
    return _WORDS.sub(lambda found: _OTHER_WORDS[found[0]], question)


LEAFLET = {
    "用法用量": ("怎么吃", "怎么用", "怎么服", "怎么服用", "如何服用", "如何使用", "怎样服用", "咋吃", "用法", "用量"),
    "禁忌": ("什么人不能吃", "什么人不能用", "哪些人不能吃", "哪些人不能用", "谁不能吃"),
    "不良反应": ("有什么副作用", "有哪些副作用", "副作用"),
    "贮藏": ("怎么保存", "怎么存放", "如何保存"),
}
"""How people ask a medicine's leaflet for a section of it, whose heading is in other words."""

NOT_GIVEN = "所给资料没有提到这个问题的答案，请咨询工作人员。"

PHRASEBOOK = Phrasebook(
    wordings={"passage": {DEFINITION: PASSAGE}},
    pointers={"passage": ("这一条", "它")},
    unknown={},
    invented={},
    invented_answer=NOT_GIVEN,
    not_given=NOT_GIVEN,
)
