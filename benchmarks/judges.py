"""How often the judges of answers that are rules agree with labels.

    python benchmarks/judges.py              the test halves; writes benchmarks/judges.md
    python benchmarks/judges.py half=dev     the halves that the rules were tuned on, with their mistakes

The labelled answers are in ``benchmarks/labelled_answers/`` (its ``README.md`` says what a line means). The test halves
were written before the rules and are only scored.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from common.files import write_text
from domains.mathematics.answers import is_right
from domains.medical.seeking_care import seeks_care_at_once
from eval.judges.fact_recall.judge import stated_facts, unreferenced
from eval.judges.refusal.judge import refuses, refuses_what_is_asked
from benchmarks.loops import wilson

FOLDER = Path(__file__).parent / "labelled_answers"
HEAD = """# Do the judges agree with people?

`python benchmarks/judges.py`: the test halves of `benchmarks/labelled_answers/*.test.tsv`, written before the rules and never
read while they were tuned; 95 % intervals (Wilson). The author of the rules wrote both halves, so the agreement on texts of
other authors may be lower. Before: the rules that these replaced, on the same lines.

"""
