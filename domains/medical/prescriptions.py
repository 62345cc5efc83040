"""Requests to prescribe, which only doctors may fulfil: recognised and declined without asking the model."""

import re
from collections.abc import Sequence
from itertools import takewhile

from domains.medical.messages import PRESCRIPTION, heard
from domains.retrieval.turns import is_closing
from domains.retrieval.wording import is_courtesy
from domains.safety_rules import NAME, normalised
from domains.taking import asks_of_taking

DECLINED = (
    "抱歉，我不能开具处方或药方：处方必须由接诊医师本人开具，人工智能不得自动生成。"
    "请携带既往病历和正在使用的药物到医院就诊，由医师评估后开具；我可以继续解答疾病和药品的一般知识。"
)

DOSE_NOT_GIVEN = (
    "抱歉，这里不给出具体的用量：剂量因人、因病和药品规格而不同。请看药品说明书或遵医嘱，拿不准请咨询医生或药师。"
    "我可以继续解答药品的用法要点、禁忌和注意事项。"
)

SURELY = 0.5
"""Log-odds, relative to the threshold, above which the classifier is believed about one message."""

IN_SO_MANY_WORDS = -2.0
"""Log-odds above which a message is believed whose words alone request something: 开维A酸乳膏, 能停吗."""

GOES_ON = 0.0
"""Log-odds of a conversation above which a message that insists on it is such a request too: 现在就要."""

OF_A_DOSE = -2.0
"""Log-odds of a conversation above which a message that asks for an amount to take is such a request: 喷几下."""

LOOKED_BACK = 3
"""Messages before it with which one is heard."""

_PRESCRIBED = re.compile(
    "(?:医生|大夫|医师|医院|主任|专家|门诊|社区|诊所|药店|药师)"
    "(?:[^，。？！,?! ]*[开配拿换](?=[了过的到成])"
    "|(?:一般|通常|大多|常常?|多半|都?会)[^，。？！,?! ]*[开配用])[^，。？！,?!]*"
)
"""What a doctor has prescribed, or what doctors usually do."""

_NO_REQUEST = re.compile(
    "(?:是|属于)(?:一?[种个])?(?:什么|啥)药(?![^，。？！,?!]*[开给配])|[你您]是谁"
    "|[饭餐]前[^，。？！,?!]*还是[^，。？！,?!]*[饭餐]后[^，。？！,?!]*|能不能(?:掰|嚼|碾|磨|打)[开碎]"
    "|[帮给]我(?:写|讲|编|画|唱|翻译)[^，。？！,?!药方]{0,6}(?:诗|歌|故事|笑话|段子|作文|文章|假条|信|代码)"
)
"""What is asked beside medicine, or of a medicine, in words of requests to prescribe."""

_REQUESTS = re.compile(
    "[帮给替][我俺咱][^，。？！,?!]{0,8}[开配写拿弄搞]|(?:(?<!功)能|可以|可|想|要|会|麻烦|求|请)[^，。？！,?!吃用服打喝]{0,6}[开配](?![车刀始])|开[张个点些一副两盒瓶]|处方|药方|方子"
    "|配[个点副]|方案|推荐|安排|直接|来[一两几个]?[盒瓶支片点]|[写选挑抓停换改调]|减(?![毒肥轻])|加[大量倍到一]|双倍|单子|医嘱|证明|同意|点个?头|[你您][给帮]"
    "|[吃用买](?:什么|啥|哪)|哪[类种]药"
)
"""Words of requests to prescribe or to change a treatment, which a question whether something may be taken has not."""

