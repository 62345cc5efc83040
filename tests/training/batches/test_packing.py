"""Packing: nothing lost, nothing leaked, first tokens never predicted from another example."""

from pathlib import Path

import pytest
import torch

from data_recipes.schema.example import Message
from models.loading import load_model, load_tokenizer
from models.prompt_format import PromptFormat, Rendered
from training.batches.packing import IGNORED, ROW_STEP, TOKENS, collate_packed, collate_padded, pack, row_length

TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2**-8}
"""Of a sum of losses, relative: a unit of the type in each logit, more in float32, where sums come in another order."""


@pytest.fixture
def rendered(tiny_base: Path) -> list[Rendered]:
    prompt_format = PromptFormat.named("xinglin", load_tokenizer(tiny_base))
    answers = ["头痛、头晕和心悸。", "鼻塞。", "多饮、多尿和多食，可以挂内分泌科。", "畏光。", "反酸。" * 6]
    return [
        prompt_format.render([Message(role="user", content=f"问题{i}？"), Message(role="assistant", content=answer)])
        for i, answer in enumerate(answers)
    ]


def test_every_example_is_whole_in_exactly_one_row(rendered: list[Rendered]) -> None:
    rows = pack(rendered, length=max(len(r.ids) for r in rendered) + 20, seed=3)
    assert sorted(tuple(r.ids) for row in rows for r in row) == sorted(tuple(r.ids) for r in rendered)
    assert all(sum(len(r.ids) for r in row) <= max(len(r.ids) for r in rendered) + 20 for row in rows)
    assert len(rows) < len(rendered)
    assert rows == pack(rendered, length=max(len(r.ids) for r in rendered) + 20, seed=3)


def test_rows_are_as_long_as_the_longest_example_needs(rendered: list[Rendered]) -> None:
    long = Rendered(list(range(ROW_STEP + 1)), [1] * (ROW_STEP + 1))
    assert row_length([r for r in rendered if len(r.ids) <= ROW_STEP], longest=384) == ROW_STEP
    assert row_length([*rendered, long], longest=384) == 2 * ROW_STEP
    assert row_length([*rendered, long], longest=ROW_STEP + 7) == ROW_STEP + 7  # never longer than an example may be


def test_packed_loss_is_the_sum_of_single_losses(
    rendered: list[Rendered], tiny_base: Path, compute_dtype: torch.dtype
) -> None:
    model = load_model(tiny_base, dtype=compute_dtype)
    single = 0.0
    for r in rendered:
        batch = collate_padded([[r]])
        assert batch.pop(TOKENS).tolist() == [len(r.ids)]
        with torch.inference_mode():
            single += float(model(**batch, use_cache=False).loss) * int((batch["labels"] != IGNORED).sum())
    batch = collate_packed([rendered, rendered[:2]])
    with torch.inference_mode():
        logits = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), batch["labels"][:, 1:], ignore_index=IGNORED, reduction="none"
    )
    assert float(losses[0].sum()) == pytest.approx(single, rel=TOLERANCE[compute_dtype])


def test_changing_one_example_changes_no_logit_of_the_others(
    rendered: list[Rendered], tiny_base: Path, compute_dtype: torch.dtype
) -> None:
    model = load_model(tiny_base, dtype=compute_dtype)
    changed = Rendered([(i + 7) % 250 + 10 for i in rendered[0].ids], rendered[0].mask)
    first = len(rendered[0].ids)
    logits = []
    for row in ([rendered[0], *rendered[1:]], [changed, *rendered[1:]]):
        batch = collate_packed([row])
        del batch["labels"], batch[TOKENS]
        with torch.inference_mode():
            logits.append(model(**batch, use_cache=False).logits[0])
    assert not torch.allclose(logits[0][:first], logits[1][:first])
    torch.testing.assert_close(logits[0][first:], logits[1][first:], rtol=0, atol=0)


def test_first_token_of_a_packed_example_is_never_a_label(rendered: list[Rendered]) -> None:
    supervised_first = Rendered(rendered[1].ids, [1] * len(rendered[1].ids))
    labels = collate_packed([[rendered[0], supervised_first]])["labels"][0]
    assert labels[len(rendered[0].ids)] == IGNORED
    assert labels[len(rendered[0].ids) + 1] != IGNORED
