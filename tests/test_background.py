"""Waiting for work in another thread."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator

import pytest

from pytest_supercharger.background import in_background


def test_everything_comes_in_order_from_another_thread() -> None:
    def work() -> Generator[tuple[int, str], None, None]:
        for i in range(3):
            yield i, threading.current_thread().name

    left: list[bool] = []
    got = list(in_background(work, leave=lambda: left.append(True)))
    assert got == [(0, "background"), (1, "background"), (2, "background")]
    assert left == [True]


def test_what_it_raises_is_raised_where_it_is_waited_for() -> None:
    def work() -> Generator[int, None, None]:
        yield 1
        raise ValueError("no")

    results = in_background(work, leave=lambda: None)
    assert next(results) == 1
    with pytest.raises(ValueError, match="no"):
        next(results)


def test_leaving_early_ends_the_work_and_closes_it() -> None:
    closed = threading.Event()
    wanted = threading.Event()
    wanted.set()

    def work() -> Generator[int, None, None]:
        try:
            while wanted.is_set():
                yield 1
        finally:
            closed.set()

    results = in_background(work, leave=wanted.clear)
    next(results)
    results.close()
    assert closed.is_set()


def test_a_ctrl_c_is_told_to_work_that_gives_nothing() -> None:
    left = threading.Event()

    def work() -> Generator[int, None, None]:
        os.kill(os.getpid(), signal.SIGINT)
        assert left.wait(10)
        yield from ()

    with pytest.raises(KeyboardInterrupt):
        list(in_background(work, leave=left.set))
