"""Requests in Chinese and image prompts in English (Midjourney's style), composed of the project's own parts."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal

import yaml
from pydantic import NonNegativeInt, PositiveInt

from common.command import Config
from common.errors import UserError
from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example, Message
from data_recipes.schema.manifest import Description
from data_recipes.sources.source import PROJECT_LICENCE, Source, existing
from domains.image_prompts import format as image_prompt_format
from domains.image_prompts.format import PARAMETERS

PARTS = Path(image_prompt_format.__file__).parent / "parts.yaml"
ASKING = "把用户想要的画面写成一条 Midjourney 英文提示词：先写画面，再写参数；只输出提示词。"
ANIME_SHARE = 0.15
WISH_SHARE = 0.5
VERSION, ANIME_VERSION = ("v", "6"), ("niji", "6")
TRIES = 50  # draws per new combination
SPLITS = ("train", "dev", "test", "unseen_subject")


class ImagePromptSizes(Config):
    """Rows in each split, before the build drops those that overlap with training."""

    train: PositiveInt
    dev: NonNegativeInt
    test: NonNegativeInt
    unseen_subject: NonNegativeInt


class ImagePromptSource(Config):
    """Composed image prompts.

    Attributes:
        kind: Selects this source.
        sizes: Rows in each split.
        seed: Of every choice.
    """

    kind: Literal["image_prompt"]
    sizes: ImagePromptSizes
    seed: int


def read(config: ImagePromptSource) -> Iterator[Example | Dropped]:
    """Yields the rows of one split after the other; no two have the same request or ask for the same picture.

    Raises:
        UserError: There are not that many different ones.
    """
    seen: set[str] = set()
    for split in SPLITS:
        rng = Random(f"{config.seed} {split}")
        for number in range(1, getattr(config.sizes, split) + 1):
            yield _new(rng, split, number, seen)


def _new(rng: Random, split: str, number: int, seen: set[str]) -> Example:
    for _ in range(TRIES):
        request, prompt, kind = _composed(rng, split)
        if prompt not in seen:
            seen.add(prompt)
            return _example(request, prompt, kind, split, number)
    raise UserError(
        "there are not that many different image prompts", where=f"source.sizes.{split}", fix="ask for fewer"
    )


def _composed(rng: Random, split: str) -> tuple[str, str, str]:
    """A request, its prompt, and the wish in it."""
    parts = _parts()
    anime = rng.random() < ANIME_SHARE
    drawn = {
        "subject": rng.choice(parts["held_out_subjects" if split == "unseen_subject" else "subjects"]),
        "scene": rng.choice(parts["scenes"]),
        "style": rng.choice(parts["anime_styles" if anime else "styles"]),
        "light": rng.choice(parts["lights"]),
        "composition": rng.choice(parts["compositions"]),
        "ratio": rng.choice(parts["ratios"]),
    }
    wish = rng.choice(parts["wishes"]) if rng.random() < WISH_SHARE else None
    said = {name: zh for name, (zh, _) in drawn.items()}
    request = rng.choice(parts["wordings"][split]).format(**said, wish=f"，{wish[0]}" if wish else "")
    subject, scene = drawn["subject"][1], drawn["scene"][1]
    seen = ", ".join([f"{subject} {scene}", *(drawn[name][1] for name in ("style", "light", "composition"))])
    values = dict([ANIME_VERSION if anime else VERSION, ("ar", drawn["ratio"][1])])
    if wish:
        values[wish[1]] = wish[2]
    ordered = [f"--{name} {values[name]}".rstrip() for name in PARAMETERS if name in values]
    return request, " ".join([seen, *ordered]), wish[1] if wish else "plain"


def _example(request: str, prompt: str, kind: str, split: str, number: int) -> Example:
    id = f"image_prompt-{split}-{number}"
    turns = (("system", ASKING), ("user", request), ("assistant", prompt))
    return Example(
        id=id,
        messages=tuple(Message.model_validate({"role": role, "content": text}) for role, text in turns),
        source="image_prompt",
        group=id,
        kind=kind,
        split=split,
    )


@cache
def _parts() -> dict[str, Any]:
    return dict(yaml.safe_load(PARTS.read_text(encoding="utf-8")))


SOURCE = Source(
    config=ImagePromptSource,
    read=read,
    files=lambda config: existing(PARTS),
    about=Description(
        zh="中文画面要求与英文绘图提示词，由本项目自写的主题、场景、画风、光线、构图和参数组合而成；画面没有真的画出来看过。",
        en="Requests in Chinese and image prompts in English, composed of the project's own subjects, scenes, styles,"
        " lights, compositions and parameters. No picture was made to look at.",
    ),
    rows_of=lambda path: len(path.read_text(encoding="utf-8").splitlines()),
    licence=PROJECT_LICENCE,
    splits={
        "train": Description(zh="训练集", en="for training"),
        "dev": Description(
            zh="训练过的要素，新的组合与说法：用于验证损失", en="trained parts, newly combined and worded"
        ),
        "test": Description(
            zh="训练过的要素，训练中没有的组合、语序和说法",
            en="trained parts in combinations, orders and wordings that training never has",
        ),
        "unseen_subject": Description(
            zh="训练中从未出现的主题：能不能自己翻译", en="subjects that training never names: can they be translated?"
        ),
    },
    instructs_in_system=True,
)
