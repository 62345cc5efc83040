"""A passage of somebody's documents as an entry of a knowledge base."""

import re
from itertools import chain

from data_recipes.formats.documents import SENTENCE
from data_recipes.leakage.normalise import says_something
from domains.knowledge_base import Entry, joined

CONTENT = "内容"
"""What the text of a passage is called in a prompt and on the page."""

JOINT = " > "
"""Between the headings of a name."""

_ENDED = re.compile(r"[。！？!?；;…]$")
INTRODUCES = ("：", ":")
"""Ends what introduces a list."""

_NUMBERED = re.compile(
    r"(?:\d+|[一二三四五六七八九十]+)[.、．)）](?!\d)|[（(](?:\d+|[一二三四五六七八九十]+)[)）]|[①-⑳]"
)
_BULLET = re.compile(r"^(?:[-*+•·▪◆●]|>)\s+")


class PassageEntry(Entry):
    """A passage: of a document, the answer to a question, or what an entry says. Its text is its definition.

    Attributes:
        subject: What a question calls it: its heading, or the question that it answers.
        is_answer: Whether the subject is a question that the text answers.
        called: Further names, under which a question finds this passage and no other one.
        file: Its file, below the folder.
        pages: Its first and last page, where the file has pages.
    """

    file: str
    subject: str
    is_answer: bool = False
    called: tuple[str, ...] = ()
    pages: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """See ``Entry.names``."""
        return (self.name, *self.aliases, *self.called)

    @property
    def title(self) -> str:
        """See ``Entry.title``: the file, the headings and the pages."""
        title = JOINT.join((self.file, self.name))
        if self.pages is None:
            return title
        first, last = self.pages
        return f"{title}（第{first}页）" if first == last else f"{title}（第{first}–{last}页）"

    @property
    def opening(self) -> tuple[str, tuple[str, ...]]:
        """The sentences; the last one without its full stop, which the prompt writes."""
        *first, last = sentences(self.definition)
        return CONTENT, (*first, last.removesuffix("。"))

    @property
    def quoted(self) -> str:
        """See ``Entry.quoted``."""
        return as_text(sentences(self.definition))

    @property
    def uncut(self) -> list[str]:
        """See ``Entry.uncut``: sentences, but a list whole with what introduces it."""
        parts: list[str] = []
        in_list = False
        for said in statements(self.definition):
            in_list = bool(parts) and bool(_NUMBERED.match(said[0])) and (in_list or parts[-1].endswith(INTRODUCES))
            if in_list:
                parts[-1] = joined((parts[-1], *said))
            else:
                parts += [joined(said)] if said[0].endswith(INTRODUCES) else said
        return parts


def sentences(text: str) -> list[str]:
    """The sentences and the lines of a list in a text, without bullets."""
    return list(chain.from_iterable(statements(text)))


def statements(text: str) -> list[list[str]]:
    """What must not be cut: each sentence, but a list or a table whole, with what introduces it."""
    found: list[list[str]] = []
    in_list = False
    for line in map(str.strip, text.splitlines()):
        listed = _BULLET.match(line)
        said = [sentence.strip() for sentence in SENTENCE.findall(_BULLET.sub("", line))]
        said = [sentence for sentence in said if says_something(sentence)]
        if in_list and said and not listed and not _ENDED.search(found[-1][-1]):
            found[-1][-1] += "。"  # a list of words, before a sentence
        if listed and found and (in_list or found[-1][-1].endswith(INTRODUCES)):
            found[-1] += said
        elif listed and said:
            found.append(said)
        else:
            found += ([sentence] for sentence in said)
        in_list = bool(listed)
    return found


def as_text(items: list[str]) -> str:
    """Sentences as one text that ends as a sentence does."""
    text = joined(items)
    return text if _ENDED.search(text) else f"{text}。"
