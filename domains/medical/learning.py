"""How the classifier of messages is trained and its thresholds are chosen; see ``train_messages.py``."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from common.text_classifier import Labels, TextClassifier, out_of_fold, train
from domains.medical.knowledge_base import KNOWLEDGE
from domains.medical.labelled_messages import DEV, QUESTIONS, RULES, TRAIN, LabelledMessage, messages_in
from domains.medical.messages import CLINIC, EMERGENCY, PATIENT, PRESCRIPTION, SELF_HARM, TODAY, as_heard
from domains.medical.triager import SURELY_NOT, MedicalTriager
from domains.safety_rules import Disposition, normalised

BY_URGENCY: tuple[Disposition, ...] = ("none", "home", "days", "today", "120")

WANTED = {EMERGENCY: 0.98, SELF_HARM: 0.98, PRESCRIPTION: 0.98, TODAY: 0.9, CLINIC: 0.8, PATIENT: 0.8}
"""The recall that a threshold is chosen for, unless it gives too many false alarms."""

FALSE_ALARMS = {EMERGENCY: 0.05, SELF_HARM: 0.03, PRESCRIPTION: 0.01, TODAY: 0.05, CLINIC: 0.2, PATIENT: 0.2}
"""Most false alarms, among the messages that are none."""

RULES_COUNT = 2
"""Times that what the rules' authors wrote is learned: each is the plainest form of what must be told apart."""

Column = NDArray[np.float64]


def learn() -> tuple[TextClassifier, dict[str, dict[str, float]]]:
    """The classifier with its thresholds, and what they give on messages of unseen scenarios."""
    blind, ours = messages_in(TRAIN, DEV, QUESTIONS), messages_in(RULES) * RULES_COUNT
    odds = unseen_odds(blind, ours)
    thresholds, measured = {}, {}
    for name, answers in answers_of(blind).items():
        known = [at for at, answer in enumerate(answers) if answer is not None]
        score, truth = odds[name][known], np.array([bool(answers[at]) for at in known])
        if name == EMERGENCY:
            score = score_beside_rules(blind, score)
        thresholds[name] = threshold(score, truth, WANTED[name], FALSE_ALARMS[name])
        alarms = score >= thresholds[name]
        measured[name] = {
            "threshold": round(thresholds[name], 3),
            "recall": round(float(alarms[truth].mean()), 3),
            "false_alarms": round(float(alarms[~truth].mean()), 3),
        }
    return shifted(trained([*blind, *ours]), thresholds), measured


def trained(messages: Sequence[LabelledMessage]) -> TextClassifier:
    """A classifier of these messages, without thresholds."""
    return train(texts_of(messages), answers_of(messages))


def unseen_odds(blind: Sequence[LabelledMessage], ours: Sequence[LabelledMessage]) -> dict[str, Column]:
    """The log-odds of each of the blind authors' messages by a classifier that saw none of its scenario."""
    groups = [*(f"{message.author}/{message.scenario}" for message in blind), *[None] * len(ours)]
    everything = [*blind, *ours]
    models = out_of_fold(texts_of(everything), answers_of(everything), groups)
    odds = [model.log_odds(text) for text, model in zip(texts_of(blind), models, strict=True)]
    return {name: np.array([one[name] for one in odds]) for name in answers_of([])}


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
