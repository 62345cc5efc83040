"""Several LoRA adapters of one base become one: weighted sum, TIES, DARE, or LoraHub's weights from a few examples.

python training/combine.py out=runs/combined adapters.a=RUN adapters.b=RUN
"""

from common.command import end_on_sigterm, read_config, run_command

HELP = """
python training/combine.py out=DIR adapters.NAME=RUN adapters.NAME=RUN [key=value …]

Combines LoRA adapters of one base into one adapter, and merges it into the base, with proof. Nothing is trained.
DIR is served and evaluated like any result:
  python -m app model=DIR
  python eval/run.py suite=quick model=DIR out=OUT

  … how=weighted                 the sum of the updates, each by its weight: exact (default; weights: the mean)
  … weights.a=1 weights.b=-0.5   a weight below 0 takes away what an adapter has learned
  … how=ties density=0.3         the largest values of each update, where most agree on the sign (TIES)
  … how=dare density=0.5         values dropped at random, the others enlarged (DARE); dare_ties: with the signs of TIES
  … how=lorahub examples=DATASET weights found on a few of its examples, without gradients (LoraHub)

Every key: docs/configuration.md. Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 after Ctrl-C.
"""


def main(arguments: list[str]) -> None:
    """Combines the adapters as configured."""
    end_on_sigterm()
    from models.threads import THREADS
    from training.combination import CombineConfig, combine  # loads the libraries, which --help does not need

    for config in read_config("combine", arguments, CombineConfig):
        THREADS.use(config.threads)
        print(combine(config))


if __name__ == "__main__":
    run_command(main, HELP)
