"""A folder as a source: what is asked of it, what stands in the prompts, and what is left for the tests."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from loguru import logger

from common.command import read_config
from common.errors import UserError
from common.hashing import sha256_text
from data_recipes.config import BuildConfig
from data_recipes.pipeline.build import build, load
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.sources.generated.grounded import ATTRIBUTES, SEEN_IN_TRAINING, GroundedSource, read
from domains.citations import cited
from domains.documents.knowledge_base import KNOWLEDGE
from domains.documents.passage import sentences
from domains.documents.phrasings import NOT_GIVEN
from domains.grounding import quoted, write_block
from domains.knowledge_base import KnowledgeBase
from domains.reading import entries_to_read
from domains.retrieval.retriever import Retriever
from eval.judges.refusal.abstaining import abstains
from tests.domains.documents.writing import write_documents

FEW = "data.splits.train=100"


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING")
    yield lines
    logger.remove(sink)


def configured(*words: str) -> GroundedSource:
    source = read_config("build", ["data=grounded", "out=unused", *words], BuildConfig)[0].source
    assert isinstance(source, GroundedSource)
    return source


def rows(config: GroundedSource) -> list[Example]:
    return [item for item in read(config) if isinstance(item, Example)]


@pytest.fixture(scope="module")
def kb() -> KnowledgeBase:
    return KNOWLEDGE.load()


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return rows(configured())


def answered(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.behaviour == "answer"]


def test_every_answer_is_in_the_prompt_and_cites_its_passage(examples: list[Example], kb: KnowledgeBase) -> None:
    for example in answered(examples):
        system, question, answer = example.messages
        assert cited(answer.content) == set(example.grounding) <= cited(system.content)
        [entry] = [kb.by_id[id] for id in example.grounding]
        assert example.facts and all(fact in quoted(entry.definition) for fact in example.facts)
        assert all(fact in system.content and fact in answer.content for fact in example.facts)
        assert question.content


def test_word_and_pdf_are_asked_about_like_markdown(tmp_path: Path) -> None:
    write_documents(tmp_path)
    kb = KNOWLEDGE.load(tmp_path)
    found = answered(rows(configured(f"source.path={tmp_path}", FEW)))
    asked = {kb.by_id[id].title.partition(" > ")[0] for example in found for id in example.grounding}
    assert asked == {"住院.docx", "指南/高血压.pdf", "探视.md"}
    assert any("复诊时请带血压记录和正在服用的药" in example.answer for example in found)


def test_what_is_withheld_cannot_be_read_and_the_answer_says_so(examples: list[Example]) -> None:
    withheld = [example for example in examples if example.kind == "not_given"]
    assert 0.08 < len(withheld) / len(examples) < 0.25
    for example in withheld:
        assert example.answer == NOT_GIVEN and abstains(example.answer) and not example.facts
        assert example.id.partition(".")[0] not in cited(example.messages[0].content)
    assert 0 < sum("没有找到相关资料" in example.messages[0].content for example in withheld) < len(withheld)


def test_no_training_row_answers_from_an_unseen_passage_or_is_given_one(examples: list[Example]) -> None:
    of_split = {name: [e for e in examples if e.split == name] for name in {e.split for e in examples}}
    unseen = {example.id.partition(".")[0] for example in of_split["unseen_entity"]}
    assert len(unseen) >= 4 and Counter(e.split for e in examples)["train"] > 300
    for example in of_split["train"] + of_split["dev"]:
        assert example.id.partition(".")[0] not in unseen and not unseen & cited(example.messages[0].content)
    wordings = {name: {example.phrasing for example in of_split[name]} for name in of_split}
    assert not wordings["heldout_phrasing"] & (wordings["train"] | wordings["dev"])
    questions = [example.messages[1].content for example in examples]
    assert len(set(questions)) == len(questions)


def test_a_question_of_the_folder_is_asked_as_it_is_written(examples: list[Example], kb: KnowledgeBase) -> None:
    asked = {example.messages[1].content for example in examples if example.split in SEEN_IN_TRAINING}
    faq = [entry.name for entry in kb.entries if entry.name.endswith("？")]
    assert sum(name in asked for name in faq) >= 0.7 * len(faq) > 5


def test_the_prompt_is_what_the_service_gives(kb: KnowledgeBase) -> None:
    config = configured("source.withheld_share=0", "source.shuffled_share=0", FEW)
    retriever = Retriever(kb)
    equal = []
    for example in (row for row in rows(config) if row.split not in SEEN_IN_TRAINING):
        system, question, _ = example.messages
        given = entries_to_read(retriever.retrieve(question.content), question.content, {}, config.entries, ATTRIBUTES)
        served = write_block(given).text
        assert served == system.content or not cited(served) >= set(example.grounding)
        equal.append(served == system.content)
    assert sum(equal) / len(equal) > 0.8


def test_a_dataset_is_built_and_says_what_it_was_built_from(tmp_path: Path, kb: KnowledgeBase) -> None:
    build(read_config("build", ["data=grounded", f"out={tmp_path / 'dataset'}"], BuildConfig)[0])
    dataset = load(tmp_path / "dataset")
    used = dataset.manifest.knowledge
    assert used is not None and (used.domain, used.sha256) == ("documents", kb.sha256)
    assert dataset.manifest.grounding is not None and dataset.manifest.grounding.entries == 3
    assert set(dataset.splits) == {"train", "dev", "heldout_phrasing", "unseen_entity"}
    assert len(dataset.splits["heldout_phrasing"]) >= 40 and len(dataset.splits["unseen_entity"]) >= 30


def asking(tmp_path: Path, kb: KnowledgeBase) -> Path:
    """Three questions about each of two passages, one about a passage that has changed, one about no sentence."""
    lines = []
    for name in ("住院须知 > 探视时间", "住院须知 > 陪护"):
        [entry] = [entry for entry in kb.entries if entry.name == name]
        sha256 = sha256_text(entry.definition)
        lines += [
            {"id": entry.id, "sha256": sha256, "question": f"{entry.id}的第{n}个{{问题}}？", "sentences": [n]}
            for n in (1, 2, 3)
        ]
    lines += [{**lines[0], "sha256": "0"}, {**lines[0], "question": "第九句？", "sentences": [9]}]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return file


def test_questions_of_a_teacher_replace_those_about_headings(tmp_path: Path, kb: KnowledgeBase) -> None:
    config = configured(f"source.questions_path={asking(tmp_path, kb)}", "source.held_out_share=0.1")
    config = config.model_copy(update={"withheld_share": 0.0})
    items = list(read(config))
    reasons = Counter(item.reason for item in items if isinstance(item, Dropped))
    assert reasons["passage_has_changed"] == reasons["no_such_sentence"] == 1
    found = {item.messages[1].content: item for item in items if isinstance(item, Example)}
    for name in ("住院须知 > 探视时间", "住院须知 > 陪护"):
        [entry] = [entry for entry in kb.entries if entry.name == name]
        assert not any(item.id.startswith(f"{entry.id}.内容") for item in found.values())
        of_entry = [item for item in found.values() if item.id.startswith(f"{entry.id}.")]
        for item in of_entry:
            number = int(item.messages[1].content.partition("第")[2][0])
            assert item.answer.startswith(sentences(entry.definition)[number - 1].rstrip("。"))
        if all(item.split != "unseen_entity" for item in of_entry):
            assert found[f"{entry.id}的第3个{{问题}}？"].split == "heldout_phrasing"


def small(tmp_path: Path) -> Path:
    """Two documents and an FAQ."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("停车", "体检"):
        sections = "".join(
            f"\n## {n}. {name}第{word}项\n\n{name}的{word}请到{n}号窗口办理。\n" for n, word in enumerate("甲乙丙丁戊")
        )
        (folder / f"{name}.md").write_text(f"# {name}\n{sections}", encoding="utf-8")
    asked = "".join(f"{word}报告怎么拿？,到{word}楼的自助机打印。,检验科\n" for word in "一二三四五六")
    (folder / "常见问题.csv").write_text(f"question,answer,科室\n{asked}", encoding="utf-8")
    return folder


