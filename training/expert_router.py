"""One adapter a task on one base, and a router that gives each question to the adapter it is for.

python training/expert_router.py out=runs/experts
"""

from common.command import end_on_sigterm, read_config, run_command

HELP = """
python training/expert_router.py out=DIR [experts.NAME=RUN|WORDS …] [key=value …]

Trains one adapter for each task, all on one base, and a router from their training questions; prints which share of the
held-out questions of each task it gives to the right one. DIR is served and evaluated like any result:
  python -m app model=DIR
  python eval/run.py suite=quick model=DIR out=OUT

  python training/expert_router.py out=runs/experts        medicine, instruments and mathematics, on the embedded model
  … experts.medical=runs/medical_qlora/latest              an earlier run instead of a recipe
  … experts.math=null                                      without one
  … experts.subjqa='recipe=subjqa_generative source.path=subjqa'     a further one
  … words='model=llama model.path=DIR train.learning_rate=2e-4'      base and settings of all recipes

The first expert answers what the router knows nothing of, and its domain is served: its safety rules come before all.
Every key: docs/configuration.md. Exit codes: 0 done, 1 failed, 2 wrong input or configuration, 130 after Ctrl-C.
"""


def main(arguments: list[str]) -> None:
    """Makes the experts as configured."""
    end_on_sigterm()
    from models.threads import THREADS
    from training.experts import ExpertRouterConfig, make_experts  # loads the libraries, which --help does not need

    for config in read_config("expert_router", arguments, ExpertRouterConfig):
        THREADS.use(config.threads)
        print(make_experts(config))


if __name__ == "__main__":
    run_command(main, HELP)
