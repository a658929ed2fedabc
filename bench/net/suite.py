# SPDX-License-Identifier: MIT
"""The suite "net": an echo server on one processor, under load from another."""

from dataclasses import dataclass

from harness.build import CargoProgram, CProgram, GoProgram, MesonTarget, Program
from harness.measure import Experiment, Job, Row

NAME = "net"


@dataclass
class Served:
    """A server, run by the program that makes its load."""

    name: str
    server: object  # a recipe of harness.build
    argument: str = None

    def build(self, context):
        load = MesonTarget(self.name, "bench/bench-net-load").build(context)
        server = self.server.build(context)
        argument = [self.argument] if self.argument else []
        version = " ".join([server.version] + argument)
        return Program(self.name, load.command + server.command + argument, version)


PROGRAMS = (
    Served("tug", MesonTarget("tug", "bench/bench-net-tug"), "uring"),
    Served("tug-epoll", MesonTarget("tug-epoll", "bench/bench-net-tug"), "epoll"),
    Served("tug-poll", MesonTarget("tug-poll", "bench/bench-net-tug"), "poll"),
    Served("tokio", CargoProgram("net-tokio", "net/peers/tokio", "tokio", "librust-tokio-dev")),
    Served("libuv", CProgram("net-libuv", ("net/peers/libuv/main.c",), "libuv", "libuv1-dev")),
    Served("go", GoProgram("net-go", "net/peers/go")),
    Served("floor-epoll", MesonTarget("floor-epoll", "bench/bench-net-epoll")),
    Served("floor-uring", MesonTarget("floor-uring", "bench/bench-net-uring")),
)

NAMES = tuple(program.name for program in PROGRAMS)
FLAVOURS = ("ct",)


def echo(connections):
    """A row for each kind of sample. More requests per second are better, of all else less."""
    case = f"echo_{connections}"
    kinds = ("", "_p50", "_p99", "_p999", "_user", "_system", "_memory")
    peers = NAMES[1:]
    return Experiment(
        tuple(Job(name, case, quick=150, flavours=FLAVOURS) for name in NAMES),
        tuple(Row(case + kind, case + kind, {peer: case + kind for peer in peers},
                  more_is_better=kind == "") for kind in kinds),
        FLAVOURS,
    )


EXPERIMENTS = (echo(1), echo(100), echo(1_000), echo(10_000))
