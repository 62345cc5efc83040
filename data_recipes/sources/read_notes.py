"""What the rows of a source have that its examples have not, counted while they are read."""

from collections import Counter
from collections.abc import Collection, Iterator

from data_recipes.formats.jsonl import Line
from data_recipes.formats.values import is_empty
from data_recipes.schema.dropped import Dropped


class ReadNotes:
    """The last item of a source whose rows have columns.

    Attributes:
        unread: Rows in which each column that is not read holds something.
        as_text: Rows in which each kind of value (``formats.values.kind_of``) was written as text.
        special_tokens: Where rows are that have a special token of a prompt format in a text.
    """

    def __init__(self) -> None:
        self.unread: Counter[str] = Counter()
        self.as_text: Counter[str] = Counter()
        self.special_tokens: list[str] = []

    def add(self, line: Line | Dropped, read: Collection[str]) -> None:
        """Counts the columns of a row that are not among those that are read."""
        if isinstance(line, Line):
            for name in line.row.keys() - read:
                if not is_empty(line.row[name]):
                    self.unread[name] += 1

    def found(self) -> Iterator["ReadNotes"]:
        """Itself, where there is something to say."""
        if self.unread or self.as_text:
            yield self
