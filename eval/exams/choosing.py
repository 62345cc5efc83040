"""Asks a model in this process which option of an exam is the likeliest, as lm-evaluation-harness does.

Tokens are those of context and option together, less those of the context; the option with the highest sum of
log-probabilities is chosen, of equal ones the first. A context that does not fit counts as wrong and as too long; the
harness would cut its beginning off.
"""

import math
from collections.abc import Collection, Iterator, Sequence

from tqdm import tqdm

from common.errors import UserError
from eval.answers import ModelAnswer
from eval.exams.exam import ExamItem
from eval.exams.published import LETTERS
from models.engines.engine import Choice, Engine

ITEMS_AT_ONCE = 64
"""Of one subject, whose examples are read once for them; what they give is stored together."""


def choose_options(
    engine: Engine, items: Sequence[ExamItem], wanted: Collection[int]
) -> Iterator[dict[int, ModelAnswer]]:
    """The log-probabilities of the options of items, some items at a time.

    Args:
        engine: The model.
        items: All items of an evaluation.
        wanted: Positions of the items to ask.
    """
    with tqdm(total=len(wanted), desc=f"choosing ({engine.model_version})", unit="item") as progress:
        for places in _parts(items, set(wanted)):
            choices = {place: _choice(engine, items[place]) for place in places}
            fitting = {place: choice for place, choice in choices.items() if _length(choice) <= engine.context_length}
            too_long = [place for place in places if place not in fitting]
            found = dict.fromkeys(too_long, ModelAnswer(kind="options", text="", finish_reason="too_long"))
            if fitting:
                scores = engine.score_choices(list(fitting.values()))
                found |= {place: chosen(logprobs) for place, logprobs in zip(fitting, scores, strict=True)}
            yield found
            progress.update(len(places))


def _parts(items: Sequence[ExamItem], wanted: Collection[int]) -> Iterator[list[int]]:
    """The wanted items, subject by subject, those of similar length together."""
    for subject in dict.fromkeys(item.example.kind for item in items):
        places = [place for place, item in enumerate(items) if item.example.kind == subject and place in wanted]
        places.sort(key=lambda place: -len(items[place].context))
        for start in range(0, len(places), ITEMS_AT_ONCE):
            yield places[start : start + ITEMS_AT_ONCE]


def _choice(engine: Engine, item: ExamItem) -> Choice:
    context = engine.encode(item.context, beginning=True)
    whole = [engine.encode(item.context + continuation, beginning=True) for continuation in item.continuations]
    continuations = [ids[len(context) :] for ids in whole]
    if not all(continuations):
        raise UserError(
            "this tokenizer joins the letter of an option to the text before it, so that it has no probability",
            where=item.example.id,
            fix="ask for generated answers: suite.exam.by=[generated]",
        )
    return Choice(context, continuations)


def _length(choice: Choice) -> int:
    """What the model reads: of a continuation all tokens but the last."""
    return len(choice.context) + max(map(len, choice.continuations)) - 1


def chosen(logprobs: Sequence[float]) -> ModelAnswer:
    """The answer that the log-probabilities of the options amount to; a model that gives no number chooses nothing."""
    options = {
        letter: -math.inf if math.isnan(value) else value for letter, value in zip(LETTERS, logprobs, strict=True)
    }
    best = max(options, key=options.__getitem__)
    return ModelAnswer(kind="options", text=best if math.isfinite(options[best]) else "", options=options)
