# SPDX-License-Identifier: MIT
"""Runs programs in turn and collects what they print.

A suite is a list of experiments. An experiment is a set of jobs that run interleaved (A B C A B C
...), so that a slow minute of the machine hits all of them, and the rows of the table that are made
of their samples.
"""

import mmap
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field

TIMEOUT = 180  # seconds for one run of one program
MADV_HUGEPAGE, MADV_POPULATE_WRITE = 14, 23


@dataclass(frozen=True)
class Job:
    program: str
    case: str
    quick: int  # operations per sample with --quick
    memory: int = 0  # MiB to touch before the run, see touch_memory()
    flavours: tuple = ("ct", "mt")
    rounds: int = 1000  # at most


@dataclass(frozen=True)
class Row:
    """One row of the table: names of samples as the programs print them."""

    name: str
    ours: str
    theirs: dict  # program: name of its samples
    more_is_better: bool = False  # as of operations per second; else less is, as of ns


@dataclass(frozen=True)
class Experiment:
    jobs: tuple
    rows: tuple
    flavours: tuple = ("ct", "mt")


@dataclass
class Samples:
    """All values by (program, case, flavour), and the runs that they come from."""

    values: dict = field(default_factory=lambda: defaultdict(list))
    units: dict = field(default_factory=dict)
    runs: dict = field(default_factory=lambda: defaultdict(int))
    failures: list = field(default_factory=list)


def available_memory():
    """MiB that programs can have without swapping."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0


def touch_memory(mebibytes):
    """Touches and frees memory.

    A virtual machine may have handed its free pages back to its host, and then the first touch of
    each costs many times as much as it will afterwards. Huge pages, if there are any, serve programs
    that ask for small ones as well; the other way round they do not.
    """
    if not mebibytes:
        return
    memory = mmap.mmap(-1, mebibytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for advice in (MADV_HUGEPAGE, MADV_POPULATE_WRITE):
        try:
            memory.madvise(advice)
        except OSError:
            pass  # a kernel without it: the figures are the worse for it, as said in README.md
    memory.close()


def run_job(program, job, flavour, quick, samples):
    """Runs one program once and adds what it printed."""
    command = program.command + [job.case, flavour] + ([str(job.quick)] if quick else [])
    memory = job.memory // 10 if quick else job.memory
    touch_memory(min(memory, available_memory() // 2))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        fail(samples, f"{' '.join(command)}: still running after {TIMEOUT} s")
        return
    if done.returncode != 0:
        fail(samples, f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
        return
    seen = set()
    for line in done.stdout.splitlines():
        case, printed_flavour, value, unit = line.split()
        key = (program.name, case, printed_flavour)
        samples.values[key].append(float(value))
        samples.units[case] = unit
        seen.add(key)
    for key in seen:
        samples.runs[key] += 1


def fail(samples, message):
    if message not in samples.failures:
        samples.failures.append(message)
        print(message, file=sys.stderr)


def run_experiment(experiment, flavour, programs, rounds, quick):
    """Runs all jobs of an experiment that have a program, interleaved."""
    samples = Samples()
    broken = set()
    for turn in range(rounds):
        for job in experiment.jobs:
            if job.program not in programs or flavour not in job.flavours:
                continue
            if turn >= job.rounds or job in broken:
                continue
            failures = len(samples.failures)
            run_job(programs[job.program], job, flavour, quick, samples)
            if len(samples.failures) > failures:
                broken.add(job)  # it would fail again, and perhaps take as long
    return samples
