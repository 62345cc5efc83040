"""Whether somebody may take a medicine: who asks, what he tells of himself, and what the entry says of that.

我有胃溃疡，可以吃布洛芬吗 asks about a medicine in a circumstance. What the entry holds against it is the answer, and
where it says nothing of the circumstance, its contraindications are no permission. How one is taken never is one.
Of two medicines the one that is asked about is the subject; the one that is taken already is the circumstance.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from domains.asked_whether import FUNCTION_WORDS
from domains.citations import Quotation, quoted_items
from domains.claims.language import one_of, with_digits
from domains.conditions import Named, TakingLanguage
from domains.knowledge_base import Entry, KnowledgeBase
from domains.retrieval.names import is_whole
from domains.retrieval.normalise import HAN, normalised
from domains.retrieval.retriever import Retrieved

MASK = "#"
"""Stands for every character of the name of a medicine while the rest of a question is read."""

ENTRIES = 3
"""Most medicines that are answered about: 头孢 means several."""

_TAKES = (
    "[吃服打喝涂抹擦敷滴喷吸输含贴塞试碰嚼吞挂]|(?<![作有管功费])用|注射|来[点片颗粒]|继续|同服|上药|一[起块同]"
    "|加(?![量大倍重])"
)
_MAY = "能不能|可不可以|可以不可以|[能可是]否|能|可以|可|敢不敢|敢|该不该|应该|适不适合|适合|适宜|宜|准|许|要不要"
_EFFECTS = "治止退降管缓防杀消"
_SPACE = re.compile(rf"(?<=[{HAN}])\s+|\s+(?=[{HAN}])")
_CLAUSE = re.compile("[^,。;!?]+[?]?")
_MAY_TAKE = re.compile(rf"(?:{_MAY})(?:(?![{_EFFECTS}])[^,。;!?]){{0,14}}?(?:{_TAKES})")
_WILL_IT_DO = re.compile(
    "(?:能不能|可不可以|行不行|成不成|中不中|敢不敢|行|可以|能|成|好|妥|中|适合|合适|安全|要紧|碍事|没事|有事|受得了|ok)"
    "(?:的|了|吗|么|嘛|不|吧|没有?|呢|啊|呀|否|伐|哇|呗|哈)+[?]?$|(?:能不能|可不可以|行不行|成不成|中不中|敢不敢|(?<![就都也还])(?:行|可以)|ok)[?]?$"
)
_HARM = re.compile(
    "要不要紧|要紧|有没有事|有事[吗么没]|没事[吗么吧]|碍不?碍?事|妨碍|冲不?冲?突|相克|打架|[有没](?:没有|什么|啥|多大|大)?"
    "(?:影响|关系|妨碍|问题|危险|风险|危害|坏处|禁忌|忌讳|讲究)|影响[吗大#]|危险吗|安不安全|安全吗|危不危险"
    "|会不?会?(?:出事|有事|不好|加重|更|恶化)|[吃用服打喝碰嚼吞抹涂喷挂滴]不?[吃用服打喝碰嚼吞抹涂喷挂滴]?得|好[吃用](?:吗|么|不|伐)|受得了|行不行?|好不好|好吗"
    "|要停|停不停|停药[吗么]|停吗|该停|换药|敢[吃用服打喝]|忌|禁用"
)
_HOW = re.compile("(?:怎么|怎样|如何|咋)[样么]?(?:个|正确)?[吃用服喝打涂]")
_ASKS_AT_ALL = re.compile(
    "(?:[吗么嘛伐不吧呢哇啵]|没有?|[能可是]否)[?]?(?:$|,)|[?]|[能会要行好是]不[能会要行好是]|有没有|可不可以"
)
"""Any question that yes or no answers: enough where a circumstance is told."""

_LISTS = re.compile(
    "[吃用服喝打涂](?:点|些|哪些|哪)?(?:什么|啥|哪|多少|几)|(?:怎么|怎样|如何|咋)[么样]?[吃用服喝打涂办]|(?:什么|哪)[^,。;!?]{0,4}(?:能|可以)[吃用]"
    "|多久|什么时候|啥时候|几[天次片粒点个]|为什么|为啥|多少"
)
_ALLERGIC = re.compile(
    f"{MASK}*(?:[类的]|药物?|抗生素|制剂|这类药|那类药|皮试)*(?:严重|轻微|有点|有|会|容易|也|就|一[打吃用碰挂]|[打吃用碰挂]了)*"
    "(?:过敏|阳性|过?不了?过|过不了|没过|[起出长][了过]?(?:一身|全身|浑身|满身)?(?:皮?疹|红疹|风团)|(?:一身|全身|浑身|满身)(?:都是)?(?:皮?疹|红疹|疹子|风团)|肿|休克)"
)
_HAS_ALLERGY = re.compile(f"对?{MASK}+{_ALLERGIC.pattern}|对{MASK}+[^,。;!?]{{0,4}}过敏")
_UNKNOWN_ALLERGY = re.compile(
    f"(?:对(?=[{HAN}]))?([{HAN}]{{1,5}}?)(?<!会)(?:类|类药物?|药物?)?(?<!我)过敏(?!性|反应|体质|药)"
)
_ALLERGIC_TO = re.compile("对[^,。;!?]{0,8}$")
_TAKEN = re.compile(
    "(?:[在正]|正在|一直在?|长期在?|常年在?|平时在?|每天在?|天天在?|目前在?|现在在?|最近在?|已经在?|同时在?|还在?|刚刚?|才)[吃服用打喝输挂含抹涂]"
    f"[用着了过完的]?[^,。;!?吃服打喝能可{MASK}]{{0,4}}$|[吃服用打喝输挂](?:着|了|完了?|过|上)[^,。;!?吃服打喝能可{MASK}]{{0,4}}$"
    "|(?:换过瓣|长期口服|口服|服用|在服)[着了]?$"
)
_WHILE = re.compile(
    f"{MASK}*(?:[片药]|治疗|胶囊)*(?:期间|的时候|的同时|时(?!候)|的[^,。;!?]{{0,6}}(?:人|患者|病号)|的(?=,)|者|着呢?|中)"
)
_TAKEN_AFTER = re.compile(
    "(?:我|他|她|妈|爸|也|都|就|一直|每天|天天|长期|常年|正|现在|还|已经|在)*(?:[在都]?[吃服用打喝]着|[在都][吃服用打喝]|(?:每天|天天|一直|长期)都?在?[吃服用打喝])"
)
_TAKES_IT = re.compile("[吃服用打喝输挂]用?[了着过完]?$")
_TOGETHER = re.compile("一[起块同]|一块儿|影响|干扰|同时|合用|联用|同服|搭|配|混|[和跟与及、]|加上|再[吃加服]")
_GOES_ON = re.compile("龙|特罗|替卡松|双胍|列净|列汀|舒巴坦|他唑巴坦")
"""What makes another medicine of a name that it follows."""

_SYLLABLES = frozenset(
    "左右旋司索异去地氢氧氯氟溴碘甲乙丙丁戊苯罗托替伐更聚新双奥曲磺硝羟氨胺酰酯脂磷硫亚单二三四五拉美维卡利依艾阿那西沙他达度方喹吡咪噻"
)
"""What the names of medicines are made of: 罗 before 红霉素 makes another one of it, 片 does not."""

_SALT = re.compile("(?:盐|硫|磷|富马|马来|苹果|酒石|枸橼|甲磺|苯磺|醋|氢溴|琥珀|草|乳)酸")

_DENIED = re.compile("(?<!有)(?:没有?|不是|并非|未曾?|否认|无)(?:得过|患过|有过|得|患|什么)?$")
_CAUSED = re.compile("(?:引起|导致|造成|诱发|副作用|会得|防止|预防)[^,。;!?]*")
_OF_A_PERSON = re.compile(
    "无效|者|人群|患儿|患者|慎用|禁用|不用|病史|有[^、]*史|不宜|不推荐|避免使用|告知|孕|哺乳|婴|儿童|幼儿|老年|减量|调整"
)
_ALLERGY = re.compile("过敏|皮试|皮肤试验|休克史|哮喘")
_TO_ITSELF = re.compile("对?(?:本药|本品|成分|任一成分|本类制品|制剂辅料)[^、]*过敏|对(?:本品|本药)严重过敏")
_SAME_KIND = re.compile("同类|同成分")
_NUMBER = r"\d+|[一二两三四五六七八九十]+"
_CHILD = "(?:孩子|宝宝|小宝|宝贝|娃娃?|婴儿|小孩|小朋友|儿子|女儿|闺女|孙子|孙女|外孙女?)"
_AGE = re.compile(
    rf"(?<!第)(?P<years>{_NUMBER})周?岁(?P<half>半)?多?|(?P<half_year>半岁)"
    rf"|(?P<months>{_NUMBER})个?多?月(?:大|龄|的?{_CHILD})|{_CHILD}(?:[才刚满快是有还都就,]|今年|现在|已经|不到)*(?P<old>{_NUMBER})个?多?月(?![前后以没不])"
    rf"|(?P<newborn>新生儿|早产儿|刚出生|[没刚]满月|满月(?=的?{_CHILD}))|(?:出生|{_CHILD}才|刚满)(?P<born>{_NUMBER})天|(?P<days>{_NUMBER})天(?:大|的?{_CHILD})"
    r"|(?:我|他|她|[爸妈爷奶公婆])(?:今年|已经|[都快])*(?P<elder>[6-9]\d)(?:了|多(?!次|下))"
)
_WEEKS = re.compile(
    rf"(?:[孕怀]|肚子|身孕)[^,。;!?\d一二两三四五六七八九十]{{0,4}}({_NUMBER})(?:个?多?)(周|月|天)|({_NUMBER})周了?(?:随时|快|马上|还|就)?要?生"
)
_BOUND = re.compile(r"(?:未满|小于|不足|低于)?(\d+)(?:周?岁|个月|月龄)(以下|以上)?")
_QUALIFIED = re.compile("(?:急性|慢性|[轻中重]度?|各种|小儿|儿童|成人|老年|原发性|稳定型|活动性|的|及|和|或|伴)*")
"""What may stand before the name of what a medicine is for without making another illness of it: not 流行性 of 感冒."""

_PAST_SURGERY = re.compile("(?:做过|做了|动过|开过)[^,。;!?]{0,6}(?:手术|刀)|手术后|术后|手术史")
"""What no warning before an operation is about; what it was for still counts."""

_HEAD = re.compile("(?<=的)(?:老人家?|老年人|老爷爷|老奶奶)|老人(?=老年)")
"""Who is only said to be somebody, of whom something else is told: 吃地高辛的老人."""

_ILL = re.compile(
    "(?:[病症炎瘤癌史]|综合征|过敏|不全|感染|损伤|衰竭|硬化|增生|不好|偏高|偏低|升高|减少|缺乏)$|^(?:先天|慢性|急性)"
)
_MANNER = re.compile(
    "[饭餐]前|[饭餐]后|空腹|睡前|早上|早晨|中午|晚上|夜里|掰开?|嚼碎?|碾碎?|磨[碎粉]?|打开|冲|泡|[热温凉开]水|送服"
    "|长期|每天|天天|一辈子|终身|连续|加量|减量|半片|[一两二三]片|整片|过期|保质期|冰箱|多久|反复|经常"
)
_TELLING = """
忘了 忘记 问咋 咋 讲究 说法
听说 网上 看到 说明书 邻居 朋友 同事 亲戚 推荐 药店 家里 买 买了 剩下 剩 医院 开 给 说 让 想 打算 准备 今天 昨天
最近 突然 有点 这几天 老婆 老公 爷爷 奶奶 外公 外婆 姥姥 姥爷 妈妈 爸爸 母亲 父亲 儿子 女儿 姐姐 妹妹 哥哥 弟弟
丈夫 妻子 女朋友 男朋友 对象 媳妇 孙子 孙女 婆婆 公公 岳母 岳父 闺女 家属 一直 总是 老是 以前 曾经 查出 查出来
确诊 诊断 体检 犯 犯了 很多年 好多年 多年 几年 轻微 严重 重度 轻度 中度 有些 不太 十分 特别 比较 挺 那 但是 不过
讲究 说法 说道 忌口
所以 就是 这种 那种 这类 哪种 敢 究竟 副作用 禁忌 相克 冲突 止痛 退烧 消炎 治疗 缓解 片 胶囊 颗粒 药膏 软膏 注射
针 口服 碍事 妨碍 危险 风险 安全 不安全 放心 谢谢 您好 你好 麻烦 急 在线等 求助 帮忙 看看 请教 咨询 告诉 一次
继续 停 停药 换 换药 得过 患过 有过 之类 像 这样
"""
"""What is said besides, which tells nothing."""


@dataclass(frozen=True)
class Told:
    """A circumstance.

    Attributes:
        word: What the person calls it.
        means: Places in the domain's conditions.
        names: Of what it is, as entries may name it.
        ids: Of the medicines that it is; none where it is none.
        allergy: Whether the person is allergic to that.
        years: An age; negative where it is none.
        is_taken: Whether it is a medicine that the person takes, with or without an entry.
        weak: Whether it may be what the medicine is taken for, which an entry need not speak of.
        pairs: Two characters of it, one of which an entry must have: where nothing else is known of it.
    """

    word: str
    means: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    allergy: bool = False
    years: float = -1
    pairs: frozenset[str] = frozenset()
    weak: bool = False
    is_taken: bool = False


@dataclass(frozen=True)
class MayTake:
    """A question whether somebody may take medicines.

    Attributes:
        medicines: Those that are asked about.
        told: The circumstances.
        elsewhere: What has no entry among what is asked about.
    """

    medicines: tuple[Entry, ...]
    told: tuple[Told, ...]
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnswerOfTaking:
    """What the entries say.

    Attributes:
        quotations: Cited, what speaks of the circumstances first.
        unspoken: By name of a medicine, the circumstances of which its entry does not speak.
    """

    quotations: tuple[Quotation, ...]
    unspoken: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Mentioned:
    """A medicine in a question; without entries where it has none."""

    word: str
    start: int
    entries: tuple[Entry, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.word)


class Taking:
    """Reads the questions of a domain and answers them from its entries.

    Args:
        language: Of the domain.
        knowledge: The entries.
    """

    def __init__(self, language: TakingLanguage, knowledge: KnowledgeBase) -> None:
        self.language, self._knowledge, self._conditions = language, knowledge, language.conditions

    @cached_property
    def _called(self) -> dict[str, tuple[Entry, ...]]:
        """Entries by every word for them, normalised."""
        by_id, called = self._knowledge.by_id, dict[str, tuple[Entry, ...]]()
        lexicon = self._knowledge.lexicon
        words = chain(
            ((name, (entry.id,)) for entry in self._knowledge.entries for name in entry.names),
            ((name, (line.id,)) for line in lexicon.names for name, _ in line.names()),
            ((word, line.entries) for line in lexicon.broader for word in (line.word, *line.also)),
        )
        for word, ids in words:
            called.setdefault(normalised(word), tuple(by_id[id] for id in ids))
        return called

    @cached_property
    def _medicines(self) -> re.Pattern[str]:
        words = [word for word, of in self._called.items() if self._is_medicine(of)]
        return re.compile(one_of((*words, *map(normalised, self._knowledge.lexicon.elsewhere))) or "(?!)")

    @cached_property
    def _others(self) -> re.Pattern[str]:
        """Names of everything else that somebody may have."""
        of = ("disease", "symptom")
        words = [word for word, one in self._called.items() if len(word) > 1 and one[0].type in of]
        return re.compile(one_of(words) or "(?!)")

    def _is_medicine(self, entries: Sequence[Entry]) -> bool:
        return all(entry.type == self.language.type for entry in entries)

    # reading

    def asked(self, question: str, retrieved: Retrieved, earlier: Sequence[str] = ()) -> MayTake | None:
        """What is asked; None where it is something else than whether a medicine may be taken.

        Args:
            question: The question.
            retrieved: What it is about.
            earlier: What the same person said before it, whose circumstances still count.
        """
        text = _read(question)
        mentioned = self._mentioned(text, retrieved)
        masked = _masked(text, mentioned)
        how = bool(_HOW.search(masked)) and not asks_of_taking(masked)
        if not (how or asks_of_taking(masked) or _ASKS_AT_ALL.search(masked)):
            return None
        subjects, asked = self._situation(text, mentioned, retrieved, earlier)
        if not (asked.medicines or asked.elsewhere) or not (
            asks_of_taking(masked) or (subjects and any(not one.weak for one in asked.told))
        ):
            return None
        if not asked.told and (_MANNER.search(masked) or not asks_whether_to_take(masked)):
            return None
        return None if how and not self._is_held_against(asked) else asked

    def held_against(self, question: str, retrieved: Retrieved, earlier: Sequence[str] = ()) -> list[Quotation]:
        """What entries hold against the medicines of a question in the circumstances that it tells, whatever it asks.

        Args:
            question: The question.
            retrieved: What it is about.
            earlier: What the same person said before it.
        """
        text = _read(question)
        _, asked = self._situation(text, self._mentioned(text, retrieved), retrieved, earlier)
        return list(self.answer(asked).quotations) if self._is_held_against(asked) else []

    def _situation(
        self, text: str, mentioned: Sequence[_Mentioned], retrieved: Retrieved, earlier: Sequence[str]
    ) -> tuple[Sequence[_Mentioned], MayTake]:
        """The medicines that a normalised text is about, as it mentions them, and with all that is told."""
        masked = _masked(text, mentioned)
        allergens = [one for one in mentioned if _is_allergen(text, one)]
        subjects, taken = self._roles(masked, [one for one in mentioned if one not in allergens])
        medicines = _of(subjects)
        if not mentioned:
            medicines = _understood(retrieved, self.language.type)
        told = [*self._substances(allergens, allergy=True), *self._substances(taken, allergy=False)]
        elsewhere = tuple(one.word for one in subjects if not one.entries)
        if not medicines and not elsewhere and allergens and not taken:  # 布洛芬过敏还能吃吗
            medicines = _of(allergens)
        told += self._circumstances(masked, bool(told))
        told += [one for turn in earlier for one in self._told_before(turn)]
        if not medicines and not elsewhere and any(one.means or one.allergy for one in told):
            medicines = _of(taken)
            told = [one for one in told if not set(one.ids) & {entry.id for entry in medicines}]
        return subjects, MayTake(medicines[:ENTRIES], tuple(dict.fromkeys(told)), elsewhere)

    def _mentioned(self, text: str, retrieved: Retrieved) -> list[_Mentioned]:
        """The medicines in a normalised text, those that are misspelt as well."""
        found: list[_Mentioned] = []
        names = filter(None, (self._medicines.match(text, start) for start in range(len(text))))
        for one in sorted(names, key=lambda name: -len(name[0])):
            overlaps = any(one.start() < other.end and other.start < one.end() for other in found)
            if not overlaps and is_whole(text, one.start(), one.end()):
                longer = _longer(text, one, retrieved.partial)
                found.append(longer or _Mentioned(one[0], one.start(), self._called.get(one[0], ())))
        for hit in retrieved.found:
            start = text.find(hit.matched) if hit.how == "spelling" and hit.entry.type == self.language.type else -1
            if start >= 0 and all(start + len(hit.matched) <= other.start or other.end <= start for other in found):
                found.append(_Mentioned(hit.matched, start, (hit.entry,)))
        return sorted(found, key=lambda one: one.start)

    def _roles(self, text: str, mentioned: Sequence[_Mentioned]) -> tuple[Sequence[_Mentioned], Sequence[_Mentioned]]:
        """The medicines that are asked about, and those that are taken already."""
        mentioned = [one for one in mentioned if not _is_apposed(one, mentioned)]
        taken = [one for one in mentioned if _is_taken(text, one)]
        subjects = _particular([one for one in mentioned if one not in taken])
        if taken and not subjects:
            return subjects, taken
        if len(subjects) > 1 and (may := _MAY_TAKE.search(text)):
            before = [one for one in subjects if one.end <= may.start() and _TAKES_IT.search(text[: one.start])]
            if before and len(before) < len(subjects):
                taken, subjects = [*taken, *before], [one for one in subjects if one not in before]
        if len(subjects) > 1 and _TOGETHER.search(text):
            taken, subjects = [*taken, *subjects[1:]], subjects[:1]
        return subjects, taken

    def _substances(self, mentioned: Iterable[_Mentioned], allergy: bool) -> Iterator[Told]:
        """Medicines as circumstances, with the kinds to which they belong."""
        for one in mentioned:
            names = tuple(normalised(name) for entry in one.entries for name in entry.names)
            kinds = [kind for entry in one.entries for kind in entry.attributes.get(self.language.kind, ())]
            own = tuple(place for named in self._conditions.named(one.word) for place in named.conditions)
            means = (
                own if len(one.entries) > 1 and own else (*own, *self._conditions.of_class("、".join((*kinds, *names))))
            )
            ids = tuple(entry.id for entry in one.entries)
            word = f"{one.word}过敏" if allergy else one.word
            yield Told(word, means, (one.word, *names), ids, allergy, is_taken=not allergy)

    def _circumstances(self, text: str, more: bool) -> Iterator[Told]:
        """What else a masked text tells.

        Args:
            text: The text, its medicines masked.
            more: Whether something was told already; then what nothing is known of counts only where it sounds ill.
        """
        rest = _blanked(_CAUSED, text)
        ages = list(self._of_age(rest))
        measured = list(self.language.measured(rest))
        told = [*ages, *self._of_weeks(rest), *self._allergies(rest), *self._measured(measured)]
        for words, _ in measured:
            rest = rest.replace(words, " " * len(words))
        for pattern in (_HAS_ALLERGY, _AGE, _WEEKS, _UNKNOWN_ALLERGY, _HEAD):
            rest = _blanked(pattern, rest)
        rest = _PAST_SURGERY.sub(lambda past: re.sub("手术史?|刀|术后", lambda word: " " * len(word[0]), past[0]), rest)
        for word, start, of in self._named(rest):
            of_age = any(self._conditions.are_related(one.means, of.means) for one in ages)
            if not of_age and not _DENIED.search(rest[:start]):
                told.append(of)
            rest = rest[:start] + " " * len(word) + rest[start + len(word) :]
        yield from told
        for piece in _pieces(rest):
            if not (told or more) or _ILL.search(piece):
                pairs = frozenset(piece[at : at + 2] for at in range(len(piece) - 1))
                yield Told(piece, pairs=pairs, weak=True)

    def _allergies(self, text: str) -> Iterator[Told]:
        """Allergies to kinds of medicines, and to what is none."""
        for found in _UNKNOWN_ALLERGY.finditer(text):
            kinds = list(self._conditions.named(found[1]))
            means = tuple(place for one in kinds if self._conditions.is_medicine(one) for place in one.conditions)
            yield Told(f"{found[1]}过敏", means, (found[1],), allergy=True)

    def _told_before(self, turn: str) -> Iterator[Told]:
        """What a person has said of somebody before; what is not known by name does not count."""
        text = _read(turn)
        if not re.search("我|[爸妈爷奶婆公儿女]|孩子|宝宝", text):
            return
        mentioned = self._mentioned(text, Retrieved())
        masked = _masked(text, mentioned)
        allergens = [one for one in mentioned if _is_allergen(text, one)]
        yield from self._substances(allergens, allergy=True)
        yield from self._substances((one for one in mentioned if _is_taken(masked, one)), allergy=False)
        yield from (one for one in self._circumstances(masked, True) if one.means)

    def _of_age(self, text: str) -> Iterator[Told]:
        for age in _AGE.finditer(text):
            years = _years(age)
            word = "婴儿" if years < 1 else "儿童" if years < 18 else "老年" if years >= 60 else ""
            for named in self._conditions.named(word):
                yield Told(age[0], named.conditions, years=years)

    def _measured(self, figures: Iterable[tuple[str, str]]) -> Iterator[Told]:
        for words, name in figures:
            for named in self._conditions.named(name):
                yield Told(words, named.conditions)

    def _of_weeks(self, text: str) -> Iterator[Told]:
        """How far a pregnancy is."""
        for found in _WEEKS.finditer(text):
            number = _number(found[1] or found[3], "周")
            weeks = number * {"月": 4.3, "天": 1 / 7}.get(found[2], 1.0)
            word = "孕早期" if weeks < 14 else "孕中期" if weeks < 28 else "孕晚期"
            for named in self._conditions.named(word):
                yield Told(found[0], named.conditions)

    def _named(self, text: str) -> Iterator[tuple[str, int, Told]]:
        """Conditions and other entries in a text, with their places; the longer name counts."""
        spans: dict[int, Named | re.Match[str]] = {}
        place = 0
        conditions = {one.start: one for one in self._conditions.named(text)}
        others = {one.start(): one for one in self._others.finditer(text)}
        for start in sorted({*conditions, *others}):
            if start < place:
                continue
            named, entry = conditions.get(start), others.get(start)
            if named and (entry is None or len(named.word) >= len(entry[0])):
                spans[start] = named
                place = named.end
            elif entry:
                spans[start] = entry
                place = entry.end()
        for start, one in spans.items():
            if isinstance(one, Named):
                end = one.end
                allergic = self._conditions.is_medicine(one) and _ALLERGIC.match(text, end)
                names = tuple(normalised(n) for e in self._called.get(one.word, ())[:1] for n in e.names)
                word = text[start : allergic.end()] if allergic else one.word
                weak = self._conditions.is_complaint(one)
                yield word, start, Told(word, one.conditions, names, allergy=bool(allergic), weak=weak)
            else:
                entry_names = tuple(normalised(name) for e in self._called[one[0]][:1] for name in e.names)
                means = tuple(p for named in self._conditions.named(one[0]) for p in named.conditions)
                yield one[0], start, Told(one[0], means, (one[0], *entry_names), weak=True)

    def _is_held_against(self, asked: MayTake) -> bool:
        """Whether an entry holds a circumstance against taking it: who asks how must be told so first."""
        of = self.language
        return any(
            self._score(told, entry, attribute, item) == 2
            for entry in asked.medicines
            for attribute in (of.forbids, of.interacts, of.warns, of.takes)
            for item in entry.attributes[attribute]
            for told in asked.told
            if not told.weak
        )

    # answering

    def answer(self, asked: MayTake) -> AnswerOfTaking:
        """What the entries say of a question: what speaks of the circumstances first, always what forbids."""
        quotations: list[Quotation] = []
        unspoken: dict[str, tuple[str, ...]] = {}
        for word in asked.elsewhere:
            other = _Mentioned(word, 0, ())
            for partner in self._partners(asked.told):
                quotations += self._partner(partner, other, asked.told)[0]
        for entry in asked.medicines:
            said, spoken = self._of(entry, asked.told)
            quotations += said
            for partner in self._partners(asked.told):
                others, of_it = self._partner(partner, _Mentioned(normalised(entry.name), 0, (entry,)), asked.told)
                quotations += [one for one in others if one not in quotations]
                spoken |= of_it
            missing = [one for one in asked.told if one not in spoken and not (spoken and self._is_reason(one, asked))]
            serious = [one for one in missing if not one.weak]
            if serious or (missing and not spoken):
                unspoken[entry.name] = tuple(dict.fromkeys(one.word for one in serious or missing))
        return AnswerOfTaking(tuple(quotations), unspoken)

    def _of(self, entry: Entry, told: Sequence[Told]) -> tuple[list[Quotation], set[Told]]:
        """What an entry says, and of which circumstances it speaks."""
        spoken: set[Told] = set()
        found: list[tuple[int, str, list[str]]] = []
        of = self.language
        for attribute in (of.forbids, of.interacts, of.warns, of.takes, of.serves):
            scored = []
            for item in entry.attributes[attribute]:
                scores = {one: self._score(one, entry, attribute, item) for one in told}
                spoken |= {one for one, score in scores.items() if score == 2}
                scored.append((max(scores.values(), default=0), item))
            best = max((score for score, _ in scored), default=0)
            ordered = [
                item for score, item in sorted(scored, key=lambda one: -one[0]) if score or attribute == of.forbids
            ]
            if ordered:
                found.append((best, attribute, ordered))
        found.sort(key=lambda one: -one[0])
        return [self._quotation(entry, attribute, items) for _, attribute, items in found], spoken

    def _is_reason(self, told: Told, asked: MayTake) -> bool:
        """Whether a circumstance is what a medicine is taken for that is taken already: 胃不好在吃奥美拉唑."""
        serves = self.language.serves
        return not (told.is_taken or told.allergy or told.years >= 0) and any(
            self._score(told, partner, serves, item) or self._conditions.are_related(told.means, self._means(item))
            for partner in self._partners(asked.told)
            for item in partner.attributes[serves]
        )

    def _means(self, item: str) -> list[int]:
        return [place for named in self._conditions.named(normalised(item)) for place in named.conditions]

    def _partners(self, told: Iterable[Told]) -> Iterator[Entry]:
        """The medicines that are taken already, where it is known which."""
        for one in told:
            if len(one.ids) == 1 and not one.allergy:
                yield self._knowledge.by_id[one.ids[0]]

    def _partner(self, partner: Entry, subject: _Mentioned, told: Sequence[Told]) -> tuple[list[Quotation], set[Told]]:
        """What the entry of a medicine that is taken already says of the one that is asked about."""
        (other,) = self._substances([subject], allergy=False)
        said, spoken = [], set()
        for attribute in (self.language.forbids, self.language.interacts, self.language.warns):
            items = [i for i in partner.attributes[attribute] if self._score(other, partner, attribute, i) == 2]
            if items:
                said.append(self._quotation(partner, attribute, items))
                spoken |= {one for one in told if partner.id in one.ids}
        return said, spoken

    def _score(self, told: Told, entry: Entry, attribute: str, item: str) -> int:
        """2 where an item speaks of a circumstance, 1 where it touches on it, else 0."""
        of, text = self.language, normalised(item)
        if told.allergy:
            return self._score_of_allergy(told, entry, text) if attribute in (of.forbids, of.warns) else 0
        named = bool(told.names) and any(len(name) > 1 and name in text for name in told.names)
        if told.is_taken:
            if _ALLERGY.search(text) or attribute == of.serves:
                return 0
            same = _SAME_KIND.search(text) and self._are_alike(told, entry)
            kinds = len(told.ids) > 1
            return 2 if named or same or self._conditions.speaking_of(told.means, kinds).search(text) else 0
        if told.pairs:
            return 2 if any(pair in text for pair in told.pairs) else 0
        if attribute == of.interacts and not self._is_taken_besides(told):
            return 0
        if attribute == of.serves:
            return 2 if self._serves(told, text) else 0
        if named or self._conditions.speaking_of(told.means).search(text):
            if told.years >= 0 and not _is_of_age(told.years, text, attribute == of.takes):
                return 1
            return (
                1 if attribute == of.warns and not _OF_A_PERSON.search(item) and not self._is_taken_besides(told) else 2
            )
        return 1 if self._conditions.related_to(told.means).search(text) else 0

    def _serves(self, told: Told, text: str) -> bool:
        """Whether a medicine is for a circumstance: for a wider one only by its name alone, 真菌感染 is no 感染."""
        if text in self._conditions.called(told.means):
            return True
        if told.names:
            heads = (text.partition(name) for name in told.names if len(name) > 1)
            return any(name and _QUALIFIED.fullmatch(before) for before, name, _ in heads)
        own = self._conditions.speaking_of(told.means, wider=False).search(text)
        return bool(own) and _is_of_age(told.years, text)

    def _score_of_allergy(self, told: Told, entry: Entry, text: str) -> int:
        if not _ALLERGY.search(text):
            return 0
        if any(name in text for name in told.names) or self._conditions.speaking_of(told.means).search(text):
            return 2
        return 2 if entry.id in told.ids and _TO_ITSELF.search(text) else 1

    def _are_alike(self, told: Told, entry: Entry) -> bool:
        kinds = self._conditions.of_class("、".join(entry.attributes.get(self.language.kind, ())))
        return bool(set(kinds) & set(told.means))

    def _is_taken_besides(self, told: Told) -> bool:
        return self._conditions.may_interact(told.means)

    def _quotation(self, entry: Entry, attribute: str, items: Sequence[str]) -> Quotation:
        return quoted_items(entry, attribute, items, self._knowledge.version)


def _read(question: str) -> str:
    """A question as it is read here: who types no commas, types spaces."""
    return normalised(_SPACE.sub("，", question.strip()))


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: " " * len(found[0]), text)


def asks_whether_to_take(masked: str) -> bool:
    """Whether a normalised text asks if something may be taken."""
    return any(
        (_MAY_TAKE.search(clause) or _WILL_IT_DO.search(clause)) and not _LISTS.search(clause)
        for clause in _CLAUSE.findall(masked)
    )


def _of(mentioned: Iterable[_Mentioned]) -> tuple[Entry, ...]:
    """The entries of medicines, each once."""
    return tuple({entry.id: entry for one in mentioned for entry in one.entries[:ENTRIES]}.values())


def asks_of_taking(text: str) -> bool:
    """Whether a normalised text asks if something may be taken, or does harm; not for a list, an amount or a time."""
    return asks_whether_to_take(text) or any(
        _HARM.search(clause) and not _LISTS.search(clause) for clause in _CLAUSE.findall(text)
    )


def _masked(text: str, mentioned: Iterable[_Mentioned]) -> str:
    for one in mentioned:
        text = text[: one.start] + MASK * len(one.word) + text[one.end :]
    return text


def _is_allergen(text: str, one: _Mentioned) -> bool:
    after = text[one.end :]
    if _ALLERGIC.match(after):
        return True
    clause = after[: m.start()] if (m := re.search("[,。;!?]", after)) else after
    return bool(_ALLERGIC_TO.search(text[: one.start])) and "过敏" in clause


def _is_taken(masked: str, one: _Mentioned) -> bool:
    before, after = masked[: one.start], masked[one.end :]
    return bool(
        _TAKEN.search(before) or _TAKEN_AFTER.match(after) or (_WHILE.match(after) and _TAKES_IT.search(before))
    )


def _is_apposed(one: _Mentioned, mentioned: Iterable[_Mentioned]) -> bool:
    """Whether a kind of medicines only says what the one after it is: 胃药达喜."""
    return len(one.entries) > 1 and any(other.start == one.end for other in mentioned)


def _particular(subjects: Sequence[_Mentioned]) -> list[_Mentioned]:
    """Without kinds of medicines of which one is named besides: 抗痨药里那个乙胺丁醇."""
    named = {one.entries[0].id for one in subjects if len(one.entries) == 1}
    return [one for one in subjects if len(one.entries) == 1 or not named & {entry.id for entry in one.entries}]


def _longer(text: str, name: re.Match[str], partial: Iterable[str]) -> _Mentioned | None:
    """What a name is only a part of, which has no entry: 泼尼松龙; None where it is whole."""
    for word in partial:
        start, before = name.end() - len(word), word.removesuffix(name[0])
        if text.startswith(word, max(0, start)) and before[-1:] in _SYLLABLES and not _SALT.fullmatch(before):
            return _Mentioned(word, start, ())
    goes_on = _GOES_ON.match(text, name.end())
    return _Mentioned(name[0] + goes_on[0], name.start(), ()) if goes_on else None


def _understood(retrieved: Retrieved, of: str) -> tuple[Entry, ...]:
    """The medicines that a question without a name is about: what was asked before. A description may be another's."""
    return tuple(one.entry for one in retrieved.topic if one.how == "earlier" and one.entry.type == of)


