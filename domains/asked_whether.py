"""What a yes-or-no question asks an entry for, and which of the entry's attributes speak of it: 奥司他韦孕妇能用吗.

That an attribute is recognised does not make it an answer: the contraindications of a medicine, among which there is
no pregnancy, look like a permission. So what the question says besides names and turns of speech must be spoken of.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from domains.citations import AskedFor
from domains.claims.language import ClaimLanguage, Form, one_of
from domains.grounding import statements_of
from domains.knowledge_base import Entry
from domains.retrieval.normalise import HAN, normalised

_ASKS_WHETHER = re.compile(
    "吗|嘛|(?<![什怎那这多要])么[呢啊]?[?。!]*$|[能可会要好行吃喝用得]不[?。!]*$|能不能|可不可以|会不会|要不要|用不用|该不该|行不行|好不好"
    "|有没有|是不是|需不需要|[能可是]否|(?:能|可以|会|要|需要|适合)[^?]*[?]$"
)
_CLAUSE = re.compile("[^,。;!?]+[?]?")
_SIGNS = re.compile(f"[^{HAN}a-z0-9]+")
_ASKS_WHAT = re.compile("什么|啥|哪|怎|咋|谁|如何|为何")
_PROMISED = re.compile("能?(?:根治|断根|除根|去根)")
"""What is asked to be so also where something else is asked for: 吃什么药能根治."""

_ASKS_HOW_MUCH = re.compile("多少|多久|多长|几[天次个点片年岁]")

FUNCTION_WORDS = """
请问 想问 问一下 一下 是否 是不是 能不能 可不可以 能否 可否 会不会 要不要 用不用 该不该 有没有 行不行 好不好
需不需要 需要 必须 应该 应当 适合 适宜 可以 能够 允许 建议 推荐 能 可 会 要 得 需 行 好吗 好么 没事 有事 要紧
关系 影响 问题 吗 么 嘛 呢 吧 啊 呀 不 没 无 有 是 吃 喝 饮 食 用 服用 服 打 做 使用 注射 输 涂 抹 的话 的 了 着
过 地 人 患者 病人 者 我们 我 你 您 他 她 它 自己 家里 家 爸 妈 老公 老婆 医生 大夫 还 也 就 都 再 又 和 跟 与
同 及 配 搭配 一起 一块儿 一块 同时 一同 在 对 给 把 被 让 使 这个 那个 这 那 个 些 种 时候 期间 时 之后 以后 后
之前 以前 前 完 上 去 来 到 多 少 点 一点 一些 平时 如果 要是 患有 得了 因为 病 药 药物 疾病 情况 时间 随便 直接
现在 已经 正常 一般 到底 究竟 真的 本来 之间 别的 其他 合适 干嘛 防 恢复期 查出 带来 接触 挨着 医 治 里 中 出现
发生 引起 导致
"""
"""What a question says without asking for anything special."""


@dataclass(frozen=True)
class AskedWhether:
    """How a domain's questions are read.

    Attributes:
        language: Its ``circumstances`` are words for the same.
        form: Of that language and the knowledge base.
        asked_for: How its attributes are asked for.
    """

    language: ClaimLanguage
    form: Form
    asked_for: AskedFor

    def speaking_of(
        self, question: str, entry: Entry, called: Iterable[str] = (), others: Iterable[str] = ()
    ) -> list[str] | None:
        """The attributes of an entry that speak of what a yes-or-no question asks.

        Args:
            question: The question.
            entry: What it is about.
            called: What the question calls the entry besides its names.
            others: Names of other entries in it; one of them must be spoken of: 二甲双胍能和阿莫西林一起吃吗.

        Returns:
            Those that say most of it; None where the question asks nothing in particular, or what something is.
        """
        clauses = _CLAUSE.findall(normalised(question))
        asking = [clause for clause in clauses if _ASKS_WHETHER.search(clause) and not _ASKS_HOW_MUCH.search(clause)]
        if promised := [clause for clause in clauses if _PROMISED.search(clause)]:
            asking = promised
        elif not asking or any(map(_ASKS_WHAT.search, clauses)):
            return None
        rest = self._besides("，".join(clauses), entry, called)
        in_question = self._besides("，".join(asking), entry, called)
        wanted = [words] if (words := _any_of(self._same_as(others))).search(in_question) else []
        for words in map(_any_of, self.language.circumstances):
            rest, found = words.subn(" ", rest)
            wanted += [words] if found else []
        statements = statements_of(entry)
        if wanted:
            said = {name: "、".join(map(normalised, items)) for name, items in statements.items()}
            spoken = {name: {words for words in wanted if words.search(text)} for name, text in said.items()}
            return _most(spoken) if set().union(*spoken.values()) == set(wanted) else []
        pieces = self._pieces(in_question)
        if not pieces:
            return None
        pairs = {pair for piece in pieces for pair in _pairs(piece)}
        forms = {name: "、".join(map(self.form.of, items)) for name, items in statements.items()}
        return _most({name: {pair for pair in pairs if pair in text} for name, text in forms.items()})

    def _same_as(self, words: Iterable[str]) -> tuple[str, ...]:
        """Words with those that the domain has for the same: 咳嗽, 干咳."""
        same = ((word, *next((line for line in self.language.circumstances if word in line), ())) for word in words)
        return tuple(chain.from_iterable(same))

    def _besides(self, text: str, entry: Entry, called: Iterable[str]) -> str:
        """A text without what an entry is called, and without how its attributes are asked for."""
        labels = (label for name in entry.attributes for label in (name, *self.language.attributes.get(name, ())))
        rest = _any_of(tuple(labels)).sub(" ", _any_of((*entry.names, *called)).sub(" ", text))
        for pattern in self.asked_for.get(entry.type, {}).values():
            rest = pattern.sub(" ", rest)
        return rest

    def _pieces(self, text: str) -> list[str]:
        """What a text says besides turns of speech, in the form of claims."""
        nothing = _any_of((*FUNCTION_WORDS.split(), *self.language.advice))
        return [piece for part in _SIGNS.split(nothing.sub(" ", text)) if (piece := self.form.of(part))]


def _pairs(piece: str) -> Iterator[str]:
    """The characters of a piece two by two; its only one: 酒."""
    yield from (piece[at : at + 2] for at in range(max(1, len(piece) - 1)))


def _most(found: Mapping[str, Collection[object]]) -> list[str]:
    """The attributes that have most of what was looked for; none where none has any."""
    most = max(map(len, found.values()))
    return [name for name, some in found.items() if most and len(some) == most]


@lru_cache(maxsize=1000)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of these words, normalised; nothing where there are none."""
    return re.compile(one_of(map(normalised, words)) or "(?!)")
