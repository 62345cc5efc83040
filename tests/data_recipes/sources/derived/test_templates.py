"""Templates: each is used, tests have their own, held-out clusters never train, and tasks share the mix fairly."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_recipes.dataset.dataset import BuiltDataset
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.example import Example, Message, Passage
from data_recipes.sources.derived.task_templates import SHIPPED, fields_of, fill, load
from data_recipes.sources.derived.templates import quotas_of
from domains.mathematics.answers import is_right
from tests.data_recipes.conftest import Made, Run
from tests.data_recipes.samples import shared_runs

TASKS = {task.task: task for task in load(SHIPPED)}


def paths(*datasets: BuiltDataset) -> str:
    return f"source.paths={json.dumps([str(dataset.directory) for dataset in datasets])}"


def test_a_held_out_cluster_and_its_templates_never_train(
    made: Made, consultations: BuiltDataset, problems: BuiltDataset
) -> None:
    words = ("data=flan", paths(consultations, problems), "source.held_out_clusters=[mathematics]")
    flan = made("flan", *words)
    assert {example.kind for example in flan.splits["train"]} == {"medical_qa"}
    systems = {example.messages[0].content for example in flan.splits["train"]}
    held_out = flan.splits["unseen_task_math_problem"]
    assert len(held_out) == sum(
        len(problems.splits[n]) for n in ("test", "unseen_kinds", "unseen_numbers", "distractors")
    )
    assert not systems & {example.messages[0].content for example in held_out}
    assert len({example.phrasing for example in held_out}) > 1
    assert flan.manifest.counts.dropped["held_out_cluster"] == 120 + len(problems.splits["dev"])
    assert made("again", *words).manifest.sha256 == flan.manifest.sha256


def test_every_template_is_used_where_it_belongs(
    made: Made, consultations: BuiltDataset, problems: BuiltDataset
) -> None:
    flan = made("flan", "data=flan", paths(consultations, problems))
    for name in ("medical_qa", "math_problem"):
        used = {example.phrasing for example in flan.splits["train"] if example.kind == name}
        assert used == {f"{name}.{template.name}" for template in TASKS[name].trained}
    tested = {e.phrasing for n, rows in flan.splits.items() if n != "train" for e in rows}
    assert tested == {"medical_qa.hotline", "math_problem.homework"}
    inverted = [e for e in flan.splits["train"] if e.phrasing == "medical_qa.write_question"]
    original = {e.id: e for e in consultations.splits["train"]}
    for example in inverted:
        plain = original[example.id.split("/")[-1]]
        assert example.answer == plain.prompt[-1].content and plain.answer in example.prompt[-1].content


def test_the_mix_is_capped_and_every_row_accounted_for(
    made: Made, consultations: BuiltDataset, problems: BuiltDataset
) -> None:
    flan = made("flan", "data=flan", paths(consultations, problems), "source.max_rows=100", "source.rows=90")
    assert Counter(e.kind for e in flan.splits["train"]) == {"medical_qa": 40, "math_problem": 50}
    counts = flan.manifest.counts
    assert counts.dropped["over_the_share"] == 80 + 120 - 90
    assert counts.read == consultations.manifest.counts.kept + problems.manifest.counts.kept


def test_shares_are_in_proportion_up_to_the_maximum() -> None:
    sizes = Counter({"large": 10_000, "middle": 2000, "small": 100})
    assert quotas_of(sizes, 3000, None) == {"large": 3000, "middle": 2000, "small": 100}
    assert quotas_of(sizes, 3000, 510) == {"large": 300, "middle": 200, "small": 10}


def example(**changes: Any) -> Example:
    turns = (Message(role="user", content="哪个是蔬菜？\nA. 苹果\nB. 白菜"), Message(role="assistant", content="B"))
    return Example.model_validate(
        {"id": "x", "messages": turns, "source": "cmmlu", "group": "x", "kind": "营养", **changes}
    )


def test_a_choice_can_be_said_in_words_and_can_be_inverted() -> None:
    row = example(result="B", choices=("苹果", "白菜"))
    task = TASKS["multiple_choice"]
    by_name = {template.name: fill(task, template, row) for template in task.templates}
    assert by_name["letter_and_text"].answer == "B. 白菜" and by_name["letter"].result == "B"
    assert (by_name["text"].answer, by_name["text"].result, by_name["text"].facts) == ("白菜", "", ("白菜",))
    checked = [filled for filled in by_name.values() if filled.result]
    assert len(checked) == 5 and all(is_right(filled.answer, filled.result) for filled in checked)
    assert by_name["letter"].prompt[-1].content == "哪个是蔬菜？\nA. 苹果\nB. 白菜"
    assert by_name["write_question"].answer == "哪个是蔬菜？" and not by_name["write_question"].result


def test_a_department_is_the_answer_and_is_checked_as_a_fact() -> None:
    turns = (Message(role="user", content="咳嗽三周了"), Message(role="assistant", content="建议拍片。"))
    row = example(messages=turns, source="toyhom", kind="呼吸科")
    task = TASKS["department"]
    filled = fill(task, task.tested[0], row)
    assert filled.answer == "呼吸科" and filled.facts == ("呼吸科",) and "呼吸科" in filled.messages[0].content
    assert "建议拍片" not in str(filled.messages)
    assert not task.takes(row.model_copy(update={"kind": "别的"}), fields_of(row.model_copy(update={"kind": "别的"})))


def test_a_review_is_split_into_text_and_question_and_stays_extractive() -> None:
    passage = Passage(context="Good sound.", question="How is the sound?", spans=((0, 4),))
    row = example(source="subjqa", passage=passage)
    task = TASKS["review_answer"]
    filled = fill(task, task.tested[0], row)
    assert filled.passage == passage and "Customer: How is the sound?" in filled.prompt[-1].content


def test_text_with_braces_is_taken_as_it_stands() -> None:
    row = example(
        messages=(Message(role="user", content="集合{question}是什么{0}"), Message(role="assistant", content="{x}"))
    )
    task = TASKS["medical_qa"]
    filled = fill(task, task.templates[0], row)
    assert filled.prompt[-1].content == "集合{question}是什么{0}" and filled.answer == "{x}"


def test_shipped_instructions_of_tests_are_not_those_of_training() -> None:
    for task in TASKS.values():
        trained = set().union(*(shared_runs(normalise(template.system)) for template in task.trained))
        assert not any(shared_runs(normalise(template.system.split("{")[0])) & trained for template in task.tested), (
            task.task
        )


GOOD = {
    "version": 1, "task": "own", "cluster": "own", "needs": ["question"],
    "templates": [
        {"name": "a", "system": "答。", "user": "{question}", "answer": "{answer}"},
        {"name": "b", "use": "test", "system": "请答。", "user": "{question}", "answer": "{answer}"},
    ],
}  # fmt: skip


def changed(place: int, **values: object) -> dict[str, object]:
    templates = [dict(template) for template in GOOD["templates"]]  # type: ignore[call-overload]
    templates[place] |= values
    return {**GOOD, "templates": templates}


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (changed(0, user="{questions}"), "no such field: questions"),
        (changed(0, user="请仔细阅读下面这个问题然后回答{question}"), "13 characters"),
        (changed(0, answer="好"), "each need a field"),
        (changed(1, inverted=True), "cannot be for tests"),
        (changed(1, use="train"), "expected templates for training and for tests"),
        (changed(1, name="a"), "two templates have the same name"),
        ({**GOOD, "version": 0}, "version"),
        ({**GOOD, "colour": 1}, "colour"),
    ],
)
def test_a_wrong_task_ends_the_command_and_names_its_file(
    build: Run, consultations: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    task: dict[str, object], message: str,
) -> None:  # fmt: skip
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "own.yaml").write_text(yaml.safe_dump(task, allow_unicode=True), encoding="utf-8")
    assert build("data=flan", paths(consultations), f"source.tasks_path={folder}", f"out={tmp_path / 'out'}") == 2
    error = capsys.readouterr().err
    assert message in error and "own.yaml" in error and "Traceback" not in error


def test_an_unknown_cluster_is_named(
    build: Run, consultations: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("data=flan", paths(consultations), "source.held_out_clusters=[maths]", f"out={tmp_path / 'out'}")
    assert build(*words) == 2
    assert "no such cluster of tasks: maths" in capsys.readouterr().err