def _years(age: re.Match[str]) -> float:
    """The age that is stated."""
    if age["half_year"]:
        return 0.5
    if age["newborn"]:
        return 1 / 12
    if said := age["years"]:
        return _number(said, "岁") + (0.5 if age["half"] else 0)
    if said := age["elder"]:
        return float(said)
    if said := age["born"] or age["days"]:
        return _number(said, "天") / 365
    return _number(age["months"] or age["old"], "月") / 12


def _is_of_age(years: float, text: str, of_children: bool = False) -> bool:
    """Whether an item about children or old people is about somebody of this age; a negative one is not known.

    Args:
        years: The age.
        text: The normalised item.
        of_children: Whether what is said of children at large says nothing of infants: how they take it.
    """
    if years < 0:
        return True
    text = with_digits(text)
    for bound in _BOUND.finditer(text):
        limit = float(bound[1]) / (12 if "月" in bound[0] else 1)
        if years >= limit if bound[2] == "以上" else years <= limit if bound[2] else years < limit:
            return True
    if _BOUND.search(text):
        return False
    if of_children and years < 1 and not re.search("婴|新生|幼", text):
        return False
    return not (("新生儿" in text and years > 0.1) or ("婴" in text and years >= 3) or ("幼儿" in text and years > 6))


def _number(numeral: str, unit: str) -> int:
    """A numeral of a quantity; of two that stand for a range (一二岁) the second."""
    return int(re.findall(r"\d+", with_digits(numeral + unit))[-1])


def _pieces(rest: str) -> Iterator[str]:
    """What a text says besides names, ways to ask and turns of speech."""
    rest = _MANNER.sub(" ", rest)
    words = one_of((*FUNCTION_WORDS.split(), *_TELLING.split()))
    for piece in re.split(f"[^{HAN}a-z0-9]+", re.sub(words, " ", rest)):
        if len(piece) > 1 and not piece.isdecimal():
            yield piece
