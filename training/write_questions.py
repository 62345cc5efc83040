"""A teacher writes questions about a folder's passages, for ``data=grounded``.

python training/write_questions.py folder=DIR teacher.base_url=http://127.0.0.1:8000/v1 teacher.model=NAME out=asked
"""

from common.command import read_config, run_command
from common.groups import choices

HELP = f"""
python training/write_questions.py folder=DIR [teacher=openai|local] [key=value …] out=OUT

  teacher.base_url=http://127.0.0.1:8000/v1 teacher.model=NAME   a server; its key is in the variable teacher.key_env
  teacher=local teacher.path=RUN                                 a model on this machine

For each passage of the folder the teacher writes questions and says which sentences answer them; answers are these
sentences, word for word. OUT receives questions.jsonl, report.json, and requests.jsonl with every reply of the teacher:
a killed command resumes when it is started again. Read the questions, then train with them:
  python training/run.py recipe=grounded source.path=DIR source.questions_path=OUT/questions.jsonl
Choices (files in configs/):
{choices("write_questions")}

Every key: docs/configuration.md. Exit codes: 0 done (also at a limit), 1 failed, 2 wrong input, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Writes questions as configured."""
    from models.threads import THREADS
    from training.grow_instructions import teacher_of  # loads the libraries, which --help does not need
    from training.passage_questions import WriteQuestionsConfig, run

    for config in read_config("write_questions", arguments, WriteQuestionsConfig):
        THREADS.use(config.threads)
        written = run(config, teacher_of(config.teacher))
        dropped = sum(written.rejected.values())
        print(
            f"{len(written.questions)} questions about {written.passages} passages ({written.reached}), "
            f"{dropped} dropped: {config.out}"
        )


if __name__ == "__main__":
    run_command(main, HELP)
