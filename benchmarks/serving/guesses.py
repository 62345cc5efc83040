"""What guesses from the prompt can save where answers are as they should be, and what reading a guess costs.

    python benchmarks/serving/guesses.py dataset=DIR model=DIR [rows=300] [rounds=12]

The dataset is one whose prompts have entries (``data=medical_grounded``). Its reference answers are followed token by
token as the local engine would: how many tokens does a step give? Then a pass of a model of the size of Qwen2.5-0.5B,
with random weights, is timed with guesses for all rows behind 300 others, and without, in turn; seconds are those of
the processor. ``time per token`` puts both together: a step has guesses where any of the rows that run together has.
"""

import platform
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import torch
import transformers
from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM

from common.machine import processor
from data_recipes.schema.example import Message
from models.engines.prompt_lookup import PromptLookup
from models.loading import load_prompt_format, load_tokenizer
from models.numerics import instruction_set
from models.prompt_format import PromptFormat

WAYS = ((1, 3), (1, 6), (1, 12), (2, 3), (2, 6), (4, 3), (8, 3))
"""Rows that run together, and most tokens that are guessed for each."""
BEFORE = 300
"""Tokens that are in the cache."""


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    tokenizer = load_tokenizer(Path(given["model"]))
    stored = (Path(given["model"]) / "prompt_format.json").is_file()
    prompt_format = load_prompt_format(Path(given["model"])) if stored else PromptFormat.named("xinglin", tokenizer)
    conversations = pl.read_parquet(Path(given["dataset"]) / "dev.parquet")["messages"].to_list()
    pairs = [
        _ids([Message(**turn) for turn in turns], prompt_format)
        for turns in conversations[: int(given.get("rows", 300))]
        if turns[0]["role"] == "system"
    ]
    ways = WAYS[: int(given.get("ways", len(WAYS)))]
    costs = pass_costs(ways, int(given.get("rounds", 12)))
    print(
        "| rows together | most guessed | tokens per step | guesses that are right | cost of a pass | time per token |"
    )
    print("|---|---|---|---|---|---|")
    tokens = sum(len(answer) for _, answer in pairs)
    for (rows, most), cost in zip(ways, costs, strict=True):
        steps, with_guess, guessed, right = map(sum, zip(*(follow(*pair, most) for pair in pairs), strict=True))
        share = 1 - (1 - with_guess / steps) ** rows
        time_per_token = (1 + share * (cost - 1)) * steps / tokens
        print(f"| {rows} | {most} | {tokens / steps:.2f} | {right / guessed:.0%} | {cost:.2f} | {time_per_token:.2f} |")
    print(
        f"\n{len(pairs)} answers, {tokens} tokens. A pass with the guesses of all rows, as a multiple of one without: "
        f"medians; float32, {torch.get_num_threads()} threads, {processor()}, {instruction_set()}, "
        f"{platform.machine()}; torch {torch.__version__}, transformers {transformers.__version__}"
    )


def _ids(turns: list[Message], prompt_format: PromptFormat) -> tuple[list[int], list[int]]:
    """Token ids of a prompt, and of its answer with the token that ends it."""
    prompt = prompt_format.render_prompt(turns[:-1])
    return prompt, prompt_format.render(turns, "last").ids[len(prompt) :]


def follow(prompt: list[int], answer: list[int], most: int) -> tuple[int, int, int, int]:
    """Steps that an answer takes, those with a guess, tokens that are guessed, and how many of them are right."""
    lookup, said, steps, with_guess, guessed, right = PromptLookup(prompt), 1, 1, 0, 0, 0
    while said < len(answer):
        guess = lookup.guess(answer[:said], min(most, len(answer) - said - 1))
        hits = next((n for n, token in enumerate(guess) if token != answer[said + n]), len(guess))
        steps, with_guess, guessed = steps + 1, with_guess + bool(guess), guessed + len(guess)
        right, said = right + hits, said + hits + 1
    return steps, with_guess, guessed, right


@torch.inference_mode()
def pass_costs(ways: Sequence[tuple[int, int]], rounds: int) -> list[float]:
    """CPU seconds of a pass with guesses, as a multiple of one without, of each of ``WAYS``."""
    config = Qwen2Config(
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        vocab_size=151936,
        tie_word_embeddings=True,
    )
    model = Qwen2ForCausalLM(config).eval()
    costs = []
    for rows, most in ways:
        cache = DynamicCache()
        for layer in range(config.num_hidden_layers):
            shape = (rows, config.num_key_value_heads, BEFORE, config.hidden_size // config.num_attention_heads)
            cache.update(torch.randn(shape), torch.randn(shape), layer)
        ratios = []
        for _ in range(rounds):
            spent = []
            for tokens in (1, 1 + most):
                began = time.process_time()
                model(input_ids=torch.ones(rows, tokens, dtype=torch.long), past_key_values=cache, use_cache=True)
                spent.append(time.process_time() - began)
                cache.crop(-tokens)
            ratios.append(spent[1] / spent[0])
        costs.append(statistics.median(ratios))
    return costs


if __name__ == "__main__":
    main()
