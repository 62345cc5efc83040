"""Self-Instruct against a real server: what is kept, what it costs, and that a killed run resumes."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from common.command import read_config, run_command
from common.errors import UserError
from data_recipes.teacher.self_instruct import SEEDS, flaw, load_seeds, parsed
from data_recipes.teacher.teacher import OpenAIConfig, OpenAITeacher, RecordedTeacher, Request
from models.embedded import build as build_model
from models.engines.local import load_engine
from models.loading import load_tokenizer
from models.prompt_format import PromptFormat
from tests.conftest import PROSE, TINY
from tests.data_recipes.conftest import Made
from tests.data_recipes.teacher.fake_teacher import FakeTeacher, teaching
from training import self_instruct
from training.self_instruct import CommandConfig, EngineTeacher

VERBS = ["描述", "解释", "比较", "整理", "推荐", "评价", "改写", "归纳", "翻译", "列举"]
THINGS = [
    "春天的天气",
    "古代的桥梁",
    "城市交通",
    "家庭菜谱",
    "篮球规则",
    "海洋动物",
    "书法练习",
    "旅行计划",
    "邻里关系",
    "星座传说",
]


def script(prompt: str, number: int) -> str:
    """New instructions that depend on the prompt alone, as a greedy teacher's do."""
    if prompt.endswith("分类任务："):
        return "是" if "判断" in prompt.rsplit("指令：", 1)[1] else "否"
    if prompt.startswith("给出指令"):
        about = prompt.rsplit("指令：", 1)[1]
        return f"类别：甲类\n输入：{about}的例子" if "先写类别" in prompt else f"输入：无\n输出：关于{about}的回答"
    seed = sum(map(ord, prompt))
    verb, thing = VERBS[seed % 10], THINGS[seed // 10 % len(THINGS)]
    return (
        f"9. {verb}一下{thing}里最有意思的{seed % 97}个地方。\n10. 给这张图片写一句说明。\n11. 好。\n"
        f"12. 判断{thing}属于甲类还是乙类（第{seed % 89}组）。\n13. 用通俗的话解释下面的医学名词。\n"
        "14. 用通俗的话来解释下面的医学名词吧。\n15. ？？请写一首诗歌送给朋友\n"
    )


@pytest.fixture
def server() -> Any:
    with teaching(script) as running:
        yield running


def config(server: FakeTeacher, out: Path, *words: str) -> CommandConfig:
    given = (f"teacher.base_url={server.url}", "teacher.model=fake", "teacher.key_env=null", f"out={out}")
    [checked] = read_config("self_instruct", [*given, "grow.wanted=6", "grow.batch_size=2", *words], CommandConfig)
    return checked


def ask(server: FakeTeacher, **changes: Any) -> OpenAITeacher:
    values = {"kind": "openai", "base_url": server.url, "model": "fake", "key_env": None, "retries": 2, "timeout_s": 5}
    return OpenAITeacher(OpenAIConfig.model_validate(values | changes), first_wait=0.01)


def test_rows_come_with_a_report_and_become_a_dataset(server: FakeTeacher, tmp_path: Path, made: Made) -> None:
    checked = config(server, tmp_path / "grown", "grow.wanted=8")
    grown = self_instruct.run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
    report = json.loads((tmp_path / "grown/report.json").read_text())
    assert report["rows"] == len(grown.rows) == 8 and report["ended"] == "wanted"
    for reason in ("not_for_text", "length", "repeated", "similar", "starts_with_punctuation"):
        assert report["rejected"][reason] >= 1
    assert report["requests"] == len(server.bodies)
    assert report["prompt_tokens"] == sum(len(b["messages"][0]["content"]) for b in server.bodies)
    markdown = (tmp_path / "grown/report.md").read_text()
    assert f"| requests | {report['requests']} |" in markdown and "| similar |" in markdown
    rows = tmp_path / "grown/generated.jsonl"
    built = made(
        "built", "data=bencao", f"source.path={rows}", "data.splits={dev: 1, test: 1}", "data.near_duplicates=keep"
    )
    assert built.manifest.counts.read == 8


def test_eight_are_shown_two_of_them_the_teachers_own_and_labels_come_first(
    server: FakeTeacher, tmp_path: Path
) -> None:
    checked = config(server, tmp_path / "grown")
    grown = self_instruct.run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
    seeds = {seed.instruction for seed in load_seeds(SEEDS, None)}
    prompts = [body["messages"][0]["content"] for body in server.bodies]
    shown = [re.findall(r"^\d+\. (.+)$", p, re.M) for p in prompts if "请再写出8条" in p]
    assert all(len(listed) == 8 for listed in shown)
    assert [sum(one not in seeds for one in listed) for listed in shown][:2] == [0, 0]
    assert sum(one not in seeds for one in shown[-1]) == 2
    assert {row.output for row in grown.rows if row.classification} == {"甲类"}
    assert all(not row.input for row in grown.rows if not row.classification)
    instances = [p for p in prompts if p.startswith("给出指令")]
    assert all(("先写类别" in p) == ("判断" in p.rsplit("指令：", 1)[1]) for p in instances)


@pytest.mark.parametrize("kept", [0, 1, 3, 7])
def test_a_killed_run_resumes_to_the_same_result_and_asks_nothing_twice(
    server: FakeTeacher, tmp_path: Path, kept: int
) -> None:
    checked = config(server, tmp_path / "whole")
    self_instruct.run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
    whole, asked = tmp_path / "whole", len(server.bodies)
    cut = tmp_path / "cut"
    cut.mkdir()
    lines = (whole / "requests.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "requests.jsonl").write_bytes(b"".join(lines[:kept]) + lines[kept][:25])  # killed while writing a line
    again = config(server, cut)
    self_instruct.run(again, OpenAITeacher(again.teacher))  # type: ignore[arg-type]
    assert len(server.bodies) - asked == asked - kept
    for name in ("generated.jsonl", "report.json", "report.md", "requests.jsonl"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("limit", ["grow.max_requests=7", "grow.max_tokens=2000"])
def test_no_more_is_spent_than_allowed(server: FakeTeacher, tmp_path: Path, limit: str) -> None:
    checked = config(server, tmp_path / "grown", "grow.wanted=1000", limit)
    assert self_instruct.run(checked, OpenAITeacher(checked.teacher)).reached == "limit"  # type: ignore[arg-type]
    costs = [json.loads(line)["reply"][2:] for line in (tmp_path / "grown/requests.jsonl").read_text().splitlines()]
    assert len(costs) == len(server.bodies) and (tmp_path / "grown/report.md").exists()
    assert len(costs) <= 7 if "requests" in limit else sum(map(sum, costs[:-2])) < 2000 <= sum(map(sum, costs))


def test_a_teacher_that_repeats_itself_ends_the_command(tmp_path: Path) -> None:
    with teaching(lambda prompt, number: "9. 好") as server:
        checked = config(server, tmp_path / "grown")
        grown = self_instruct.run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
    assert grown.reached == "nothing_new" and not grown.rows


def test_a_busy_server_is_asked_again_and_a_refusal_is_not(server: FakeTeacher) -> None:
    server.failures = [429, 503]
    assert ask(server).answer([Request("指令：写诗\n分类任务：", 5, 0, 1)])[0].text == "否"
    server.failures = [500, 500, 500]
    with pytest.raises(UserError, match="after 2 retries"):
        ask(server).answer([Request("问", 5, 0, 1)])
    server.failures = [401, 401]
    with pytest.raises(UserError, match="status 401"):
        ask(server).answer([Request("问", 5, 0, 1)])
    assert server.failures == [401]


def test_the_key_comes_from_the_environment(server: FakeTeacher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "abc")
    ask(server, key_env="MY_KEY").answer([Request("问", 5, 0, 1)])
    assert server.keys == ["Bearer abc"]
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(UserError, match="MY_KEY"):
        ask(server, key_env="MY_KEY")


def test_no_server_is_an_error_that_says_so() -> None:
    with teaching(script) as gone:
        pass
    with pytest.raises(UserError, match="no connection"):
        ask(gone, retries=1).answer([Request("问", 5, 0, 1)])


def test_a_record_of_another_configuration_or_a_damaged_one_is_refused(server: FakeTeacher, tmp_path: Path) -> None:
    checked = config(server, tmp_path / "grown")
    self_instruct.run(checked, OpenAITeacher(checked.teacher))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="another configuration"):
        self_instruct.run(config(server, tmp_path / "grown", "grow.seed=1"), ask(server))
    record = tmp_path / "grown/requests.jsonl"
    record.write_text("{}\n" + record.read_text(), encoding="utf-8")
    with pytest.raises(UserError, match=r"requests\.jsonl:1"):
        self_instruct.run(checked, ask(server))


def test_a_local_engine_is_a_teacher(tmp_path: Path, server: FakeTeacher) -> None:
    base = tmp_path / "base"
    build_model(PROSE, TINY.model_copy(update={"context_length": 4096, "steps": 20}), base)
    PromptFormat.named("xinglin", load_tokenizer(base)).save(base)
    teacher = EngineTeacher(load_engine(base))
    checked = config(server, tmp_path / "grown", "grow.max_requests=4")
    grown = self_instruct.run(checked, teacher)
    report = json.loads((tmp_path / "grown/report.json").read_text())
    assert report["requests"] >= 2 and report["completion_tokens"] > 0 and not server.bodies
    assert grown.reached == "limit" and report["teacher"] == "base"
    one = RecordedTeacher(teacher, tmp_path / "r", max_requests=9, max_tokens=10**6)
    assert len(one.answer([Request("高血压？", 4, 0.7, 1), Request("感冒？", 4, 0.7, 1)])) == 2


def test_the_command_ends_with_code_two_for_a_wrong_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words in (["teacher.modl=x"], ["teacher=local", "teacher.path=nowhere", f"out={tmp_path / 'o'}"]):
        monkeypatch.setattr(sys, "argv", ["self_instruct.py", *words])
        with pytest.raises(SystemExit) as ended:
            run_command(self_instruct.main, self_instruct.HELP)
        assert ended.value.code == 2 and "Traceback" not in capsys.readouterr().err


def test_shipped_seeds_are_many_sound_and_unlike_each_other() -> None:
    seeds = load_seeds(SEEDS, None)
    assert len(seeds) >= 60 and {seed.domain for seed in seeds} == {"医学", "数学", "产品", "写作"}
    assert not any(flaw(seed.instruction) for seed in seeds)
    assert 0.1 < sum(seed.classification for seed in seeds) / len(seeds) < 0.4
    assert len({seed.id for seed in seeds}) == len(seeds)
    with pytest.raises(UserError, match="too few"):
        load_seeds(SEEDS, "法律")


def test_an_instance_is_found_in_a_reply_or_there_is_none() -> None:
    assert parsed("算", "输入：1+1\n输出：2\n因为相加", False) == ("算", "1+1", "2\n因为相加", False)
    assert parsed("算", "好的！\n输入: 无\n输出: 2", False) == ("算", "", "2", False)
    assert parsed("判断", "类别：甲\n输入：乙", True) == ("判断", "乙", "甲", True)
    assert parsed("算", "输出：2", False) is None and parsed("判断", "输入：乙", True) is None
