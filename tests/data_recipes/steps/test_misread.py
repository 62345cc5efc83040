"""What is read again, and 100,000 characters of each kind of clean text that are not."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from data_recipes.steps.misread import beyond_repair, reread

ROOT = Path(__file__).resolve().parents[3]
CHARACTERS = 100_000
TEXT = "高血压患者应当低盐饮食，按时服药。"


@pytest.mark.parametrize(
    ("written_in", "read_as"),
    [("utf-8", "latin-1"), ("gb18030", "latin-1"), ("gb18030", "cp1252"), ("utf-8", "gb18030")],
)
@pytest.mark.parametrize("text", ["高血压患者饮食", "孩子夜里磨牙", "风湿性关节炎"])
def test_each_kind_is_read_again(text: str, written_in: str, read_as: str) -> None:
    text = text[: len(text) // 2 * 2]  # the three bytes of each pair pair up as GB18030 reads them
    assert reread(text.encode(written_in).decode(read_as)) == text


def test_utf_8_with_the_marks_of_windows_is_read_again() -> None:
    broken = "“饭后百步走”有道理吗？".encode().decode("latin-1")
    for byte in (0x80, 0x9C, 0x99, 0x93):
        broken = broken.replace(chr(byte), bytes([byte]).decode("cp1252"))
    assert reread(broken) == "“饭后百步走”有道理吗？"


def test_what_was_misread_twice_is_read_twice() -> None:
    twice = TEXT.encode().decode("latin-1").encode().decode("latin-1")
    assert reread(twice) == TEXT


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("复查甲功正常，缁х画鏈嶈嵂，三个月后再来。", "复查甲功正常，继续服药，三个月后再来。"),
        ("姓名：略 主诉：·´¸´¿ÚÇ»À£Ññ 时间：2年", "姓名：略 主诉：反复口腔溃疡 时间：2年"),
        ("答：" + "不需要".encode().decode("latin-1") + "忌口", "答：不需要忌口"),
    ],
)
def test_only_the_misread_part_is_read_again(broken: str, text: str) -> None:
    assert reread(broken) == text


@pytest.mark.parametrize("text", ["寤鸿??鍋氫竴涓?浜屽崄鍥涘皬鏃跺姩鎬佸績鐢靛浘"])
def test_a_text_that_lost_bytes_is_not_read_again_in_part(text: str) -> None:
    assert beyond_repair(text) and reread(text) == text
    assert not beyond_repair(TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "患者张××××，电话138××××5678",
        "7÷3=2······1",
        "绝望····我该怎么办",
        "°°°°",
        "±±±±",
        "ÑÁÉÍÓÚ",
        "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß",
        "àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
        "××年××月××日，患者××因××入院",
        "联通",
        "¡¿«»§¶©®°",
        "※※※※　◇◇◇◇",
    ],
)
def test_signs_that_fit_another_encoding_stay(text: str) -> None:
    assert reread(text) == text
    assert reread(text * 3) == text * 3


def medicine() -> Iterable[str]:
    for path in sorted((ROOT / "domains/medical/knowledge").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            values = "；".join("、".join(items) for items in entry["attributes"].values())
            yield f"{entry['name']}：{entry['definition']}。{values}"


def code() -> Iterable[str]:
    for path in sorted((ROOT / "data_recipes").rglob("*.py")):
        yield from path.read_text(encoding="utf-8").split("\n\n")


def mixed(words: str, between: str, seed: int) -> Iterable[str]:
    draw = random.Random(seed)
    parts = words.split()
    while True:
        yield between.join(draw.choices(parts, k=draw.randint(2, 12)))


MATHEMATICS = (
    "7÷3=2······1 3×4=12 a²+b²=c² √2≈1.414 ±0.5 ∠ABC=90° 38°15′20″ ∵AB∥CD ∴∠1=∠2 x∈{1,−2} ½+⅓=⅚ 5‰ π≈3.14 "
    "∫₀¹x²dx=⅓ α、β、γ λ=589nm Δt=5s Ω ≤ ≥ ≠ × ÷ ± · ° ¹ ² ³ ¼ ¾ 小明有5个苹果，吃了2个 ××××× ····· "
    "填空：____ （ ） ①②③④ 一元二次方程"
)
ANCIENT = (
    "太陰病，欲解時，從亥至丑上。 今有雉兔同籠，上有三十五頭，下有九十四足。 "
    "采采芣苢，薄言袺之；采采芣苢，薄言襭之。 魑魅魍魉，饕餮貔貅 瀹藿蕨而食之 濩落無所容 淟涊之流 "
    "滃滃然，瀵瀵然 鷫鸘裘 羲皇上人 醢醬醯醋 瘰疬瘿瘤，痄腮臌胀 漯漯滀滀 涔涔 嫘祖始蠶 孃孃 榱棟崩摧 檿桑 "
    "欂櫨 殷其靁 瀺灂霣墜 汨羅 氾濫 淇奧 浼浼 涓涓 湝湝 炁與氣同 爰居爰處 猗嗟昌兮 狻猊 珮玦 琮璧 甍棟 "
    "癭瘤"
)
NAMES = (
    "阿不都热依木·买买提 古丽娜尔·艾合买提 扎西·次仁 洛桑卓玛 买买提江·阿不都拉 乌云塔娜 依布拉音·卡斯木 "
    "那仁花 央金 呼和巴特尔 阿依古丽·吐尔逊 张三·李四 朱镕基 陶喆 马龑 龘 垚 犇 昇 璟 琭 祎 翀 彧 婠 嫚 "
    "欥 翯 曌 木合塔尔·司马义 帕提古丽·阿布都热西提"
)
ACCENTS = (
    "Ménière Sjögren Guillain–Barré café naïve crème brûlée Ångström Schrödinger Él señor niño corazón "
    "ÑANDÚ ÉTÉ ÜBER GRÖSSE façade œuvre Æsop Þór Øresund résumé déjà über piñata jalapeño São Tomé "
    "Curaçao “quoted” ‘quoted’ it’s — … £30 €50 ¥100 © ® ™ zhōng yī wàng wén wèn qiè Händel "
    "Köchel-Verzeichnis Noël Zoë Brontë coöperate Málaga Córdoba ÀÉÎÕÜ ¿Qué? ¡Olé! «là-bas» 10° ½"
)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(medicine(), id="medicine"),
        pytest.param(mixed(MATHEMATICS, "，", 1), id="mathematics"),
        pytest.param(code(), id="code"),
        pytest.param(mixed(ANCIENT, "", 2), id="ancient texts"),
        pytest.param(mixed(NAMES, "、", 3), id="names of minorities"),
        pytest.param(mixed(ACCENTS, " ", 4), id="accents"),
        pytest.param(mixed(ACCENTS.upper(), "", 5), id="capitals with accents, without spaces"),
    ],
)
def test_clean_text_of_each_kind_stays(texts: Iterable[str]) -> None:
    read = 0
    for text in texts:
        assert reread(text) == text and not beyond_repair(text)
        read += len(text)
        if read >= CHARACTERS:
            break
    assert read >= CHARACTERS
