"""What an artefact without a domain is served as."""

from data_recipes.schema.manifest import Description
from domains.domain import Domain, ExampleQuestion, Notices

NOTICES = Notices(
    disclaimer="回答可能有错，仅供参考；重要内容请向可靠来源核实。",
    greeting=Description(
        zh="您好，想问什么？",
        en="What would you like to know?",
    ),
    intro=Description(
        zh="请用中文提问。模型怎样训练，就怎样回答；它不引用任何知识库。",
        en="Ask in Chinese. The model answers as it was trained; it quotes no knowledge base.",
    ),
    placeholder=Description(
        zh="请输入问题",
        en="Ask in Chinese",
    ),
    standing=Description(
        zh="回答可能有错，重要内容请自行核实。",
        en="Answers may be wrong: check what matters.",
    ),
    examples=(
        ExampleQuestion(topic=Description(zh="介绍", en="Introduction"), question="请介绍一下你自己。"),
        ExampleQuestion(topic=Description(zh="解释", en="Explanation"), question="请用一句话解释什么是光合作用。"),
    ),
)

DOMAIN = Domain(
    name="general",
    title=Description(zh="知识问答", en="questions and answers"),
    notices=NOTICES,
)
