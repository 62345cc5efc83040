"""``audience=public`` asks for what a service that is offered to the public needs, before anything is loaded."""

import pytest

from app.config import AppConfig
from common.command import read_config
from common.errors import UserError

WHOLE = [
    "audience=public",
    "audience.complaints=电话000",
    "audience.records.folder=records",
    "serve.content_producer=某医院",
]


def test_a_public_service_starts_with_everything_that_it_needs() -> None:
    [config] = read_config("app", ["model=m", *WHOLE], AppConfig)
    assert config.audience.name == "public" and not config.audience.records.with_text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([word for word in WHOLE if "complaints" not in word], "give audience.complaints"),
        ([word for word in WHOLE if "folder" not in word], "give audience.records.folder"),
        ([word for word in WHOLE if "producer" not in word], "give serve.content_producer"),
        ([*WHOLE, "serve.raw_model=true"], "serve.raw_model=false"),
        ([*WHOLE, "audience.handover.webhook=ftp://x"], "webhook"),
    ],
)
def test_what_is_missing_is_named(words: list[str], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        read_config("app", ["model=m", *words], AppConfig)


def test_an_internal_service_needs_nothing_of_it() -> None:
    [config] = read_config("app", ["model=m"], AppConfig)
    assert config.audience.name == "internal" and config.audience.records.folder is None
