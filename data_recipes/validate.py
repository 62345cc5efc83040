"""Checks a user's file of training rows before anything is built from it: ``python data_recipes/validate.py FILE``."""

from common.command import read_config, run_command

HELP = """
python data_recipes/validate.py FILE [fix=OUT] [max_characters=32000] [sheet=NAME] [columns.question=NAME …]

FILE holds JSON lines, either (a system turn may come first)
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
or
  {"instruction": "…", "input": "", "output": "…"}
or it is CSV, TSV, XLSX or Parquet with such columns. Other usual names, 问题 and 回答 too, are known
(data_recipes/formats/columns.py); yours are named as for a build: columns.question=NAME columns.answer=NAME, and roles
in quotes: 'columns.roles={患者: user, 医生: assistant}'. A title above the header is skipped. JSON arrays, ShareGPT's
conversations and other encodings are reported, and a build reads them alike. Numbers and lists instead of texts, and
special tokens of prompt formats are reported, and fixed.

The first problems of each kind are printed as file:line, with how they can be fixed, and all are counted; columns that
are not read are listed. What is read here, a build reads alike; a question that repeats an earlier one it drops, an
answer that does is only noted. fix=OUT writes a fixed copy as JSON lines; personal data is still in it.
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
