"""Self-Instruct (Wang et al. 2023, arXiv 2212.10560): a teacher writes new instructions after a few shown ones.

A round shows 8 instructions, 6 written by humans and 2 by the teacher, and asks for new ones; keeps those that are
unlike all kept ones (ROUGE-L below 0.7 by characters); asks whether each is classification; and asks for an instance:
for classification the label first, so that inputs do not all have the one obvious label, else the input first.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from tqdm import tqdm

from common.command import Config
from common.errors import UserError
from data_recipes.formats.json_rows import read_objects
from data_recipes.leakage.normalise import normalise
from data_recipes.schema.dropped import Dropped
from data_recipes.teacher.distinct_texts import DistinctTexts
from data_recipes.teacher.teacher import LimitReached, RecordedTeacher, Reply, Request

SEEDS = Path(__file__).parent / "seed_tasks.jsonl"
FROM_PEOPLE, FROM_TEACHER = 6, 2  # shown instructions
NEW = 8  # instructions asked for at a time
SHORTEST, LONGEST = 5, 150  # characters of an instruction
LONGEST_TEXT = 2000  # characters of an input or an output
NOT_FOR_TEXT = re.compile(
    r"图片|图像|图表|照片|视频|音频|录音|语音|画一|画出|绘制|截图|附件|链接|网址|上网|打开文件|播放|地图|流程图"
)
_PUNCTUATION = re.compile(r"^[^\w《“\"（(【]")
_NUMBERED = re.compile(r"^\s*(?:\d+|[（(]\d+[)）])\s*[.、．:：)）]?\s*(.+?)\s*$", re.M)
_YES = re.compile(r"^\W*是")
_LABEL_FIRST = re.compile(r"类别\s*[:：]\s*(?P<output>.+?)\s*\n\s*输入\s*[:：]\s*(?P<input>.+)", re.S)
_INPUT_FIRST = re.compile(r"输入\s*[:：]\s*(?P<input>.*?)\s*\n\s*输出\s*[:：]\s*(?P<output>.+)", re.S)
_NONE = {"", "无", "无输入", "没有", "none"}


class SeedTask(BaseModel):
    """A task written by humans.

    Attributes:
        id: Unique.
        domain: E.g. ``医学``.
        instruction: What to do.
        input: What to do it with; may be empty.
        output: The right answer.
        classification: Whether the output is one of a few labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    domain: str = Field(min_length=1)
    instruction: str = Field(min_length=SHORTEST)
    input: str
    output: str = Field(min_length=1)
    classification: bool


class SelfInstructConfig(Config):
    """How instructions are grown.

    Attributes:
        seeds_path: JSON lines of seed tasks; the shipped ones where it is null.
        domain: Only seeds of this domain are shown, and new tasks are asked for in it; null takes all.
        wanted: How many new rows to write.
        threshold: An instruction is dropped when its ROUGE-L with a kept one reaches this.
        temperature: Of new instructions; instances are greedy.
        max_requests: Most requests to the teacher.
        max_tokens: Most tokens of prompts and replies together.
        batch_size: Requests that are sent together.
        seed: Of what is shown.
    """

    seeds_path: str | None
    domain: str | None
    wanted: PositiveInt
    threshold: float = Field(gt=0, le=1)
    temperature: float = Field(ge=0, le=2)
    max_requests: PositiveInt
    max_tokens: PositiveInt
    batch_size: PositiveInt
    seed: int


class Row(NamedTuple):
    """A new row."""

    instruction: str
    input: str
    output: str
    classification: bool


class Grown(NamedTuple):
    """The result.

    Attributes:
        rows: The new rows.
        accepted: Instructions that were kept.
        rejected: Instructions and instances that were dropped, by reason.
        reached: Why it stopped: ``wanted``, ``limit`` or ``nothing_new`` (many rounds without a new row).
    """

    rows: list[Row]
    accepted: int
    rejected: Counter[str]
    reached: str


ROUNDS_WITHOUT = 20  # rounds without a new row before it stops


