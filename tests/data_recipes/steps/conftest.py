"""Rows for the steps, and what must hold for every step."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from data_recipes.schema.arrow import SCHEMA
from data_recipes.schema.example import Example, Message
from data_recipes.steps.step import Outcome, Step

Rows = Callable[..., pa.Table]


@pytest.fixture
def rows() -> Rows:
    """Makes rows of (question, answer) pairs; further fields by name go to every row."""

    def made(*pairs: tuple[str, str], **fields: object) -> pa.Table:
        examples = [
            Example.model_validate(
                {
                    "id": f"row-{n}",
                    "messages": (Message(role="user", content=asked), Message(role="assistant", content=said)),
                    "source": "test",
                    "group": "",
                    "kind": "",
                    **fields,
                }
            )
            for n, (asked, said) in enumerate(pairs)
        ]
        return pa.Table.from_pylist([example.model_dump() for example in examples], SCHEMA)

    return made


@pytest.fixture
def run() -> Callable[[Step, pa.Table], Outcome]:
    """Runs a step on all rows at once and one by one: the results must be the same, and every row accounted for."""

    def ran(step: Step, table: pa.Table) -> Outcome:
        whole = step(table)
        single = [step(table.slice(at, 1)) for at in range(len(table))]
        assert pa.concat_tables([one.kept for one in single]).to_pylist() == whole.kept.to_pylist()
        assert [row for one in single for row in one.dropped] == whole.dropped
        assert [row for one in single for row in one.flagged] == whole.flagged
        assert [row for one in single for row in one.rewritten] == whole.rewritten
        assert {row.id for row in whole.flagged} <= set(whole.kept["id"].to_pylist())
        before = {row["id"]: row for row in table.to_pylist()}
        assert {row.id for row in whole.rewritten} == {r["id"] for r in whole.kept.to_pylist() if r != before[r["id"]]}
        counts: dict[str, int] = {}
        for one in single:
            for name, n in one.counts.items():
                counts[name] = counts.get(name, 0) + n
        assert counts == whole.counts
        assert whole.kept.schema == SCHEMA
        assert set(whole.kept["id"].to_pylist()).isdisjoint(row.id for row in whole.dropped)
        assert len(whole.kept) + len(whole.dropped) == len(table)
        empty = step(table.slice(0, 0))
        assert (len(empty.kept), empty.dropped, empty.counts) == (0, [], {})
        return whole

    return ran
