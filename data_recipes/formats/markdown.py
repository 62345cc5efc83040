"""Markdown as headings and paragraphs of plain text: CommonMark with tables, without its marks.

A list or a table is one paragraph with a line per item or row, ``- …``, so that each can be read alone: a row repeats
the names of its columns. Lines of a paragraph are joined as a browser joins them, in Chinese without a space.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

BULLET = "- "

_ENDS = re.compile(r"[。！？!?；;：:…][”’」』）)\"']*$")
_LIKE_A_SENTENCE = re.compile(r"^（\d+）|[，。；：,;]")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:[\w-]+:.*\n|[ \t]+.*\n|- .*\n)*---[ \t]*(?:\n|\Z)")
_INDENT = re.compile(r"\n(?=\u3000)")  # a paragraph begins there
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>", re.S)
_BREAK = re.compile(r"<br\s*/?>")
_STRAY = re.compile(r"\*\*+")  # CommonMark takes **重点：**说明 for text: a letter follows the sign before the mark
_TEXTS = ("text", "code_inline", "image")


class MarkdownBlock(NamedTuple):
    """A paragraph, or a heading.

    Attributes:
        text: Without marks; a line per item of a list or row of a table.
        level: Of the heading, from 1; 0 for a paragraph.
    """

    text: str
    level: int = 0


def markdown_blocks(text: str) -> Iterator[MarkdownBlock]:
    """The headings and paragraphs of a document in their order; the settings at its beginning are no text.

    Args:
        text: The document; indented lines are text, which is how Chinese paragraphs begin.
    """
    parser = MarkdownIt("commonmark").enable("table").disable("code")
    written = _INDENT.sub("\n\n", _FRONT_MATTER.sub("", text))
    yield from _blocks(SyntaxTreeNode(parser.parse(written)).children)


def joined_lines(before: str, after: str) -> str:
    """Two lines of a paragraph as one: with a space between Latin words, without one in Chinese."""
    latin = before and after and before[-1].isascii() and after[0].isascii()
    return f"{before} {after}" if latin else before + after


def list_text(items: Sequence[str]) -> str:
    """A list as the text of a paragraph: a line per item."""
    return "\n".join(f"{BULLET}{item}" for item in _ended(items))


def table_row(names: Sequence[str], cells: Sequence[str]) -> str:
    """A row of a table as a sentence; empty where it has no text.

    Args:
        names: Of the columns; none where the table has no header.
        cells: The texts of the row.
    """
    named = zip_longest(names, cells, fillvalue="")
    said = [f"{name}：{cell}" if name else cell for name, cell in named if cell]
    return "，".join(one.rstrip("。；;") for one in said).replace("\n", " ") + "。" if said else ""


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> Iterator[MarkdownBlock]:
    for node in nodes:
        level = int(node.tag[1]) if node.type == "heading" else 0
        if level and node.markup in "=-" and _ENDS.search(_inline(node)):
            level = 0  # a sentence above a line that was meant to separate
        if node.type == "blockquote":
            yield from _blocks(node.children)
        elif text := _text(node):
            yield MarkdownBlock(" ".join(text.split()) if level else text, level)


def _text(node: SyntaxTreeNode) -> str:
    match node.type:
        case "bullet_list" | "ordered_list":
            return list_text(_items(node))
        case "table":
            return "\n".join(f"{BULLET}{row}" for row in _rows(node))
        case "fence":
            return node.content.strip()
        case "html_block":
            return _without_tags(node.content)
        case "hr":
            return ""
        case _:
            return _inline(node)


def _items(node: SyntaxTreeNode) -> list[str]:
    items = [item for child in node.children if (item := _item(child))]
    if node.type == "ordered_list":
        first = int(node.attrs.get("start", 1))
        items = [f"（{number}）{item}" for number, item in enumerate(items, first)]
    return _ended(items)


def _ended(items: Sequence[str]) -> list[str]:
    """The items of a list; where one has a sign in it or a number, all end with a sign."""
    if not any(_LIKE_A_SENTENCE.search(item) for item in items):
        return list(items)
    signs = ["；"] * (len(items) - 1) + ["。"]
    return [item if _ENDS.search(item) else item + sign for item, sign in zip(items, signs, strict=True)]


def _item(node: SyntaxTreeNode) -> str:
    """An item with what is below it, e.g. ``证件：身份证、医保卡``."""
    said = ""
    for child in node.children:
        if child.type.endswith("_list"):
            items = _items(child)
            below = "".join(item if _ENDS.search(item) else f"{item}、" for item in items).removesuffix("、")
            said = f"{said}{'' if not said or _ENDS.search(said) else '：'}{below}"
        elif text := _text(child):
            said = f"{said}{'' if not said or _ENDS.search(said) else '。'}{text}"
    return " ".join(said.split("\n"))


def _rows(table: SyntaxTreeNode) -> Iterator[str]:
    """The rows as sentences, e.g. ``车型：小型车，首小时：5 元。``; one without cells is none."""
    header, *rows = [[_inline(cell) for cell in row.children] for part in table.children for row in part.children]
    for row in rows or [header]:
        if said := table_row(header if rows else [], row):
            yield said


def _inline(node: SyntaxTreeNode) -> str:
    """The text of a paragraph, a heading or a cell."""
    lines = [""]
    for part in (part for inline in node.children for part in inline.walk(include_self=False)):
        if part.type == "hardbreak" or (part.type == "html_inline" and _BREAK.fullmatch(part.content)):
            lines.append("\n")
        elif part.type == "softbreak":
            lines.append("")
        elif part.type in _TEXTS and not (part.parent and part.parent.type == "image"):
            lines[-1] += part.content
    text = ""
    for line in lines:
        text = f"{text}\n{line.strip()}" if line.startswith("\n") else joined_lines(text, line.strip())
    return _STRAY.sub("", text).strip()


def _without_tags(html: str) -> str:
    """The lines of HTML that are text."""
    lines = (line.strip() for line in _TAG.sub("", _BREAK.sub("\n", html)).splitlines())
    return "\n".join(filter(None, lines))
