"""Cuts documents into passages: ``python data_recipes/passages.py FILE|DIR out=passages.jsonl``."""

from common.command import read_config, run_command

HELP = """
python data_recipes/passages.py FILE|DIR out=passages.jsonl [characters=400]

FILE is a Word file (.docx), a PDF, Markdown or plain text; in a folder all such files are read.
out= is JSON lines, or Parquet where it ends in .parquet: id, document, headings, page, last_page, text.
characters= is a passage's maximum; it ends where a paragraph or a sentence ends, and never crosses a heading.

Pages without text (scanned ones) are listed, and in a folder documents without text, and files of other formats. With
a question and an answer added to its rows, the file is a source:
python data_recipes/build.py data=documents source.path=passages.jsonl out=datasets/documents
"""


def main(arguments: list[str]) -> None:
    """Cuts one document, or a folder of them."""
    from data_recipes.formats.passages import (  # loads the libraries, which --help does not need
        PassagesConfig,
        cut_to_file,
    )

    [config] = read_config("passages", arguments, PassagesConfig)
    cut_to_file(config)


if __name__ == "__main__":
    run_command(main, HELP)
