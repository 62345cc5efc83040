"""What requests leave behind is delivered in a thread of its own; whoever puts it in waits for nothing."""

import threading
import time

import pytest

from app.compliance import outbox
from app.compliance.outbox import Outbox, Undelivered


class Receiver:
    """Refuses the first deliveries, and can be held up."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals, self.received = refusals, list[str]()
        self.open = threading.Event()
        self.open.set()

    def deliver(self, item: str) -> None:
        self.open.wait(5)
        if self.refusals:
            self.refusals -= 1
            raise Undelivered("no")
        self.received.append(item)


def outbox_of(receiver: Receiver, *pauses: float) -> Outbox[str]:
    return Outbox("test", receiver.deliver, pauses, lambda item: f"id of {item}")


def test_it_delivers_in_order_and_tries_again() -> None:
    receiver = Receiver(refusals=2)
    out = outbox_of(receiver, 0.01, 0.01)
    for item in ("a", "b"):
        out.put(item)
    out.close(5)
    assert receiver.received == ["a", "b"]


def test_it_gives_up_after_the_last_attempt_and_says_so_without_the_item(logged: list[str]) -> None:
    receiver = Receiver(refusals=2)
    out = outbox_of(receiver, 0.01)
    for item in ("secret", "b"):
        out.put(item)
    out.close(5)
    assert receiver.received == ["b"]
    [first, last] = [line for line in logged if "not delivered: no" in line]
    assert "id of secret" in first and "next attempt in 0.01 s" in first and "next attempt" not in last


def test_what_must_not_be_lost_is_tried_until_the_service_stops(logged: list[str]) -> None:
    receiver = Receiver(refusals=5)
    out = Outbox("test", receiver.deliver, [0.01], lambda item: "id", gives_up=False)
    for item in ("a", "b"):
        out.put(item)
    end = time.monotonic() + 5
    while receiver.received != ["a", "b"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    out.close(5)
    receiver.refusals = 1000
    out.put("c")
    out.close(5)
    assert receiver.refusals == 999 and "next attempt" not in logged[-1] and "not delivered: no" in logged[-1]


def test_no_item_ends_the_thread_and_none_is_in_the_log(logged: list[str]) -> None:
    received: list[str] = []

    def deliver(item: str) -> None:
        if item == "secret":
            raise ValueError("what about secret")
        received.append(item)

    out = Outbox("test", deliver, [0.01], lambda item: "id")
    for item in ("secret", "b"):
        out.put(item)
    out.close(5)
    assert received == ["b"] and [line for line in logged if "id not delivered: ValueError" in line]
    assert not any("secret" in line for line in logged)


def test_putting_waits_for_nothing_and_what_does_not_fit_is_logged(
    monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    monkeypatch.setattr(outbox, "CAPACITY", 2)
    receiver = Receiver()
    receiver.open.clear()
    out = outbox_of(receiver)
    started = time.monotonic()
    for item in ("a", "b", "c", "d"):
        out.put(item)
    assert time.monotonic() - started < 1
    assert [line for line in logged if "is lost" in line]  # c, or d where the thread has taken a by then
    receiver.open.set()
    out.close(5)
    assert receiver.received[:2] == ["a", "b"] and len(receiver.received) < 4


def test_closing_cuts_the_pauses_and_says_what_is_left(logged: list[str]) -> None:
    receiver = Receiver(refusals=1)
    out = outbox_of(receiver, 60)
    out.put("a")
    out.close(5)
    assert receiver.received == ["a"]
    receiver.open.clear()
    out.put("b")
    out.close(0.05)
    assert [line for line in logged if "1 are lost, because the service stops" in line]
    receiver.open.set()
