"""Who is named in a clause: LAC's small tagger, whose weights come with jieba.

LAC (https://github.com/baidu/lac, Apache-2.0; arXiv:1807.01882) is two bidirectional layers of gated recurrent units
and a CRF over characters. jieba would run it in PaddlePaddle; what it computes fits on a page.

What is found must not depend on the texts beside one, but sums in single precision depend on how many are computed at
once. So weights and states are multiples of 1/512: then every sum is exact, in any order.
"""

import struct
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FEATURES = 128
_HIDDEN = 128
_STEP = 2**-9
_LARGEST = 4 - _STEP  # of a weight, of which hardly any is larger; then 24 bits hold a sum of 256 products
_AT_ONCE = 256  # clauses; of similar length, so that little is padding
_PEOPLE = ("PER", "nr")
_UNKNOWN = "OOV"

Floats = NDArray[np.float32]


class _Direction(NamedTuple):
    """Gated recurrent units in one direction; the gates are update and reset."""

    inputs: Floats  # [features, 3 * hidden]: for update, reset, candidate
    bias: Floats  # [3 * hidden]
    gates: Floats  # [hidden, 2 * hidden]
    candidate: Floats  # [hidden, hidden]


class _Tagger(NamedTuple):
    """Vocabulary and weights."""

    ids: dict[str, int]
    tags: list[str]
    embedding: Floats  # [characters, features]
    layers: tuple[tuple[_Direction, _Direction], ...]
    emission: Floats  # [2 * hidden, tags]
    emission_bias: Floats  # [tags]
    first: Floats  # [tags]: score of the first tag
    last: Floats  # [tags]: score of the last tag
    before: Floats  # [tags, tags]: score of a tag (row) after another (column)


