"""Runs strategies: of many items together what they ask next is asked in one go, so that a model gets full batches."""

from collections.abc import Callable, Sequence

from eval.answers import ModelAnswer
from strategies.strategy import ModelCall, Solving

AskAll = Callable[[Sequence[ModelCall]], Sequence[ModelAnswer]]
"""Answers requests, in their order."""


def solve_together(solvings: Sequence[Solving], ask: AskAll) -> list[ModelAnswer]:
    """The answers of several items, each with the calls, tokens and seconds of all that was asked for it.

    An item one of whose calls does not fit the context, or fails, has no answer.

    Args:
        solvings: Strategies at work, one per item.
        ask: Asks the model.
    """
    waiting = {place: next(solving) for place, solving in enumerate(solvings)}
    given: dict[int, list[ModelAnswer]] = {place: [] for place in waiting}
    answers: dict[int, ModelAnswer] = {}
    while waiting:
        replies = iter(ask([request for requests in waiting.values() for request in requests]))
        for place, requests in list(waiting.items()):
            found = [next(replies) for _ in requests]
            given[place] += found
            if lost := [one for one in found if one.finish_reason in ("too_long", "failed")]:
                answers[place] = lost[0]
                del waiting[place]
                continue
            try:
                waiting[place] = solvings[place].send(found)
            except StopIteration as end:
                answers[place] = _with_costs(end.value, given[place])
                del waiting[place]
    return [answers[place] for place in range(len(solvings))]


def _with_costs(answer: ModelAnswer, given: Sequence[ModelAnswer]) -> ModelAnswer:
    seconds = [one.seconds for one in given if one.seconds is not None]
    return answer.model_copy(
        update={
            "calls": len(given),
            "tokens": sum(one.tokens for one in given),
            "prompt_tokens": sum(one.prompt_tokens for one in given),
            "seconds": sum(seconds) if len(seconds) == len(given) else None,
        }
    )
