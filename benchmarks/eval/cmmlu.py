"""CMMLU by log-probability, here and by lm-evaluation-harness: the same choice for every item, and items per second.

    python benchmarks/eval/cmmlu.py cmmlu=DIR model=PATH,PATH out=DIR items=N [shots=0,5] [batch=1,8]
        [subjects=NAME,NAME] [page=FILE]

It needs lm_eval (pip install lm_eval) and the questions (https://github.com/haonan-li/CMMLU, ``dev/`` and ``test/``),
and writes benchmarks/eval/cmmlu.md, or ``page`` beside it. Each measurement is a process of its own, on one thread, in
float32, with the model loaded before the clock starts; what is in ``out`` already is not measured again. ``items`` are
chosen among all of the subjects, as a suite chooses them. The harness's hf back end is run at several batch sizes, of
which the fastest counts.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from common.files import write_json, write_text
from common.machine import processor
from eval.config import ExamConfig, SuiteConfig
from eval.exams.choosing import choose_options
from eval.exams.exam import Exam, read_exam
from eval.exams.harness import task_of, write_tasks
from models.engines.local import load_engine
from models.hub import locate
from models.numerics import instruction_set
from models.threads import THREADS

SUBJECTS = "anatomy,college_medical_statistics,high_school_mathematics"
HEAD = """# CMMLU by log-probability, and by lm-evaluation-harness

Made by

    {command}

{items} items of {subjects}, in float32 on one thread. Seconds are of the processor, without loading the model.
"The same" are items for which both choose the same option; the difference is the largest of all log-probabilities,
in nats. The harness runs its hf back end at the batch size of these that is fastest. "Work" is what the products of
matrices take, counted by torch in the same pass, lm_eval over ours: what can be saved without another arithmetic.

| model | shots | items | right: ours | lm_eval | same | difference | items/s: ours | lm_eval (batch) | ratio | work |
|---|---|---|---|---|---|---|---|---|---|---|"""


def main(given: dict[str, str]) -> None:
    """Measures what is not there yet, each in a process of its own, and writes the page."""
    out, subjects = Path(given["out"]), given.get("subjects", SUBJECTS)
    lines = []
    for model, shots in product(given["model"].split(","), given.get("shots", "0,5").split(",")):
        base = {"cmmlu": given["cmmlu"], "model": model, "shots": shots, "subjects": subjects, "items": given["items"]}
        ours = measured(out / f"{Path(model).name}-{shots}-ours.json", base)
        sizes = given.get("batch", "1,8").split(",")
        theirs = [measured(out / f"{Path(model).name}-{shots}-{size}.json", base | {"batch": size}) for size in sizes]
        lines.append(line(Path(model).name, shots, ours, min(theirs, key=lambda one: one["seconds"])))
    own = [f"{key}={given[key]}" for key in ("items", "shots", "batch", "subjects", "page") if key in given]
    command = " ".join(["python benchmarks/eval/cmmlu.py cmmlu=DIR model=… out=DIR", *own])
    head = HEAD.format(command=command, items=given["items"], subjects=subjects.replace(",", ", "))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "lm_eval"))
    foot = f"\nPython {sys.version.split()[0]}, {libraries}; {processor()}, {instruction_set()}."
    write_text(Path(__file__).parent / given.get("page", "cmmlu.md"), "\n".join([head, *lines, foot]) + "\n")
    print("\n".join([head, *lines, foot]))


def measured(file: Path, given: dict[str, str]) -> dict[str, Any]:
    """A measurement, by a process of its own where there is none."""
    if not file.is_file():
        words = [f"{key}={value}" for key, value in given.items()]
        subprocess.run([sys.executable, __file__, *words, f"file={file}"], check=True)
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def line(model: str, shots: str, ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """The line of a model."""
    items = list(theirs["options"])
    assert items == list(ours["options"])
    pairs = [(ours["options"][id], theirs["options"][id]) for id in items]
    same = sum(best(one) == best(other) for one, other in pairs)
    difference = max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))
    right = [sum(best(of["options"][id]) == of["right"][id] for id in items) for of in (ours, theirs)]
    speeds = [len(items) / of["seconds"] for of in (ours, theirs)]
    cells = [model, shots, len(items), *right, same, f"{difference:.1e}", f"{speeds[0]:.2f}"]
    cells += [f"{speeds[1]:.2f} ({theirs['batch']})", f"{speeds[0] / speeds[1]:.2f}"]
    cells.append(f"{theirs['products'] / ours['products']:.2f}")
    return f"| {' | '.join(map(str, cells))} |"


def best(options: Sequence[float]) -> int:
    """The option with the highest log-probability, the first of equal ones."""
    return max(range(len(options)), key=options.__getitem__)


def measure(given: dict[str, str]) -> None:
    """One measurement: log-probabilities of every item, and the seconds that they took."""
    THREADS.use(1)
    exam = exam_of(given)
    model, file = locate(given["model"]), Path(given["file"])
    file.parent.mkdir(parents=True, exist_ok=True)
    if "batch" not in given:
        found = by_us(exam, model)
    else:
        found = by_the_harness(exam, model, int(given["batch"]), file.parent / "tasks")
    right = {item.example.id: ord(item.example.result) - ord("A") for item in exam.items}
    write_json(file, found | {"right": right, "batch": given.get("batch")})


def exam_of(given: dict[str, str]) -> Exam:
    """The items, chosen as a suite chooses them."""
    config = ExamConfig(format="cmmlu", subjects=tuple(given["subjects"].split(",")), shots=int(given["shots"]))
    name, folder = f"cmmlu_{given['shots']}", Path(given["cmmlu"])
    return read_exam(SuiteConfig(name=name, path=folder, max_items=int(given["items"]), exam=config))


def by_us(exam: Exam, model: Path) -> dict[str, Any]:
    """By our engine."""
    engine = load_engine(model)
    began = time.process_time()
    found: dict[int, Any] = {}
    with FlopCounterMode(display=False) as counter:
        for answers in choose_options(engine, exam.items, range(len(exam.items))):
            found |= answers
    options = {item.example.id: list(found[i].options.values()) for i, item in enumerate(exam.items)}
    return {
        "seconds": time.process_time() - began,
        "products": counter.get_total_flops(),
        "options": options,
    }


def by_the_harness(exam: Exam, model: Path, batch: int, folder: Path) -> dict[str, Any]:
    """By lm_eval's hf back end."""
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    write_tasks(exam, folder)
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    runner = HFLM(pretrained=str(model), dtype="float32", batch_size=batch, device="cpu")
    began = time.process_time()
    with FlopCounterMode(display=False) as counter:
        found = lm_eval.simple_evaluate(
            runner, tasks=[task_of(exam, subject) for subject in exam.examples], task_manager=manager, bootstrap_iters=0
        )
    return {
        "seconds": time.process_time() - began,
        "products": counter.get_total_flops(),
        "options": dict(logged(exam, found["samples"])),
    }


def logged(exam: Exam, samples: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, list[float]]]:
    """The log-probabilities in the harness's samples, by item, in our order."""
    for subject in exam.examples:
        for sample in sorted(samples[task_of(exam, subject)], key=lambda sample: sample["doc_id"]):
            yield sample["doc"]["id"], [float(resp[0][0]) for resp in sample["resps"]]


if __name__ == "__main__":
    arguments = dict(word.split("=", 1) for word in sys.argv[1:])
    if "file" in arguments:
        measure(arguments)
    else:
        main(arguments)
