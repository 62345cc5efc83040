"""What can be read: every source, in one table."""

from dataclasses import replace
from typing import Any

from common.command import Config
from data_recipes.sources.derived import cross_task, in_context, mix, multi_prompt, templates
from data_recipes.sources.generated import (
    grounded,
    image_prompt,
    knowledge_base,
    knowledge_preferences,
    knowledge_tuning,
    prose,
    word_problems,
)
from data_recipes.sources.own import documents, feedback, rows, text
from data_recipes.sources.published import (
    ape210k,
    bencao,
    bencao_literature,
    cmath,
    cmedqa,
    gsm8k,
    multiple_choice,
    promptcblue,
    questions,
    subjqa,
    tal_scq5k,
    toyhom,
)
from data_recipes.sources.source import Source

SOURCES: tuple[Source[Any], ...] = (
    bencao.SOURCE,
    knowledge_base.SOURCE,
    knowledge_tuning.SOURCE,
    grounded.SOURCE,
    toyhom.SOURCE,
    ape210k.SOURCE,
    cmath.SOURCE,
    gsm8k.SOURCE,
    tal_scq5k.SOURCE,
    word_problems.SOURCE,
    subjqa.SOURCE,
    image_prompt.SOURCE,
    mix.SOURCE,
    multi_prompt.SOURCE,
    templates.SOURCE,
    in_context.SOURCE,
    cross_task.SOURCE,
    feedback.SOURCE,
    multiple_choice.SOURCE,
    rows.SOURCE,
    bencao_literature.SOURCE,
    questions.SOURCE,
    promptcblue.SOURCE,
    cmedqa.SOURCE,
    documents.SOURCE,
    knowledge_preferences.SOURCE,
    text.SOURCE,
    prose.SOURCE,
    # a new source is added here (and imported above)
)


def source_of(config: Config) -> Source[Any]:
    """The source that a configuration belongs to."""
    source = {source.config: source for source in SOURCES}[type(config)]
    if source.details is None:
        return source
    details = source.details(config)
    return replace(source, licence=details.licence, splits=details.splits, about=details.about or source.about)
