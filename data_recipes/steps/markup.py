"""Mark-up, adverts and stock phrases, and sentences that occur twice.

Only whole sentences are removed, and only tags that HTML knows: "P<0.05" stays. A conversation about HTML keeps its
tags.
"""

import html
import re
from typing import Literal

import polars as pl
import pyarrow as pa

from common.command import Config
from data_recipes.steps import texts
from data_recipes.steps.step import Outcome, Step, StepKind

_INLINE = (
    "a|abbr|b|big|button|center|em|font|form|i|iframe|img|input|label|meta|o:p|s|small|span|strong|sub|sup|u|video"
)
_BLOCK = (
    "article|blockquote|body|br|dd|div|dl|dt|figure|h[1-6]|head|hr|html|li|ol|p|pre|section|table|tbody|td|th|thead|tr"
    "|ul"
)
_ENTITY = "&(?:[a-zA-Z]{2,8}|#[0-9]{1,6}|#[xX][0-9a-fA-F]{1,6});"
_ESCAPED = re.compile(rf"&lt;/?(?:{_INLINE}|{_BLOCK})(?:\s|/|&gt;)|&amp;(?:[a-z]{{2,8}}|#[0-9]{{1,6}});", re.I)
_HIDDEN = re.compile(
    r"<(script|style|svg|button|iframe|noscript)\b[^<>]*>.*?</\1\s*>|<sup>\s*\[\d+\]\s*</sup>|<!--.*?-->", re.S | re.I
)
_SUPERSCRIPT = re.compile(r"<sup>\s*([-+]?[0-9]+)\s*</sup>", re.I)
# an attribute has a value: "x <b and c> d" and "<S S_{1}$ … >" are mathematics
_TAG = re.compile(rf"<(/?)({_INLINE}|{_BLOCK})(\s+[a-zA-Z_:][\w:.-]*\s*=[^<>]{{0,2000}})?\s*/?>", re.I)
_CODE = "```"  # a text with a fence shows code, which may be HTML
# what a conversation about HTML says outside of its tags; Rust's syntax
_ABOUT_HTML = (
    r"(?i)(?:^|[^<!?/.a-z0-9_-])(?:x?html5?|xml|jsx|css|javascript)(?:[^:a-z0-9_-]|$)|<[^<>]{1,60}>\s*(?:标签|元素|属性)"
    r"|(?:标签|元素|实体|写成|替换成)(?:是|为|：|:|用)?\s*[<&]|前端|网页|代码|转义|编程|浏览器"
)
_ENTITY_IN = re.compile(_ENTITY)
_SENTENCE = re.compile(r"[^。！？!?\n]*(?:[。！？!?]+|\n|$)")
_YOU = "(?:您|你|大家|患者|宝宝|孩子)?"
_STOCK = re.compile(
    "|".join(
        (
            "(?:请)?点击(?:查看|进入|下载|此处|这里|链接|在线咨询|下方|右侧|上方).{0,40}",
            ".{0,20}(?:扫码|扫一扫|扫描.{0,6}二维码|长按.{0,6}二维码).{0,30}",
            ".{0,12}(?:关注|搜索|添加).{0,12}(?:公众号|微信号|官方微信|服务号|订阅号).{0,40}",
            "(?:最后|在此)?(?:，)?(?:衷心)?祝愿?"
            + _YOU
            + ".{0,4}(?:早日|身体|健康|生活|一切|平安|幸福|尽快|早点).{0,12}",
            "(?:以上|上述)(?:是|就是|均为|仅为)?(?:我|本人)?(?:对|针对|关于).{0,40}(?:回答|解答|建议|介绍|意见|回复)"
            "(?:[，,].{0,8}(?:希望|但愿|祝).{0,20})?",
            "(?:希望|但愿)(?:我的|以上|上述|这些|本次)?(?:的)?(?:回答|解答|建议|回复|内容|意见)?(?:能|可以|会)?(?:对|帮助|帮到|给)"
            "(?:您|你)?.{0,10}(?:帮助|帮到您|帮到你|参考)?",
            "如(?:果)?(?:您|你)?(?:还)?有(?:其他|其它|任何|什么)?(?:的)?(?:问题|疑问|不明白的).{0,8}(?:追问|提问|咨询|联系).{0,12}",
            "(?:请|望|求|如满意).{0,6}(?:采纳|给个?好评|五星好评|点赞|转发|收藏).{0,12}",
            "(?:非常|十分)?感谢(?:您|你)(?:的)?(?:信任|提问|咨询|支持|关注|来信)(?:与.{0,4})?",
            "(?:本文|文章|内容)(?:来自|来源|转自|转载).{0,40}",
            "(?:更多|详细|详情|想了解).{0,30}(?:请点击|请登录|请登陆|请访问|请关注|咨询在线|在线咨询).{0,30}",
            ".{0,12}(?:免费咨询热线|咨询热线|预约热线|免费热线|客服电话).{0,30}",
            "版权(?:所有|归).{0,40}",
        )
    )
)
# the same at the end of a sentence with content: "…可以多喝水，希望以上的回答能帮到你，"
_CLOSING = re.compile(
    "[，,。]?(?:希望|期望|但愿)(?:我的|以上|上述|这些)的?(?:问题)?(?:回答|解答|建议|回复|内容|意见|答案|解释)"
    r".{0,8}(?:帮|协).{0,6}$"
)
_STOCK_HINT = (
    "点击|扫码|扫一扫|二维码|公众号|微信|服务号|订阅号|祝|以上|上述|希望|期望|但愿|追问|提问|咨询|采纳|好评|点赞|转发|收藏"
    "|感谢|来自|来源|转自|转载|请登|请访问|请关注|热线|客服|版权"
)
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2002\u2003\u2009", " "))
"""What ``&nbsp;``, ``&ensp;``, ``&emsp;`` and ``&thinsp;`` are, also where a copied page left the characters."""

