"""What of an answer is shown where the model said the same thing over and over."""

from models.loops import find_loop

NOTICE = "模型开始重复同样的内容，重复的部分已删去，回答可能不完整。"


def without_repeats(answer: str) -> tuple[str, int]:
    """An answer up to the end of the first copy of what it repeats.

    Returns:
        The answer, and how many characters were removed: 0 where it does not loop.
    """
    loop = find_loop(answer)
    if loop is None:
        return answer, 0
    kept = answer[: loop.kept].rstrip("、，；,; \n")
    return kept, len(answer) - len(kept)
