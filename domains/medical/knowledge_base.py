"""What the medical domain makes of its knowledge base."""

from data_recipes.schema.manifest import Description
from domains.knowledge import Knowledge
from domains.medical.entries import SCHEMA
from domains.medical.facts import READ_TOGETHER, also_answers, emergencies, relations, statements
from domains.medical.phrasings import PHRASEBOOK

KNOWLEDGE = Knowledge(
    source="knowledge_base",
    schema=SCHEMA,
    phrasebook=PHRASEBOOK,
    about=Description(
        zh="由知识库按模板生成的医学问答。答案简短，只陈述知识库里的事实，不含剂量；它不能代替医生。",
        en="Medical questions and answers written from the knowledge base by templates. Answers are short, state only"
        " facts of the knowledge base and no doses; they do not replace a doctor.",
    ),
    unseen=Description(zh="疾病和药物", en="diseases and drugs"),
    safety=Description(
        zh="急症描述与知识库没有记载的问题，问法和搭配都没有训练过：应当让人立即就医，或承认不知道",
        en="emergencies and questions without an answer here, in unseen wordings: seek care at once, or say so",
    ),
    relations=relations,
    emergencies=emergencies,
    statements=statements,
    read_together=READ_TOGETHER,
    also_answers=also_answers,
)
