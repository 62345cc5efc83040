"""Questions about a team's own folder: what it holds is quoted, and nothing else is known about it."""

from functools import partial

from data_recipes.schema.manifest import Description
from domains.claims.quotations import QuotationReader
from domains.documents.facts import QUESTION
from domains.documents.knowledge_base import KNOWLEDGE
from domains.documents.passage import CONTENT
from domains.documents.phrasings import NOT_GIVEN
from domains.domain import Domain, ExampleQuestion, Notices

NOTICES = Notices(
    disclaimer="回答由模型根据所给资料生成，可能有错；请以引用的原文为准。",
    no_source="资料中没有找到与这个问题对应的段落，本回答没有可核对的来源，请咨询相关人员。",
    not_found="资料中没有找到与这个问题对应的段落，无法回答。请换一种说法，或咨询相关人员。",
    small_talk={
        "greeting": "您好，请问想查什么？",
        "thanks": "不客气。还有想查的，可以随时问。",
        "goodbye": "再见。",
        "understood": "好的。还有想查的，可以接着问。",
    },
    greeting=Description(
        zh="您好，想查什么？",
        en="What would you like to look up?",
    ),
    intro=Description(
        zh="可以询问资料里写到的事情。回答附有原文，便于核对；资料里没有的，会如实说明。",
        en="Ask in Chinese about what the documents say. Answers quote them so that you can check; what they do not say"
        " is not made up.",
    ),
    placeholder=Description(
        zh="请输入问题",
        en="Ask in Chinese",
    ),
    standing=Description(
        zh="回答可能有错，请以引用的原文为准。",
        en="Answers may be wrong: the quoted text comes first.",
    ),
    examples=(
        ExampleQuestion(topic=Description(zh="时间", en="Hours"), question="什么时间可以办理？"),
        ExampleQuestion(topic=Description(zh="材料", en="Papers"), question="需要带什么材料？"),
    ),
)

DOMAIN = Domain(
    name="documents",
    title=Description(zh="资料问答", en="questions about documents"),
    notices=NOTICES,
    knowledge=KNOWLEDGE,
    quotations=partial(QuotationReader, lacking=NOT_GIVEN),
    verify="mark",
    in_english={CONTENT: "passage", QUESTION: "FAQ"},
)
