"""Checks a user's file of training rows before anything is built from it: ``python data_recipes/validate.py FILE``."""

from common.command import read_config, run_command

HELP = """
python data_recipes/validate.py FILE [fix=OUT] [max_characters=32000] [sheet=NAME] ['columns.question=["提问"]' …]

FILE holds JSON lines, either (a system turn may come first)
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
or
  {"instruction": "…", "input": "", "output": "…"}
or it is CSV, TSV, XLSX or Parquet with such columns. Other usual names are known (data_recipes/formats/columns.py);
yours are named as for a build: columns.answer=回答. JSON arrays, ShareGPT's conversations, other encodings, numbers
and lists instead of texts, and special tokens of prompt formats are reported, and fixed.

Every problem is printed as file:line, with how it can be fixed; columns that are not read are listed. What is read
here, a build reads alike. fix=OUT writes a fixed copy as JSON lines and says what was changed and what was dropped.
Exit code 0: the file is valid (or was fixed); 2: it is not.
"""


def main(arguments: list[str]) -> int:
    """Checks one file."""
    from data_recipes.formats.validation import (  # loads the libraries, which --help does not need
        ValidateConfig,
        validate,
    )

    [config] = read_config("validate", arguments, ValidateConfig)
    return validate(config)


if __name__ == "__main__":
    run_command(main, HELP)
