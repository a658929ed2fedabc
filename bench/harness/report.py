# SPDX-License-Identifier: MIT
"""Prints the table and writes the rows.

A ratio is the peer's median divided by ours: 3.0x means that the peer takes three times as long, or
as many bytes. Where more is better it is ours divided by the peer's.
"""

import json
import os
import platform
import statistics
import sys

OURS = "tug"


def number(value):
    """Three digits that matter, without exponents."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def ratio_of(ours, theirs, more_is_better):
    """How much better ours is; None where that means nothing, as for memory that was given back."""
    if ours <= 0 or theirs <= 0:
        return None
    return ours / theirs if more_is_better else theirs / ours


def describe_machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"


class Table:
    """Prints one line per row as soon as it has been measured."""

    def __init__(self, programs):
        self.peers = [name for name in programs if name != OURS]
        self.rows = []
        cells = [f"{OURS} [min]" if OURS in programs else "-"]
        cells += [f"{name} (ratio)" for name in self.peers]
        self.line("case", "unit", cells)

    @staticmethod
    def line(case, unit, cells):
        print(f"{case:<27} {unit:<6}" + "".join(f"{cell:>20}" for cell in cells), flush=True)

    def add(self, suite, row, flavour, samples):
        ours = samples.values.get((OURS, row.ours, flavour))
        cells = ["-"]
        if ours:
            cells = [f"{number(statistics.median(ours))} [{number(min(ours))}]"]
        unit = samples.units.get(row.ours)
        for peer in self.peers:
            name = row.theirs.get(peer)
            theirs = samples.values.get((peer, name, flavour))
            if not theirs:
                cells.append("-")
                continue
            unit = unit or samples.units[name]
            cells.append(self.compare(suite, row, flavour, samples, ours, peer, theirs))
        if unit:
            self.line(f"{row.name}/{flavour}", unit, cells)

    def compare(self, suite, row, flavour, samples, ours, peer, theirs):
        their_median = statistics.median(theirs)
        if not ours:
            return number(their_median)
        our_median = statistics.median(ours)
        ratio = ratio_of(our_median, their_median, row.more_is_better)
        self.rows.append({
            "suite": suite,
            "case": f"{row.name}/{flavour}",
            "peer": peer,
            "ours": our_median,
            "theirs": their_median,
            "unit": samples.units[row.ours],
            "ratio": ratio,
            "runs": min(samples.runs[OURS, row.ours, flavour],
                        samples.runs[peer, row.theirs[peer], flavour]),
        })
        return number(their_median) + (f" ({number(ratio)}x)" if ratio else "")


def write(rows, path):
    """Writes the rows as JSON; `-` is the standard output."""
    text = json.dumps(rows, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
