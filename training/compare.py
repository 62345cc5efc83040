"""Compares runs: ``python -m training.compare RUN RUN … [out=FILE.html]``."""

from pathlib import Path

from common.command import run_command

HELP = """
python -m training.compare RUN RUN … [out=FILE.html]

Compares runs, finished or not: what each is, how far it is, dev loss and scores, and the settings that differ. Of runs
that differ in their seed alone (training/run.py … seeds=3) also how much the scores do.

  python -m training.compare runs/medical_qlora/*                     as a table
  python -m training.compare runs/medical_qlora/* out=compared.html   also a page with the curves of the dev loss

RUN is a run directory, runs/NAME/TIME. Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.
"""


def main(arguments: list[str]) -> None:
    """Prints the comparison, and writes the page."""
    from common.errors import UserError  # loads the libraries, which --help does without
    from common.files import check_writable, write_text
    from training.comparison import page, read_run, text

    paths = [word for word in arguments if "=" not in word]
    options = dict(word.split("=", 1) for word in arguments if "=" in word)
    out = options.pop("out", None)
    if options:
        raise UserError("no such key", where=", ".join(options), fix="runs are given as they are, and out=FILE.html")
    if out is not None and Path(out).suffix != ".html":
        raise UserError("the comparison is written as HTML", where=f"out={out}", fix="give out=FILE.html")
    if out is not None:
        check_writable(Path(out).parent)
    if not paths:
        raise UserError("no run was given", fix="give run directories, e.g. python -m training.compare runs/NAME/*")
    runs = [read_run(Path(path)) for path in dict.fromkeys(paths)]
    print(text(runs))
    if out is not None:
        write_text(Path(out), page(runs))
        print(f"\n{out}")


if __name__ == "__main__":
    run_command(main, HELP)
