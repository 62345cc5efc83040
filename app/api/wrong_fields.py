"""What is wrong with the fields of a request, in Chinese and English; never with what they hold."""

from collections.abc import Mapping, Sequence
from typing import Any

BOTH = " · "
"""Divides a message in Chinese from the same in English."""

LONGEST_KEY = 64
"""Most characters of a key in a message: a key that is too much may be any text."""
MOST_TOLD = 4
"""Fields that a message names."""

IN_CHINESE = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项，请删去",
    "string_type": "须为文本",
    "string_too_short": "不能为空",
    "string_too_long": "最多 {max_length} 个字",
    "string_unicode": "含有半个字符（代理项 \\ud800 至 \\udfff）",
    "int_type": "须为整数",
    "int_parsing": "须为整数",
    "int_from_float": "须为整数",
    "float_type": "须为数字",
    "float_parsing": "须为数字",
    "finite_number": "须为有限的数字",
    "bool_type": "须为 true 或 false",
    "bool_parsing": "须为 true 或 false",
    "list_type": "须为数组 […]",
    "dict_type": "须为对象 {{…}}",
    "model_type": "须为对象 {{…}}",
    "model_attributes_type": "须为对象 {{…}}",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "literal_error": "须为 {expected}",
    "greater_than": "须大于 {gt}",
    "greater_than_equal": "须不小于 {ge}",
    "less_than": "须小于 {lt}",
    "less_than_equal": "须不大于 {le}",
}
"""Pydantic's kinds of errors; what others say in English is a wrong form here."""
BLANK = r"\S"
"""The pattern of a text that must not be blank."""
IN_ENGLISH = {"string_unicode": "contains half of a character (a lone surrogate, \\ud800 to \\udfff)"}
"""What pydantic's words do not make clear."""


def told(details: Sequence[Mapping[str, Any]]) -> str:
    """Every field at fault with the reason, in Chinese, then in English.

    Args:
        details: Pydantic's errors.
    """
    shown = details[:MOST_TOLD]
    zh = "；".join(f"{place(detail)} {_zh(detail)}" for detail in shown)
    en = "; ".join(f"{place(detail)}: {_en(detail)}" for detail in shown)
    more = len(details) - len(shown)
    return f"{zh}{f'；另有 {more} 处' if more else ''}{BOTH}{en}{f'; {more} more' if more else ''}"


def place(detail: Mapping[str, Any]) -> str:
    """The field, as ``history.0.role``; the body where the whole of it is at fault."""
    return ".".join(str(part)[:LONGEST_KEY] for part in detail["loc"] if part != "body") or "body"


def _zh(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "string_pattern_mismatch":
        return "不能只有空白" if detail["ctx"]["pattern"] == BLANK else "含有不允许的字符"
    if detail["type"] == "value_error" and BOTH in detail["msg"]:
        return str(detail["msg"]).removeprefix("Value error, ").partition(BOTH)[0]
    return IN_CHINESE.get(detail["type"], "格式不对").format(**detail.get("ctx", {}))


def _en(detail: Mapping[str, Any]) -> str:
    said = IN_ENGLISH.get(detail["type"], str(detail["msg"]).removeprefix("Value error, "))
    return said.rpartition(BOTH)[2]
