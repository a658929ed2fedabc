#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_proxy.py PROXY ECHO: talks to the echo server through the proxy.

What the echo server's test does, which includes that the end of one side arrives while the other goes
on; and a server that is not there.
"""

import socket
import subprocess
import sys

from serving import Server
from test_echo import all_kinds


def through_proxy():
    with Server(sys.argv[2], "127.0.0.1:0") as echo, \
            Server(sys.argv[1], "127.0.0.1:0", "127.0.0.1", str(echo.port)) as proxy, \
            subprocess.Popen(["cat"], stdin=proxy.process.stdout, stdout=subprocess.DEVNULL):
        # The proxy says a line per client, which somebody has to read.
        all_kinds(proxy)
        proxy.process.kill()


def without_server():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = str(unused.getsockname()[1])
        with Server(sys.argv[1], "127.0.0.1:0", "127.0.0.1", port) as proxy, \
                proxy.connect() as client:
            assert client.file.read(1) == b"", "somebody has answered"


def main():
    through_proxy()
    without_server()
    assert subprocess.run([sys.argv[1], "nonsense", "h", "s"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 1
    assert subprocess.run([sys.argv[1]], stderr=subprocess.DEVNULL, check=False).returncode == 2


if __name__ == "__main__":
    main()
