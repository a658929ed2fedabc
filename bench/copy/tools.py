# SPDX-License-Identifier: MIT
"""The tools that are compared: how each is found or built, and what it is called with."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field

from harness import build


@dataclass(frozen=True)
class Tool:
    name: str
    command: tuple  # {source} and {copy} stand for the two trees, {mode} see floor_mode()
    # What the copy must agree in: contents, modes or all. Of a walk, what it prints: names or their
    # number.
    level: str
    find: object  # context -> path of the program; raises build.Missing
    # Cells of its task that it takes part in: a condition on (shape, file system).
    suits: object = field(default=lambda shape, volume: True)
    task: str = "copy"

    def is_rival(self):
        """Whether somebody else made it."""
        return self.name.partition("-")[0] not in ("tug", "floor", "naive")

    def is_ours(self):
        return self.name.partition("-")[0] == "tug"

    def asked(self):
        """What was asked for: tools are rivals of those that do the same."""
        return self.name.partition("-")[2]

    def arguments(self, program, source, copy, mode):
        values = {"source": source, "copy": copy, "mode": mode}
        return [program] + [word.format(**values) for word in self.command]


def installed(name, package, *places):
    def find(_context):
        for place in (name,) + places:
            path = shutil.which(place)
            if path is not None:
                return path
        raise build.Missing(f"there is no `{name}` here: install the package {package}")
    return find


def ours(target):
    return lambda context: build.MesonTarget(target, target).build(context).command[0]


def tug(*options, command="cp"):
    """Our command; Missing if it does not know the options."""
    def find(context):
        program = os.path.join(context.build, "tug")
        if not os.path.exists(os.path.join(context.build, "build.ninja")):
            build.MesonTarget("tree", "bench/bench-tree").build(context)
        build.run(["ninja", "-C", context.build, "tug"])
        # An option that exists complains about the missing operands, not about itself.
        done = subprocess.run([program, command, *options], capture_output=True, text=True,
                              check=False)
        if "operand" not in done.stderr:
            raise build.Missing(f"it has no {' '.join(options)} yet")
        return program
    return find


def cargo(name, directory):
    """A program with Tokio in it."""
    def find(context):
        recipe = build.CargoProgram(name, directory, "tokio", "librust-tokio-dev")
        try:
            return recipe.build(context).command[0]
        except AttributeError as error:  # no version in the lock file
            raise build.Missing(str(error)) from error
    return find


def tokio(context):
    if not os.path.isdir(context.cargo_source) or not any(
            name.startswith("futures-0") for name in os.listdir(context.cargo_source)):
        raise build.Missing(f"{context.cargo_source} has no crate futures: "
                            "install the package librust-futures-dev")
    return cargo("tokio-copy", "copy/peers/tokio")(context)


def can_share(_shape, volume):
    """Where `cp` shares blocks of large files unless told not to."""
    return volume in ("xfs", "btrfs")


def has_one_size(shape, _volume):
    """The cells that thresholds are taken from."""
    return shape.startswith("size")


def fills_holes(shape, _volume):
    """Tools that would write ten gigabytes of zeros."""
    return shape != "sparse"


def has_plain_files(shape, _volume):
    """rclone has no notion of links and modes, and fills holes."""
    return shape not in ("real", "sparse")


TOOLS = (
    Tool("tug", ("cp", "-r", "{source}", "{copy}"), "modes", tug()),
    Tool("cp", ("-r", "{source}", "{copy}"), "modes", installed("cp", "coreutils")),
    Tool("floor", ("2", "{mode}", "{source}", "{copy}"), "contents", ours("bench/bench-floor")),
    Tool("floor-rw", ("1", "rw", "{source}", "{copy}"), "contents", ours("bench/bench-floor"),
         has_one_size),
    Tool("floor-clone", ("1", "clone", "{source}", "{copy}"), "contents",
         ours("bench/bench-floor"), lambda shape, volume: has_one_size(shape, volume)
         and can_share(shape, volume)),
    Tool("naive", ("{source}", "{copy}"), "contents", ours("bench/bench-naive"),
         fills_holes),
    Tool("tokio", ("{source}", "{copy}"), "contents", tokio, fills_holes),
    Tool("rsync", ("-r", "-l", "{source}/", "{copy}"), "contents", installed("rsync", "rsync"),
         fills_holes),
    Tool("rclone", ("copy", "{source}", "{copy}"), "contents", installed("rclone", "rclone"),
         has_plain_files),
    Tool("uutils", ("-r", "{source}", "{copy}"), "contents",
         installed("uu-cp", "rust-coreutils", "/usr/lib/cargo/bin/coreutils/cp"),
         fills_holes),
    Tool("tug-a", ("cp", "-a", "{source}", "{copy}"), "all", tug("-a")),
    Tool("cp-a", ("-a", "{source}", "{copy}"), "all", installed("cp", "coreutils")),
    Tool("rsync-a", ("-a", "{source}/", "{copy}"), "modes",
         installed("rsync", "rsync"), fills_holes),
    Tool("tug-never", ("cp", "-r", "--reflink=never", "{source}", "{copy}"), "modes",
         tug("--reflink=never"), can_share),
    Tool("cp-never", ("-r", "--reflink=never", "{source}", "{copy}"), "modes",
         installed("cp", "coreutils"), can_share),
    Tool("tug-filled", ("cp", "-r", "--sparse=never", "{source}", "{copy}"), "modes",
         tug("--sparse=never"), lambda shape, volume: shape.startswith("holes")),
    # Removals
    Tool("tug", ("rm", "-r", "{source}"), "", tug(command="rm"), task="remove"),
    Tool("rm", ("-r", "{source}"), "", installed("rm", "coreutils"), task="remove"),
    Tool("rmz", ("{source}",), "", installed("rmz", "rmz (a crate)"), task="remove"),
    Tool("uutils", ("-r", "{source}"), "",
         installed("uu-rm", "rust-coreutils", "/usr/lib/cargo/bin/coreutils/rm"), task="remove"),
    # Walks
    Tool("tug", ("{source}",), "number", ours("bench/bench-walk"), task="walk"),
    Tool("find", ("{source}",), "names", installed("find", "findutils"), task="walk"),
    Tool("fd", ("-u", ".", "{source}"), "names", installed("fdfind", "fd-find", "fd"),
         task="walk"),
    Tool("tug-stream", ("{source}",), "number", ours("bench/bench-walk-stream"), task="walk"),
    Tool("std-stream", ("std", "{source}"), "number", cargo("walk-peer", "copy/peers/walk"),
         task="walk"),
    Tool("tokio-stream", ("tokio", "{source}"), "number", cargo("walk-peer", "copy/peers/walk"),
         task="walk"),
)

# What the others' times are parts of.
BASES = {"copy": "cp", "remove": "rm", "walk": "find"}


def floor_mode(shape, volume):
    """What the floor does with contents: what was measured to be the fastest there."""
    shares = volume == "btrfs" or (volume == "xfs" and shape in ("big", "sparse"))
    return "clone" if shares else "rw"
