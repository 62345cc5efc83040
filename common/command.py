"""How every command reads its configuration and ends.

A command is ``key=value`` arguments over Hydra config groups (``configs/``), checked whole by a pydantic schema before
anything is loaded. All problems are reported at once, each with the nearest valid name.
"""

import difflib
import itertools
import os
import re
import select
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from loguru import logger
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import Interrupted, Refused, UserError
from common.logging import start_logging

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
DONE, FAILED, WRONG_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141

Schema = TypeVar("Schema", bound="Config")


class Config(BaseModel):
    """Base of every configuration section: unknown keys are errors and values are not changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_config(config_name: str, arguments: list[str], schema: type[Schema]) -> list[Schema]:
    """Composes ``configs/<config_name>.yaml`` with the command line and checks the result.

    Args:
        config_name: The command's root config, e.g. ``run``.
        arguments: ``key=value`` words. With ``-m`` among them, ``key=a,b`` sweeps over the values.
        schema: The typed schema of the whole configuration.

    Returns:
        One checked configuration, or one per combination of a sweep.

    Raises:
        UserError: Lists every wrong group option, unknown key and wrong value at once.
    """
    sweep = any(word in ("-m", "--multirun") for word in arguments)
    words = [word for word in arguments if word not in ("-m", "--multirun")]
    configs, problems = [], []
    for overrides in _combinations(_parse(words), sweep):
        groups = _groups_of(config_name)
        wrong = [problem for override in overrides if (problem := _group_problem(override, groups))]
        chosen = [o.input_line for o in overrides if o.key_or_group in groups and not _group_problem(o, groups)]
        values, more = _compose(config_name, chosen, [o for o in overrides if o.key_or_group not in groups])
        try:
            checked = schema.model_validate(values)
            if not wrong and not more:
                configs.append(checked)
        except ValidationError as error:
            more += [_explain(detail, schema, values) for detail in error.errors()]
        problems += [problem for problem in wrong + more if problem not in problems]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise UserError(
            f"{len(problems)} problem(s) in the configuration:\n{listed}", fix="see --help for the valid keys"
        )
    return configs


def _parse(words: list[str]) -> list[Override]:
    parsed, problems = [], []
    for word in words:
        try:
            override = OverridesParser.create().parse_override(_with_plain_chinese(word))
        except HydraException as error:
            problems.append(f"{word!r} is not key=value ({str(error).splitlines()[0]})")
            continue
        if override.is_delete() or override.package is not None:
            problems.append(f"{word!r}: only key=value is accepted")
        parsed.append(override)
    if problems:
        raise UserError(
            "\n  ".join(problems), fix="write key=value; quote a value with spaces or commas: 'key=\"a, b\"'"
        )
    return parsed


def _with_plain_chinese(word: str) -> str:
    """Hydra's grammar knows only ASCII outside quotes: a Chinese value that is not quoted or a list is quoted here."""
    key, equals, value = word.partition("=")
    if not equals or value.isascii() or value[0] in "'\"[{":
        return word
    return f"{key}={quoted(value)}"


def quoted(text: str) -> str:
    """A text in the quotes of Hydra's grammar, so that it is taken as it stands."""
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)  # no reference to another key
    text = re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{text}'"


def _combinations(overrides: list[Override], sweep: bool) -> Iterator[list[Override]]:
    swept = [o for o in overrides if o.is_sweep_override()]
    if swept and not sweep:
        names = ", ".join(o.input_line for o in swept)
        raise UserError(
            f"several values for one key: {names}", fix="add -m to run every combination, or quote the value"
        )
    choices = [
        [f"{o.key_or_group}={value}" for value in o.sweep_string_iterator()]
        if o.is_sweep_override()
        else [o.input_line]
        for o in overrides
    ]
    for words in itertools.product(*choices):
        yield _parse(list(words))


def _groups_of(config_name: str) -> dict[str, list[str]]:
    """The config groups that a root config selects from, each with its options."""
    root = typing.cast(DictConfig, OmegaConf.load(CONFIGS / f"{config_name}.yaml"))
    names = [str(next(iter(entry))) for entry in root.get("defaults", []) if isinstance(entry, DictConfig)]
    return {name: sorted(path.stem for path in (CONFIGS / name).glob("*.yaml")) for name in names}


def _group_problem(override: Override, groups: dict[str, list[str]]) -> str:
    options = groups.get(override.key_or_group)
    value = override.value()
    if options is None or value in options:
        return ""
    group = override.key_or_group
    return f"{group}={value}: no such {group}{_nearest(str(value), options)}; there are: {', '.join(options)}"


