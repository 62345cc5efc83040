"""Samples answers to training questions and ranks them by a checker: pairs of a better and a worse one.

python eval/sample_preferences.py model=RUN dataset=datasets/math checker=math_answer out=preferences
"""

from common.command import read_config, run_command

HELP = """
python eval/sample_preferences.py model=RUN dataset=DIR checker=NAME out=DIR [key=value …]

Asks the training questions of a dataset several times each, ranks the answers, and writes the best and the worst of
each question to DIR/pairs.jsonl; ties and pairs that are too close are counted in DIR/report.json and dropped.
checker=NAME scores an answer from 0 to 1:
  math_answer        the final number (or the set of options) is the expected one
  choice_generated   the answer ends in the set of right options
  fact_recall        share of the reference facts that the answer states
  emergency          tells the reader of an emergency to get help now
A killed command resumes when it is started again. Then build:
  data_recipes/build.py data=feedback source.path=DIR/pairs.jsonl out=…
Every key: docs/configuration.md. Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Samples as configured."""
    from eval.preferences import PreferencesConfig, sample  # these load the libraries, which --help does not need
    from models.engines.local import load_engine
    from models.threads import THREADS

    for config in read_config("sample_preferences", arguments, PreferencesConfig):
        THREADS.use(config.threads)
        report = sample(config, load_engine(config.model, dtype=config.dtype))
        dropped = ", ".join(f"{reason} {number}" for reason, number in report["dropped"].items()) or "none"
        print(f"{report['pairs']} pairs of {report['asked']} questions; dropped: {dropped}\nwritten to {config.out}")


if __name__ == "__main__":
    run_command(main, HELP)
