"""How a passage is asked about when nobody wrote questions for it: by its heading, or by the question it answers."""

from domains.wording import DEFINITION, Phrasebook, Wording

PASSAGE = Wording(
    answer="{items}",
    voices={
        "formal": ("{name}是怎么规定的？", "请介绍一下{name}。", "关于{name}有哪些说明？", "{name}包括哪些内容？"),
        "colloquial": ("{name}是咋回事？", "{name}要注意点啥？", "给我讲讲{name}。", "{name}咋弄？"),
        "visitor": ("我想了解{name}。", "我想问一下{name}的事。", "您好，{name}怎么办理？"),
        "short": ("{name}", "{name}说明"),
    },
    kept=("{name}有什么要求？", "能告诉我{name}吗？", "{name}方面是怎么安排的？", "想咨询一下{name}。"),
)
"""Of a passage with a heading: ``{name}`` is the heading."""

ANSWER = Wording(
    answer="{items}",
    voices={
        "as_written": ("{name}",),
        "polite": ("请问{name}", "您好，{name}", "想问一下，{name}", "麻烦问一下，{name}"),
    },
    kept=("{keywords}", "咨询：{keywords}"),
)
"""Of a question with its answer: ``{name}`` is the question, ``{keywords}`` what it consists of without 怎么, 什么 …"""

NOT_GIVEN = "所给资料没有提到这个问题的答案，请咨询工作人员。"

PHRASEBOOK = Phrasebook(
    wordings={"passage": {DEFINITION: PASSAGE}},
    pointers={"passage": ("这一条", "它")},
    unknown={},
    invented={},
    invented_answer=NOT_GIVEN,
    not_given=NOT_GIVEN,
)
