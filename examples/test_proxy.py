#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_proxy.py PROXY ECHO: talks to the echo server through the proxy.

What the echo server's test does, which includes that the end of one side arrives while the other goes
on; and a server that is not there.
"""

import socket
import subprocess
import sys

from test_echo import connect, count_descriptors, many, much, reset


def start(*command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline().rsplit(":", 1)[1])


def drain(process):
    """The proxy says a line per client: somebody has to read them."""
    return subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)


def through_proxy():
    echo, echo_port = start(sys.argv[2], "127.0.0.1:0")
    proxy, port = start(sys.argv[1], "127.0.0.1:0", "127.0.0.1", str(echo_port))
    reader = drain(proxy)
    try:
        many(port)
        before = count_descriptors(proxy, 16)
        much(port)
        reset(port)
        many(port)
        after = count_descriptors(proxy, before)
        assert after <= before, f"{after} descriptors, {before} before"
    finally:
        for process in (proxy, echo):
            process.terminate()
            process.wait()
            process.stdout.close()
        reader.wait()


def without_server():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy, port = start(sys.argv[1], "127.0.0.1:0", "127.0.0.1", str(unused.getsockname()[1]))
        try:
            with connect(port) as client:
                assert client.recv(1) == b"", "somebody has answered"
        finally:
            proxy.terminate()
            proxy.wait()
            proxy.stdout.close()


def main():
    through_proxy()
    without_server()
    assert subprocess.run([sys.argv[1], "nonsense", "h", "s"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 1
    assert subprocess.run([sys.argv[1]], stderr=subprocess.DEVNULL, check=False).returncode == 2


if __name__ == "__main__":
    main()
