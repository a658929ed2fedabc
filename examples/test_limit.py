#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_limit.py PROGRAM [--no-signals]: a command that ends by itself, one that does not,
one that cannot be started, and Ctrl-C."""

import signal
import subprocess
import sys


def status(*arguments):
    return subprocess.run([sys.argv[1], *arguments], stderr=subprocess.DEVNULL,
                          check=False).returncode


def interrupted():
    with subprocess.Popen([sys.argv[1], "1000", "sh", "-c", "echo started; exec sleep 1000"],
                          stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # The end of the output: the command is gone as well.
        assert process.stdout.read() == b""
        return process.wait()


def main():
    assert status("100", "sh", "-c", "exit 7") == 7
    assert status("100", "sh", "-c", "kill -TERM $$") == 128 + signal.SIGTERM
    assert status("0.05", "sleep", "1000") == 124
    assert status("1", "no-such-command-anywhere") == 127
    assert status() == 127
    if "--no-signals" not in sys.argv:
        assert interrupted() == 128 + signal.SIGINT


if __name__ == "__main__":
    main()