def load_seeds(path: Path, domain: str | None) -> list[SeedTask]:
    """Reads seed tasks.

    Raises:
        UserError: A line is damaged, or there are fewer than are shown at a time.
    """
    seeds = []
    for line in read_objects(path):
        if isinstance(line, Dropped):
            raise UserError(line.reason, where=f"{path}:{line.id.rpartition(':')[2]}", fix="fix the line")
        try:
            seeds.append(SeedTask.model_validate(line.row))
        except ValidationError as error:
            detail = error.errors()[0]
            key = ".".join(map(str, detail["loc"]))
            raise UserError(f"{key}: {detail['msg']}", where=f"{path}:{line.number}", fix="fix the line") from None
    found = [seed for seed in seeds if domain in (None, seed.domain)]
    if len(found) < FROM_PEOPLE + FROM_TEACHER:
        domains = ", ".join(sorted({seed.domain for seed in seeds}))
        raise UserError(
            f"{len(found)} seed tasks are too few", where="domain", fix=f"8 are needed; domains with seeds: {domains}"
        )
    return found


class _Pool:
    """What is kept, and why the rest is dropped."""

    def __init__(self, seeds: Sequence[SeedTask], threshold: float) -> None:
        self.seeds = [seed.instruction for seed in seeds]
        self.own: list[str] = []
        self.rows: list[Row] = []
        self.rejected: Counter[str] = Counter()
        self._kept = DistinctTexts(threshold)
        self._exact = set(map(normalise, self.seeds))
        self._inputs: set[str] = set()
        for instruction in self.seeds:
            self._kept.add(instruction)

    def take(self, instruction: str) -> bool:
        """Keeps an instruction, or counts why not."""
        reason = flaw(instruction)
        if not reason and normalise(instruction) in self._exact:
            reason = "repeated"
        if not reason and self._kept.resembles(instruction) is not None:
            reason = "similar"
        if reason:
            self.rejected[reason] += 1
            return False
        self._kept.add(instruction)
        self._exact.add(normalise(instruction))
        self.own.append(instruction)
        return True

    def take_instance(self, instruction: str, reply: Reply, classification: bool) -> None:
        """Keeps an instance as a row, or counts why not."""
        row = None if reply.cut else parsed(instruction, reply.text, classification)
        if row is None:
            self.rejected["instance_cut" if reply.cut else "no_instance"] += 1
        elif reason := instance_flaw(row):
            self.rejected[reason] += 1
        elif (key := normalise(row.instruction + row.input)) in self._inputs:
            self.rejected["repeated_instance"] += 1
        else:
            self._inputs.add(key)
            self.rows.append(row)


def flaw(instruction: str) -> str:
    """Why an instruction is dropped by its form; empty where it is kept."""
    if not SHORTEST <= len(normalise(instruction)) <= LONGEST:
        return "length"
    if NOT_FOR_TEXT.search(instruction):
        return "not_for_text"
    if _PUNCTUATION.search(instruction):
        return "starts_with_punctuation"
    return "not_chinese" if not re.search(r"[一-鿿]{2}", instruction) else ""


def instance_flaw(row: Row) -> str:
    """Why an instance is dropped; empty where it is kept."""
    if not normalise(row.output):
        return "empty_output"
    if normalise(row.output) == normalise(row.input):
        return "output_is_input"
    if normalise(row.output) == normalise(row.instruction):
        return "output_is_instruction"
    return "long_instance" if max(len(row.input), len(row.output)) > LONGEST_TEXT else ""


def parsed(instruction: str, text: str, classification: bool) -> Row | None:
    """The instance in a reply; None where there is none."""
    found = (_LABEL_FIRST if classification else _INPUT_FIRST).search(text.strip())
    if not found:
        return None
    given = found["input"].strip()
    return Row(instruction, "" if given.lower() in _NONE else given, found["output"].strip(), classification)


def grow(config: SelfInstructConfig, seeds: Sequence[SeedTask], teacher: RecordedTeacher) -> Grown:
    """Grows instructions until there are as many rows as wanted, or the limit is reached.

    The result depends only on the seed tasks, the random seed and the teacher's replies: with their record, a killed
    run resumes and reaches the same result.
    """
    pool = _Pool(seeds, config.threshold)
    reached, number, without = "wanted", 0, 0
    with tqdm(total=config.wanted, desc="new rows", unit="row", disable=None) as progress:
        while len(pool.rows) < config.wanted:
            before = len(pool.rows)
            try:
                _round(config, seeds, teacher, pool, number)
            except LimitReached:
                reached = "limit"
                break
            progress.update(len(pool.rows) - before)
            number, without = number + 1, without + 1 if len(pool.rows) == before else 0
            if without == ROUNDS_WITHOUT:
                reached = "nothing_new"
                break
    return Grown(pool.rows[: config.wanted], len(pool.own), pool.rejected, reached)


