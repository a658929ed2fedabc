# SPDX-License-Identifier: MIT
"""The suite "runtime": what spawning, switching, waking and sleeping cost, in time and memory."""

from harness.build import CargoProgram, CProgram, GoProgram, MesonTarget
from harness.measure import Experiment, Job, Row

NAME = "runtime"

PROGRAMS = (
    MesonTarget("tug", "bench/bench-tug"),
    CargoProgram("tokio", "runtime/peers/tokio", "tokio", "librust-tokio-dev"),
    CProgram("libuv", ("runtime/peers/libuv/main.c",), "libuv", "libuv1-dev"),
    GoProgram("go", "runtime/peers/go"),
)

LIBUV_FLAVOURS = ("ct",)


def same(case, quick, peers=("tokio", "go"), memory=0):
    """A case of the same name in all programs."""
    jobs = [Job(program, case, quick, memory) for program in ("tug",) + peers if program != "libuv"]
    if "libuv" in peers:
        jobs.append(Job("libuv", case, quick, memory, LIBUV_FLAVOURS))
    return Experiment(tuple(jobs), (Row(case, case, {peer: case for peer in peers}),))


# Long runs with little variance, so three rounds.
SLEEPERS = Experiment(
    jobs=(
        Job("tug", "sleepers", 100_000, memory=400, rounds=3),
        # A million stacks are 4 GiB of fresh pages: seconds in the kernel.
        Job("tug", "sleepers_coroutine", 100_000, memory=1_000, rounds=1),
        Job("tokio", "sleepers", 100_000, memory=1_400, rounds=3),
        Job("libuv", "sleepers", 100_000, memory=200, flavours=LIBUV_FLAVOURS, rounds=3),
        Job("go", "sleepers", 100_000, memory=200, rounds=3),
    ),
    rows=(
        Row("sleepers", "sleepers", {name: "sleepers" for name in ("tokio", "libuv", "go")}),
        Row("sleepers_coroutine", "sleepers_coroutine",
            {name: "sleepers" for name in ("tokio", "libuv", "go")}),
    ),
)

# Bytes hardly vary, so two rounds are enough. A goroutine has a stack, as a coroutine has; a task of
# Tokio is a poll task.
IDLE = Experiment(
    jobs=(
        Job("tug", "idle", 100_000, rounds=2),
        Job("tug", "idle_coroutine", 10_000, rounds=2),
        Job("tokio", "idle", 100_000, rounds=2),
        Job("go", "idle", 10_000, rounds=2),
    ),
    rows=(
        Row("idle", "idle", {"tokio": "idle"}),
        Row("idle_left", "idle_left", {"tokio": "idle_left"}),
        Row("idle_coroutine", "idle_coroutine", {"go": "idle"}),
        Row("idle_coroutine_left", "idle_coroutine_left", {"go": "idle_left"}),
    ),
)

EXPERIMENTS = (
    same("spawn_join_1", 10_000),
    same("spawn_join_1000", 100_000),
    same("spawn_join_all", 100_000, memory=300),
    same("chained_spawn", 20_000),
    same("yield_1", 100_000),
    same("yield_1000", 300_000),
    same("ping_pong", 20_000),
    same("blocking_1", 2_000, peers=("tokio", "libuv")),
    same("blocking_16", 8_000, peers=("tokio", "libuv")),
    SLEEPERS,
    IDLE,
)
