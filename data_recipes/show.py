"""Prints rows of a dataset: ``python data_recipes/show.py DIR``."""

from common.command import read_config, run_command

HELP = """
python data_recipes/show.py DIR [key=value …]

  DIR                  a dataset that data_recipes/build.py wrote
  text=TEXT            rows in which any turn holds TEXT
  id=TEXT              rows, and dropped rows, whose id holds TEXT
  reason=WORD          rows that were dropped for this reason; without a word all reasons are counted
  step=NAME            some rows that this step changed or dropped, before and after (compare: what was dropped because
                       of other rows); without a name the rows of all steps are counted
  split=NAME           only this split
  rows=20              how many are printed
  model=DIR            the tokens as training sees them, rendered with the model's prompt format
  prompt_format=NAME   another prompt format
  supervise=last       only the last answer is marked, as train.supervise=last trains; the default is all of them
  lengths=512          with model=: how long the rows are in its tokens, split by split, which are longer than 512
                       (train.max_length), and a histogram

What is supervised is green on a terminal, and inside «…» elsewhere or under NO_COLOR. Exit code 1: nothing found.
"""


def main(arguments: list[str]) -> int:
    """Prints what was asked for."""
    from data_recipes.dataset.listing import ShowConfig, show  # loads the libraries, which --help does not need

    [config] = read_config("show", arguments, ShowConfig)
    return show(config)


if __name__ == "__main__":
    run_command(main, HELP)