def test_a_small_folder_gives_smaller_splits_and_one_warning(tmp_path: Path, logged: list[str]) -> None:
    of_split = Counter(row.split for row in rows(configured(f"source.path={small(tmp_path)}")))
    assert 0 < of_split["dev"] < 20 and 0 < of_split["heldout_phrasing"] < 60 and 0 < of_split["unseen_entity"] < 40
    [warning] = [line for line in logged if "data.splits" in line]
    assert all(f"{name} {of_split[name]} of " in warning for name in ("dev", "heldout_phrasing", "unseen_entity"))


def test_a_split_without_a_question_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="left for unseen_entity: the folder has 46 passages") as error:
        rows(configured("source.held_out_share=0"))
    assert "hold out more passages: source.held_out_share" in error.value.fix


def test_the_columns_and_rows_of_the_files_are_in_the_manifest(tmp_path: Path) -> None:
    build(
        read_config("build", ["data=grounded", f"source.path={small(tmp_path)}", f"out={tmp_path / 'd'}"], BuildConfig)[
            0
        ]
    )
    manifest = load(tmp_path / "d").manifest
    assert manifest.unread == {"科室": 6}
    assert {file.path: file.rows for file in manifest.sources} == {"停车.md": 5, "体检.md": 5, "常见问题.csv": 6}


def test_a_domain_that_reads_no_folder_is_refused() -> None:
    with pytest.raises(UserError, match="reads no folder of documents; these do: documents, hospital"):
        configured("source.domain=medical")


def test_a_hospital_has_the_same_rows() -> None:
    assert rows(configured("source.domain=hospital", FEW)) == rows(configured(FEW))