_GIVEN = (
    "药(?!方|店|房|箱|水进)|膏(?!药)|汤|丸|(?<![皮切贴])片(?!子)|栓|贴膏|针|素|汀|坦|平|尔|林|辛|唑|酸|非|胶囊"
    "|颗粒|滴眼|眼水|单子|paxlovid"
)
_UNITS = "[片粒颗袋包支下滴喷丸立吸]|毫[升克]|单位|ml|mg"
_CHANGED = "[加减停换](?![肥糖重脂压])药?|改"
_OUTRIGHT = re.compile(
    f"(?:开|续|配|抓)(?:上|点|些|个|[一二两三四五六半几]?[张盒瓶支板片副剂幅])?[^，。？！,?!到了过]{{0,8}}?(?:{_GIVEN})"
    f"|[帮给替为代](?:[我俺咱恁他她它伊]|老|孩|宝|[爸妈爷奶姥爹娘])?[^，。？！,?!]{{0,10}}(?:[开续抓拟](?![会车刀始])|写个|弄[个点]|整[个点两]|{_CHANGED}[成到])"
    "|(?:(?<!功)能|[可要请想]|可以|麻烦|直接|在你这)[^，。？！,?!吃开续]{0,5}[开续](?![车刀始会心水检假窗门灯空电火])"
    "|续(?:方|药|上|[一二两三四五六半几][支瓶盒个])|(?:[拟组出写配][^，。？！,?!是]{0,5}|要个?)(?:方子?|处方|医嘱)(?![法便面式向])|处方(?:一个|个)|开[半一两三几个]+[年月]的"
    f"|再?来[一两二三四五几][盒瓶支片板]|批不批|给(?:他|她|我)?个?(?:准话|量|方案)|(?:{_CHANGED})[^，。？！,?!]{{0,6}}听[你您]的"
    f"|[吃服喝喂打滴喷抹用含](?:上|到|成|个)?(?:几|多少)(?:{_UNITS})|(?:{_CHANGED})[成到]?(?:几|多少|半)(?:{_UNITS})|滴多少|一[天日次顿]要?[吃服喝]?几(?:{_UNITS})"
    f"|[0-9]+(?:单位)?(?:能不能|要不要)?[帮给]?我?(?:[加减改][到成]|改)[0-9]+|(?:想|要不要|能不能|可不可以|是不是|该不该|要)[^，。？！,?!]{{0,4}}(?:停药|停掉|{_CHANGED}[成到]?(?:半|量|一))"
    f"|怎么[停减加](?![肥糖])|(?:{_CHANGED}|停了)[^，。？！,?!饭]{{0,6}}(?:行不行|够不够|可以吗|行吗)|(?<!不)能停吗|[双两]倍行|片够不够"
    "|[吃用](?:什么|啥|哪[种个]?)药|各(?:多少|几)|搁几|不给[^，。？！,?!]{1,8}就给?"
)
"""What requests something to take, or a change of it, in so many words."""

_WHO = "(?:请问|那么?|问一?下|得了?|有|患|我|我?[爸妈爷奶]|孩子|宝宝|老人|大人|[,。、 ])*"
_WHICH = (
    "(?:发作|犯了|发了|患者|病人|的人|人|药?[片粒]|胶囊|颗粒|缓释片|肠溶片|混悬液|口服液|糖浆|软膏|乳膏|眼药水|喷雾剂?"
    "|栓|注射液)*"
)
ASKS_AN_ENTRY = re.compile(
    f"{_WHO}{NAME}+{_WHICH}(?:{NAME}|[,。的到底究竟一般通常应该要都又可以能得最好平时]|需要|饭前还是饭后)*"
    "(?:(?:[吃用服擦涂抹]点?些?(?:什么|啥|哪些|哪种|哪类)药[物膏]?|用药|药物有哪些|有(?:什么|哪些)药)(?:治疗?)?"
    "|(?:饭前|饭后|餐前|餐后|空腹|睡前)(?:还是|或|、)?(?:饭前|饭后|餐前|餐后|[吃用服]|早上)*"
    "|(?:怎么|怎样|如何|咋|什么时候|什么时间|啥时候|几点|空腹|早上|睡前|饭前|饭后)(?:样|个|正确|还是|或|饭前|饭后|晚上)*(?:[吃服用喝喷涂抹滴含喂打吸贴塞](?:用|药|法)?|使用))"
    "(?:最好|比较?好|好|合适|管用|有效|才对|才好|效果好|吗|呢|啊|呀|的|[?？。!])*"
)
"""What a question says that only asks for what an entry has, its name masked: #吃什么药好, #怎么吃."""

