"""How the classifier of messages is trained and its thresholds are chosen; see ``train_messages.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from common.text_classifier import Column, Labels, TextClassifier, out_of_fold, train
from common.weighed_answers import WeighedAnswers
from common.weighed_answers import train as train_weighing
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.labelled_messages import DEV, QUESTIONS, RULES, TRAIN, LabelledMessage, messages_in
from domains.medical.messages import CLINIC, EMERGENCY, PATIENT, PRESCRIPTION, SELF_HARM, TODAY, WEIGHED, as_heard
from domains.medical.triager import SURELY_NOT, MedicalTriager
from domains.safety_rules import Disposition, normalised

BY_URGENCY: tuple[Disposition, ...] = ("none", "home", "days", "today", "120")

WANTED = {EMERGENCY: 0.98, SELF_HARM: 0.98, PRESCRIPTION: 0.98, TODAY: 0.9, CLINIC: 0.8, PATIENT: 0.8}
"""The recall that a threshold is chosen for, unless it gives too many false alarms."""

FALSE_ALARMS = {EMERGENCY: 0.05, SELF_HARM: 0.03, PRESCRIPTION: 0.01, TODAY: 0.05, CLINIC: 0.2, PATIENT: 0.2}
"""Most false alarms, among the messages that are none."""

FOLDS = 5
"""Parts of the messages that are judged by what was learned from the others."""

ANY = "any"
"""The scenario of what the rules' authors wrote: none, so that each message stands for itself."""

RULES_COUNT = 2
"""Times that what the rules' authors wrote is learned: each is the plainest form of what must be told apart."""


@dataclass(frozen=True)
class Learned:
    """What is learned.

    Attributes:
        classifier: What is heard in a message.
        weighing: What that says of an emergency, and of danger to oneself.
        measured: What the thresholds give on messages of unseen scenarios.
    """

    classifier: TextClassifier
    weighing: WeighedAnswers
    measured: dict[str, dict[str, float]]


def learn() -> Learned:
    """The classifier and the weighing with their thresholds."""
    blind, ours = messages_in(TRAIN, DEV, QUESTIONS), messages_in(RULES)
    messages = [*blind, *ours]
    odds, to_weigh = unseen_odds(messages), {name: answers_of(messages)[name] for name in WEIGHED}
    judged = {name: column[: len(blind)] for name, column in (odds | unseen_weighed(messages, odds, to_weigh)).items()}
    judged[EMERGENCY] = score_beside_rules(blind, judged[EMERGENCY])
    thresholds, measured = {}, {}
    for name, right in answers_of(blind).items():
        known = [at for at, answer in enumerate(right) if answer is not None]
        score, truth = judged[name][known], np.array([bool(right[at]) for at in known])
        thresholds[name] = threshold(score, truth, WANTED[name], FALSE_ALARMS[name])
        alarms = score >= thresholds[name]
        measured[name] = {
            "threshold": round(thresholds[name], 3),
            "recall": round(float(alarms[truth].mean()), 3),
            "false_alarms": round(float(alarms[~truth].mean()), 3),
        }
    shifted_odds = {name: column - thresholds[name] for name, column in odds.items()}
    weighing = train_weighing(shifted_odds, to_weigh).less(thresholds)
    return Learned(shifted(trained([*messages, *again(messages)]), thresholds), weighing, measured)


def trained(messages: Sequence[LabelledMessage]) -> TextClassifier:
    """A classifier of these messages, without thresholds."""
    return train(texts_of(messages), answers_of(messages))


def again(messages: Sequence[LabelledMessage]) -> list[LabelledMessage]:
    """The messages of the rules' authors, as often as they are learned beyond the first time."""
    return [message for message in messages if message.scenario == ANY] * (RULES_COUNT - 1)


def unseen_odds(messages: Sequence[LabelledMessage]) -> dict[str, Column]:
    """The log-odds of each message by a classifier that saw none of its scenario."""
    everything = [*messages, *again(messages)]
    models = out_of_fold(texts_of(everything), answers_of(everything), scenarios_of(everything), FOLDS)
    odds = [model.log_odds(text) for text, model in zip(texts_of(messages), models, strict=False)]
    return {name: np.array([one[name] for one in odds]) for name in answers_of([])}


def unseen_weighed(
    messages: Sequence[LabelledMessage], odds: Mapping[str, Column], answers: Labels
) -> dict[str, Column]:
    """What each message's odds say, weighed by what was learned from the odds of other scenarios."""
    groups = np.array(scenarios_of(messages))
    fold = {group: number % FOLDS for number, group in enumerate(sorted(set(groups)))}
    of = np.array([fold[group] for group in groups])
    weighed = {name: np.zeros(len(messages)) for name in answers}
    for number in range(FOLDS):
        seen, unseen = np.flatnonzero(of != number), of == number
        learned = train_weighing(
            {name: column[seen] for name, column in odds.items()},
            {name: [right[at] for at in seen.tolist()] for name, right in answers.items()},
        )
        for name, column in learned.columns({name: column[unseen] for name, column in odds.items()}).items():
            weighed[name][unseen] = column
    return weighed


def scenarios_of(messages: Sequence[LabelledMessage]) -> list[str]:
    """What each message is about, and who wrote it: what is never divided between learning and judging."""
    return [f"{one.author}/{one.text if one.scenario == ANY else one.scenario}" for one in messages]


def score_beside_rules(messages: Sequence[LabelledMessage], score: Column) -> Column:
    """The scores, higher by ``SURELY_NOT`` where a rule finds a sign, so that one threshold serves for both."""
    triager = MedicalTriager(KNOWLEDGE.load())
    signs = [any(sign.level == "emergency" for sign in triager.signs(normalised(one.text))) for one in messages]
    return np.where(signs, score - SURELY_NOT, score)


def threshold(score: Column, truth: NDArray[np.bool_], wanted: float, false_alarms: float) -> float:
    """The threshold of the wanted recall, or a higher one that gives no more than so many false alarms."""
    return float(max(np.quantile(score[truth], 1 - wanted), np.quantile(score[~truth], 1 - false_alarms)))


def shifted(model: TextClassifier, thresholds: dict[str, float]) -> TextClassifier:
    """The classifier with its log-odds less the thresholds."""
    return replace(model, bias=model.bias - np.array([thresholds[name] for name in model.outputs], np.float32))


def texts_of(messages: Sequence[LabelledMessage]) -> list[str]:
    """The texts as the classifier reads them."""
    return [as_heard(normalised(message.text)) for message in messages]


def answers_of(messages: Sequence[LabelledMessage]) -> Labels:
    """The labels of each question; who is no patient needs no prescription either, unless that is labelled."""
    return {
        EMERGENCY: [message.emergency for message in messages],
        TODAY: [_as_soon_as(message, "today") for message in messages],
        CLINIC: [_as_soon_as(message, "days") for message in messages],
        PATIENT: [_as_soon_as(message, "home") for message in messages],
        SELF_HARM: [message.self_harm for message in messages],
        PRESCRIPTION: [bool(message.prescription) for message in messages],
    }


def _as_soon_as(message: LabelledMessage, disposition: Disposition) -> bool | None:
    given = "120" if message.emergency else message.disposition
    return None if given is None else BY_URGENCY.index(given) >= BY_URGENCY.index(disposition)
