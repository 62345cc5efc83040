"""Rows that join and leave between steps say what they say alone."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import peft
import pytest
import torch
from transformers import PreTrainedModel

from models.engines.decoding import Decoder
from models.engines.engine import Sampling
from models.engines.local import load_engine
from models.loading import load_model
from tests.models.asking import QUESTIONS, ask
from tests.models.natives import build

PAD = 0


@dataclass(eq=False)
class GreedyRow:
    """A row of a fixed length; ``joining`` begin while it goes on, each behind one of its tokens."""

    prompt: Sequence[int]
    length: int
    decoder: Decoder | None = None
    joining: dict[int, "GreedyRow"] = field(default_factory=dict)
    answer: list[int] = field(default_factory=list)
    error: BaseException | None = None
    ended_after: int = 0  # tokens of the row that was first, when this one ended

    @property
    def is_open(self) -> bool:
        return len(self.answer) < self.length and self.error is None

    @property
    def newest(self) -> int:
        return self.answer[-1]

    def take(self, logits: torch.Tensor, likeliest: int) -> None:
        self.answer.append(likeliest)
        if joining := self.joining.get(len(self.answer)):
            assert self.decoder
            self.decoder._joining.append(joining)


def alone(model: PreTrainedModel, prompt: Sequence[int], length: int) -> list[int]:
    """What transformers' own greedy search says; nothing ends an answer."""
    ids = torch.tensor([list(prompt)])
    said = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, do_sample=False, eos_token_id=None
    )
    return said[0, -length:].tolist()  # type: ignore[no-any-return]


def prompts(vocabulary: int) -> list[list[int]]:
    draw = torch.Generator().manual_seed(2)
    return [torch.randint(5, vocabulary, (n,), generator=draw).tolist() for n in (7, 19, 3, 11)]


def staggered(model: PreTrainedModel) -> None:
    """Checks four rows, three of which join a running one; some leave before it, one after."""
    vocabulary = model.config.vocab_size
    long, early, short, late = prompts(vocabulary)
    decoder = Decoder(model, PAD)
    rows = [GreedyRow(early, 6), GreedyRow(short, 2), GreedyRow(late, 12)]
    first = GreedyRow(long, 14, decoder, dict(zip((1, 4, 9), rows, strict=True)))
    decoder.run([first])
    while rows[2].is_open:
        decoder._step_or_fail()
    for row in (first, *rows):
        assert row.answer == alone(model, row.prompt, row.length)
    assert not decoder._rows and not decoder._mask.numel()


def test_rows_that_join_and_leave_say_what_they_say_alone(tiny_base: Path) -> None:
    staggered(load_model(tiny_base))


@pytest.mark.parametrize("name", ["gemma2", "deepseek_v3"])
def test_windows_and_compressed_keys_too(name: str, tiny_base: Path, tmp_path: Path) -> None:
    build(name, tiny_base, tmp_path)
    staggered(load_model(tmp_path))


@pytest.mark.parametrize(
    "config",
    [
        peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
        peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
        peft.LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False),
    ],
    ids=["prefix", "prompt", "lora"],
)
def test_a_prefix_stands_before_every_row(config: peft.PeftConfig, tiny_base: Path) -> None:
    torch.manual_seed(0)
    model = peft.get_peft_model(load_model(tiny_base), config).eval()
    for name, values in model.named_parameters():
        if "prompt" in name:
            values.data.normal_()
    staggered(model)


def test_a_short_row_does_not_wait_for_a_long_one(tiny_base: Path) -> None:
    decoder = Decoder(load_model(tiny_base), PAD)
    short = GreedyRow([9, 8], 3)
    long = GreedyRow([7, 6, 5], 40, decoder, {10: short})
    seen: list[int] = []
    take = long.take

    def noting(logits: torch.Tensor, likeliest: int) -> None:
        take(logits, likeliest)
        seen.append(len(short.answer))

    long.take = noting  # type: ignore[method-assign]
    decoder.run([long])
    assert seen.index(3) - seen.index(1) <= 2 and seen.index(3) < 15


def test_threads_share_steps_and_each_gets_its_own_answer(tiny_base: Path) -> None:
    engine = load_engine(tiny_base)
    asked = [(QUESTIONS[i % 3], Sampling(max_new_tokens=3 + 5 * (i % 4), temperature=i % 2, seed=i)) for i in range(12)]
    one_by_one = [engine.generate([ask(question)], [sampling])[0] for question, sampling in asked]
    calls, inner = [], engine.model.forward

    def counting(*args: object, **kwargs: object) -> object:
        calls.append(threading.get_ident())
        return inner(*args, **kwargs)

    engine.model.forward = counting
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda one: engine.generate([ask(one[0])], [one[1]])[0], asked))
    assert together == one_by_one
    assert len(calls) < sum(c.completion_tokens + 1 for c in one_by_one)


def failing_at(row: GreedyRow, token: int) -> GreedyRow:
    """A row that cannot take one of its tokens."""
    take = row.take

    def broken(logits: torch.Tensor, likeliest: int) -> None:
        take(logits, likeliest)
        if len(row.answer) == token:
            raise ValueError("no distribution")

    row.take = broken  # type: ignore[method-assign]
    return row


def test_a_row_that_fails_and_a_prompt_that_cannot_be_read_end_no_other_answer(tiny_base: Path) -> None:
    model = load_model(tiny_base)
    decoder = Decoder(model, PAD)
    failing, unreadable = failing_at(GreedyRow([4], 9), 4), GreedyRow([4, model.config.vocab_size], 3)
    decoder.run([first := GreedyRow([7, 6, 5], 20, decoder, {3: failing, 6: unreadable})])
    assert first.answer == alone(model, first.prompt, 20)
    assert isinstance(failing.error, ValueError) and isinstance(unreadable.error, IndexError)
    assert not decoder._rows
    for row in (failing, unreadable):
        with pytest.raises(type(row.error)):  # type: ignore[arg-type]
            decoder.run([row])


def test_a_step_that_fails_is_told_to_every_row_of_it_and_the_next_one_works(tiny_base: Path) -> None:
    model = load_model(tiny_base)
    decoder = Decoder(model, PAD)
    joining = GreedyRow([4, 5], 30)
    forward, calls = model.forward, []

    def out_of_memory(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 8:
            raise MemoryError
        return forward(*arguments, **named)

    model.forward = out_of_memory
    with pytest.raises(MemoryError):
        decoder.run([GreedyRow([4], 30, decoder, {2: joining})])
    assert isinstance(joining.error, MemoryError)
    decoder.run([again := GreedyRow([4], 9)])
    model.forward = forward
    assert again.answer == alone(model, [4], 9)
