import json
import shutil
from pathlib import Path

import pytest

from common.errors import UserError
from domains.knowledge_base import KnowledgeBase
from domains.medical.entries import SCHEMA
from domains.medical.knowledge_base import KNOWLEDGE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMA.folder, tmp_path / "knowledge"))


def change(path: Path, number: int, **values: object) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[number - 1] = json.dumps({**json.loads(lines[number - 1]), **values}, ensure_ascii=False)
    path.write_text("\n".join(lines), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        KnowledgeBase.load(SCHEMA, folder)
    return str(error.value)


def test_every_type_is_there_and_found_by_id_and_name(kb: KnowledgeBase) -> None:
    sizes = [len(kb.of_type(t)) for t in ("disease", "drug", "symptom", "examination", "department")]
    assert all(sizes) and sum(sizes) == len(kb.entries)
    assert kb.by_id["D001"] is kb.by_name("disease", "高血压")


def test_find_prefers_the_longest_name_and_resolves_aliases(kb: KnowledgeBase) -> None:
    assert [entry.name for entry in kb.find("我的左氧氟沙星滴眼液和心内科的号")] == ["左氧氟沙星滴眼液", "心血管内科"]
    assert kb.find("今天天气不错") == []


def test_find_names_an_entry_once_and_both_of_two_that_share_a_name(kb: KnowledgeBase) -> None:
    assert [entry.type for entry in kb.find("脱发，还是脱发")] == ["disease", "symptom"]


@pytest.mark.parametrize("attribute", ["症状", "检查", "用药", "科室"])
def test_a_reference_that_leads_nowhere_is_named_with_its_line(folder: Path, attribute: str) -> None:
    path = folder / "diseases.jsonl"
    attributes = json.loads(path.read_text(encoding="utf-8").split("\n")[6])["attributes"]
    change(path, 7, attributes={**attributes, attribute: ["没有这个"]})
    assert f"{path}:7: {attribute}" in refused(folder)


def test_a_name_must_not_belong_to_two_entries_of_a_type(folder: Path) -> None:
    change(folder / "drugs.jsonl", 3, aliases=["阿莫西林"])
    assert "drugs.jsonl:3" in refused(folder)


def test_an_id_must_be_unique(folder: Path) -> None:
    change(folder / "drugs.jsonl", 3, id="M001")
    assert "drugs.jsonl:3" in refused(folder)


@pytest.mark.parametrize(
    "values", [{"urgency": None}, {"urgency": "now"}, {"attributes": {}}, {"definition": ""}, {"dose": "1"}]
)
def test_an_entry_of_the_wrong_shape_is_named_with_its_line(folder: Path, values: dict[str, object]) -> None:
    change(folder / "diseases.jsonl", 2, **values)
    assert "diseases.jsonl:2" in refused(folder)


def test_a_cut_off_line_is_named(folder: Path) -> None:
    path = folder / "symptoms.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    assert f"symptoms.jsonl:{len(KNOWLEDGE.load().of_type('symptom'))}: not JSON" in refused(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "drugs.jsonl").unlink()
    assert "drugs.jsonl" in refused(folder)


def test_the_hash_changes_with_the_content(kb: KnowledgeBase, folder: Path) -> None:
    change(folder / "drugs.jsonl", 3, definition="另一种说法的药物")
    assert KnowledgeBase.load(SCHEMA, folder).sha256 != kb.sha256
