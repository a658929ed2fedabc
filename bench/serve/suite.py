# SPDX-License-Identifier: MIT
"""The suite "serve": the servers among the examples, beside nginx and redis-server, under the load
of wrk and redis-benchmark."""

import os
import sys
from dataclasses import dataclass

from harness.build import MesonTarget, Program, need, run
from harness.measure import Experiment, Job, Row

NAME = "serve"
DRIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "drive.py")


@dataclass
class Ours:
    """Our server of each case, with a driver of ours."""

    name: str
    driver: str

    def build(self, context):
        for command in ("wrk", "redis-benchmark"):
            need(command, {"redis-benchmark": "redis-tools"}.get(command, command))
        servers = []
        for name in ("httpd", "minikv"):
            target = MesonTarget(name, f"examples/example_{name}", versioned=False)
            servers += target.build(context).command
        command = ["env", "TUG_DRIVER=" + self.driver, sys.executable, DRIVE, "tug",
                   *servers]
        return Program(self.name, command, self.driver)


@dataclass
class Peer:
    """A server that is installed; which cases are its own the experiments say."""

    name: str
    command: str
    package: str
    version: tuple

    def build(self, context):
        del context
        need(self.command, self.package)
        version = run([self.command, *self.version]).splitlines()[0]
        return Program(self.name, [sys.executable, DRIVE, self.name], version)


PROGRAMS = (
    Ours("tug", "uring"),
    Ours("tug-epoll", "epoll"),
    Peer("nginx", "nginx", "nginx-light", ("-v",)),
    Peer("redis", "redis-server", "redis-server", ("--version",)),
)
FLAVOURS = ("ct",)


def under_load(case, theirs, rates):
    """A row for each kind of sample. More requests are better, of all else less."""
    peers = ("tug-epoll", theirs)
    kinds = [(rate, True) for rate in rates] + [(rate + "_p99", False) for rate in rates]
    kinds += [("_user", False), ("_system", False)]
    return Experiment(
        tuple(Job(name, case, quick=20, flavours=FLAVOURS) for name in ("tug", *peers)),
        tuple(Row(case + kind, case + kind, {peer: case + kind for peer in peers},
                  more_is_better=more) for kind, more in kinds),
        FLAVOURS,
    )


EXPERIMENTS = (
    under_load("http_1k", "nginx", ("",)),
    under_load("http_1m", "nginx", ("",)),
    under_load("kv_p1", "redis", ("_set", "_get")),
    under_load("kv_p16", "redis", ("_set", "_get")),
)
