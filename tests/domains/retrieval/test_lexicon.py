import json
import shutil
from pathlib import Path

import pytest

from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from domains.medical.entries import SCHEMA
from domains.retrieval.lexicon import BROADER, ELSEWHERE, FOLDER, NAMES, Lexicon
from domains.retrieval.normalise import normalised
from domains.retrieval.retriever import retriever_of

IDS = {"D001", "D002"}
NAME_LINE = {"id": "D001", "lay": ["某病"], "described": ["说不清的难受"]}


def write(folder: Path, file: str, *lines: object) -> Path:
    path = folder / file
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return path


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        Lexicon.load(folder, IDS)
    return str(error.value)


def test_names_keep_their_kind(tmp_path: Path) -> None:
    write(tmp_path, NAMES, {"id": "D001", "abbreviation": ["MB"], "lay": ["某病"], "described": ["说不清的难受"]})
    [line] = Lexicon.load(tmp_path, IDS).names
    assert list(line.names()) == [("某病", "lay"), ("MB", "abbreviation")]
    assert line.described == ("说不清的难受",)


def test_names_without_an_entry_are_words_of_a_text(tmp_path: Path) -> None:
    (tmp_path / ELSEWHERE).write_text("异维A酸 泼尼松龙\n罗红霉素\n", encoding="utf-8")
    assert Lexicon.load(tmp_path, IDS).elsewhere == ("异维A酸", "泼尼松龙", "罗红霉素")


def test_none_of_them_is_the_name_of_an_entry(knowledge: KnowledgeBase) -> None:
    names = {normalised(name) for entry in knowledge.entries for name in entry.names}
    names |= {normalised(name) for line in knowledge.lexicon.names for name, _ in line.names()}
    assert not names & set(map(normalised, knowledge.lexicon.elsewhere))


@pytest.mark.parametrize(
    ("question", "names", "elsewhere"),
    [
        ("异维A酸有什么副作用", [], ("异维a酸",)),
        ("泼尼松有什么副作用", ["泼尼松"], ()),
        ("泼尼松龙和泼尼松有什么区别", ["泼尼松"], ("泼尼松龙",)),
    ],
)
def test_no_other_entry_is_found_for_them(
    question: str, names: list[str], elsewhere: tuple[str, ...], knowledge: KnowledgeBase
) -> None:
    retrieved = retriever_of(knowledge).retrieve(question)
    assert [found.entry.name for found in retrieved.found if found.how == "name"] == names
    assert retrieved.elsewhere == elsewhere


def test_a_folder_without_files_has_no_lexicon(tmp_path: Path) -> None:
    assert Lexicon.load(tmp_path / "none", IDS) == Lexicon()


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        (NAMES, {"id": "D009", "lay": ["某病"]}, "D009"),
        (NAMES, {"id": "D001", "brand": ["某药"]}, "brand"),
        (NAMES, NAME_LINE, "second line for D001"),
        (NAMES, "某病", "object"),
        (BROADER, {"word": "病", "entries": ["D001", "D009"]}, "D009"),
        (BROADER, {"word": "病", "entries": []}, "entries"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_do(tmp_path: Path, file: str, line: object, says: str) -> None:
    good = NAME_LINE if file == NAMES else {"word": "病", "entries": ["D001"]}
    path = write(tmp_path, file, good, line)
    problem = refused(tmp_path)
    assert f"{path}:2" in problem and says in problem and "->" in problem


def test_it_is_no_part_of_the_knowledge_bases_hash(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SCHEMA.folder, tmp_path / "knowledge"))
    shutil.rmtree(folder / FOLDER)
    bare = KnowledgeBase.load(SCHEMA, folder)
    assert bare.sha256 == knowledge.sha256 and bare.lexicon == Lexicon()
    assert knowledge.lexicon.sha256 not in ("", knowledge.sha256)


def test_the_shipped_one_has_three_names_for_each_disease_and_drug(knowledge: KnowledgeBase) -> None:
    spoken = {line.id: line for line in knowledge.lexicon.names}
    for entry in (*knowledge.of_type("disease"), *knowledge.of_type("drug")):
        assert len(entry.aliases) + len(list(spoken[entry.id].names())) >= 3, entry.name
