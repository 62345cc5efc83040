"""Grows instructions with a teacher: Self-Instruct from seed tasks to rows that a recipe can train on.

python training/self_instruct.py teacher.base_url=http://127.0.0.1:8000/v1 teacher.model=NAME out=grown
"""

from common.command import read_config, run_command
from common.groups import choices

HELP = f"""
python training/self_instruct.py [teacher=openai|local] [key=value …] out=DIR

  teacher.base_url=http://127.0.0.1:8000/v1 teacher.model=NAME   a server; its key is in the variable teacher.key_env
  teacher=local teacher.path=RUN                                 a model on this machine
  grow.wanted=500 grow.domain=医学 grow.max_requests=2000 grow.max_tokens=1000000

DIR receives generated.jsonl, report.md and report.json, and requests.jsonl with every reply of the teacher: a killed
command resumes when it is started again. Build a dataset from the rows, with the steps that clean and screen them:
  python data_recipes/build.py data=bencao source.path=DIR/generated.jsonl out=datasets/grown
Nobody has checked what a teacher writes: read it before you train on it, medicine above all.
Choices (files in configs/):
{choices("self_instruct")}

Every key: docs/configuration.md. Exit codes: 0 done (also at a limit), 1 failed, 2 wrong input, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Grows instructions as configured."""
    from models.threads import THREADS
    from training.grow_instructions import (  # loads the libraries, which --help does not need
        CommandConfig,
        run,
        teacher_of,
    )

    for config in read_config("self_instruct", arguments, CommandConfig):
        THREADS.use(config.threads)
        grown = run(config, teacher_of(config.teacher))
        print(f"{len(grown.rows)} rows ({grown.reached}), {sum(grown.rejected.values())} dropped: {config.out}")


if __name__ == "__main__":
    run_command(main, HELP)
