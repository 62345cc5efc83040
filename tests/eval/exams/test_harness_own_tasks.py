"""The harness's own tasks on the same files: every context and every continuation is the same, to the character.

lm_eval is not among the dependencies: pip install lm_eval==0.4.13.
"""

import csv
from pathlib import Path

import pytest
import yaml

from eval.exams.published import EXAMS, ExamFormat, subject_names
from tests.eval.exams.conftest import DEV, TEST
from tests.eval.exams.test_exam import exam_of

pytestmark = pytest.mark.slow

SUBJECTS: dict[ExamFormat, str] = {"cmmlu": "anatomy", "ceval": "basic_medicine"}


def tasks_of(format: ExamFormat) -> dict[str, Path]:
    """The harness's files of an exam, by subject."""
    tasks = Path(pytest.importorskip("lm_eval").__file__).parent / "tasks" / format
    named = {file: yaml.safe_load(file.read_text("utf-8")) for file in tasks.glob("*.yaml") if file.name[0] != "_"}
    return {config["task"].removeprefix(f"{EXAMS[format].task}_"): file for file, config in named.items()}


def ceval(folder: Path) -> Path:
    """The questions in the layout of C-Eval's authors."""
    header = ("id", "question", *"ABCD", "answer")
    for split, rows in (("dev", DEV["anatomy"]), ("val", TEST["anatomy"])):
        (folder / split).mkdir()
        with (folder / split / f"basic_medicine_{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            explained = split == "dev"
            writer.writerow((*header, *(["explanation"] if explained else [])))
            writer.writerows((n, *row, *(["因为"] if explained else [])) for n, row in enumerate(rows))
    return folder


@pytest.mark.parametrize("format", ["cmmlu", "ceval"])
def test_all_subjects_have_the_harness_s_instruction(format: ExamFormat) -> None:
    tasks = {subject: yaml.safe_load(file.read_text("utf-8")) for subject, file in tasks_of(format).items()}
    names = subject_names()[format]
    assert set(tasks) == set(names)
    ours = {subject: EXAMS[format].instruction.format(subject=name) for subject, name in names.items()}
    assert ours == {subject: task["description"] for subject, task in tasks.items()}


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("format", ["cmmlu", "ceval"])
def test_all_requests_are_the_harness_s(format: ExamFormat, shots: int, folder: Path, tmp_path: Path) -> None:
    harness = pytest.importorskip("lm_eval.tasks")

    (tmp_path / "exam").mkdir()
    (tmp_path / "tasks").mkdir()
    subject, exam = SUBJECTS[format], ceval(tmp_path / "exam") if format == "ceval" else folder
    suffix = {"dev": "_dev", "val": "_val", "test": ""} if format == "ceval" else {"dev": "", "test": ""}
    files = {split: exam / split / f"{subject}{end}.csv" for split, end in suffix.items()}
    files = {split: str(file) for split, file in files.items() if file.is_file()}
    local = {"task": "local", "dataset_path": "csv", "dataset_name": None, "dataset_kwargs": {"data_files": files}}
    include = {"include": str(tasks_of(format)[subject])}
    (tmp_path / "tasks/local.yaml").write_text(yaml.safe_dump(include | local), "utf-8")
    manager = harness.TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False)
    task = harness.get_task_dict(["local"], manager)["local"]
    task.set_config("num_fewshot", shots)
    task.build_all_requests(rank=0, world_size=1)
    theirs = [tuple(instance.args) for instance in task.instances]
    items = exam_of(exam, format=format, shots=shots, subjects=[subject]).items
    assert theirs == [(item.context, continuation) for item in items for continuation in item.continuations]
