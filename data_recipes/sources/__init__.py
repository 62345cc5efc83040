"""What can be read: every source, in one table."""

from typing import Any

from common.command import Config
from data_recipes.sources import (
    ape210k,
    bencao,
    cmath,
    gsm8k,
    image_prompt,
    knowledge_base,
    subjqa,
    tal_scq5k,
    toyhom,
    word_problems,
)
from data_recipes.sources.source import Source

SOURCES: tuple[Source[Any], ...] = (
    bencao.SOURCE,
    knowledge_base.SOURCE,
    toyhom.SOURCE,
    ape210k.SOURCE,
    cmath.SOURCE,
    gsm8k.SOURCE,
    tal_scq5k.SOURCE,
    word_problems.SOURCE,
    subjqa.SOURCE,
    image_prompt.SOURCE,
    # a new source is added here (and imported above)
)


def source_of(config: Config) -> Source[Any]:
    """The source that a configuration belongs to."""
    return {source.config: source for source in SOURCES}[type(config)]
