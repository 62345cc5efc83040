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

from models.engines import decoding
from models.engines.decoding import Decoder
from models.engines.engine import Sampling
from models.engines.local import load_engine
from models.loading import load_model
from tests.models.asking import QUESTIONS, ask
from tests.models.natives import build

PAD = 0


@pytest.fixture(autouse=True)
def any_number_of_rows_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "GUESSING_ROWS", 9)


KEPT = 2**26
"""Bytes, more than these tests need."""


@dataclass(eq=False)
class GreedyRow:
    """A row of a fixed length; ``joining`` begin while it goes on, each behind one of its tokens."""

    prompt: Sequence[int]
    length: int
    decoder: Decoder | None = None
    joining: dict[int, "GreedyRow"] = field(default_factory=dict)
    answer: list[int] = field(default_factory=list)
    error: BaseException | None = None
    guesses: Sequence[int] = ()  # what it would say, as far as somebody thinks
    logits: list[torch.Tensor] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return len(self.answer) < self.length and self.error is None

    @property
    def newest(self) -> int:
        return self.answer[-1]

    def guess(self, most: int) -> list[int]:
        return list(self.guesses[len(self.answer) :][:most])

    def take(self, logits: torch.Tensor, likeliest: int) -> None:
        self.answer.append(likeliest)
        self.logits.append(logits)
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
    return [torch.randint(5, vocabulary, (n,), generator=draw).tolist() for n in (7, 39, 3, 18)]


def staggered(model: PreTrainedModel) -> None:
    """Checks four rows, three of which join a running one; some leave before it, one after.

    Then again, with what was read kept from the first time, and with guesses, half of them right.
    """
    decoder = Decoder(model, PAD, shared_bytes=KEPT)
    said = stagger(model, decoder, [()] * 4)
    stagger(model, decoder, [[PAD if place % 2 else token for place, token in enumerate(one)] for one in said])


def stagger(model: PreTrainedModel, decoder: Decoder, guesses: Sequence[Sequence[int]]) -> list[list[int]]:
    long, early, short, late = prompts(model.config.vocab_size)
    rows = [GreedyRow(early, 6), GreedyRow(short, 2), GreedyRow(late, 12)]
    first = GreedyRow(long, 14, decoder, dict(zip((1, 4, 9), rows, strict=True)))
    for row, guess in zip((first, *rows), guesses, strict=True):
        row.guesses = guess
    decoder.run([first])
    while rows[2].is_open:
        decoder._step_or_fail()
    for row in (first, *rows):
        assert row.answer == alone(model, row.prompt, row.length)
    assert not decoder._rows and not decoder._decoding.mask.numel()
    return [row.answer for row in (first, *rows)]


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


def test_a_long_prompt_is_read_in_parts_and_nobody_waits_for_it(tiny_base: Path) -> None:
    model = load_model(tiny_base)
    decoder = Decoder(model, PAD)
    [draw] = torch.randint(5, model.config.vocab_size, (1, 700), generator=torch.Generator().manual_seed(1)).tolist()
    joined: list[tuple[int, int]] = []
    decoder._joining += [running := GreedyRow([7, 6, 5], 99), long := GreedyRow(draw, 3)]
    decoder._step_or_fail()
    decoder._joining.append(short := GreedyRow(draw[:20], 3))
    while long.is_open:
        decoder._step_or_fail()
        joined.append((len(short.answer), len(long.answer)))
    # the short prompt is read in the step in which it comes, the long one in four, and none of them is idle
    assert joined == [(2, 0), (3, 0), (3, 2), (3, 3)] and len(running.answer) == 6
    assert [long.answer, short.answer] == [alone(model, draw, 3), alone(model, draw[:20], 3)]


def test_what_prompts_begin_with_is_read_once_and_forgotten_when_there_is_no_room(tiny_base: Path) -> None:
    model = load_model(tiny_base)
    forward, read = model.forward, []

    def counting(*arguments: object, **named: torch.Tensor) -> object:
        read.append(named["input_ids"].shape[1])
        return forward(*arguments, **named)

    draw = torch.Generator().manual_seed(3)
    instruction = torch.randint(5, model.config.vocab_size, (50,), generator=draw).tolist()
    ends = [[9], [9, 8, 7], [11, 12]]
    keeping, forgetting = Decoder(model, PAD, KEPT), Decoder(model, PAD)
    for decoder in (keeping, forgetting):
        _ = decoder.output
    model.forward = counting
    rows = [GreedyRow([*instruction, *end], 1) for end in ends]
    for row in rows:
        keeping.run([row])
    assert read == [51, 5, 4]  # three blocks of 16 are known from the second time on
    apart = [GreedyRow(row.prompt, 1) for row in rows]
    for row in apart:
        forgetting.run([row])
    assert read[3:] == [51, 53, 52] and not forgetting.beginnings.bytes
    for row, other in zip(rows, apart, strict=True):
        torch.testing.assert_close(row.logits[0], other.logits[0], atol=1e-4, rtol=0)
    model.forward = forward
    keeping.beginnings.most_bytes = keeping.beginnings.bytes
    keeping.run([GreedyRow(torch.randint(5, model.config.vocab_size, (33,), generator=draw).tolist(), 1)])
    assert keeping.beginnings.bytes <= keeping.beginnings.most_bytes
    assert keeping.beginnings.find(rows[0].prompt)[0] == 16  # the newest two blocks took the place of the last ones


def test_guesses_save_steps_and_change_nothing(tiny_base: Path) -> None:
    model = load_model(tiny_base)
    decoder = Decoder(model, PAD)
    steps: list[int] = []
    right = alone(model, [7, 6, 5], 20)
    row = GreedyRow([7, 6, 5], 20, guesses=[*right[:9], PAD, *right[10:]])
    take = row.take

    def noting(logits: torch.Tensor, likeliest: int) -> None:
        take(logits, likeliest)
        steps.append(decoder._decoding.cache.get_seq_length() if decoder._decoding.rows else 0)

    row.take = noting  # type: ignore[method-assign]
    decoder.run([row])
    assert row.answer == right and len(set(steps)) <= 5


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
