#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/cookbook/test_cookbook.py DIRECTORY RECIPE...: each program of the cookbook does what it
says, and says what it cannot do."""

import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

PROGRAMS = pathlib.Path(sys.argv[1])
BUILT = sys.argv[2:]
SIZE = 3_000_001


def run(name, *words, status=0, says=None):
    done = subprocess.run([PROGRAMS / name, *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == status, (name, words, done)
    assert says is None or done.stderr == says, (name, words, done)
    return done.stdout


def make(path, size=SIZE):
    data = bytes((i * 7 + size) % 251 for i in range(1000)) * (size // 1000 + 1)
    path.write_bytes(data[:size])
    return path


def copy_file(scratch):
    assert run("copy_file", scratch / "a", scratch / "b") == f"{SIZE} bytes\n"
    assert (scratch / "b").read_bytes() == (scratch / "a").read_bytes()
    run("copy_file", scratch / "missing", scratch / "c", status=1)
    run("copy_file", scratch / "a", status=2)


def copy_two(scratch):
    make(scratch / "small", 10)
    out = run("copy_two", scratch / "a", scratch / "b", scratch / "small", scratch / "c")
    assert out == f"{SIZE + 10} bytes\n"
    assert (scratch / "c").read_bytes() == (scratch / "small").read_bytes()
    run("copy_two", scratch / "missing", scratch / "d", scratch / "a", scratch / "e", status=1)


def write_sync_read(scratch):
    run("write_sync_read", scratch / "text", "to be kept")
    assert (scratch / "text").read_text() == "to be kept"
    run("write_sync_read", scratch / "no" / "text", "lost", status=1)


def copy_progress(scratch):
    out = run("copy_progress", scratch / "a", scratch / "b").split("\n")
    assert out[-2] == "100 %" and len(out) > 3, out
    assert (scratch / "b").read_bytes() == (scratch / "a").read_bytes()


def copy_ranges(scratch):
    for size in 0, 3, SIZE:
        make(scratch / "a", size)
        run("copy_ranges", scratch / "a", scratch / "b")
        assert (scratch / "b").read_bytes() == (scratch / "a").read_bytes()


def copy_directory(scratch):
    (scratch / "from").mkdir()
    (scratch / "from" / "left out").mkdir()
    for i in range(100):
        make(scratch / "from" / f"file {i}", i * 100)
    run("copy_directory", scratch / "from", scratch / "to",
        says=f"{scratch}/from/left out: not a file, left out\n")
    copies = sorted(path.name for path in (scratch / "to").iterdir())
    assert copies == sorted(f"file {i}" for i in range(100))
    for name in copies:
        assert (scratch / "to" / name).read_bytes() == (scratch / "from" / name).read_bytes()
    run("copy_directory", scratch / "from", scratch / "to", status=1)


def worker_pool(scratch):
    (scratch / "to").mkdir()
    names = [make(scratch / f"f{i}", i) for i in range(20)]
    out = run("worker_pool", scratch / "to", *names)
    assert out == "".join(f"{name}: copied\n" for name in names)
    assert all((scratch / "to" / name.name).read_bytes() == name.read_bytes() for name in names)
    out = run("worker_pool", scratch / "to", names[0], scratch / "missing", names[1], status=1)
    assert out.splitlines()[1].endswith("missing: No such file or directory"), out


def copy_timeout(scratch):
    assert run("copy_timeout", 100, scratch / "a", scratch / "b") == ""
    assert (scratch / "b").read_bytes() == (scratch / "a").read_bytes()
    assert run("copy_timeout", 100, scratch / "missing", scratch / "c",
               status=1) == "the copy failed\n"
    # In the middle: whatever is there is complete.
    (scratch / "from").mkdir()
    for i in range(200):
        make(scratch / "from" / str(i), 20000 + i)
    for ms in 0, 1, 3, 6, 12, 25:
        to = scratch / f"to {ms}"
        done = subprocess.run([PROGRAMS / "copy_timeout", str(ms / 1000), scratch / "from", to],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == ("" if done.returncode == 0 else "the time was up\n"), done
        copies = list(to.iterdir()) if to.exists() else []
        assert done.returncode != 0 or len(copies) == 200
        assert all(copy.read_bytes() == (scratch / "from" / copy.name).read_bytes()
                   for copy in copies)


def listens(process):
    """Whether it would notice Ctrl-C."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        caught = next(line for line in file if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1


def copy_interrupted(scratch):
    """Ctrl-C at some moment: what is there is complete."""
    (scratch / "from").mkdir()
    for i in range(200):
        make(scratch / "from" / str(i), 20000 + i)
    stopped = 0
    for ms in 0, 2, 4, 6, 8, 12, 16, 24:
        to = scratch / f"to {ms}"
        command = [PROGRAMS / "copy_timeout", "100", scratch / "from", to]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as process:
            while process.poll() is None and not (to.exists() and listens(process)):
                time.sleep(0.0005)
            time.sleep(ms / 1000)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[0]
        copies = list(to.iterdir())
        assert said == ("" if process.returncode == 0 else "interrupted\n"), (said, process)
        assert process.returncode != 0 or len(copies) == 200
        assert all(copy.read_bytes() == (scratch / "from" / copy.name).read_bytes()
                   for copy in copies)
        stopped += process.returncode != 0
    assert stopped > 0, "none was in time"


def delete_batch(scratch):
    names = [make(scratch / f"f{i}", 1) for i in range(100)]
    assert run("delete_batch", *names) == "100 removed, 0 failed\n"
    assert not any(name.exists() for name in names)
    assert run("delete_batch", scratch / "a", names[0], status=1) == "1 removed, 1 failed\n"


def wait_for_file(scratch):
    run("wait_for_file", 0.02, scratch / "later", status=1)
    timer = threading.Timer(0.05, make, [scratch / "later", 1])
    timer.start()
    run("wait_for_file", 60, scratch / "later")
    timer.join()


def graceful_shutdown(scratch):
    (scratch / "to").mkdir()
    command = [PROGRAMS / "graceful_shutdown", "30", scratch / "to", scratch / "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "working\n"
        while not (scratch / "to" / "a").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        last = process.stdout.read()
        assert process.wait() == 0
    assert last.endswith(" done, 0 cancelled\n") and not last.startswith("0 "), last
    assert (scratch / "to" / "a").read_bytes() == (scratch / "a").read_bytes()


def checksum(scratch):
    names = [make(scratch / f"f{i}", i * 1000) for i in range(20)]
    out = run("checksum", *names)
    assert out == "".join(f"{zlib.adler32(name.read_bytes()):08x} {name}\n" for name in names)
    run("checksum", scratch / "missing", names[0], status=1)


def walk(scratch):
    (scratch / "a b" / "c").mkdir(parents=True)
    wanted = [make(scratch / name, 1) for name in ("x.c", "a b/y.c", "a b/c/z.c")]
    make(scratch / "a b" / "c" / "z.h", 1)
    assert sorted(run("walk", scratch, ".c").splitlines()) == sorted(map(str, wanted))
    run("walk", scratch / "missing", ".c", status=1)


def main():
    for name in BUILT:
        with tempfile.TemporaryDirectory() as directory:
            scratch = pathlib.Path(directory)
            make(scratch / "a")
            globals()[name](scratch)


main()
