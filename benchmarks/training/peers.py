"""The same rows, adapter and base trained here, by trl and by LLaMA-Factory: held-out loss, speed, memory, loops.

    python benchmarks/training/peers.py out=DIR                                               the embedded base
    python benchmarks/training/peers.py out=DIR page=real model=qwen model.path=BASE factory=PYTHON …   any base

Any key of training/run.py may be given, and wins over what a run sets. It needs trl (pip install trl), and writes
benchmarks/training/peers.md, or peers_PAGE.md. Each run is a process of its own, on one thread, and leaves its figures
in ``out``; what is there already is not run again. ``runs=3`` leaves out all but the first three.
trl gets our ids and labels and the same arguments of transformers' trainer: what differs is the order of rows, what is
computed, and how.

``factory`` is the Python of an environment of its own with LLaMA-Factory, which gets the conversations, and writes the
prompts with its own template (``template=qwen``); how many of its first rows have our ids is said.

``cmmlu`` is the folder of CMMLU's test files (https://github.com/haonan-li/CMMLU). What is forgotten shows in two of
its subjects that the rows say nothing about: how often the right option is the likeliest next token.
"""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedTokenizerBase

from common.command import read_config
from common.files import write_json, write_text
from common.machine import forget_peak_memory, peak_memory, processor
from data_recipes.pipeline import build as datasets_of
from models.engines.engine import Choice, Sampling
from models.engines.local import LocalEngine
from models.loading import load_tokenizer
from models.loops import find_loop
from models.numerics import compute_dtype, instruction_set
from models.run_directory import RunDirectory
from training.batches.packing import IGNORED, Rows, collate_padded
from training.methods.lora import LoraConfig
from training.stages.sft.config import SftConfig
from training.stages.sft.job import SftJob, attached_model
from training.trainer.arguments import training_arguments, training_numerics
from training.trainer.supervised import EpochOrder, SupervisedTrainer, train

PADDED = ("train.packing=false", "train.batch_size=8")
PACKED = ("train.packing=true", "train.batch_size=4")
RUNS: dict[str, tuple[str, ...]] = {
    "LoRA, packed": ("method=lora", *PACKED),
    "LoRA, padded": ("method=lora", *PADDED),
    "LoRA by trl, padded": ("method=lora", *PADDED),
    "LoRA by LLaMA-Factory, padded": ("method=lora", *PADDED),
    "QLoRA, packed": ("method=qlora", *PACKED),
    "LoRA, padded, similar lengths together": ("method=lora", *PADDED),
    "P-Tuning v2": ("method=ptuning_v2", "train.learning_rate=2e-2", *PADDED),
}
DEFAULTS = (
    *("recipe=medical_qlora", "threads=1", "train.precision=fp32", "model.dtype=float32", "data.splits.train=2000"),
    *("train.epochs=1", "train.max_dropped_share=1", "train.eval_steps=100000", "train.save_steps=100000"),
)
OPENAI_ROWS = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": {
        **{"role_tag": "role", "content_tag": "content"},
        **{"user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"},
    },
}
"""How LLaMA-Factory is told what our rows are."""
OWN = ("out", "cmmlu", "page", "runs", "run", "factory", "template")
SUBJECTS = ("elementary_mathematics", "high_school_mathematics")
ITEMS = 100
QUESTIONS, TOKENS = 16, 112
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
LETTERS = "ABCD"
CMMLU = " CMMLU: how often the right option is the likeliest next token, in {items} items of {subjects}."
ASKED = "以下是单项选择题，请直接给出正确答案的选项。"
HEAD = """# The same rows by trl and others

Made by `{command}`; one run of each, one thread, {rows} rows once.
Held-out loss in nats per supervised token of {dev} rows; loops among {questions} greedy answers to them.{cmmlu}
trl as it comes: it also computes entropy and accuracy of every step. The rows of most batches differ in length; put
together by length they save padding, and learn worse.

| | steps | held-out loss | tokens per CPU second | supervised | peak memory, GiB | loops | CMMLU |
|---|---|---|---|---|---|---|---|"""


def main(words: Sequence[str]) -> None:
    """Runs everything that is not there yet, each in a process of its own, and writes the page."""
    given = dict(word.split("=", 1) for word in words)
    known = [name for name in RUNS if "factory" in given or "Factory" not in name]
    out, names = Path(given["out"]), ("base", *known[: int(given.get("runs", len(known)))])
    for name in names:
        if not (out / f"{name}.json").is_file():
            subprocess.run([sys.executable, __file__, *words, f"run={name}"], check=True, env=os.environ | ONE_THREAD)
    found = {name: json.loads((out / f"{name}.json").read_text("utf-8")) for name in names}
    base, command = (
        found["base"],
        " ".join(
            [
                "python benchmarks/training/peers.py out=DIR",
                *(_without_place(word) for word in words if not word.startswith("out=")),
            ]
        ),
    )
    cmmlu = CMMLU.format(items=base["items"], subjects=" and ".join(SUBJECTS)) if "items" in base else ""
    head = HEAD.format(command=command, rows=base["rows"], dev=base["dev"], questions=QUESTIONS, cmmlu=cmmlu)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "trl"))
    factory = [
        f"LLaMA-Factory {one['version']}, {one['same_ids']} of its first rows with our ids"
        for one in found.values()
        if "version" in one
    ]
    libraries = ", ".join([libraries, *factory])
    foot = f"\nPython {sys.version.split()[0]}, {libraries}; {processor()}, {instruction_set()}."
    page = "\n".join([head, *(line(name, one) for name, one in found.items()), foot]) + "\n"
    name = f"peers_{given['page']}.md" if "page" in given else "peers.md"
    write_text(Path(__file__).with_name(name), page)
    print(page)


