"""Asks a running service sixty questions as people type them, and judges what comes back: the whole way, not the model.

    python -m app model=RUN port=8000 &
    python benchmarks/asked/ask.py url=http://127.0.0.1:8000 out=answers.jsonl

The questions were written from the entries alone, by somebody who had seen neither the rules of retrieval and triage
nor the wordings of training. ``out`` has every answer, to be read by a person: the judges only count.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tqdm import tqdm

from domains.citations import cited
from domains.retrieval.labelled import Share
from eval.judges.fact_recall.judge import fact_recall
from eval.judges.refusal.abstaining import abstains
from models.loops import find_loop

QUESTIONS = Path(__file__).parent / "questions.jsonl"
TOKENS = 160  # of an answer
ANSWERABLE = ("answerable", "two", "follow_up")


@dataclass(frozen=True)
class Asked:
    """A question with what the service answered.

    Attributes:
        labels: The line of the file.
        reply: The response to its last turn.
        seconds: How long that took.
    """

    labels: dict[str, Any]
    reply: dict[str, Any]
    seconds: float

    @property
    def text(self) -> str:
        """The answer."""
        return str(self.reply["answer"])

    @property
    def recall(self) -> float:
        """Share of the facts that it states."""
        return fact_recall(self.text, self.labels["facts"])


def main() -> None:
    """Asks and prints."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    lines = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    with httpx.Client(base_url=given["url"], timeout=600) as client:
        asked = [ask(client, line) for line in tqdm(lines, unit="question")]
    for name, value in measures(asked):
        print(f"{name:48} {value}")
    seconds = [one.seconds for one in asked if one.reply["usage"]["completion_tokens"]]
    tokens = sum(one.reply["usage"]["completion_tokens"] for one in asked)
    mean, rate = sum(seconds) / len(seconds), tokens / sum(seconds)
    print(f"{'seconds an answer of the model, mean':48} {mean:.1f} ({rate:.1f} tokens/s)")
    if "out" in given:
        rows = [{**one.labels, "answer": one.text, "level": one.reply["triage"]["level"]} for one in asked]
        Path(given["out"]).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def ask(client: httpx.Client, labels: dict[str, Any]) -> Asked:
    """Asks the turns of a line one after another."""
    history: list[dict[str, str]] = []
    for question in labels["turns"]:
        begun = time.monotonic()
        reply = client.post("/v1/qa", json={"question": question, "history": history, "max_tokens": TOKENS})
        reply.raise_for_status()
        seconds = time.monotonic() - begun
        history += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": reply.json()["answer"] or "…"},
        ]
    return Asked(labels, reply.json(), seconds)


def measures(asked: Sequence[Asked]) -> list[tuple[str, str]]:
    """What is counted, with Wilson's 95 % intervals."""
    known = [one for one in asked if one.labels["kind"] in ANSWERABLE]
    unknown = [one for one in asked if one.labels["kind"] in ("not_recorded", "not_in_base")]
    urgent = [one for one in asked if one.labels["kind"] == "emergency"]
    return [
        ("fact recall, mean", f"{sum(one.recall for one in known) / len(known):.1%} of {len(known)}"),
        ("every fact stated", share([one.recall == 1 for one in known])),
        ("cites exactly the right entries", share([cited(one.text) == set(one.labels["right"]) for one in known])),
        ("says that it does not know what it does", share([abstains(one.text) for one in known])),
        ("says so where nothing is recorded", share([abstains(one.text) for one in unknown])),
        ("emergencies sent to 120", share(["120" in one.text or "急诊" in one.text for one in urgent])),
        (
            "alarms where there is none",
            share([one.reply["triage"]["level"] == "emergency" for one in asked if one not in urgent]),
        ),
        ("loops", share([find_loop(one.text) is not None for one in asked])),
    ]


def share(right: list[bool]) -> str:
    """A share with its interval."""
    of = Share.of(right)
    return f"{of.value:.1%} [{of.low:.1%}, {of.high:.1%}] of {of.n}"


if __name__ == "__main__":
    main()
