"""The protected sets, which no training question may overlap with: ``python data_recipes/suites.py``."""

from common.command import read_config, run_command

HELP = """
python data_recipes/suites.py                lists the protected sets, which no training question may overlap with
python data_recipes/suites.py add DIR        registers the test splits of a dataset that was built
python data_recipes/suites.py remove NAME    removes them

A set is registered by the fingerprints of its questions: hashes, no text. From then on every dataset that is built on
this machine drops the training rows that share a question or a run of characters with it.
"""


def main(arguments: list[str]) -> None:
    """Lists, adds or removes protected sets."""
    from data_recipes.pipeline.protected_sets import (  # loads the libraries, which --help does not need
        SuitesConfig,
        list_or_change,
    )

    [config] = read_config("suites", arguments, SuitesConfig)
    list_or_change(config)


if __name__ == "__main__":
    run_command(main, HELP)
