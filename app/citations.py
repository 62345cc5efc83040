"""What the knowledge base itself says about a question, quoted so that a reader can check the answer against it."""

import re

from pydantic import BaseModel

from domains.knowledge_base import Entry, EntryType, KnowledgeBase

DEFINITION = "定义"

# how each attribute is asked for
ASKED: dict[EntryType, dict[str, re.Pattern[str]]] = {
    "disease": {
        "症状": re.compile("症状|表现|征兆|前兆|什么感觉|会不舒服|不舒服"),
        "病因": re.compile("病因|原因|怎么引起|引起的|由什么引起|怎么得|怎么会得|为什么会|为啥|怎么来|因素"),
        "检查": re.compile("检查|化验|确诊|怎么查|查什么|查些什么|查出|做哪些项目|啥项目"),
        "治疗": re.compile("治疗|怎么治|该怎么治|咋治|能治|疗法|手术|怎么办|咋办|办法"),
        "用药": re.compile("用药|药"),
        "科室": re.compile("科室|什么科|哪个科|哪科|啥科|挂.{0,4}[科号]|找什么.{0,2}医生"),
        "并发症": re.compile("并发症|后果|后遗症|危害|引出|惹出|拖着|发展成"),
        "预防": re.compile("预防|防范|避免|怎样才能不|才能不得|远离|怕得"),
        "传染性": re.compile("传染|传给|传不传|会不会传|传上"),
        "饮食": re.compile("饮食|忌口|吃什么(?!药)|怎么吃(?!药)|能吃|不能吃|食物|吃饭|一日三餐|少吃"),
        "就医信号": re.compile(
            "就医信号|什么情况.{0,4}(就医|看医生|去医院)|时候.{0,4}(就医|看医生|去医院)|要立即就医|不能再拖|苗头|警惕"
        ),
    },
    "drug": {
        "类别": re.compile("类别|哪类|哪一类|什么类|分类"),
        "适应症": re.compile("适应症|适用|治什么|治啥|管什么|(?<!副)作用|功效|什么用|用于|适合"),
        "用法要点": re.compile("用法|怎么[吃用服]|咋[吃用]|如何[服使]用|饭前|饭后|正确使用"),
        "禁忌": re.compile("禁忌|禁用|不能[吃用碰]|慎用|能不能用|能[吃用]吗|谁不合适"),
        "不良反应": re.compile("不良反应|副作用|伤不伤|会有什么反应"),
        "相互作用": re.compile("相互作用|一起[吃用]|同时[吃用服]|同服|合用|联用|喝酒|饮酒|搭配"),
        "注意事项": re.compile("注意"),
    },
    "symptom": {
        "常见原因": re.compile("原因|怎么回事|为什么|为啥|咋回事|引起|怎么会"),
        "科室": re.compile("科室|什么科|哪个科|哪科|啥科|挂.{0,4}[科号]|找什么.{0,2}医生"),
        "护理要点": re.compile("护理|怎么办|咋办|缓解|照顾|照料|照看|怎么处理"),
        "就医信号": re.compile(
            "就医信号|什么情况.{0,4}(就医|看医生|去医院)|时候.{0,4}(就医|看医生|去医院)|要立即就医|不能再拖|苗头|警惕"
        ),
    },
    "examination": {
        "用途": re.compile("用途|有什么用|查什么|作用|目的|为什么|看什么|发现什么"),
        "注意事项": re.compile("注意|空腹|准备|憋尿"),
    },
    "department": {"诊疗范围": re.compile("诊疗范围|看什么|看哪些|哪些病|什么病|啥病")},
}


class Citation(BaseModel):
    """A statement of the knowledge base, in its own words.

    Attributes:
        id: Id of the entry.
        title: Name of the entry.
        attribute: What of the entry is quoted.
        text: The statement.
        version: First digits of the SHA-256 of the knowledge base.
    """

    id: str
    title: str
    attribute: str
    text: str
    version: str


def cite(question: str, knowledge: KnowledgeBase) -> list[Citation]:
    """Quotes what the question names and asks for; the definition where no attribute is recognised.

    Args:
        question: The question.
        knowledge: The knowledge base.
    """
    return [
        Citation(id=entry.id, title=entry.name, attribute=attribute, text=text, version=knowledge.sha256[:12])
        for entry in knowledge.find(question)
        for attribute, text in _statements(entry, question)
    ]


def _statements(entry: Entry, question: str) -> list[tuple[str, str]]:
    asked = [attribute for attribute, pattern in ASKED[entry.type].items() if pattern.search(question)]
    stated = [(attribute, "、".join(entry.attributes[attribute])) for attribute in asked if entry.attributes[attribute]]
    if not stated:
        return [(DEFINITION, f"{entry.name}是{entry.definition}。")]
    return [(attribute, f"{entry.name}的{attribute}：{items}。") for attribute, items in stated]
