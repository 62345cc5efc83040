"""What guesses from the prompt can save where answers are as they should be, and what reading a guess costs.

    python benchmarks/serving/guesses.py dataset=DIR model=DIR [rows=300] [rounds=12]

The dataset is one whose prompts have entries (``data=medical_grounded``). Its reference answers are followed token by
token as the local engine would: how many tokens does a step give? ``most`` is how many may be guessed for a row, 24
over the rows that run. Then a pass of a model of the size of Qwen2.5-0.5B, with random weights, is timed with as many
tokens behind 300 others; the numbers of tokens take turns. Seconds are those of the processor.
"""

import platform
import statistics
import sys
import time
from pathlib import Path

import polars as pl
import torch
import transformers
from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM

from common.machine import processor
from data_recipes.schema.example import Message
from models.engines.decoding import GUESSED
from models.engines.prompt_lookup import PromptLookup
from models.loading import load_prompt_format, load_tokenizer
from models.numerics import instruction_set
from models.prompt_format import PromptFormat

ROWS = (24, 8, 4, 2, 1)
"""Rows that run together."""
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
    costs = pass_costs(int(given.get("rounds", 12)))
    print("| rows together | most guessed | tokens per step | guessed tokens that are right | cost of a pass |")
    print("|---|---|---|---|---|")
    for rows in ROWS:
        most = GUESSED // rows
        steps, guessed, right = map(sum, zip(*(follow(*pair, most) for pair in pairs), strict=True))
        tokens = sum(len(answer) for _, answer in pairs)
        hits = f"{right / guessed:.0%}" if guessed else "none"
        print(f"| {rows} | {most} | {tokens / steps:.2f} | {hits} | {costs[rows]:.2f} |")
    print(
        f"\n{len(pairs)} answers, {tokens} tokens. A pass with the guesses of all rows, as a multiple of one without: "
        f"medians; float32, {torch.get_num_threads()} threads, {processor()}, {instruction_set()}, "
        f"{platform.machine()}; torch {torch.__version__}, transformers {transformers.__version__}"
    )


def _ids(turns: list[Message], prompt_format: PromptFormat) -> tuple[list[int], list[int]]:
    """Token ids of a prompt, and of its answer with the token that ends it."""
    prompt = prompt_format.render_prompt(turns[:-1])
    return prompt, prompt_format.render(turns, "last").ids[len(prompt) :]


def follow(prompt: list[int], answer: list[int], most: int) -> tuple[int, int, int]:
    """Steps that an answer takes, tokens that are guessed for it, and how many of them are right."""
    lookup, said, steps, guessed, right = PromptLookup(prompt), 1, 1, 0, 0
    while said < len(answer):
        guess = lookup.guess(answer[:said], min(most, len(answer) - said - 1))
        hits = next((n for n, token in enumerate(guess) if token != answer[said + n]), len(guess))
        steps, guessed, right, said = steps + 1, guessed + len(guess), right + hits, said + hits + 1
    return steps, guessed, right


@torch.inference_mode()
def pass_costs(rounds: int) -> dict[int, float]:
    """CPU seconds of a pass with guesses, as a multiple of one without, by rows that run together."""
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
    costs = {}
    for rows in ROWS:
        cache = DynamicCache()
        for layer in range(config.num_hidden_layers):
            shape = (rows, config.num_key_value_heads, BEFORE, config.hidden_size // config.num_attention_heads)
            cache.update(torch.randn(shape), torch.randn(shape), layer)
        ratios = []
        for _ in range(rounds):
            spent = []
            for tokens in (1, 1 + GUESSED // rows):
                began = time.process_time()
                model(input_ids=torch.ones(rows, tokens, dtype=torch.long), past_key_values=cache, use_cache=True)
                spent.append(time.process_time() - began)
                cache.crop(-tokens)
            ratios.append(spent[1] / spent[0])
        costs[rows] = statistics.median(ratios)
    return costs


if __name__ == "__main__":
    main()
