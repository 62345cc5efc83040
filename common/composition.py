"""From the words of a command line to values: Hydra's grammar, its config groups, its composition."""

import itertools
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from common.errors import UserError
from common.groups import CONFIGS, groups_of
from common.problems import nearest

SWEEP = ("-m", "--multirun")
_REFERENCE = re.compile(r"\$\{([a-z_]+(?:\.\w+)*)\}")


def combinations(arguments: list[str]) -> list[list[str]]:
    """The words of each single configuration: with ``-m`` one for every combination of ``key=a,b``, else one.

    Raises:
        UserError: A word is not ``key=value``, or has several values without ``-m``.
    """
    words = [word for word in arguments if word not in SWEEP]
    overrides = _parsed(words)
    swept = [word for word, override in zip(words, overrides, strict=True) if override.is_sweep_override()]
    if swept and len(words) == len(arguments):
        raise UserError(
            f"several values for one key: {', '.join(swept)}", fix="add -m to run every combination, or quote the value"
        )
    choices = [
        [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]
        if override.is_sweep_override()
        else [word]
        for word, override in zip(words, overrides, strict=True)
    ]
    return [list(combination) for combination in itertools.product(*choices)]


class Composition(NamedTuple):
    """One combination of words, composed.

    Attributes:
        values: Without those that are still missing.
        wrong: Everything that is wrong with the words.
        same_as: Keys whose value is another key's (``source.sizes: ${data.splits}``), and that key, which is what the
            user knows and types.
    """

    values: dict[str, Any]
    wrong: list[str]
    same_as: dict[str, str]


def compose(config_name: str, words: list[str]) -> Composition:
    """Composes ``configs/<config_name>.yaml`` with one combination of words."""
    overrides, groups = _parsed(words), groups_of(config_name)
    of_groups = [override for override in overrides if override.key_or_group in groups]
    problems = {override.input_line: _group_problem(override, groups) for override in of_groups}
    wrong = [problem for problem in problems.values() if problem]
    config = OmegaConf.create(_composed(config_name, tuple(line for line, problem in problems.items() if not problem)))
    for override in overrides:
        if override.key_or_group not in groups:
            try:
                value = override.value()  # merged into what is there; {} takes its place
                OmegaConf.update(config, override.key_or_group.lstrip("+"), value, merge=value != {})
            except OmegaConfBaseException as error:
                wrong.append(f"{override.input_line}: {str(error).splitlines()[0]}")
    try:
        values = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(str(error).splitlines()[0], where="the configuration", fix="see --help") from None
    same_as = dict(_references(OmegaConf.to_container(config, resolve=False)))
    return Composition(cast(dict[str, Any], _without_missing(values)), wrong, same_as)


def _references(values: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """The keys below a section whose value is that of another key, and the other key."""
    for key, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
            yield f"{above}{key}", found[1]
        yield from _references(value, f"{above}{key}.")


@cache
def _composed(config_name: str, choices: tuple[str, ...]) -> dict[str, Any]:
    """What Hydra composes from choices of groups alone; a sweep over other keys asks for the same again and again."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return cast(dict[str, Any], OmegaConf.to_container(hydra_compose(config_name, list(choices))))


def values_of(words: list[str]) -> dict[str, Any]:
    """The values of ``key=value`` words, by their dotted keys.

    Raises:
        UserError: A word is not ``key=value``.
    """
    return {override.key_or_group: override.value() for override in _parsed(words)}


def quoted(text: str) -> str:
    """A text quoted for Hydra's grammar, so that it is taken as typed."""
    parts = text.split("${")  # no reference to another key: escape it, and double existing backslashes
    escaped = [part + "\\" * (len(part) - len(part.rstrip("\\")) + 1) for part in parts[:-1]]
    return QuotedString("${".join([*escaped, parts[-1]]), Quote.single).with_quotes()


def _parsed(words: list[str]) -> list[Override]:
    parsed, problems = [], []
    for word in words:
        try:
            override = _override(word)
        except HydraException as error:
            key, equals, _ = word.partition("=")
            why = f"{key!r} is no key: keys are of the letters a to z" if equals else str(error).splitlines()[0]
            problems.append(f"{word!r} is not key=value ({why})")
            continue
        if override.is_delete() or override.package is not None:
            problems.append(f"{word!r}: only key=value is accepted")
        parsed.append(override)
    if problems:
        raise UserError(
            "\n  ".join(problems), fix="write key=value; quote a value with spaces or commas: 'key=\"a, b\"'"
        )
    return parsed


def _override(word: str) -> Override:
    """One word; a value that Hydra's grammar cannot read (Chinese, brackets in a path) is a text."""
    parser = OverridesParser.create()
    try:
        return parser.parse_override(word)
    except HydraException:
        key, equals, value = word.partition("=")
        if not equals:
            raise
        return parser.parse_override(f"{key}={quoted(value)}")


def _group_problem(override: Override, groups: dict[str, list[str]]) -> str:
    group, value = override.key_or_group, override.value()
    if value in groups[group]:
        return ""
    close = nearest(str(value), groups[group])
    available = f"; available: {', '.join(groups[group])}"
    return f"{group}={value}: no such {group}{close + available if 'did you mean' in close else available}"


def _without_missing(value: Any) -> Any:
    """Drops keys whose value is Hydra's mandatory mark, so that the schema reports them as missing."""
    if isinstance(value, dict):
        return {key: _without_missing(item) for key, item in value.items() if item != "???"}
    return value
