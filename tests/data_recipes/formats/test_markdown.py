"""Markdown becomes headings and text without marks; lists and tables line by line."""

import pytest

from data_recipes.formats.markdown import markdown_blocks


@pytest.mark.parametrize(
    ("written", "blocks"),
    [
        ("# 一 级 #\n文。", [("一 级", 1), ("文。", 0)]),
        ("停车\n====\n文。\n\n收费\n---\n文。", [("停车", 1), ("文。", 0), ("收费", 2), ("文。", 0)]),
        ("一句话。\n---\n下一句。", [("一句话。", 0), ("下一句。", 0)]),
        ("---\ntitle: 停车\ntags:\n- 甲\n---\n# 停车\n", [("停车", 1)]),
        ("请带身份证\n和医保卡。\nWi-Fi\npassword", [("请带身份证和医保卡。Wi-Fi password", 0)]),
        ("地址：一楼。  \n电话：8123", [("地址：一楼。\n电话：8123", 0)]),
        ("**重点：**先*挂号*，见[官网](http://x.cn)、`A1`", [("重点：先挂号，见官网、A1", 0)]),
        ("- 身份证\n- **医保卡**\n", [("- 身份证\n- 医保卡", 0)]),
        ("* 先挂号，再交费\n* 取药", [("- 先挂号，再交费；\n- 取药。", 0)]),
        ("1. 挂号\n2. 带证件\n   - 身份证\n   - 医保卡", [("- （1）挂号；\n- （2）带证件：身份证、医保卡。", 0)]),
        (
            "| 车型 | 首小时 | 备注 |\n|---|---|---|\n| 小型车 | **5 元** | |\n| 大型车 | 10 元。 | 限一辆 |",
            [("- 车型：小型车，首小时：5 元。\n- 车型：大型车，首小时：10 元，备注：限一辆。", 0)],
        ),
        ("> 引文\n\n    缩进\n　　新段\n", [("引文", 0), ("缩进", 0), ("新段", 0)]),
        ("<div>甲<br>乙</div>\n\n丙<!-- 注 -->丁<br>戊", [("甲\n乙", 0), ("丙丁\n戊", 0)]),
        ("```\n# 不是标题\n```\n***\n2 * 3 = 6", [("# 不是标题", 0), ("2 * 3 = 6", 0)]),
    ],
)
def test_text_is_read_without_marks(written: str, blocks: list[tuple[str, int]]) -> None:
    assert list(markdown_blocks(written)) == blocks
