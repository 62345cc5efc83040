"""How every command reads its configuration and ends.

A command is ``key=value`` arguments over Hydra config groups (``configs/``), checked as a whole by a pydantic schema
before anything is loaded. All problems are reported at once, each with the nearest valid name.
"""

import io
import os
import select
import shlex
import signal
import sys
import typing
from collections.abc import Callable
from types import FrameType
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from common.errors import Interrupted, Refused, Terminated, UserError
from common.problems import explain

DONE, FAILED, WRONG_INPUT, PIPE_CLOSED = 0, 1, 2, 141
SIGNALLED = 128  # and the number of the signal

Schema = TypeVar("Schema", bound="Config")


class Config(BaseModel):
    """Base of every configuration section: unknown keys are errors and values are not changed afterwards.

    Attributes:
        positional: Keys of a command whose values may come without ``key=``, in this order.
        as_typed: Keys of a command whose values are prose or names and bypass Hydra's grammar.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    positional: ClassVar[tuple[str, ...]] = ()
    as_typed: ClassVar[tuple[str, ...]] = ()


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
    from common.composition import combinations, compose  # loads Hydra, which --help does not need

    configs, problems = [], []
    for words in combinations(_as_key_value(arguments, schema)):
        values, wrong, same_as = compose(config_name, words)
        try:
            checked = schema.model_validate(values)
            if not wrong:
                configs.append(checked)
        except ValidationError as error:
            wrong += explain(error.errors(), schema, values, same_as)
        problems += [problem for problem in wrong if problem not in problems]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise UserError(
            f"{len(problems)} problem(s) in the configuration:\n{listed}", fix="see --help for the valid keys"
        )
    return configs


def _as_key_value(arguments: list[str], schema: type[Config]) -> list[str]:
    """Adds the missing key to positional words, and quotes values that are taken as typed."""
    from common.composition import quoted

    keys, words = list(schema.positional), []
    for word in arguments:
        key, equals, value = word.partition("=")
        if keys and (not equals or "/" in key) and not word.startswith("-"):  # a path or a URL may have a = in it
            words.append(f"{keys.pop(0)}={quoted(word)}")
        elif equals and key in (*schema.positional, *schema.as_typed):
            words.append(f"{key}={quoted(value)}")
        else:
            words.append(word)
    return words


def command_line(command: str, words: list[str]) -> str:
    """A command as it is typed in a shell, e.g. ``python training/run.py recipe=medical_qlora 'name=a b'``."""
    return shlex.join(["python", *command.split(), *words])


def run_command(main: Callable[[list[str]], int | None], help_text: str) -> typing.NoReturn:
    """Runs a command's ``main`` on the command line and ends the process with the project's exit codes.

    0 done, 1 failed, 2 the user's input or configuration is wrong (no traceback), 130 interrupted, 143 terminated, 141
    the reader of the output has closed the pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        _print_chinese_on(stream)
    if any(word in ("-h", "--help", "help") for word in sys.argv[1:]):
        code = _exit_code(lambda _: print(help_text.strip()))
    else:
        code = _exit_code(lambda arguments: _with_log(main, arguments))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_left()
    sys.exit(code)


def end_on_sigterm() -> None:
    """From now on, SIGTERM ends this process as Ctrl-C does: what is half-written is removed first."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _with_log(main: Callable[[list[str]], int | None], arguments: list[str]) -> int | None:
    from common.logging import start_logging  # not needed by --help

    start_logging(os.environ.get("XINGLIN_LOG", "INFO"))
    return main(arguments)


def _print_chinese_on(stream: typing.TextIO) -> None:
    """Writes UTF-8 where the console's encoding has no Chinese; characters it lacks are escaped, never an error."""
    if isinstance(stream, io.TextIOWrapper):
        try:
            "杏林".encode(stream.encoding)
        except UnicodeEncodeError:
            stream.reconfigure(encoding="utf-8")
        stream.reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    """Stops all further output, also at the end of the process."""
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
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, BrokenPipeError) and _is_readerless(sys.stdout):
            return _reader_left()
        return report_error(error)


def report_error(error: BaseException) -> int:
    """Logs why a command, or a part of it, ended, and returns the exit code for that."""
    from loguru import logger  # not needed by --help

    match error:
        case UserError():
            logger.error("{}", error)
            return WRONG_INPUT
        case Refused():
            logger.error("refused: {}", error)
            return FAILED
        case Interrupted():
            logger.warning("{}", error)
            return SIGNALLED + error.number
        case Terminated():
            logger.warning("terminated; nothing half-written was kept")
            return SIGNALLED + signal.SIGTERM
        case KeyboardInterrupt():
            logger.warning("interrupted; nothing half-written was kept")
            return SIGNALLED + signal.SIGINT
    logger.exception("this is a bug in Xinglin, not in your input; please report it with the lines above")
    return FAILED
