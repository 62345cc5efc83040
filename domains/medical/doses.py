"""What is said about a dose that was missed, one too many, and how much or how often to take.

An entry's own items come first where it has some. The sentences are what leaflets and pharmacists agree on, put
carefully: no double dose, ask, and when to call 120. No clinician has reviewed them.
"""

import re
from collections.abc import Iterable, Iterator

from domains.advice import Advice, AskedOf, Quoted
from domains.knowledge_base import Entry
from domains.medical.prescriptions import DOSE_NOT_GIVEN, asks_amount
from domains.retrieval.normalise import normalised

MISSED_DOSE = (
    "漏了一次药：下一次不要吃双份，也不要把两次的量合在一起用。要不要补、什么时候补，因药而异：先看说明书里“漏服”的说明，没有写或拿不准，"
    "请问药师或医生；不要因此自行停药。漏的是胰岛素，或抗凝药、抗癫痫药、心脏病药、抗结核药、抗排斥药，或已经连续漏了几次，请当天联系医生。"
    "如果出现胸痛、剧烈头痛、呼吸困难、抽搐或意识不清，立即拨打120。"
)
EXTRA_DOSE = (
    "多用了药：不要催吐；下一次不要提前，也不要再多吃。记下药名、多用了多少、什么时间用的，现在就问药师或医生，下一次该什么时候用。"
    "如果一次多用了好几份，或是降糖药（含胰岛素）、降压药、心脏病药、抗凝药、安眠药、抗癫痫药、精神科用药，"
    "或用药的是孩子、孕妇、老人、肝肾不好的人，请当天带着药盒去医院。"
    "如果出现头晕站不稳、出冷汗、手抖、心跳很慢或很乱、呼吸困难、抽搐、叫不醒，立即拨打120。"
)
MOST = 3
"""Medicines that are quoted: 降压药 means several."""

_TAKE = "[吃服用喝打注喂滴喷贴抹涂含]"
_MISSED = re.compile(
    f"漏[了掉]?(?:{_TAKE}|一[次顿片针天])|{_TAKE}漏了?|(?:忘|忘了|忘记|没记得|没顾上|没来得及|没想起来?)(?:按时|按点|给[^，,。;!?]{{1,4}})?{_TAKE}"
    f"(?![饭早午晚中东糖完])|(?:药|针|胰岛素|片|胶囊)[^，,。;!?]{{0,8}}(?:忘了|忘记了|忘掉了)|(?:药|针)忘|(?:忘了|忘记了|给忘了)(?=[，,。;!?]|$)|没(?:按时|按点|准时){_TAKE}|少[吃服打用]了?一[次顿片针粒]"
    "|(?:昨|今|早上|晚上|中午|前)[^，,。;!?]{0,8}(?:没|忘)[吃服打](?:降[压糖脂]药|药|胰岛素)(?!店)"
)
_EXTRA = re.compile(
    f"多{_TAKE}了|{_TAKE}(?:多|重复?|过量|超量|超)了|重复{_TAKE}|{_TAKE}(?:了|成|进去)+(?:双倍|两倍|2倍|三倍|3倍|双份|两份|2份)|(?:加倍|双倍){_TAKE}了"
    f"|(?:不小心|忘[了记]|糊涂|以为没[吃服]|又|误|连着?){_TAKE[0]}?[^，,。;!?]{{0,10}}{_TAKE}了(?:两|2|三|3|一)(?:次|遍|回|片|粒|颗|顿)|{_TAKE}了(?:两|2)遍"
    f"|(?:过量|超量)(?:{_TAKE}|了|会|怎|咋|中毒|有)|{_TAKE}[^，,。;!?]{{0,6}}(?:过量|超量)|{_TAKE}错了?(?:药|量)|错{_TAKE}了"
    f"|把[^，,。;!?]{{0,10}}(?:早|晚|中午|明天|下[次顿])[^，,。;!?]{{0,10}}(?:一起|一块|一次)[^，,。;!?]{{0,4}}{_TAKE}了"
)
_OF_MEDICINE = re.compile("药(?!店|房|膳)|胰岛素|片(?!面)|粒|胶囊|颗粒|[打多]一?针|糖浆|滴剂|混悬")
_OF_FOOD = re.compile("吃多了(?:撑|胀|不消化)|(?:饭|肉|火锅|零食|辣|糖|水果|西瓜|油腻)[^，,。;!?]{0,3}吃多")
_ASKS_FOR_IT = re.compile("[帮给替][我俺咱他她][^，,。;!?]{0,8}[开续配]|能不?能?多[吃服打]|可以多[吃服打]")
_SAYS_MISSED = re.compile("漏|补服")
_SAYS_EXTRA = re.compile("过量|超量|切勿加量|不可加量")


def missed_dose(asked: AskedOf) -> Advice | None:
    """What to do about a dose that was forgotten."""
    if not _is_told(_MISSED, asked):
        return None
    return Advice(MISSED_DOSE, tuple(_items(asked.named, _SAYS_MISSED)))


def extra_dose(asked: AskedOf) -> Advice | None:
    """What to do about a dose too many, or too much of it."""
    if not _is_told(_EXTRA, asked):
        return None
    return Advice(EXTRA_DOSE, tuple(_items(asked.named, _SAYS_EXTRA)))


def amount(asked: AskedOf) -> Advice | None:
    """How a named medicine is taken, where it is asked how much, how often or how long: the amount is not given."""
    medicines = list(_medicines(asked.named))
    if not medicines or not asks_amount(asked.question, asked.earlier):
        return None
    quoted = (Quoted(entry, "用法要点", entry.attributes["用法要点"]) for entry in medicines)
    return Advice(DOSE_NOT_GIVEN, tuple(quoted))


def _is_told(of: re.Pattern[str], asked: AskedOf) -> bool:
    """Whether a question tells it of a medicine, and asks for none."""
    text = normalised(asked.question)
    if not of.search(text) or _ASKS_FOR_IT.search(text) or _OF_FOOD.search(text):
        return False
    return any(_medicines(asked.named)) or bool(_OF_MEDICINE.search(text))


def _medicines(entries: Iterable[Entry]) -> Iterator[Entry]:
    yield from [entry for entry in entries if entry.type == "drug"][:MOST]


def _items(entries: Iterable[Entry], saying: re.Pattern[str]) -> Iterator[Quoted]:
    """What entries themselves say of it."""
    for entry in _medicines(entries):
        for attribute, items in entry.attributes.items():
            if said := tuple(item for item in items if saying.search(item)):
                yield Quoted(entry, attribute, said)
