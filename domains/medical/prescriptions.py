"""Requests to prescribe, which only doctors may fulfil: recognised and declined without asking the model."""

import re
from collections.abc import Sequence
from itertools import takewhile

from domains.medical.messages import PRESCRIPTION, heard
from domains.retrieval.turns import is_closing
from domains.retrieval.wording import is_courtesy
from domains.safety_rules import normalised
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

GOES_ON = 0.0
"""Log-odds of a conversation above which a message that insists on it is such a request too: 现在就要."""

OF_A_DOSE = -2.0
"""Log-odds of a conversation above which a message that asks for an amount to take is such a request: 喷几下."""

LOOKED_BACK = 3
"""Messages before it with which one is heard."""

_PRESCRIBED = re.compile(
    "(?:医生|大夫|医师|医院|主任|专家|门诊)"
    "(?:[^，。？！,?! ]*[开配拿](?=[了过的到])|(?:一般|通常|大多|常常?|多半)[^，。？！,?! ]*[开配用])[^，。？！,?!]*"
)
"""What a doctor has prescribed, or what doctors usually do."""

_NO_REQUEST = re.compile(
    "(?:是|属于)(?:一?[种个])?(?:什么|啥)药(?![^，。？！,?!]*[开给配])|[你您]是谁"
    "|[饭餐]前[^，。？！,?!]*还是[^，。？！,?!]*[饭餐]后[^，。？！,?!]*|能不能(?:掰|嚼|碾|磨|打)[开碎]"
    "|[帮给]我(?:写|讲|编|画|唱|翻译)[^，。？！,?!药方]{0,6}(?:诗|歌|故事|笑话|段子|作文|文章|假条|信|代码)"
)
"""What is asked beside medicine, or of a medicine, in words of requests to prescribe."""

_REQUESTS = re.compile(
    "[帮给替][我俺咱][^，。？！,?!]{0,8}[开配写拿弄搞]|(?:能|可以|可|想|要|会|麻烦|求|请)[^，。？！,?!吃用服打喝]{0,6}[开配](?![车刀始])|开[张个点些一副两盒瓶]|处方|药方|方子"
    "|配[个点副]|方案|推荐|安排|直接|来[一两几个]?[盒瓶支片点]|[写选挑抓停减换改调]|加[大量倍到一]|双倍|单子|医嘱|证明|同意|点个?头|[你您][给帮]"
    "|[吃用买](?:什么|啥|哪)|哪[类种]药"
)
"""Words of requests to prescribe or to change a treatment, which a question whether something may be taken has not."""

_ASKS_EFFECT = re.compile("(?:能|可以|会)[^，。？！,?!]{0,3}(?:治|止|缓解|预防|降|退|消)[^，。？！,?!]*[吗么不][?？]?$")
_AMOUNT = re.compile("[0-9一二两三四五六七八九十几半]+(?:片|粒|颗|毫克|mg|毫升|ml|支|盒|瓶|袋|克|滴|喷|单位)")

_INSISTS = re.compile(
    "^(?:嗯|对|是的|没错|行|可以)+[，,]?[^，。？！,?!]{0,6}$|^(?:那?就|要|听你的|照)|求|拜托|赶紧|快[点开]|现在就|马上就|[这那]个$|[加减换改][到成]"
    "|[0-9一二两三四五六七八九十半]个?(?:盒|瓶|支|片|粒|袋|天|周|礼拜|星期|月|疗程|份)|的量|一样|同样"
)
_ASKS_AMOUNT = re.compile(
    "[吃喝喷抹涂滴含喂用](?:几|多少|半)(?:[片粒颗袋包支下滴喷丸次]|毫[升克])?[?呢呀啊]*$|剂量|用量|(?:几|多少)(?:毫[升克]|片|粒)"
)
_ASKS_OF_AMOUNT = re.compile(
    f"[一每](?:次|天|日|顿)[^，。？！,?!]{{0,5}}[吃喝服用]{_AMOUNT.pattern}(?:可以|可|能|行|好|对|够|多)?(?:[吗么]|行不行|行不|对不对|多不多|够不够)[?？]?$"
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
    if _odds([question]) >= SURELY:
        return True
    if _ends(text) or _ASKS_OTHERWISE.search(text):
        return False
    said = list(takewhile(lambda turn: not _ends(normalised(turn)), reversed(earlier[-LOOKED_BACK:])))[::-1]
    if not said or not (_INSISTS.search(text) or _ASKS_AMOUNT.search(text)):
        return False
    return _odds([*said, question]) >= (OF_A_DOSE if _ASKS_AMOUNT.search(text) else GOES_ON)


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