def _without_place(word: str) -> str:
    """A word of the command without the folder that a file is in."""
    key, _, value = word.partition("=")
    return f"{key}={Path(value).name}"


def line(name: str, one: dict[str, Any]) -> str:
    """The line of a run."""
    speed = [f"{one[key] / one['seconds']:,.0f}" for key in ("tokens", "supervised")] if "seconds" in one else ["–"] * 2
    memory = f"{one['memory'] / 2**30:.2f}" if "memory" in one else "–"
    right = f"{100 * one['right'] / one['items']:.0f} %" if "items" in one else "–"
    cells = [one.get("steps", "–"), f"{one['loss']:.4f}", *speed, memory, one["loops"], right]
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def run(name: str, given: dict[str, str]) -> None:
    """One run: trained, unless it is the base, and measured."""
    out = Path(given["out"])
    keys = [f"{key}={value}" for key, value in given.items() if key not in OWN]
    words = (*DEFAULTS, *RUNS.get(name, RUNS["LoRA, packed"]), *keys, f"runs_dir={out}")
    (config,) = read_config("run", words, SftConfig)
    job = SftJob(config, datasets_of.load(datasets_of.build_or_reuse(config.data, config.source)))
    job.prepare()
    if name == "base":
        model, found = job.language_model.load(compute_dtype(config.model.dtype).dtype), {}
    elif "Factory" in name:
        model, found = by_llama_factory(job, out.absolute(), given)
    else:
        torch.manual_seed(config.seed)
        model = attached_model(config, job.language_model)
        found = trained(name, job, model, RunDirectory(out / name.replace(", ", "-").replace(" ", "-")))
    model.eval()
    dev = [rendered for row in job.rows["dev"].rows for rendered in row]
    found |= {"rows": len(job.dataset.splits["train"]), "dev": len(dev)}
    found |= {"loss": held_out_loss(model, Rows([[one] for one in dev]))}
    engine = LocalEngine(model, job.language_model.prompt_format, model_version=name)
    prompts = [example.prompt for example in job.dataset.splits["dev"]][:QUESTIONS]
    answers = engine.generate(prompts, [Sampling(max_new_tokens=TOKENS)] * len(prompts))
    found["loops"] = sum(find_loop(answer.text) is not None for answer in answers)
    if folder := given.get("cmmlu"):
        found |= forgotten(engine, Path(folder))
    write_json(out / f"{name}.json", found)


