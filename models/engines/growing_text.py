"""The text of an answer that comes in pieces from a server: what is new of it, and whether it loops."""

from collections.abc import Sequence

from models.engines.engine import RepetitionDetection
from models.engines.repetition import RepetitionWatch


class GrowingText:
    """Collects the pieces of one answer.

    Args:
        detection: What counts as a loop; None never.
        as_is: Whether blanks at the ends belong to the text, as they do where a text is continued; an answer has none
            (``PromptFormat.decode``).

    Attributes:
        text: All that has been handed out.
        tokens: How many tokens that was; a piece without ids counts as one.
        loops: Whether it loops since the last piece.
    """

    def __init__(self, detection: RepetitionDetection | None, *, as_is: bool) -> None:
        self.as_is = as_is
        self.watch = RepetitionWatch(detection, lambda: self._received) if detection else None
        self.text = self._received = ""
        self.tokens = 0
        self.loops = False
        self._numbers: dict[str, int] = {}  # of pieces without ids

    def add(self, piece: str, ids: Sequence[int] = ()) -> str:
        """Adds a piece, and returns what there is to hand out now.

        Args:
            piece: Further text.
            ids: Its token ids, where the server shows them.
        """
        self._received += piece
        tokens = ids or (self._numbers.setdefault(piece, len(self._numbers)),)
        self.tokens += len(tokens)
        self.loops = self.watch is not None and any(self.watch.loops(token) for token in tokens)
        text = self._received if self.as_is else self._received.strip()
        new, self.text = text[len(self.text) :], text
        return new