_SHORTEST_REPEATED = 8  # characters of a sentence; shorter ones may be repeated on purpose


class MarkupStep(Config):
    """Removes what is not part of the text.

    Attributes:
        kind: Selects this step.
        stock_phrases: Whole sentences such as 祝您早日康复 or 关注公众号 are removed.
        repeated_sentences: A sentence that occurred in the same text before is removed.
    """

    kind: Literal["markup"]
    stock_phrases: bool = True
    repeated_sentences: bool = True


def make(config: MarkupStep) -> Step:
    """The step with these options."""
    from data_recipes.steps.repetition import repeated_share  # loads a compiler

    hints = (
        f"(?i:<(?:/?(?:{_INLINE}|{_BLOCK}|script|style|svg|noscript)[\\s/>]|!--))|{_ENTITY}|[\u00a0\u2002\u2003\u2009]"
    )
    hints += f"|{_STOCK_HINT}" if config.stock_phrases else ""

    def needed(column: pl.Series) -> pl.Series:
        hinted = column.str.contains(hints)
        if config.repeated_sentences:
            hinted |= pl.Series(repeated_share(column, _SHORTEST_REPEATED) > 0)
        return hinted

    def cleaned(text: str) -> tuple[str, list[str]]:
        return _cleaned(text, config)

    def rewritten(rows: pa.Table) -> Outcome:
        about_html = texts.any_of_row(rows, "messages", texts.flat(rows, "messages").str.contains(_ABOUT_HTML))
        return texts.rewritten(rows, needed, cleaned, spared=about_html.to_numpy())

    return rewritten


def _cleaned(text: str, config: MarkupStep) -> tuple[str, list[str]]:
    done: list[str] = []
    if _CODE in text:
        return text, done
    if (plain := _without_tags(text)) != text:
        text = plain
        done.append("markup")
    sentences, seen, kept = _SENTENCE.findall(text), set(), []
    for sentence in sentences:
        body = sentence.strip(" \u3000\t\n。！？!?~～")
        if config.stock_phrases and body and _STOCK.fullmatch(body):
            done.append("stock_phrase")
        elif config.repeated_sentences and len(body) >= _SHORTEST_REPEATED and body in seen:
            done.append("repeated_sentence")
        else:
            seen.add(body)
            kept.append(sentence)
    text = "".join(kept).strip() if done else text
    if config.stock_phrases and (ended := _CLOSING.sub(_stop, text)) != text:
        text = ended
        done.append("stock_phrase")
    return text, done


def _stop(closing: re.Match[str]) -> str:
    return "。" if closing.start() else ""


def _without_tags(text: str) -> str:
    while _ESCAPED.search(text):
        text = html.unescape(text)
    text = _HIDDEN.sub("", text)
    text = _SUPERSCRIPT.sub(r"^\1", text)
    whole = text.lower()

    def replaced(tag: re.Match[str]) -> str:
        if len(tag[2]) == 1 and not tag[1] and not tag[3] and f"</{tag[2].lower()}" not in whole and tag[2] not in "pP":
            return tag[0]  # "若a<b>c": nothing closes it
        return "\n" if re.fullmatch(_BLOCK, tag[2], re.I) else ""

    return _ENTITY_IN.sub(lambda entity: html.unescape(entity[0]), _TAG.sub(replaced, text)).translate(_SPACES)


STEP = StepKind(
    MarkupStep,
    make,
    kept_by={
        "only_stock_phrase": "stock_phrases: false keeps a hospital's own contact lines, and contacts_of_answers: keep"
        " in personal_data their numbers"
    },
)
