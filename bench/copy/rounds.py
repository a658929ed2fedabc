# SPDX-License-Identifier: MIT
"""Runs the tools of one cell: in turn, each round in another order, on fresh file systems.

A copy has a file system for each round, and each tool another destination on it. Trees are removed
on a file system of their own each, because right after a removal some are many times slower. A walk
changes nothing: all tools walk over the same tree.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from harness import measure

import volumes
from tools import floor_mode


@dataclass
class Sample:
    seconds: float
    cpu: float  # user and system time
    memory: int  # KiB resident at most


def time_command(programs, mebibytes, command, output=subprocess.PIPE):
    """Runs a command to its end. Raises RuntimeError with what it said if it fails."""
    with tempfile.NamedTemporaryFile() as figures:
        done = subprocess.run([programs["launch"], str(mebibytes), figures.name] + command,
                              stdout=output, stderr=subprocess.PIPE, text=True, errors="replace",
                              check=False)
        if done.returncode != 0:
            said = (done.stderr + (done.stdout or "")).strip()
            raise RuntimeError(f"{' '.join(command)}: {said[:300]}")
        seconds, cpu, memory = figures.read().split()
    return Sample(float(seconds), float(cpu), int(memory))


def tree_size(path):
    done = subprocess.run(["du", "-smx", path], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0])


def check_copy(programs, tool, source, copy):
    done = subprocess.run([programs["tree"], "check", source, copy, tool.level], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{tool.name}: wrong copy: {done.stderr.strip()}")


class Runner:
    """One cell. `samples` has what was measured, by the tool's name."""

    def __init__(self, cell, found, programs, arguments):
        self.cell = cell
        self.case = cell.case
        self.found = found
        self.programs = programs
        self.arguments = arguments
        self.tools = [t for t in found if t.task == self.case.task
                      and t.suits(self.case.shape, cell.volume)]
        self.samples = {}
        self.entries = 0

    # ---- Trees and file systems ----

    def volume(self, trees):
        """A file system with room for so many trees like the source."""
        size = self.case.mebibytes or tree_size(self.arguments.real) + 200
        return volumes.Volume(self.cell.volume, self.arguments.directory,
                              4096 + (trees + 1) * size * 3 // 2)

    def prepare(self, volume):
        """Makes the tree on a new file system; returns its path."""
        if self.cell.cache == "fuse":
            volume.delay(self.arguments.fuse.split())
        source = os.path.join(volume.path, "source")
        if self.case.shape == "real":
            subprocess.run(["cp", "-ax", self.arguments.real, source], check=True)
        else:
            subprocess.run([self.programs["tree"], "make", self.case.shape, source,
                            "10" if self.arguments.quick else "1"], check=True)
        # Read once, and written to the disk: nothing of this is left for the first tool.
        done = subprocess.run([self.programs["tree"], "check", source, source, "contents"],
                              check=True, stdout=subprocess.PIPE, text=True)
        self.entries = int(done.stdout.split()[0])
        volumes.settle()
        return source

    def order(self, turn):
        first = turn % len(self.tools) if self.tools else 0
        return self.tools[first:] + self.tools[:first]

    def time(self, tool, source, copy="", output=subprocess.PIPE):
        command = tool.arguments(self.found[tool], source, copy,
                                 floor_mode(self.case.shape, self.cell.volume))
        size = self.case.mebibytes or tree_size(source)
        if self.cell.cache == "cold":
            volumes.drop_caches()
        memory = min(2 * size + 200, measure.available_memory() // 2)
        sample = time_command(self.programs, memory, command, output)
        if self.case.memory and tool.is_ours() and sample.memory > self.case.memory << 10:
            raise RuntimeError(f"{tool.name}: {sample.memory >> 10} MiB are more than the "
                               f"{self.case.memory} that it may have")
        return sample

    def keep(self, tool, sample):
        self.samples.setdefault(tool.name, []).append(sample)

    # ---- The tasks ----

    def copy(self, turns):
        with self.volume(len(self.tools) * len(turns)) as volume:
            source = self.prepare(volume)
            for turn in turns:
                for tool in self.order(turn):
                    copy = os.path.join(os.path.dirname(source), f"copy-{turn}-{tool.name}")
                    sample = self.time(tool, source, copy)
                    volumes.settle()
                    check_copy(self.programs, tool, source, copy)
                    self.keep(tool, sample)

    def remove(self, turns):
        for turn in turns:
            for tool in self.order(turn):
                with self.volume(0) as volume:
                    source = self.prepare(volume)
                    sample = self.time(tool, source)
                    if os.path.lexists(source):
                        raise RuntimeError(f"{tool.name}: the tree is still there")
                    self.keep(tool, sample)

    def walk(self, turns):
        with self.volume(0) as volume:
            source = self.prepare(volume)
            if turns[0] == 0:
                for tool in self.tools:
                    self.check_walk(tool, source)
            for turn in turns:
                for tool in self.order(turn):
                    self.keep(tool, self.time(tool, source, output=subprocess.DEVNULL))

    def check_walk(self, tool, source):
        """Not measured: whether it finds everything, with or without the tree itself."""
        command = tool.arguments(self.found[tool], source, "", "")
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        if tool.level == "number":
            count = int(done.stdout)
        else:
            count = done.stdout.count(b"\n")
        if count not in (self.entries, self.entries - 1):
            raise RuntimeError(f"{tool.name}: found {count} of {self.entries} entries")

    def run(self):
        """False if something failed: then there are only the samples until then."""
        rounds = self.arguments.rounds
        together = rounds if self.arguments.fresh == "cell" else 1
        task = {"copy": self.copy, "remove": self.remove, "walk": self.walk}[self.case.task]
        try:
            for first in range(0, rounds if self.tools else 0, together):
                task(range(first, first + together))
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"bench/copy/run: {self.cell}: {error}", file=sys.stderr)
            return False
        return True
