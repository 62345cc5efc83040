"""An exam as tasks of lm-evaluation-harness: a YAML and two JSONL files per subject, so that others measure the same.

Fields, prompt and examples are those of the harness's own task; only the questions come from files.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from common.files import make_directory, write_text
from data_recipes.schema.example import Example
from eval.exams.exam import Exam, instruction
from eval.exams.published import AFTER_EXAMPLE, ANSWER, BEFORE_LETTER, EXAMS, LETTERS

PREFIX = "xinglin"
QUESTION = "\n".join(["{{question}}", *(f"{letter}. {{{{{letter}}}}}" for letter in LETTERS), ANSWER])


def group_of(exam: Exam) -> str:
    """The name of the group that all tasks of an exam belong to."""
    return f"{PREFIX}_{exam.name}"


def task_of(exam: Exam, subject: str) -> str:
    """The name of the task of a subject."""
    return f"{group_of(exam)}_{subject}"


def write_tasks(exam: Exam, out: Path) -> list[str]:
    """Writes the tasks; returns their names.

    Args:
        exam: The exam.
        out: A directory for ``lm_eval --include_path``; the tasks name their files by absolute path.

    Raises:
        UserError: It cannot be written.
    """
    make_directory(out)
    tasks = [_write_task(exam, subject, out.resolve()) for subject in exam.examples]
    weighted = [{"metric": metric, "aggregation": "mean", "weight_by_size": True} for metric in ("acc", "acc_norm")]
    group = {"group": group_of(exam), "task": tasks, "aggregate_metric_list": weighted, "metadata": _version(exam)}
    _write_yaml(out / f"_{group_of(exam)}.yaml", group)
    return tasks


def _write_task(exam: Exam, subject: str, out: Path) -> str:
    task, before = task_of(exam, subject), instruction(exam.config, subject)
    files = {"test": out / f"{task}.jsonl"}
    asked = [item.example for item in exam.items if item.example.kind == subject]
    _write_questions(files["test"], asked, before)
    if shown := exam.examples[subject]:
        files["dev"] = out / f"{task}_dev.jsonl"
        _write_questions(files["dev"], shown, before)
    metrics = [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in ("acc", "acc_norm")]
    content = {
        "task": task,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {split: str(file) for split, file in files.items()}},
        "test_split": "test",
        **({"fewshot_split": "dev", "fewshot_config": {"sampler": "first_n"}} if shown else {}),
        "num_fewshot": len(shown),
        "fewshot_delimiter": AFTER_EXAMPLE,
        "target_delimiter": BEFORE_LETTER,
        "output_type": "multiple_choice",
        "description": before,
        "doc_to_text": QUESTION,
        "doc_to_choice": list(LETTERS),
        "doc_to_target": f"{{{{{list(LETTERS)}.index(answer)}}}}",
        "metric_list": metrics,
        "metadata": _version(exam),
    }
    _write_yaml(out / f"{task}.yaml", content)
    return task


def _version(exam: Exam) -> dict[str, str]:
    return {"version": EXAMS[exam.config.format].version}


def _write_questions(file: Path, examples: Iterable[Example], before: str) -> None:
    write_text(file, "".join(f"{json.dumps(_row(example, before), ensure_ascii=False)}\n" for example in examples))


def _row(example: Example, before: str) -> dict[str, str]:
    question = example.prompt[0].content.removeprefix(before)
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, example.choices, strict=True))
    options = dict(zip(LETTERS, example.choices, strict=True))
    return {
        "id": example.id,
        "question": question.removesuffix(f"\n{listed}\n{ANSWER}"),
        **options,
        "answer": example.result,
    }


def _write_yaml(file: Path, content: dict[str, Any]) -> None:
    write_text(file, yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=1000))
