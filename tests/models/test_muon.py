"""Our Muon takes the same steps as torch's, in the given type."""

import pytest
import torch

from models.muon import Muon, orthogonalised

SHAPES = [(24, 24), (24, 64), (64, 24), (24, 24)]


def parameters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def steps(optimizer: torch.optim.Optimizer, matrices: list[torch.nn.Parameter], count: int) -> None:
    generator = torch.Generator().manual_seed(2)
    for _ in range(count):
        for matrix in matrices:
            matrix.grad = torch.randn(matrix.shape, generator=generator)
        optimizer.step()


def test_in_bfloat16_it_takes_the_steps_of_torch() -> None:
    ours, theirs = parameters(), parameters()
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}
    steps(Muon(ours, **settings, dtype=torch.bfloat16), ours, 5)
    steps(torch.optim.Muon(theirs, **settings), theirs, 5)
    for our, their in zip(ours, theirs, strict=True):
        # sums of products are computed in another order: one unit of bfloat16 in updates of at most 0.1 each
        assert (our - their).abs().max() < 0.01


def test_in_float32_it_is_closer_to_the_exact_iteration_than_bfloat16() -> None:
    matrix = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(3))
    exact = orthogonalised(matrix, torch.float64)
    errors = {t: (orthogonalised(matrix, t) - exact).abs().max() for t in (torch.float32, torch.bfloat16)}
    assert errors[torch.float32] < 1e-4 < errors[torch.bfloat16] < 0.1


@pytest.mark.parametrize("shape", [(2, 16, 40), (2, 40, 16), (2, 16, 16)])
def test_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(4))
    values = torch.linalg.svdvals(orthogonalised(matrices, torch.float32))
    assert values.min() > 0.3 and values.max() < 1.6


def test_matrices_without_a_gradient_stay_as_they_are() -> None:
    matrices = parameters()
    before = matrices[0].detach().clone()
    optimizer = Muon(matrices, lr=0.1, momentum=0.9, weight_decay=0.2, dtype=torch.float32)
    matrices[1].grad = torch.ones_like(matrices[1])
    optimizer.step()
    assert torch.equal(matrices[0], before)
