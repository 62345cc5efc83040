"""What an executor is."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


class Executor(Protocol):
    """Runs a pure function over tasks, anywhere."""

    def run(self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]) -> Iterator[ResultT]:
        """Yields the results in the order of the tasks.

        Args:
            function: A function of a module, so that another process can import it.
            tasks: Small values: they are sent to other processes.
        """
        ...
