#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_stream_copy.py PROGRAM: a tree, what fails, and Ctrl-C in the middle."""

import filecmp
import os
import signal
import subprocess
import sys
import tempfile
import time


def make(root):
    for directory in ("", "a", "a/b", "a/b/c", "empty"):
        os.mkdir(os.path.join(root, directory))
        if directory != "empty":
            for i in range(20):
                with open(os.path.join(root, directory, f"file{i}"), "wb") as file:
                    file.write(bytes([i]) * (i * 1000))
    os.chmod(os.path.join(root, "a", "file3"), 0o640)
    os.symlink("nowhere", os.path.join(root, "link"))


def same(one, other):
    """Of what is there in `other` everything is as in `one`."""
    compared = filecmp.dircmp(one, other)
    assert not compared.right_only, compared.right_only
    assert not filecmp.cmpfiles(one, other, compared.common_files, shallow=False)[1]
    for directory in compared.common_dirs:
        same(os.path.join(one, directory), os.path.join(other, directory))
    return compared.left_only


def run(*arguments):
    return subprocess.run([sys.argv[1], *arguments], stderr=subprocess.PIPE, check=False, text=True)


def interrupt(source, target):
    with open(os.path.join(source, "large"), "wb") as file:
        file.truncate(3 << 30)
    with subprocess.Popen([sys.argv[1], source, target], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not os.path.exists(os.path.join(target, "large")):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        status = process.wait()
    # Complete, if it was faster, or not there.
    if status != 0:
        assert not os.path.exists(os.path.join(target, "large"))
    same(source, target)


def main():
    with tempfile.TemporaryDirectory() as top:
        source, target = os.path.join(top, "source"), os.path.join(top, "target")
        make(source)
        assert run(source, target).returncode == 0
        assert same(source, target) == ["empty", "link"]
        assert os.stat(os.path.join(target, "a", "file3")).st_mode & 0o777 == 0o640
        failed = run(os.path.join(top, "missing"), target)
        assert failed.returncode == 1 and "No such file" in failed.stderr, failed
        assert run(source).returncode == 2
        interrupt(source, os.path.join(top, "other"))


if __name__ == "__main__":
    main()
