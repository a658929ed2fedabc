#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_echo.py PROGRAM: talks to the echo server as its clients do.

Several hundred connections at once, one that sends a mebibyte before it reads, one that ends its
side, ones that are reset in the middle; afterwards the server has no descriptor more than before.
"""

import os
import socket
import struct
import subprocess
import sys
import threading

CLIENTS = 300


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def receive(client, length):
    data = b""
    while len(data) < length:
        part = client.recv(1 << 16)
        assert part, "the server has ended the connection"
        data += part
    return data


def many(port):
    clients = [connect(port) for _ in range(CLIENTS)]
    for i, client in enumerate(clients):
        client.sendall(b"client %d" % i)
    for i, client in enumerate(clients):
        assert receive(client, len(b"client %d" % i)) == b"client %d" % i
        client.close()


def much(port):
    data = os.urandom(1 << 20)
    with connect(port) as client:
        writer = threading.Thread(target=lambda: (client.sendall(data),
                                                  client.shutdown(socket.SHUT_WR)))
        writer.start()
        assert receive(client, len(data)) == data
        assert client.recv(1) == b"", "the end is not passed on"
        writer.join()


def reset(port):
    for _ in range(50):
        client = connect(port)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"x" * 5000)
        client.close()


def count_descriptors(process, least):
    """How many it has open, once it has seen that its clients are gone."""
    count = 0
    for _ in range(100):
        count = len(os.listdir(f"/proc/{process.pid}/fd"))
        if count <= least:
            break
        threading.Event().wait(0.05)
    return count


def main():
    with subprocess.Popen([sys.argv[1], "127.0.0.1:0"], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            many(port)
            before = count_descriptors(process, 16)
            much(port)
            reset(port)
            many(port)
            after = count_descriptors(process, before)
            assert after <= before, f"{after} descriptors, {before} before"
        finally:
            process.terminate()
    assert subprocess.run([sys.argv[1], "nonsense"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 1


if __name__ == "__main__":
    main()
