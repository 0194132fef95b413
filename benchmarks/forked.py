"""Work in child processes that inherit what is loaded, each on its own core."""

import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

Work = Callable[[Callable[[], None]], Any]
"""Prepares, calls what it is given, does what is to be measured, and returns what JSON can say."""


def together(works: Sequence[tuple[int, Work]]) -> list[Any]:
    """Each work on its core in a process of its own; what is measured begins when all are prepared."""
    children = []
    for core, work in works:
        (ready, say_ready), (wait, go), (read, write) = os.pipe(), os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            _child(core, work, say_ready, wait, write)
        for end in (say_ready, wait, write):
            os.close(end)
        children.append((child, ready, go, read))
    prepared = [os.read(ready, 1) for _, ready, _, _ in children]
    for (_, _, go, _), is_ready in zip(children, prepared, strict=True):
        if is_ready:
            os.write(go, b"g")
    results = []
    for child, ready, go, read in children:
        with open(read, "rb") as answer:
            said = answer.read()
        os.waitpid(child, 0)
        os.close(ready)
        os.close(go)
        if not said:
            raise SystemExit("a measured process failed; its traceback is above")
        results.append(orjson.loads(said))
    return results


def alone(core: int, work: Work) -> Any:
    return together([(core, work)])[0]


def _child(core: int, work: Work, say_ready: int, wait: int, write: int) -> None:
    """Never returns: what follows in the caller is the parent's."""

    def prepared() -> None:
        os.write(say_ready, b"r")
        os.read(wait, 1)

    try:
        os.sched_setaffinity(0, {core})
        said = orjson.dumps(work(prepared))
        while said:
            said = said[os.write(write, said) :]
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
        raise


def peak_mib() -> float:
    """Of this process: VmHWM, since ru_maxrss begins with what the parent had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