def _compose(config_name: str, chosen: list[str], overrides: list[Override]) -> tuple[dict[str, Any], list[str]]:
    problems = []
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = hydra_compose(config_name, chosen)
    OmegaConf.set_struct(config, False)  # unknown keys are the schema's to find, all at once
    for override in overrides:
        try:
            OmegaConf.update(config, override.key_or_group.lstrip("+"), override.value())
        except OmegaConfBaseException as error:
            problems.append(f"{override.input_line}: {str(error).splitlines()[0]}")
    try:
        values = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        return {}, [*problems, str(error).splitlines()[0]]
    assert isinstance(values, dict)
    return typing.cast(dict[str, Any], _without_missing(values)), problems


def _without_missing(value: Any) -> Any:
    """Drops keys whose value is Hydra's mandatory mark, so that the schema reports them as missing."""
    if isinstance(value, dict):
        return {key: _without_missing(item) for key, item in value.items() if item != "???"}
    return value


def _explain(detail: Any, schema: type[BaseModel], values: dict[str, Any]) -> str:
    place = [str(part) for part in detail["loc"]]
    # a discriminated union puts its tag into the location; it is not part of the key that the user typed
    keys = [part for i, part in enumerate(place) if i == 0 or not _is_tag(values, place[:i], part)]
    key = ".".join(keys)
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(keys[-1], _names_at(schema, keys[:-1], values))}"
    if detail["type"] == "missing":
        return f"{key}: a value is required (give {key}=…)"
    return f"{key}: {detail['msg']} (got {detail['input']!r})"


def _is_tag(values: dict[str, Any], before: list[str], part: str) -> bool:
    node: Any = values
    for key in before:
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return isinstance(node, dict) and part not in node and part in node.values()


def _names_at(schema: type[BaseModel], keys: list[str], values: dict[str, Any]) -> list[str]:
    """The valid names of the section that ``keys`` leads to, following the union member that ``values`` select."""
    sections: list[type[BaseModel]] = [schema]
    for key in keys:
        found = [s.model_fields[key].annotation for s in sections if key in s.model_fields]
        sections = [section for annotation in found for section in _models_in(annotation)]
        values = values.get(key, {}) if isinstance(values, dict) else {}
        sections = [s for s in sections if _selected(s, values)] or sections
    return sorted({name for section in sections for name in section.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return [model for part in typing.get_args(annotation) for model in _models_in(part)]
    return []


def _selected(section: type[BaseModel], values: dict[str, Any]) -> bool:
    literals = {
        n: typing.get_args(f.annotation)
        for n, f in section.model_fields.items()
        if typing.get_origin(f.annotation) is typing.Literal
    }
    return all(values.get(name, options[0]) in options for name, options in literals.items())


def _nearest(name: str, valid: list[str]) -> str:
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; valid here: {', '.join(valid)}" if valid else ""


def run_command(main: Callable[[list[str]], int | None], help_text: str) -> typing.NoReturn:
    """Runs a command's ``main`` on the command line and ends the process with the project's exit codes.

    0 done, 1 failed, 2 the user's input or configuration is wrong (no traceback), 130 interrupted, 141 whoever reads
    what is printed has gone.
    """
    if any(word in ("-h", "--help", "help") for word in sys.argv[1:]):
        code = _exit_code(lambda _: print(help_text.strip()))
    else:
        start_logging(os.environ.get("XINGLIN_LOG", "INFO"))
        code = _exit_code(main)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_left()
    sys.exit(code)


def _reader_left() -> int:
    """Nothing more is written, not at the end of the process either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _is_readerless(file: typing.TextIO) -> bool:
    """Whether ``… | head`` has seen enough; another pipe or socket may be the broken one."""
    poll = select.poll()
    poll.register(file.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _exit_code(main: Callable[[list[str]], int | None]) -> int:
    try:
        return main(sys.argv[1:]) or DONE
    except UserError as error:
        logger.error("{}", error)
        return WRONG_INPUT
    except Refused as error:
        logger.error("refused: {}", error)
        return FAILED
    except Interrupted as error:
        logger.warning("{}", error)
        return INTERRUPTED
    except KeyboardInterrupt:
        logger.warning("interrupted; nothing half-written was kept")
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _is_readerless(sys.stdout):
            return _reader_left()
        logger.exception("this is a fault of Xinglin, not of your input; please report it with the lines above")
        return FAILED
