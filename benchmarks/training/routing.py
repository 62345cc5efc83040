"""How often the router of ``training/expert_router.py`` gives a held-out question to its expert; nothing is trained.

    python benchmarks/training/routing.py [KEY=VALUE …]      keys of training/expert_router.py, but out

It writes benchmarks/training/routing.md.
"""

import shlex
import sys
from pathlib import Path

from common.command import read_config
from common.files import write_text
from data_recipes.pipeline import build as datasets_of
from data_recipes.pipeline.build import BuiltDataset
from eval.significance import Estimate
from models.router import Router
from training.experts import ExpertRouterConfig, questions, routed_rightly
from training.stages import read_stage

PAGE = Path(__file__).with_suffix(".md")


def main(arguments: list[str]) -> None:
    """Measures, and writes the page."""
    (config,) = read_config("expert_router", [*arguments, "out=none"], ExpertRouterConfig)
    datasets = {name: dataset(f"{words} {config.words}") for name, words in config.origins.items()}
    router = Router.trained({name: questions(one.splits["train"]) for name, one in datasets.items()})
    found = {
        (name, split): routed_rightly(router, name, examples)
        for name, one in datasets.items()
        for split, examples in one.splits.items()
        if split != "train"
    }
    trained_on = {name: len(one.splits["train"]) for name, one in datasets.items()}
    write_text(PAGE, page(found, trained_on, " ".join(["python benchmarks/training/routing.py", *arguments])))


def dataset(words: str) -> BuiltDataset:
    """What a recipe would train on."""
    (config,) = read_stage(shlex.split(words))
    return datasets_of.load(datasets_of.build_or_reuse(config.data, config.source))


def page(found: dict[tuple[str, str], Estimate], trained_on: dict[str, int], command: str) -> str:
    """The table."""
    lines = [
        f"| {name} | {trained_on[name]} | {split} | {one.n} | {one.value:.1%} | {_interval(one)} |"
        for (name, split), one in found.items()
    ]
    return "\n".join(
        [
            "# Which expert a question is given to",
            "",
            f"`{command}`",
            "",
            "Questions that the router was not trained on, by split; brackets: 95 % intervals over groups. The first",
            "expert gets what the router knows nothing of.",
            "",
            "| expert | training questions | split | questions | given to it | |",
            "|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def _interval(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"[{found.low:.1%}, {found.high:.1%}]"


if __name__ == "__main__":
    main(sys.argv[1:])
