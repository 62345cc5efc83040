"""What the peers do to one text or pair: the same work as the recipe, in plain Python."""

import hashlib
import re
import unicodedata

CONTROL = re.compile(r"[\ufeff\u200b\x00-\x08\x0b-\x1f\x7f]")
WIDE = str.maketrans(
    {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
)
HAN, LETTER = re.compile("[\u4e00-\u9fff]"), re.compile(r"[^\W\d_]")
IDENTITY = re.compile(r"(?<!\d)[1-9]\d{16}[\dXx](?!\d)")
MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
LANDLINE = re.compile(r"(?<!\d)0\d{2,3}-\d{7,8}(?!\d)")
CARD = re.compile(r"(?<!\d)\d{16,19}(?!\d)")
LABELLED = re.compile(r"((?:病案|住院|门诊|医保|社保卡?)号[:：]?\s*)([A-Za-z0-9]{5,20})")
NAMED = re.compile(r"((?:我叫|姓名[:：]))([\u4e00-\u9fff]{2,3})(?=[，。,\s])")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return CONTROL.sub("", text).translate(WIDE)


def kept(asked: str, said: str) -> bool:
    if not (2 <= len(asked) <= 8000 and 1 <= len(said) <= 16000):
        return False
    letters = len(LETTER.findall(asked)) + len(LETTER.findall(said))
    return not letters or (len(HAN.findall(asked)) + len(HAN.findall(said))) / letters >= 0.5


def masked(text: str) -> str:
    text = MAIL.sub("【邮箱】", text)
    text = IDENTITY.sub(lambda m: "【身份证号】" if checked(m[0]) else m[0], text)
    text = CARD.sub(lambda m: "【银行卡号】" if luhn(m[0]) else m[0], text)
    text = LABELLED.sub(r"\1【病案号】", text)
    text = MOBILE.sub("【手机号】", text)
    text = LANDLINE.sub("【电话】", text)
    return NAMED.sub(r"\1【姓名】", text)


def checked(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], WEIGHTS, strict=True))
    return number[17].upper() == "10X98765432"[total % 11]


def luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def folded(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).lower()))


def runs(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(max(1, len(text) - length + 1))]


def key(asked: str, said: str) -> bytes:
    return hashlib.md5((folded(asked) + "\0" + folded(said)).encode()).digest()