def trained(name: str, job: SftJob, model: Any, run: RunDirectory) -> dict[str, Any]:
    """Trains a model in place, and says what that took."""
    rows, config = job.rows["train"], job.training
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    forget_peak_memory()
    began = time.process_time()
    if "trl" in name:
        steps = by_trl(job, model, run)
    else:
        if "similar" in name:
            SupervisedTrainer._get_train_sampler = similar_lengths_together  # type: ignore[method-assign]
        train(model, rows, Rows(job.rows["dev"].rows[:1]), config, run, job.config.seed)
        steps = -(-len(rows) // config.batch_size)
    rendered = [one for row in rows.rows for one in row]
    return {
        "seconds": time.process_time() - began,
        "memory": peak_memory(),
        "steps": steps,
        "tokens": sum(len(one.ids) for one in rendered),
        "supervised": sum(sum(one.mask) for one in rendered),
    }


def similar_lengths_together(trainer: SupervisedTrainer, _: Any = None) -> EpochOrder:
    """The order that saves padding, and that training does not use: what it costs is a line of the table."""
    rows = trainer.train_dataset
    assert isinstance(rows, Rows)
    return EpochOrder(rows.lengths, trainer.args.seed, lambda: int(trainer.state.epoch or 0), trainer._train_batch_size)


def by_trl(job: SftJob, model: Any, run: RunDirectory) -> int:
    """The same by trl's trainer; returns its steps."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    ours = training_arguments(job.training, run, job.config.seed).to_dict()
    known = {name for name, field in SFTConfig.__dataclass_fields__.items() if field.init}
    arguments = {name: value for name, value in ours.items() if name in known}
    arguments |= {"max_length": job.config.train.max_length, "dataset_kwargs": {"skip_prepare_dataset": True}}
    arguments |= {"eval_strategy": "no", "save_strategy": "no"}
    batches = [collate_padded([row]) for row in job.rows["train"].rows]
    texts = [{name: batch[name][0].tolist() for name in ("input_ids", "labels")} for batch in batches]
    tokenizer: PreTrainedTokenizerBase = load_tokenizer(job.base)
    trainer = SFTTrainer(
        model=model, args=SFTConfig(**arguments), train_dataset=Dataset.from_list(texts), processing_class=tokenizer
    )
    trainer.train()
    return int(trainer.state.global_step)


def by_llama_factory(job: SftJob, out: Path, given: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """The same by LLaMA-Factory, with its own prompts and defaults; returns the tuned model, and what that took."""
    folder = out / "llama_factory"
    arguments, figures, adapter = folder / "arguments.json", folder / "figures.json", folder / "adapter"
    examples = [example.model_dump(mode="json") for example in job.dataset.splits["train"]]
    turns = [[{key: turn[key] for key in ("role", "content")} for turn in row["messages"]] for row in examples]
    write_json(folder / "rows.json", [{"messages": one} for one in turns])
    write_json(folder / "dataset_info.json", {"rows": {"file_name": "rows.json", **OPENAI_ROWS}})
    write_json(arguments, factory_arguments(job, folder, adapter, given["template"]))
    script = Path(__file__).with_name("with_llama_factory.py")
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ONE_THREAD
    subprocess.run([given["factory"], str(script), str(arguments), str(figures)], check=True, env=alone)
    found = json.loads(figures.read_text("utf-8"))
    rendered = [one for row in job.rows["train"].rows for one in row]
    found["same_ids"] = sum(any(ids == one.ids for one in rendered) for ids in found.pop("ids"))
    found |= {"tokens": sum(len(one.ids) for one in rendered), "supervised": sum(sum(one.mask) for one in rendered)}
    base = job.language_model.load(compute_dtype(job.config.model.dtype).dtype)
    return PeftModel.from_pretrained(base, str(adapter)), found


def factory_arguments(job: SftJob, folder: Path, adapter: Path, template: str) -> dict[str, Any]:
    """What its command line would be given as YAML; what is not named is its default."""
    config, method = job.training, job.config.method
    assert isinstance(method, LoraConfig)
    return {
        **{"stage": "sft", "do_train": True, "model_name_or_path": str(job.base), "template": template},
        **{"finetuning_type": "lora", "lora_rank": method.rank, "lora_alpha": int(method.alpha), "lora_target": "all"},
        **{"dataset_dir": str(folder), "dataset": "rows", "mask_history": True, "cutoff_len": config.max_length},
        **{"output_dir": str(adapter), "overwrite_output_dir": True, "save_strategy": "no", "report_to": "none"},
        **{"per_device_train_batch_size": config.batch_size, "gradient_accumulation_steps": 1, "use_cpu": True},
        **{"num_train_epochs": config.epochs, "learning_rate": config.rate, "lr_scheduler_type": str(config.schedule)},
        **{"warmup_ratio": config.warmup_share, "weight_decay": config.weight_decay, "seed": job.config.seed},
        **{"max_grad_norm": config.max_grad_norm, "bf16": training_numerics(config).dtype == torch.bfloat16},
        **{"disable_gradient_checkpointing": True, "preprocessing_num_workers": 1},
    }


@torch.no_grad()
def held_out_loss(model: nn.Module, rows: Rows) -> float:
    """Nats per supervised token, by the plainest code there is."""
    total, tokens = 0.0, 0
    for row in rows.rows:
        batch = collate_padded([row])
        labels = batch.pop("labels")[0, 1:]
        batch.pop("tokens")
        scores = model(**batch).logits[0, :-1].float()
        supervised = labels != IGNORED
        total += float(nn.functional.cross_entropy(scores[supervised], labels[supervised], reduction="sum"))
        tokens += int(supervised.sum())
    return total / tokens


def forgotten(engine: LocalEngine, folder: Path) -> dict[str, int]:
    """Right answers of CMMLU, without examples, as its authors ask."""
    letters = [[engine.encode(letter, beginning=False)[-1]] for letter in LETTERS]
    right, items = 0, 0
    for subject in SUBJECTS:
        with (folder / f"{subject}.csv").open(encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))[:ITEMS]
        scores = engine.score_choices([Choice(engine.encode(asked(row), beginning=False), letters) for row in rows])
        best = [LETTERS[max(range(len(LETTERS)), key=one.__getitem__)] for one in scores]
        right += sum(letter == row["Answer"] for letter, row in zip(best, rows, strict=True))
        items += len(rows)
    return {"right": right, "items": items}


def asked(row: dict[str, str]) -> str:
    """The prompt of a question."""
    options = "\n".join(f"{letter}. {row[letter]}" for letter in LETTERS)
    return f"{ASKED}\n\n题目：{row['Question']}\n{options}\n答案是："


if __name__ == "__main__":
    arguments = dict(word.split("=", 1) for word in sys.argv[1:])
    if name := arguments.get("run"):
        run(name, arguments)
    else:
        main(sys.argv[1:])
