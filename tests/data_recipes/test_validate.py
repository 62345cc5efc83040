from pathlib import Path
from typing import Any

import pytest

from tests.data_recipes.conftest import Run
from tests.data_recipes.samples import bencao_rows, write_jsonl


def turns(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"{role} {number}"} for number, role in enumerate(roles)]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def test_sound_rows_of_both_formats_pass(validate: Run, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(
        file, [*bencao_rows(), turns("user", "assistant"), turns("system", "user", "assistant", "user", "assistant")]
    )
    assert validate(str(file)) == 0
    assert "98 rows, 0 problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"instruction": "问？", "input": ""}, "'output'"),
        ({"question": "问？", "answer": "答"}, "'instruction'"),
        ({"instruction": "问？", "input": 3, "output": "答"}, "'input'"),
        ({"instruction": " ", "input": "", "output": "答"}, "the question is empty"),
        ({"instruction": "问？", "input": "", "output": "。"}, "the answer is empty"),
        ({**bencao_rows()[0], "output": "别的答案"}, "the question repeats line 1"),
        ({**bencao_rows()[0], "instruction": "别的问题"}, "the answer repeats line 1"),
        ({"messages": "问"}, "not a list"),
        ({"messages": []}, "roles"),
        ({"messages": [{"role": "user", "content": "问"}, {"role": "assistant"}]}, "message 2 has no content"),
        (turns("assistant", "user"), "roles"),
        (turns("user", "user", "assistant"), "roles"),
        (turns("user", "assistant", "system", "user", "assistant"), "roles"),
        (turns("user", "assistant", "user"), "roles"),
    ],
)
def test_a_problem_is_named_with_its_line(
    validate: Run, file: Path, capsys: pytest.CaptureFixture[str], row: dict[str, Any], problem: str
) -> None:
    write_jsonl(file, [bencao_rows()[0], bencao_rows()[1], row])
    assert validate(str(file)) == 2
    printed = capsys.readouterr().out
    assert f"{file}:3: " in printed and problem in printed and "3 rows, 1 problems in 1 rows" in printed


@pytest.mark.parametrize("content", [b"", b"{", b"[1]\n", b"3\n", b'{"a": "\xff"}\n', "a\0b".encode("utf-16")])
def test_a_file_that_cannot_be_read_ends_with_code_two(validate: Run, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert validate(str(file)) == 2


def test_a_missing_file_and_no_file_end_with_code_two(validate: Run, file: Path) -> None:
    assert validate(str(file)) == 2
    assert validate() == 2
