"""What accounts, devices and partial numbers look like: what names somebody to a system, or to who knows the rest."""

import re

from data_recipes.steps.personal_kind import Kind
from data_recipes.steps.personal_signs import BRACKET, HAN, WORDED

_TAIL = "(?:后|末|最后)[三四五六3-6]位(?:数字?)?|尾号|尾数"
_NETWORK = "(?:[Ii][Pp](?:[Vv][46])?|登[录陆]|终端|主机|来源|客户端|工作站|服务器)"


def _octets(match: re.Match[str]) -> bool:
    return all(int(part) < 256 for part in match["value"].split("."))


ACCOUNTS = (
    Kind(
        "account",
        "【账号】",
        r"(?:用户名|登[录陆]名|网名|(?:登[录陆]|注册|绑定|个人|[Aa]pp|APP|平台|小程序|系统|HIS|邮箱|宽带|网盘|游戏|医生|护士|工作站|操作)?[账帐][号户]|豆瓣|[Bb]站|哔哩哔哩|虎扑|论坛|社区|公众号后台|飞书|"
        r"淘宝|旺旺|京东|拼多多|闲鱼|好大夫|春雨|丁香|微医|游戏|百度|贴吧|网易)(?:医生|在线|旺旺|用户|[账帐]号)?"
        rf"\s?(?:ID|id|号|UID|uid|名|用户)?{WORDED}(?P<value>(?=[A-Za-z0-9_.-]{{0,19}}[0-9_])(?=[A-Za-z0-9_.-]{{0,19}}[A-Za-z])"
        r"[A-Za-z0-9][A-Za-z0-9_.-]{4,19})(?![A-Za-z0-9_@-])",
        "用户名|登[录陆]名|网名|[账帐][号户]|豆瓣|[Bb]站|哔哩哔哩|虎扑|论坛|社区|公众号后台|飞书|"
        "淘宝|旺旺|京东|拼多多|闲鱼|好大夫|春雨|丁香|微医|游戏|百度|贴吧|网易",
    ),
    Kind(
        "account",
        "【账号】",
        r"(?:登[录陆]名[:：]?\s?|\b(?:user(?:name)?|login|account|uname)\s?[=:：]\s?|账号异常登[录陆][:：])"
        r"(?P<value>(?=[a-z_.-]{0,19}[0-9]|(?<=名|[:：]))[a-z][a-z0-9_.-]{3,19})(?![A-Za-z0-9_@(-])",
        "登[录陆]名|user|login|account|uname|异常登",
    ),
    Kind(
        "account",
        "【账号】",
        r"(?<![0-9A-Za-z-])(?P<value>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?![0-9A-Za-z-])",
        "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-",
    ),
    Kind(
        "account",
        "【账号】",
        rf"(?:昵称|网名|用户名|微博|微信名|抖音|头条|小红书|快手|知乎)(?:名|ID|号)?(?:\s?@|{WORDED})(?P<value>{HAN}{{2,10}}[0-9]{{2,6}}|[0-9]{{3,6}}{HAN}{{2,6}}(?=[，。,\s]|$))(?![0-9年月日号元])",
        "昵称|网名|用户名|微博|微信名|抖音|头条|小红书|快手|知乎",
    ),
    Kind(
        "network_address",
        "【网络地址】",
        rf"{_NETWORK}[^0-9\n]{{0,8}}(?P<value>[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}})(?![0-9.])",
        "[0-9]\\.[0-9]{1,3}\\.[0-9]",
        _octets,
    ),
    Kind(
        "network_address",
        "【网络地址】",
        r"(?<![0-9A-Za-z:])(?P<value>[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})(?![0-9A-Za-z:])",
        "[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]",
        lambda match: not match["value"].replace("-", "").isdigit(),
    ),
    Kind(
        "network_address",
        "【网络地址】",
        rf"(?:IMEI|imei|设备识别码|ICCID|MEID){BRACKET}(?:号|码)?{WORDED}(?P<value>[0-9A-F]{{14,20}})(?![0-9A-F])",
        "IMEI|imei|识别码|ICCID|MEID",
    ),
    Kind(
        "last_digits",
        "【尾号】",
        rf"(?:手机|电话|号码|身份证|证件|卡号?|病案号|住院号|微信)(?:号码?)?的?(?:{_TAIL})(?:是|为)?[:：]?\s*(?P<value>[0-9]{{3,6}}[Xx]?)(?![0-9])",
        "[三四五六3-6]位|尾号|尾数",
    ),
    Kind(
        "last_digits",
        "【尾号】",
        rf"(?:车牌|牌照)(?:{_TAIL})(?:是|为)?[:：]?\s*(?P<value>[A-Z0-9]{{3,6}})(?![A-Za-z0-9])",
        "(?:车牌|牌照)(?:后|末|最后|尾)",
    ),
    Kind(
        "last_digits",
        "【尾号】",
        r"尾号(?:为|是)?[:：]?\s?(?P<value>[0-9]{4}[Xx]?)(?=的)",
        "尾号",
    ),
)
"""In search order."""
