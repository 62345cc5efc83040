"""Token counts as every API of the service reports them."""

from models.engines.engine import Completion


def usage(completion: Completion | None) -> dict[str, int]:
    """Token counts in OpenAI's format; without a completion no model was asked."""
    prompt, answer = (completion.prompt_tokens, completion.completion_tokens) if completion else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
