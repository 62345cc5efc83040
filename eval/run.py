"""Evaluates a model or a run and writes the report.

python eval/run.py model=runs/medical_qlora/20261123-101500 out=report
"""

from typing import TYPE_CHECKING

from common.command import command_line, read_config, run_command
from common.errors import UserError
from common.groups import choices

if TYPE_CHECKING:
    from eval.config import EvalConfig

HELP = f"""
Evaluates models on test splits, exams or one's own items; writes index.html, report.json, report.md and items.jsonl.

  python eval/run.py model=runs/medical_qlora/20261123-101500 out=report    a run: its base and its dataset are found
  python eval/run.py model=RUN suite=quick out=report                       a first look: 24 items of each split
  python eval/run.py model=RUN base=OTHER_RUN out=report                    two runs against each other
  python eval/run.py model=RUN systems.older=OTHER_RUN out=report           a third model, compared with the base too
  python eval/run.py model=DIR dataset=DATASET out=report                   any model directory, alone
  python eval/run.py systems.a=RUN systems.b=FILE.gguf systems.c=http://127.0.0.1:8000/v1 out=report    side by side
  python eval/run.py suite=log suite.items=LOG.eval systems.theirs=LOG.eval model=RUN out=report    a run of inspect_ai
  python eval/run.py model=RUN out=report rescore=true                      stored answers, after a judge was corrected
  python eval/run.py suite=medical_safety ablation=http://127.0.0.1:8000/v1 out=report    the served pipeline in parts
  python eval/run.py suite=medical_exam suite.path=CMMLU model=RUN out=report     a published exam, by log-probability
  python eval/run.py suite=general suite.path=CMMLU model=RUN out=report    retention: before and after tuning

Keys:
  model=SYSTEM   what the report is about
  base=SYSTEM    what to compare with; for a run, by default the model it was tuned from
  systems.NAME=SYSTEM   any number of further systems; without model= the first one is what the others are compared with
  dataset=DIR    what data_recipes/build.py wrote; by default what the first run among the systems was trained on
  out=DIR        where the report goes; a directory has one report
  threads=N      CPU threads to compute with; by default one per free core
  dtype=auto     float32 | bfloat16 | float16; auto is what the run was configured with, else the machine's

A SYSTEM is one of
  a run, the folder of its result, a model directory, a GGUF file, or owner/name of a model on a hub: it is asked in its
  own prompt format, its chat template or its family's format; where it has none, in that of the run that is the model
  the URL of an OpenAI-compatible server, up to and including /v1: it is asked as its clients ask it
    systems.NAME.url=URL systems.NAME.model=MODEL systems.NAME.key_file=FILE    a model of several there, and its key
  a log of inspect_ai (.eval or .json): the answers in it are judged as all others; suite=log asks what is in it

Choices (files in configs/; dataset is the default, and no gate):
{choices("eval")}

Often changed:
  suite.max_items=100   suite.max_new_tokens=160   suite.batch_size=48   'suite.splits=[heldout_phrasing,safety]'

  gate=medical   the report begins with what this gate decides (later: eval/gate.py)

  suite.max_new_tokens=null   every system finishes, up to its context; above 2 % of answers that are not whole, none is
                              called better

  suite.strategy=few_shot | chain_of_thought | self_consistency | prompt_ensemble | least_to_most | tree_of_thoughts
    how items are put to the model;
    suite.strategy.name=self_consistency suite.strategy.samples=10; calls, tokens and seconds stand in the report

  suite.exam.shots=0   'suite.exam.subjects=[anatomy,nutrition]'   'suite.exam.by=[logprob,generated]'

An exam is read from the folder that its authors publish, and asked as lm-evaluation-harness asks it. A server needs
/v1/completions with echo and logprobs for log-probabilities (vLLM, SGLang, ours as NAME-raw; llama.cpp's has none).

Answers are stored as they come (XINGLIN_CACHE): the same command resumes an evaluation that was killed, and a model
whose answers are there is not asked again. Every score comes with its 95 % interval, its number of items, its metric
signature and the overlap with the training data. Exit codes: 0 done, 1 failed, 2 wrong input.
"""


def main(arguments: list[str]) -> None:
    """Evaluates as configured and prints the summary."""
    from common.composition import combinations  # these load the libraries, which --help does not need
    from eval.config import EvalConfig

    configs = read_config("eval", arguments, EvalConfig)
    _refuse_one_directory_for_several(configs)
    from eval.candidates import evaluate_directories  # loads the rest only once the configuration is valid

    for config, words in zip(configs, combinations(arguments), strict=True):
        print(evaluate_directories(config, command=command_line("eval/run.py", words)))


def _refuse_one_directory_for_several(configs: "list[EvalConfig]") -> None:
    for number, config in enumerate(configs):
        if config.out in [other.out for other in configs[:number]]:
            raise UserError(
                "several evaluations into one directory",
                where=f"out={config.out}",
                fix="e.g. 'out=report/${suite.name}'",
            )


if __name__ == "__main__":
    run_command(main, HELP)