def people(clauses: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Where people are named in clauses, as ``(start, end)``.

    Args:
        clauses: Runs of letters, without punctuation, which the tagger does not know.
    """
    found: list[list[tuple[int, int]]] = [[] for _ in clauses]
    by_length = sorted(range(len(clauses)), key=lambda at: len(clauses[at]))
    for start in range(0, len(by_length), _AT_ONCE):
        batch = by_length[start : start + _AT_ONCE]
        for at, path in zip(batch, _paths([clauses[at] for at in batch]), strict=True):
            found[at] = _spans(path)
    return found


def _spans(path: list[int]) -> list[tuple[int, int]]:
    """The runs of tags that mean a person."""
    tags, spans = _tagger().tags, list[tuple[int, int]]()
    for at, tag in enumerate(path):
        name, _, place = tags[tag].partition("-")
        if name not in _PEOPLE:
            continue
        if place == "I" and spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return spans


def _paths(clauses: list[str]) -> list[list[int]]:
    """The numbers of the tags of each clause's characters."""
    tagger, lengths = _tagger(), np.array([len(clause) for clause in clauses])
    unknown = tagger.ids[_UNKNOWN]
    ids = np.full((lengths.max(), len(clauses)), unknown)
    for at, clause in enumerate(clauses):
        ids[: len(clause), at] = [tagger.ids.get(character, unknown) for character in clause]
    states = tagger.embedding[ids]
    for forward, backward in tagger.layers:
        states = np.concatenate([_states(states, lengths, forward), _states(states, lengths, backward, -1)], axis=2)
    return _best(states @ tagger.emission + tagger.emission_bias, lengths)


def _states(inputs: Floats, lengths: NDArray[np.int64], of: _Direction, step: int = 1) -> Floats:
    """The states of a layer in one direction: h + u (tanh(Wx + V(r h)) - h), where u and r come from x and h.

    Args:
        inputs: ``[time, clauses, features]``.
        lengths: ``[clauses]``.
        of: The weights.
        step: -1 for the direction that begins at the end.

    Returns:
        ``[time, clauses, hidden]``.
    """
    driven = inputs @ of.inputs + of.bias
    states, state = np.empty((*inputs.shape[:2], _HIDDEN), np.float32), np.zeros((inputs.shape[1], _HIDDEN), np.float32)
    for time in range(len(inputs))[::step]:
        gates = np.tanh((driven[time, :, : 2 * _HIDDEN] + state @ of.gates) / 2) / 2 + np.float32(0.5)
        update, reset = gates[:, :_HIDDEN], gates[:, _HIDDEN:]
        candidate = np.tanh(driven[time, :, 2 * _HIDDEN :] + _rounded(reset * state) @ of.candidate)
        moved = _rounded(state + update * (candidate - state))
        state = np.where((time < lengths)[:, None], moved, state)
        states[time] = state
    return states


def _rounded(values: NDArray[np.floating]) -> Floats:
    rounded: Floats = (np.rint(values / np.float32(_STEP)) * np.float32(_STEP)).astype(np.float32)
    return rounded


def _best(emissions: Floats, lengths: NDArray[np.int64]) -> list[list[int]]:
    """The best path of tags through each clause (Viterbi).

    Args:
        emissions: ``[time, clauses, tags]``.
        lengths: ``[clauses]``.
    """
    tagger = _tagger()
    scores, came_from = tagger.first + emissions[0], list[NDArray[np.int64]]()
    for time in range(1, len(emissions)):
        to = scores[:, None] + tagger.before  # [clauses, tags, tags before]
        best = to.argmax(axis=2)
        came_from.append(best)
        after = np.take_along_axis(to, best[:, :, None], axis=2)[:, :, 0] + emissions[time]
        scores = np.where((time < lengths)[:, None], after, scores)
    last = (scores + tagger.last).argmax(axis=1)
    paths = []
    for clause, length in enumerate(lengths.tolist()):
        path = [int(last[clause])]
        for best in reversed(came_from[: length - 1]):
            path.append(int(best[clause, path[-1]]))
        paths.append(path[::-1])
    return paths


@cache
def _tagger() -> _Tagger:
    package = find_spec("jieba")  # importing its folder of this model would import PaddlePaddle
    assert package and package.origin
    folder = Path(package.origin).parent / "lac_small"
    tags = list(_numbered(folder / "tag.dic"))
    first, last, *following = _weights(folder, "crfw").reshape(-1, len(tags))
    return _Tagger(
        ids=_numbered(folder / "word.dic"),
        tags=tags,
        embedding=_factors(folder, "word_emb").reshape(-1, _FEATURES),
        layers=((_direction(folder, 0), _direction(folder, 1)), (_direction(folder, 2), _direction(folder, 3))),
        emission=_factors(folder, "fc_4.w_0").reshape(-1, len(tags)),
        emission_bias=_factors(folder, "fc_4.b_0"),
        first=first,
        last=last,
        before=np.stack(following, axis=1),
    )


def _direction(folder: Path, number: int) -> _Direction:
    gates, candidate = np.split(_factors(folder, f"gru_{number}.w_0"), [2 * _HIDDEN * _HIDDEN])
    return _Direction(
        inputs=_factors(folder, f"fc_{number}.w_0").reshape(-1, 3 * _HIDDEN),
        bias=_factors(folder, f"fc_{number}.b_0") + _factors(folder, f"gru_{number}.b_0"),
        gates=gates.reshape(_HIDDEN, -1),
        candidate=candidate.reshape(_HIDDEN, -1),
    )


def _numbered(path: Path) -> dict[str, int]:
    """Characters or tags with their numbers, in the order of the numbers."""
    lines = (line.split("\t") for line in path.read_text("utf-8").split("\n") if "\t" in line)
    return {text: int(number) for number, text in lines}


def _factors(folder: Path, name: str) -> Floats:
    """Values whose products have exact sums."""
    return _rounded(np.clip(_weights(folder, name), -_LARGEST, _LARGEST))


def _weights(folder: Path, name: str) -> Floats:
    """The values of a tensor in PaddlePaddle's format: versions, a description with its length, values."""
    content = (folder / "model_baseline" / name).read_bytes()
    described: int = struct.unpack_from("<16xi", content)[0]
    return np.frombuffer(content, np.float32, offset=20 + described)
