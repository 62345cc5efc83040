"""Evaluates a model or a run and writes the report.

python eval/run.py model=runs/medical_qlora/20261123-101500 out=report
"""

from common.command import command_line, read_config, run_command
from common.groups import choices

HELP = f"""
Evaluates a model on the test splits of a dataset and writes index.html, report.json, report.md and items.jsonl.

  python eval/run.py model=runs/medical_qlora/20261123-101500 out=report    a run: its base and its dataset are found
  python eval/run.py model=RUN suite=quick out=report                       a first look: 24 items of each split
  python eval/run.py model=RUN base=OTHER_RUN out=report                    two runs against each other
  python eval/run.py model=RUN systems.older=OTHER_RUN out=report           a third model, compared with the base too
  python eval/run.py model=DIR dataset=DATASET out=report                   any model directory, alone

Keys:
  model=PATH     a run directory, or a model directory with its prompt_format.json
  base=PATH      what to compare with (a run or a model); for a run, by default the model it was tuned from
  systems.NAME=PATH   any number of further models (runs or model directories)
  dataset=DIR    what data_recipes/build.py wrote; for a run, by default the dataset it was trained on
  out=DIR        where the report goes
  threads=N      CPU threads to compute with; by default one per free core
  dtype=auto     float32 | bfloat16 | float16; auto is what the run was configured with, else the machine's

Choices (files in configs/; dataset is the default):
{choices("eval")}

Often changed:
  suite.max_items=100   suite.max_new_tokens=160   suite.batch_size=48   'suite.splits=[heldout_phrasing,safety]'

Answers of a run's own base are cached (XINGLIN_CACHE) and reused. Every score comes with its 95 % interval, its number
of items, its metric signature and the overlap with the training data. Exit codes: 0 done, 1 failed, 2 wrong input.
"""


def main(arguments: list[str]) -> None:
    """Evaluates as configured and prints the summary."""
    from common.composition import combinations  # these load the libraries, which --help does not need
    from eval.config import EvalConfig

    configs = read_config("eval", arguments, EvalConfig)
    from eval.candidates import evaluate_directories  # loads the rest only once the configuration is valid

    for config, words in zip(configs, combinations(arguments), strict=True):
        print(evaluate_directories(config, command=command_line("eval/run.py", words)))


if __name__ == "__main__":
    run_command(main, HELP)
