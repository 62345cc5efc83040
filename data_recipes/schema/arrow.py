"""Examples as Arrow tables and back."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import pyarrow as pa

from data_recipes.schema.example import Example, Passage

_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "messages": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        "source": pa.string(),
        "group": pa.string(),
        "kind": pa.string(),
        "facts": _TEXTS,
        "grounding": _TEXTS,
        "behaviour": pa.string(),
        "phrasing": pa.string(),
        "split": pa.string(),
        "references": _TEXTS,
        "result": pa.string(),
        "choices": _TEXTS,
        "rejected": pa.string(),
        "passage": pa.struct(
            {"context": pa.string(), "question": pa.string(), "spans": pa.list_(pa.list_(pa.int32(), 2))}
        ),
    }
)
_PLAIN = [name for name in SCHEMA.names if name not in ("messages", "passage")]


def to_table(examples: Sequence[Example]) -> pa.Table:
    """The examples as a table with ``SCHEMA``, built by column, which is several times faster than by row."""
    values = zip(*map(attrgetter(*_PLAIN), examples), strict=True) if examples else [()] * len(_PLAIN)
    columns: dict[str, Any] = dict(zip(_PLAIN, values, strict=True))
    columns["messages"] = _messages(examples)
    columns["passage"] = [_passage(example.passage) for example in examples]
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], SCHEMA)


def _messages(examples: Sequence[Example]) -> pa.Array:
    offsets = [0]
    for example in examples:
        offsets.append(offsets[-1] + len(example.messages))
    turns = [message for example in examples for message in example.messages]
    roles, contents = [turn.role for turn in turns], [turn.content for turn in turns]
    kind = SCHEMA.field("messages").type
    values = pa.StructArray.from_arrays(
        [pa.array(roles, pa.string()), pa.array(contents, pa.string())], fields=list(kind.value_type)
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=kind)


def _passage(passage: Passage | None) -> dict[str, Any] | None:
    return passage.model_dump() if passage else None


def to_examples(table: pa.Table) -> list[Example]:
    """The rows of a table with ``SCHEMA`` as examples."""
    return [Example.model_validate(row) for row in table.to_pylist()]
