"""Token counts as every API of the service reports them."""

from models.engines.engine import Completion


def usage(completion: Completion | None) -> dict[str, int]:
    """Token counts in OpenAI's format, and calls where there were several; without a completion no model was asked."""
    prompt, answer = (completion.prompt_tokens, completion.completion_tokens) if completion else (0, 0)
    counts = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return counts | ({"calls": completion.calls} if completion and completion.calls > 1 else {})
