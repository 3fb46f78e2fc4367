"""Work in another thread, so that a Ctrl-C is noticed by whoever waits for the work.

Python raises it in the main thread, wherever that happens to wait. Deep inside a sandbox or a model
nobody could tell the others that nothing is wanted any more, and they would finish what they do.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")


def in_background(
    begin: Callable[[], Generator[T, None, None]], *, leave: Callable[[], None]
) -> Generator[T, None, None]:
    """What the generator that ``begin`` gives yields, each when it is asked for, from a thread.

    ``leave`` is called as soon as nothing more is wanted; then the generator is expected to end
    soon, and is waited for. What it raises is raised here.
    """
    results: queue.SimpleQueue[tuple[T] | BaseException | None] = queue.SimpleQueue()
    wanted = threading.Semaphore(0)
    over = threading.Event()

    def work() -> None:
        try:
            with closing(begin()) as items:
                while wanted.acquire() and not over.is_set():
                    results.put((next(items),))
        except StopIteration:
            pass
        except BaseException as error:
            results.put(error)
        finally:
            results.put(None)

    thread = threading.Thread(target=work, name="background", daemon=True)
    thread.start()
    try:
        while True:
            wanted.release()
            result = results.get()
            if result is None:
                return
            if isinstance(result, BaseException):
                raise result
            yield result[0]
    finally:
        over.set()
        wanted.release()
        leave()
        thread.join()
