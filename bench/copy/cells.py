# SPDX-License-Identifier: MIT
"""The cells: what is done to which tree, on which file system, with what in the caches.

A cell's name is CASE/FILE-SYSTEM/CACHE. Every case exists everywhere; without --cell only those
places run that a case has here, because the others cost much and say little.
"""

import fnmatch
from dataclasses import dataclass

import volumes

CACHES = ("warm", "cold", "fuse")
USUAL = ("*/warm", "*/cold")
IF_ASKED = ()

# MiB, whatever the number of files.
MOST_MEMORY = 64


@dataclass(frozen=True)
class Case:
    task: str  # copy, remove or walk; see rounds.py
    shape: str  # of the tree, as bench-tree knows it
    mebibytes: int  # that a copy takes, in the page cache and on a disk; 0: see --real
    places: tuple = USUAL  # patterns of FILE-SYSTEM/CACHE that run if nothing else is asked for
    memory: int = 0  # MiB that ours may have resident; more is a failure. 0: is not looked at


def copy(shape, mebibytes, places=USUAL, memory=0):
    return Case("copy", shape, mebibytes, places, memory)


CASES = {
    "flat1k": copy("flat1k", 20),
    # Through FUSE the kernel makes the names of one directory one at a time, so that flat1k says
    # little about what a tool does there: by default that is measured in 50 directories.
    "spread1k": copy("spread1k", 20, USUAL + ("*/fuse",)),
    "tree100k": copy("tree100k", 800),
    "flat100k": copy("flat100k", 1300),
    # As much as ext4 needs for a million inodes: it has one for each 4 KiB.
    "empty1m": copy("empty1m", 2800, memory=MOST_MEMORY),
    "emptyflat1m": copy("emptyflat1m", 2800, ("ext4/warm",), MOST_MEMORY),
    "big": copy("big", 1030),
    "sparse": copy("sparse", 20),
    "real": copy("real", 0),
    # Files of one size, for the thresholds in src/copy/strategy.c.
    **{f"size{n}": copy(f"size{n}", m, IF_ASKED)
       for n, m in ((1, 10), (4, 10), (16, 35), (64, 70), (256, 70), (1024, 70))},
    **{f"holes{n}": copy(f"holes{n}", 130, IF_ASKED) for n in (32, 64)},
    "remove100k": Case("remove", "tree100k", 800, ("ext4/warm", "xfs/warm", "tmpfs/warm")),
    "walk1m": Case("walk", "empty1m", 1200, ("ext4/warm",), MOST_MEMORY),
    "walkflat1m": Case("walk", "emptyflat1m", 1200, ("ext4/warm",), MOST_MEMORY),
    "removeflat1m": Case("remove", "emptyflat1m", 1200, ("ext4/warm",), MOST_MEMORY),
    "walkreal": Case("walk", "real", 0, ("ext4/warm",)),
    # Small enough for a file system where every request waits.
    "walk": Case("walk", "walk", 10, ("ext4/fuse",)),
}


@dataclass(frozen=True)
class Cell:
    name: str  # of the case
    volume: str
    cache: str

    @property
    def case(self):
        return CASES[self.name]

    def __str__(self):
        return f"{self.name}/{self.volume}/{self.cache}"

    def is_usual(self):
        place = f"{self.volume}/{self.cache}"
        return any(fnmatch.fnmatch(place, pattern) for pattern in self.case.places)


def every():
    return [Cell(name, volume, cache)
            for name in CASES for volume in volumes.NAMES for cache in CACHES]


def why_not(cell, arguments):
    """What is left out, as a pattern, and why; None: it can be measured here."""
    if cell.cache == "cold" and cell.volume == "tmpfs":
        return "*/tmpfs/cold", "it is in memory"
    if cell.cache == "fuse" and not arguments.fuse:
        return "*/*/fuse", "no --fuse COMMAND was given"
    reason = volumes.why_not(cell.volume)
    return (f"*/{cell.volume}/*", reason) if reason else None


def choose(arguments):
    """The cells that were asked for and can be measured; says which of them cannot."""
    wanted = [c for c in every() if c.is_usual()]
    if arguments.cell:
        wanted = [c for c in every() if any(fnmatch.fnmatch(str(c), p) for p in arguments.cell)]
    reasons = {cell: why_not(cell, arguments) for cell in wanted}
    for pattern, reason in sorted({r for r in reasons.values() if r}):
        print(f"{pattern}: left out: {reason}")
    return [cell for cell in wanted if not reasons[cell]]
