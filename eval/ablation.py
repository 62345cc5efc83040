"""The served pipeline taken apart: the same items through the model alone, with entries, with rules, and all of it.

Each part is a system of one report. They are asked where they are served, under names of their own
(``serve.ablation=true``), so what is measured is what answers; ``eval`` cannot build a pipeline, which is in ``app``.
"""

from common.errors import UserError
from eval.config import SystemConfig
from eval.endpoint import Connection
from eval.report.schema import System

PARTS: dict[System, str] = {"model": "-raw", "entries": "-entries", "rules": "-rules", "served": ""}
"""What each system adds to the name of the pipeline, from the least to everything."""


def parts_of(service: SystemConfig, *, stored: bool) -> dict[System, SystemConfig]:
    """The parts of a service as systems; the first is what the others are compared with.

    Args:
        service: Where it is; ``model`` is needed only where it has several pipelines.
        stored: Whether their answers are only scored again, so that nothing is asked.

    Raises:
        UserError: It cannot be reached, or does not serve its pipeline in parts.
    """
    if stored:
        return dict.fromkeys(PARTS, service)
    names = Connection(service).names()
    whole = [name for name in names if all(f"{name}{suffix}" in names for suffix in PARTS.values())]
    chosen = [name for name in whole if service.model in (None, name)]
    if len(chosen) != 1:
        raise UserError(
            "this service does not serve its pipeline in parts" if not whole else f"give the model: {', '.join(whole)}",
            where=f"ablation={service.url}",
            fix="start it with serve.ablation=true: python -m app model=RUN serve.ablation=true",
        )
    return {part: service.model_copy(update={"model": f"{chosen[0]}{suffix}"}) for part, suffix in PARTS.items()}
