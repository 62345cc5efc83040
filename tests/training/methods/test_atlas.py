"""The atlas: every method has a command to start from, and the page shows each at the rate that the dev loss chose."""

from typing import Any

import pytest

from benchmarks.training.atlas import opening, page
from common.groups import options_of


@pytest.mark.parametrize("method", options_of("method"))
def test_every_method_opens_with_a_command(method: str) -> None:
    words = opening(method)
    assert words[0].startswith("recipe=medical_") and words[-1] == f"method={method}"


def run(rate: float, dev: float, held_out: float, prose: float = 3.0) -> dict[str, Any]:
    return {
        "rate": rate,
        "dev_loss": dev,
        "before": {"held_out": 4.0, "prose": 2.5},
        "after": {"held_out": held_out, "prose": prose},
        "share": 0.01,
        "gib": 1.5,
        "seconds": 60.4,
        "result": "mergeable",
        "supervised_tokens": 12_345,
    }


def test_the_page_has_the_largest_gain_first_and_says_what_could_not_be_run() -> None:
    found = {
        "ia3": [run(1e-3, 2.0, 3.5), run(3e-3, 1.9, 3.0), run(9e-3, 2.2, 2.0)],
        "lora": [run(1e-3, 1.5, 2.0), run(3e-3, 1.6, 1.0), run(9e-3, 1.7, 1.0)],
        "oft": [{"refused": "no such layer"}] * 3,
    }
    lines = page(found, "python atlas").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert rows[0].startswith("| `lora` | 1.0e-03 ≤ | 1.00% | 2.000 | 100% | +0.500 | 1.50 | 60 | all, once merged |")
    assert rows[1].startswith("| `ia3` | 3.0e-03 | 1.00% | 1.000 | 50% |")  # by the dev loss, not by the held-out one
    assert "- `oft`: no such layer" in lines and any("12,345 supervised tokens" in line for line in lines)