def _round(
    config: SelfInstructConfig, seeds: Sequence[SeedTask], teacher: RecordedTeacher, pool: _Pool, number: int
) -> None:
    rng = Random(f"{config.seed} {number}")
    prompts = [_ask_for_new(pool, config.domain, rng) for _ in range(config.batch_size)]
    replies = _asked(teacher, prompts, 600, config.temperature, config.seed + number)
    new = []
    for reply in replies:
        found = _NUMBERED.findall(reply.text)
        if not found:
            pool.rejected["no_instruction"] += 1
        new += [instruction for instruction in (found[:-1] if reply.cut else found) if pool.take(instruction)]
    for start in range(0, len(new), config.batch_size):
        batch = new[start : start + config.batch_size]
        kinds = _asked(teacher, [_ask_for_kind(seeds, one, rng) for one in batch], 8, 0, config.seed)
        labels = [bool(_YES.search(reply.text)) for reply in kinds]
        prompts = [_ask_for_instance(seeds, one, label, rng) for one, label in zip(batch, labels, strict=True)]
        for one, label, reply in zip(batch, labels, _asked(teacher, prompts, 800, 0, config.seed), strict=True):
            pool.take_instance(one, reply, label)


def _asked(
    teacher: RecordedTeacher, prompts: Sequence[str], max_tokens: int, temperature: float, seed: int
) -> list[Reply]:
    return teacher.answer([Request(prompt, max_tokens, temperature, seed) for prompt in prompts])


def _ask_for_new(pool: _Pool, domain: str | None, rng: Random) -> str:
    own = rng.sample(pool.own, min(FROM_TEACHER, len(pool.own)))
    shown = own + rng.sample(pool.seeds, FROM_PEOPLE + FROM_TEACHER - len(own))
    rng.shuffle(shown)
    listed = "\n".join(f"{number}. {text}" for number, text in enumerate(shown, 1))
    about = f"{domain}领域的" if domain else ""
    return (
        f"下面是一些{about}任务指令：\n{listed}\n\n"
        f"请再写出{NEW}条新的{about}任务指令，要求：用中文；各不相同，也与上面的不同；只靠文字就能完成；"
        "涉及健康时保守稳妥，不给具体用药剂量。每行一条，以序号开头，只写指令。"
    )


def _ask_for_kind(seeds: Sequence[SeedTask], instruction: str, rng: Random) -> str:
    both = [[seed for seed in seeds if seed.classification is kind] for kind in (True, False)]
    shown = [seed for group in both for seed in rng.sample(group, min(3, len(group)))]
    rng.shuffle(shown)
    listed = "\n\n".join(f"指令：{s.instruction}\n分类任务：{'是' if s.classification else '否'}" for s in shown)
    return (
        f"判断指令是不是分类任务，即答案只能是少数几个固定的标签之一。\n\n{listed}\n\n指令：{instruction}\n分类任务："
    )


def _ask_for_instance(seeds: Sequence[SeedTask], instruction: str, classification: bool, rng: Random) -> str:
    group = [seed for seed in seeds if seed.classification is classification]
    shown = rng.sample(group, min(3, len(group)))
    if classification:
        head = "给出指令的一个例子：先写类别，再写属于这个类别的输入。"
        listed = [f"指令：{s.instruction}\n类别：{s.output}\n输入：{s.input or '无'}" for s in shown]
    else:
        head = "给出指令的一个例子：先写输入（不需要就写“无”），再写输出。"
        listed = [f"指令：{s.instruction}\n输入：{s.input or '无'}\n输出：{s.output}" for s in shown]
    return "\n\n".join([head, *listed, f"指令：{instruction}"])


def as_lines(rows: Sequence[Row]) -> str:
    """Rows as JSON lines with ``instruction``, ``input`` and ``output``: what ``data=bencao`` reads."""
    return "".join(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows)
