# SPDX-License-Identifier: MIT
"""The suite "sync": what channels and locks cost. Its cases are in the programs of the suite "runtime"."""

from harness.measure import Experiment, Job, Row
from runtime import suite as runtime

NAME = "sync"

PROGRAMS = tuple(recipe for recipe in runtime.PROGRAMS if recipe.name != "libuv")


def same(case, quick, more=()):
    """A case of the same name in all programs; `more` of ours are compared with the same."""
    jobs = [Job(name, case, quick) for name in ("tug", "tokio", "go")]
    jobs += [Job("tug", other, quick) for other in more]
    rows = [Row(ours, ours, {peer: case for peer in ("tokio", "go")}) for ours in (case, *more)]
    return Experiment(tuple(jobs), tuple(rows))


EXPERIMENTS = (
    same("mpsc_1_1000", 100_000),
    same("mpsc_1_1", 50_000),
    same("mpsc_5_bounded", 100_000, more=("mpsc_5_many",)),
    same("mpsc_5_full", 100_000, more=("mpsc_5_full_many",)),
    same("mpsc_5_unbounded", 100_000),
    same("mpsc_alone_bounded", 100_000),
    same("mpsc_alone_unbounded", 100_000),
    same("mpsc_512", 100_000),
    same("mpsc_32k", 10_000),
    same("oneshot", 100_000),
    same("request_reply", 20_000),
    same("broadcast_10", 30_000),
    same("broadcast_100", 30_000),
    same("broadcast_500", 30_000),
    same("broadcast_1000", 30_000),
    same("watch_10", 30_000),
    same("watch_100", 30_000),
    same("watch_500", 30_000),
    same("watch_1000", 30_000),
    same("notify_1", 30_000),
    same("notify_10", 30_000),
    same("notify_100", 30_000),
    same("notify_500", 30_000),
    same("mutex_alone", 100_000),
    same("mutex_6", 100_000),
    same("rwlock_alone", 100_000),
    same("rwlock_6", 100_000),
    same("rwlock_written", 12_000),
    same("semaphore_10", 100_000),
    same("semaphore_5", 30_000),
)
