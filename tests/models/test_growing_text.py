"""Text that comes in pieces: what is handed out of it, how its tokens count, when it loops."""

import pytest

from models.engines.engine import RepetitionDetection
from models.engines.growing_text import GrowingText

LOOP = RepetitionDetection(max_pattern_size=8, min_pattern_size=1, min_count=4)


def test_an_answer_has_no_blanks_at_its_ends_and_a_continuation_keeps_them() -> None:
    pieces = [" 头", "痛 ", "、头晕 ", " "]
    answer, continuation = GrowingText(None, as_is=False), GrowingText(None, as_is=True)
    assert [answer.add(piece) for piece in pieces] == ["头", "痛", " 、头晕", ""]
    assert [continuation.add(piece) for piece in pieces] == pieces
    assert (answer.text, continuation.text) == ("头痛 、头晕", "".join(pieces))


def test_tokens_are_the_ids_or_the_pieces() -> None:
    said = GrowingText(None, as_is=False)
    said.add("头痛", [1, 2])
    said.add("头晕")
    said.add("", [3])
    assert said.tokens == 4


@pytest.mark.parametrize("ids", [(7, 8), ()])
def test_a_loop_is_found_with_ids_and_without(ids: tuple[int, ...]) -> None:
    said, varied = GrowingText(LOOP, as_is=False), GrowingText(LOOP, as_is=False)
    looped = False
    for turn in range(40):
        said.add("多喝水，", ids)
        varied.add(f"第{turn}条建议，", (7, turn) if ids else ())
        looped |= said.loops
        assert not varied.loops
    assert looped