_OF_PRESCRIBING = re.compile(
    "为什么|为啥|规定|合法|食谱|法律|资格|处方权|哪个?科|材料|证件|手续|卫生室|社区医院|系统会|假条|检查单|(?:药店|医生|大夫|医院|门诊|平台|ai)能不?[^，。？！,?!]{0,4}开"
    "|不是要?[你您]开|开不开|配药门诊|要先|怎么劝|抓药吃|抓药一定"
)
"""What is asked about prescriptions, or about those who may write them."""

_FOR_SOMEBODY = re.compile("[帮给替为](?:[我俺咱他她]|老|孩|宝|[爸妈爷奶姥爹娘])|[你您][给帮替就]")

_BEFORE_SOMETHING = re.compile(
    "手术|开刀|拔牙|种牙|智齿|造影|增强ct|[胃肠]镜|怀孕|怀上|备孕|哺乳|喂奶|疫苗|体检|抽血|皮试|过敏原|查过敏|拉肚子|腹泻|呕吐|感冒|发烧|喝酒|饭局"
)
"""What is before somebody who then asks whether he must stop a medicine: its entry says so."""
_MUST_STOP = re.compile(
    "(?:要不要|该不该|需不需要|用不用|是不是[该要]|得不得|要|该|需要)先?停(?!掉|成)[^，。？！,?!]{0,4}|停不停"
)

_STOPS_AT_ONCE = re.compile("(?:能不能|可不可以|能|可以|可)(?:突然|骤然|马上|一下子?)停[用药]?[吗么嘛?？]*")

_ASKS_EFFECT = re.compile(
    "(?:能|可以|会)[^，。？！,?!]{0,3}(?:治|止|缓解|预防|降|退|消|影响)[^，。？！,?!]*[吗么不][?？]?$"
)
_AMOUNT = re.compile("[0-9一二两三四五六七八九十几半]+(?:片|粒|颗|毫克|mg|毫升|ml|支|盒|瓶|袋|克|滴|喷|单位)")

_INSISTS = re.compile(
    "^(?:嗯|对|是的|没错|行|可以)+[，,]?[^，。？！,?!]{0,6}$|^(?:那?就|要|听你的|照)|求|拜托|赶紧|快[点开]|现在就|马上就|[这那]个$|[加减换改][到成]"
    "|[0-9一二两三四五六七八九十半]个?(?:盒|瓶|支|片|粒|袋|天|周|礼拜|星期|月|疗程|份)|的量|一样|同样"
)
_ASKS_AMOUNT = re.compile(
    "[吃喝喷抹涂滴含喂用](?:几|多少|半)(?:[片粒颗袋包支下滴喷丸次]|毫[升克])?[?呢呀啊]*$|剂量|用量|(?:几|多少)(?:毫[升克]|片|粒)"
)
_ASKS_OF_AMOUNT = re.compile(
    f"(?:能|可)(?:不能|不可以|以)?[^，。？！,?!]{{0,2}}(?:多|再加?|加)?[吃服喂打用](?:两|双|[2-9三四五]|多?一|半)(?:片|粒|颗|倍|份|袋|支)"
    f"|[一每](?:次|天|日|顿)[^，。？！,?!]{{0,5}}[吃喝服用]{_AMOUNT.pattern}(?:可以|可|能|行|好|对|够|多)?(?:[吗么]|行不行|行不|对不对|多不多|够不够)[?？]?$"
)
_ASKS_HOW_OFTEN = re.compile(
    "[一每](?:次|天|日|顿|回)[^，。？！,?!]{0,6}(?:几|多少)[次回顿片粒颗袋支喷滴]|[吃服喝喂用打滴喷含](?:几[次天周]|多少(?:天|合适)?|多久|多长时间)"
    "(?![^，。？！,?!]{0,4}(?:见效|起效|有效|管用|能好|复查|才|不))|疗程多|几个疗程"
)
_ASKS_OTHERWISE = re.compile("什么|啥|哪|怎|咋|为何|区别|原因|吗|几点|多少钱")
_GIVES_UP = re.compile("算了|不[用要开买配]了|不麻烦|那?去医院")


