# SPDX-License-Identifier: MIT
"""The suite "streams": copies from a reader to a writer, in one task."""

from dataclasses import dataclass

from harness.build import CargoProgram, MesonTarget, Program
from harness.measure import Experiment, Job, Row

NAME = "streams"


@dataclass
class Called:
    """A program under the name of this suite, perhaps with a command before it."""

    name: str
    recipe: object  # of harness.build
    before: tuple = ()

    def build(self, context):
        program = self.recipe.build(context)
        return Program(self.name, [*self.before, *program.command], program.version)


OURS = MesonTarget("streams-tug", "bench/bench-streams-tug")
PROGRAMS = (
    Called("tug", OURS),
    Called("tug-epoll", OURS, ("env", "TUG_DRIVER=epoll")),
    Called("tokio", CargoProgram("streams-tokio", "streams/peers/tokio", "tokio", "librust-tokio-dev")),
)
PEERS = ("tug-epoll", "tokio")
FLAVOURS = ("ct",)


def copy(case):
    return Experiment(
        tuple(Job(name, case, quick=8, memory=512, flavours=FLAVOURS) for name in ("tug", *PEERS)),
        (Row(case, case, {peer: case for peer in PEERS}, more_is_better=True),),
        FLAVOURS,
    )


EXPERIMENTS = (copy("memory_to_memory"), copy("socket_to_file"), copy("file_to_socket"))
