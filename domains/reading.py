"""What a question gets to read: of the entries that were found, which ones with which attributes.

The service and the datasets ask the same function, so that a model meets in service what it met in training.
"""

from domains.citations import AskedFor, asked_attributes
from domains.grounding import GivenEntry, statements_of
from domains.retrieval.retriever import Found, Retrieved


def entries_to_read(
    retrieved: Retrieved, question: str, asked_for: AskedFor, entries: int, attributes: int
) -> list[GivenEntry]:
    """The best entries, each with what is asked about and what it says first.

    An entry that is the topic is given whole where it is not recognised which attribute is asked about: an answer that
    is there must not be missing because of how the question is worded.

    Args:
        retrieved: What was found for the question; nothing gives nothing.
        question: The question.
        asked_for: How the attributes of the knowledge base are asked for.
        entries: Most entries.
        attributes: Attributes of an entry, unless the question asks for more.
    """
    topic = {found.entry.id for found in retrieved.topic if found.how != "description"}
    topic |= {found.entry.id for found in retrieved.found[:1]}
    return [
        _given(found, question, asked_for, attributes, whole=found.entry.id in topic)
        for found in retrieved.found[:entries]
    ]


def _given(found: Found, question: str, asked_for: AskedFor, attributes: int, whole: bool) -> GivenEntry:
    known = list(statements_of(found.entry))
    asked = asked_attributes(found.entry, question, asked_for)
    others = [attribute for attribute in known if attribute not in asked]
    kept = known if whole and not asked else asked + others[: max(0, attributes - len(asked))]
    return GivenEntry.of(found.entry, kept, called=found.called)