def asks_for_prescription(question: str, earlier: Sequence[str] = ()) -> bool:
    """Whether the service itself is asked to prescribe; what a doctor prescribed does not count.

    Args:
        question: What is said now.
        earlier: What the same person said before it. It counts where the question goes on from it: 每次几片.
    """
    text = normalised(question)
    if _asks_whether(text) and not any(_REQUESTS.search(normalised(turn)) for turn in earlier[-LOOKED_BACK:]):
        return False
    rest = _NO_REQUEST.sub("", text)
    if rest != text and not _REQUESTS.search(rest) and not earlier:
        return False
    odds, plain = _odds([question]), _PRESCRIBED.sub("", text)
    if _OF_PRESCRIBING.search(text) and not _FOR_SOMEBODY.search(plain):
        return False
    if odds >= SURELY or (odds >= IN_SO_MANY_WORDS and _OUTRIGHT.search(plain)):
        return True
    if _ends(text) or _ASKS_OTHERWISE.search(text):
        return False
    said = list(takewhile(lambda turn: not _ends(normalised(turn)), reversed(earlier[-LOOKED_BACK:])))[::-1]
    if not said or not (_INSISTS.search(text) or _ASKS_AMOUNT.search(text)):
        return False
    return _odds([*said, question]) >= (OF_A_DOSE if _ASKS_AMOUNT.search(text) else GOES_ON)


def asks_amount(question: str, earlier: Sequence[str] = ()) -> bool:
    """Whether how much, how often or how long to take something is asked, and nothing is to be prescribed.

    Args:
        question: What is said now, with what it leaves to be understood.
        earlier: What the same person said before it.
    """
    said = [normalised(turn) for turn in (*earlier[-LOOKED_BACK:], question)]
    asks = any(asks.search(said[-1]) for asks in (_ASKS_AMOUNT, _ASKS_OF_AMOUNT, _ASKS_HOW_OFTEN))
    return asks and not any(map(_REQUESTS.search, said))


def asks_for_dose(question: str, earlier: Sequence[str] = ()) -> bool:
    """Whether what is declined asks for an amount to take, and for nothing to be prescribed: 布洛芬一次吃几片.

    Args:
        question: What is said now.
        earlier: What the same person said before it.
    """
    said = [normalised(turn) for turn in (*earlier[-LOOKED_BACK:], question)]
    if _ASKS_OF_AMOUNT.search(said[-1]) and not _REQUESTS.search(said[-1]):
        return True
    if not _ASKS_AMOUNT.search(said[-1]) or any(map(_REQUESTS.search, said)):
        return False
    return asks_for_prescription(question, earlier)


def _asks_whether(text: str) -> bool:
    """Whether a normalised message asks if a medicine may be taken, which its entry answers, and requests nothing."""
    plain = _PRESCRIBED.sub("", text)
    if _STOPS_AT_ONCE.search(plain):
        return not _FOR_SOMEBODY.search(plain)
    if _BEFORE_SOMETHING.search(plain) and _MUST_STOP.search(plain):
        return not _REQUESTS.search(_MUST_STOP.sub("", plain))
    return bool(asks_of_taking(plain) or _ASKS_EFFECT.search(plain)) and not (
        _REQUESTS.search(plain) or _AMOUNT.search(plain)
    )


def _odds(turns: Sequence[str]) -> float:
    return heard(normalised("。".join(_NO_REQUEST.sub("是什么", _PRESCRIBED.sub("", turn)) for turn in turns)))[
        PRESCRIPTION
    ]


def _ends(text: str) -> bool:
    """Whether a normalised message ends what was spoken of."""
    return is_closing(text) or is_courtesy(text) or bool(_GIVES_UP.search(text))
