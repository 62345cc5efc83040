"""Every folder of ``domains/`` is a domain that can be found, and costs nothing until it is."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import domains
from domains.domain import DOMAINS, find_domain
from domains.knowledge_base import KnowledgeBase
from domains.retrieval.wording import SmallTalkKind

FOLDER = Path(domains.__file__).parent


def test_every_folder_is_in_the_table() -> None:
    assert sorted(path.parent.name for path in FOLDER.glob("*/domain.py")) == sorted(DOMAINS)


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_is_whole(name: str, knowledge: KnowledgeBase) -> None:
    domain = find_domain(name)
    assert domain.name == name
    assert domain.knowledge is None or domain.knowledge.schema.folder.is_dir()
    for notice in (domain.notices.no_source, domain.notices.not_found, domain.notices.small_talk):
        assert bool(notice) == (domain.knowledge is not None)
    assert set(domain.notices.small_talk) in (set(), set(get_args(SmallTalkKind)))
    assert domain.triager(knowledge).triage("你好").level == "routine"


def test_every_attribute_of_a_shipped_knowledge_base_has_one_english_name() -> None:
    english: dict[str, set[str]] = {}
    for domain in map(find_domain, ("instruments", "medical")):
        assert domain.knowledge is not None
        attributes = {name for of in domain.knowledge.schema.types for name in of.attributes}
        assert attributes == set(domain.in_english)
        for name, called in domain.in_english.items():
            english.setdefault(name, set()).add(called)
    assert all(len(called) == 1 for called in english.values())


def test_what_is_no_domain_is_said() -> None:
    with pytest.raises(ValueError, match=r"no such domain: alchemy; available: .*general"):
        find_domain("alchemy")


def test_a_domain_loads_neither_torch_nor_a_web_framework() -> None:
    check = (
        "import sys; from domains.domain import DOMAINS, find_domain; [find_domain(name) for name in DOMAINS];"
        "print([name for name in ('torch', 'transformers', 'fastapi') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=FOLDER.parent).stdout
    assert printed.strip() == "[]"
