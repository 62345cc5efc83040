"""Prompts for image generators."""

from data_recipes.schema.manifest import Description
from domains.domain import Domain, ExampleQuestion, Notices

NOTICES = Notices(
    disclaimer="提示词由模型撰写，使用前请检查内容和参数；请勿用于侵权或违法的图像。",
    greeting=Description(
        zh="您好，想画什么？",
        en="What should be in the picture?",
    ),
    intro=Description(
        zh="用中文说出主体、场景、风格和画幅，得到一条带参数的英文提示词。",
        en="Describe subject, scene, style and format in Chinese; the answer is an English prompt with parameters.",
    ),
    placeholder=Description(
        zh="请描述画面",
        en="Describe the picture in Chinese",
    ),
    standing=Description(
        zh="使用前请检查提示词的内容和参数。",
        en="Check the prompt and its parameters before use.",
    ),
    examples=(
        ExampleQuestion(
            topic=Description(zh="人物", en="People"), question="画一个在雨中撑伞的小女孩，水彩风格，竖幅。"
        ),
        ExampleQuestion(
            topic=Description(zh="动物", en="Animals"), question="一只戴眼镜的橘猫在图书馆看书，电影感光线，横幅。"
        ),
        ExampleQuestion(
            topic=Description(zh="风景", en="Landscape"), question="雪山下的湖面，清晨的薄雾，写实摄影，宽幅。"
        ),
    ),
)

DOMAIN = Domain(
    name="image_prompts",
    title=Description(zh="图像提示词", en="image prompts"),
    notices=NOTICES,
)
