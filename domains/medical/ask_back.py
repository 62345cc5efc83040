"""What medicine asks back about a complaint, and when."""

from functools import cache
from pathlib import Path

from domains.asking_back import AskBack
from domains.medical.messages import PATIENT, heard
from domains.medical.triager import MOVED_ON, QUESTION, SURELY_NOT
from domains.safety_rules import CLAUSE_END, Triage, Words, normalised, read_rules

QUESTIONS = Path(__file__).parent / "ask_back.yaml"


class MedicalAskBack(AskBack):
    """The questions, and how a complaint is told from a question about one.

    Attributes:
        happening: What says that somebody has it now.
        not_now: What says that nobody has, or no person.
    """

    happening: Words
    not_now: Words

    def concerns(self, message: str, triage: Triage) -> bool:
        """See ``AskBack.concerns``; where triage hears no patient, a complaint must be stated, not asked about."""
        if super().concerns(message, triage):
            return True
        text = normalised(message)
        if self.not_now.within(text):
            return False
        if self._is_stated(text):
            return heard(text)[PATIENT] >= MOVED_ON
        return not QUESTION.search(text) and heard(text)[PATIENT] >= SURELY_NOT

    def _is_stated(self, text: str) -> bool:
        """Whether a complaint comes before what is asked (腰痛,挂什么科), or with words that say that it is there."""
        end = CLAUSE_END.search(text)
        comes_first = end is not None and end.end() < len(text) and not QUESTION.search(text[: end.start()])
        return comes_first or self.happening.within(text)


@cache
def ask_back() -> MedicalAskBack:
    """The questions that ship.

    Raises:
        UserError: The file is damaged; the message names the key.
    """
    return read_rules(QUESTIONS, MedicalAskBack, explained_in="domains/asking_back.py")
