#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_echo.py PROGRAM: talks to the echo server as its clients do.

Several hundred connections at once, one that sends a mebibyte before it reads, one that ends its
side, ones that are reset in the middle; afterwards the server has no descriptor more than before.
"""

import os
import socket
import subprocess
import sys
import threading

from serving import Server

CLIENTS = 300


def receive(client, length):
    data = client.file.read(length)
    assert len(data) == length, "the server has ended the connection"
    return data


def many(server):
    clients = [server.connect() for _ in range(CLIENTS)]
    for i, client in enumerate(clients):
        client.send(b"client %d" % i)
    for i, client in enumerate(clients):
        assert receive(client, len(b"client %d" % i)) == b"client %d" % i
        client.close()


def much(server):
    data = os.urandom(1 << 20)
    with server.connect() as client:
        writer = threading.Thread(target=lambda: (client.send(data),
                                                  client.socket.shutdown(socket.SHUT_WR)))
        writer.start()
        assert receive(client, len(data)) == data
        assert client.file.read(1) == b"", "the end is not passed on"
        writer.join()


def reset(server):
    for _ in range(50):
        client = server.connect()
        client.send(b"x" * 5000)
        client.reset()


def all_kinds(server):
    many(server)
    before = server.descriptors(16)
    much(server)
    reset(server)
    many(server)
    after = server.descriptors(before)
    assert after <= before, f"{after} descriptors, {before} before"


def main():
    with Server(sys.argv[1], "127.0.0.1:0") as server:
        all_kinds(server)
    assert subprocess.run([sys.argv[1], "nonsense"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 1


if __name__ == "__main__":
    main()
