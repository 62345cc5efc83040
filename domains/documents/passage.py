"""A passage of somebody's documents as an entry of a knowledge base."""

import re

from data_recipes.formats.documents import SENTENCE
from data_recipes.leakage.normalise import says_something
from domains.knowledge_base import Entry, joined

CONTENT = "内容"
"""What the text of a passage is called in a prompt and on the page."""

_BULLET = re.compile(r"^(?:[-*+•·▪◆●]|>)\s+")


class PassageEntry(Entry):
    """A passage: of a document, the answer to a question, or what an entry says. Its text is its definition.

    Attributes:
        subject: What a question calls it: its heading, or the question that it answers.
        is_answer: Whether the subject is a question that the text answers.
        called: Further names, under which a question finds this passage and no other one.
    """

    subject: str
    is_answer: bool = False
    called: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """See ``Entry.names``."""
        return (self.name, *self.aliases, *self.called)

    @property
    def opening(self) -> tuple[str, tuple[str, ...]]:
        """The sentences; the last one without its full stop, which the prompt writes."""
        *first, last = sentences(self.definition)
        return CONTENT, (*first, last.removesuffix("。"))

    @property
    def quoted(self) -> str:
        """See ``Entry.quoted``."""
        return as_text(sentences(self.definition))


def sentences(text: str) -> list[str]:
    """The sentences and the lines of a list in a text, without bullets."""
    lines = (_BULLET.sub("", line.strip()) for line in text.splitlines())
    found = [sentence.strip() for line in lines for sentence in SENTENCE.findall(line)]
    return [sentence for sentence in found if says_something(sentence)]


def as_text(items: list[str]) -> str:
    """Sentences as one text that ends as a sentence does."""
    text = joined(items)
    return text if re.search(r"[。！？!?；;…]$", text) else f"{text}。"
