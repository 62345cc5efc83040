"""Trains the classifier of messages: ``python -m domains.medical.train_messages``."""

from common.command import run_command

HELP = """
python -m domains.medical.train_messages

Trains what domains/medical/messages.py hears in a message on the labelled messages of domains/medical/triage_cases/
(train, dev, rules, questions; never test/), and writes domains/medical/messages.npz and weighing.npz. Thresholds are
chosen on train, dev and questions, each message judged by what was learned without its scenario. Prints what they give
there. Takes two minutes; the same messages give the same files. Needs the extra dev.
Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted.
"""


def main(_: list[str]) -> None:
    """Trains, chooses the thresholds and writes the weights."""
    import json  # loads the libraries, which --help does without

    from domains.medical.learning import learn
    from domains.medical.messages import WEIGHING, WEIGHTS

    learned = learn()
    learned.classifier.save(WEIGHTS)
    learned.weighing.save(WEIGHING)
    print(json.dumps(learned.measured, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    run_command(main, HELP)
