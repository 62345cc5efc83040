"""Pairs of a right and a worse answer, made by rule from a knowledge base.

The tests are those of its instructions; an item of theirs that no rule gives a worse answer is kept without one.
"""

from collections.abc import Iterator
from random import Random
from typing import Literal

from data_recipes.schema.dropped import Dropped
from data_recipes.schema.example import Example
from data_recipes.schema.manifest import Description
from data_recipes.sources.generated import knowledge_base
from data_recipes.sources.generated.knowledge_base import InstructionSourceConfig
from data_recipes.sources.source import PROJECT_LICENCE, Source, SourceDetails
from domains.instructions import write
from domains.worse_answers import WorseAnswers

NAME = "knowledge_preferences"
PAIRED = ("train", "dev")
"""What is trained on: here an example is a pair, or it is dropped."""

ABOUT = Description(
    zh="较差的回答由规则造出，不是人的判断：同一属性换成别的条目的事实，或答了没有问的属性；个别可能碰巧也对。",
    en="The worse answers are made by rule, not judged by people: the facts of another entry, or an attribute that was"
    " not asked; now and then one happens to be true.",
)


class KnowledgePreferencesSource(InstructionSourceConfig):
    """Pairs made from a knowledge base.

    Attributes:
        kind: Selects this source.
    """

    kind: Literal["knowledge_preferences"]


def read(config: KnowledgePreferencesSource) -> Iterator[Example | Dropped]:
    """Writes the instructions, and gives each a worse answer; those of training and dev without one are dropped.

    Raises:
        UserError: The knowledge base is damaged.
    """
    kb = config.load()
    splits, dropped = write(kb, config.knowledge, config.sizes.model_dump(), config.held_out_share, config.seed)
    worse = WorseAnswers.of(kb, config.knowledge.phrasebook, splits["train"])
    trained, tested = (Random(f"{config.seed} {purpose}") for purpose in ("worse", "worse in tests"))
    for name, examples in splits.items():
        rng = trained if name in PAIRED else tested  # what is trained on does not depend on the tests
        for example in examples:
            rejected = worse.to(example, rng)
            if name in PAIRED and not rejected:
                yield Dropped(example.id, "no_worse_answer")
            else:
                yield example.model_copy(update={"split": name, "source": NAME, "rejected": rejected})
    yield from dropped


def details(config: KnowledgePreferencesSource) -> SourceDetails:
    """What the card says about this domain."""
    found = knowledge_base.details(config)
    assert found.about
    about = Description(zh=f"{found.about.zh}{ABOUT.zh}", en=f"{found.about.en} {ABOUT.en}")
    return found._replace(about=about)


SOURCE = Source(
    config=KnowledgePreferencesSource,
    read=read,
    files=knowledge_base.files,
    about=ABOUT,
    rows_of=knowledge_base.rows_of,
    licence=PROJECT_LICENCE,
    splits={},
    details=details,
    knowledge=knowledge_base.used,
)
