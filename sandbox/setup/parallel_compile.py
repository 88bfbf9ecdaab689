"""Runs the ``setup.py`` of the current folder with its C and C++ files compiled on all cores.

setuptools compiles the files of one extension one after another, and zeroc-ice is one extension of 224 files.
The arguments are those of ``setup.py``. For each file that is done a line ``@compiled N TOTAL`` goes to
standard output.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial, partialmethod
from typing import Any

COMPILED = "@compiled "


def wait_for(jobs: Sequence[Future[None]], pool: ThreadPoolExecutor) -> None:
    """Return when all ``jobs`` are done, telling about each; the first failure cancels the others."""
    try:
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            sys.stdout.write(f"{COMPILED}{done} {len(jobs)}\n")
            sys.stdout.flush()
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise


def compile_in_parallel(one_by_one: Any, compiler: Any, *arguments: Any, **named: Any) -> Any:
    """Do what the method ``one_by_one`` of ``compiler`` does, but on all cores.

    The method goes through the files and calls ``_compile`` for each; here that call only queues the file.
    """
    jobs: list[Future[None]] = []
    compile_one = compiler._compile  # noqa: SLF001 (the hook that distutils leaves to its subclasses)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        compiler._compile = lambda *file: jobs.append(pool.submit(compile_one, *file))  # noqa: SLF001
        objects = one_by_one(compiler, *arguments, **named)
        wait_for(jobs, pool)
    return objects


def main() -> None:
    """Run ``setup.py``; a failure leaves with its exception."""
    # First, for it puts a distutils in place, which Python 3.12 and newer have not.
    import setuptools  # noqa: F401, I001, PLC0415
    from distutils.ccompiler import CCompiler  # noqa: PLC0415

    compiler: Any = CCompiler
    compiler.compile = partialmethod(partial(compile_in_parallel, compiler.compile))
    runpy.run_path("setup.py", run_name="__main__")


if __name__ == "__main__":
    main()
