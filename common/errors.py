"""Errors that name the problem, the place and the fix."""

import signal


class UserError(Exception):
    """The user's input or configuration is wrong; the command ends with exit code 2 and no traceback.

    Args:
        problem: What is wrong, in one plain sentence.
        where: The place: ``file:line``, a configuration key, a directory.
        fix: What to do about it.
    """

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        self.problem, self.where, self.fix = problem, where, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{text}\n  -> {self.fix}" if self.fix else text


class Refused(Exception):
    """Xinglin refuses to continue because the result would be wrong (exit code 1), e.g. a merge fails its proof."""


class Interrupted(Exception):
    """A signal asked the run to stop, and everything needed to continue has been saved (exit code 128 + signal).

    Args:
        message: What was saved, and how to continue.
        number: The signal: Ctrl-C (130) or SIGTERM (143).
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        self.number = number
        super().__init__(message)


class Terminated(KeyboardInterrupt):
    """SIGTERM, where it ends a command as Ctrl-C does (exit code 143)."""
