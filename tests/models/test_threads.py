"""The number of threads follows the number of free cores."""

from collections.abc import Iterator

import pytest
import torch

from common import machine
from models import threads
from models.threads import Threads


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Machine:
    """A machine of two cores on which others compute as much as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.busy, self.own = 0.0, 0.0, 0.0
        self.others = 0.0
        monkeypatch.setattr(threads, "own_cores", lambda: [0, 1])
        monkeypatch.setattr(threads, "allowed_cores", lambda: 2)
        monkeypatch.setattr(threads, "_look_at_machine", lambda: threads._Seen(self.now, self.busy, self.own))
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self.pass_time)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def pass_time(self, seconds: float) -> None:
        own = 2.0 - self.others
        self.now, self.own = self.now + seconds, self.own + own * seconds
        self.busy += (own + self.others) * seconds


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def follow(followed: Threads, two_cores: Machine, seconds: float) -> int:
    for _ in range(int(seconds)):
        two_cores.pass_time(1.0)
        followed.follow()
    return torch.get_num_threads()


def test_an_idle_machine_gives_all_its_cores(two_cores: Machine) -> None:
    Threads().use(None)
    assert torch.get_num_threads() == 2


def test_a_core_that_is_busy_from_the_start_is_left_to_others(two_cores: Machine) -> None:
    two_cores.others = 1.0
    Threads().use(None)
    assert torch.get_num_threads() == 1


def test_work_that_comes_and_goes_is_followed(two_cores: Machine) -> None:
    followed = Threads()
    followed.use(None)
    two_cores.others = 1.0
    assert follow(followed, two_cores, 12) == 1
    two_cores.others = 0.0
    assert follow(followed, two_cores, 12) == 2


def test_a_short_burst_changes_nothing(two_cores: Machine) -> None:
    followed = Threads()
    followed.use(None)
    two_cores.others = 1.0
    assert follow(followed, two_cores, 3) == 2
    two_cores.others = 0.0
    assert follow(followed, two_cores, 6) == 2


@pytest.mark.parametrize("environment", [None, "2"])
def test_a_number_that_is_given_stays(
    two_cores: Machine, monkeypatch: pytest.MonkeyPatch, environment: str | None
) -> None:
    if environment:
        monkeypatch.setenv("OMP_NUM_THREADS", environment)
    followed = Threads()
    followed.use(None if environment else 2)
    two_cores.others = 2.0
    assert follow(followed, two_cores, 12) == 2


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu.cfs_quota_us": "100000", "cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, 4),
        ({}, 4),
    ],
)
def test_a_container_may_use_its_quota_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, files: dict[str, str], cores: int
) -> None:
    folder = tmp_path_factory.mktemp("cgroup")
    for name, text in files.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    monkeypatch.setattr(machine, "CPU_V2", folder / "cpu.max")
    monkeypatch.setattr(machine, "CPU_V1", folder)
    monkeypatch.setattr(machine, "own_cores", lambda: [0, 1, 2, 3])
    assert machine.allowed_cores() == cores


def test_a_containers_memory_is_what_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    limit = tmp_path_factory.mktemp("cgroup") / "memory.max"
    limit.write_text(f"{4 << 30}\n", encoding="utf-8")
    monkeypatch.setattr(machine, "MEMORY_V2", limit)
    assert 0 < machine.available_memory() < 4 << 30
    limit.write_text("max\n", encoding="utf-8")
    assert machine.available_memory() > 0
