#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/test_soak.py HTTPD MINIKV [tsan] [--ignore-memory] [--seconds=S] [--rate=R] [--threads=N]
    [--seed=N] [--keep-up]

Short as a test; for what it is about, a minute: `make soak`.

For S seconds each of the servers gets R connections per second that end badly: at once, in the
middle of a request, in the middle of a reply, after nonsense, after a request that is too large, or
by saying a byte now and then. In between somebody asks properly and is answered. At the end the
server has no descriptor more than before, and no more memory than after the first half, unless that
is to be ignored. Memory that has grown may be what the second half needed at its height: then there
is another, and what grows on and on is a leak. --keep-up: there must have been as many connections
as that, but for a fifth.
"""

import argparse
import os
import random
import socket
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field

sys.path += [os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
             for name in ("httpd", "minikv")]

# pylint: disable=wrong-import-position
import kv
import web
from serving import Connection

LARGE = 400_000
RESET = struct.pack("ii", 1, 0)
CRAWLERS = 200  # connections at once that say a byte now and then
SLICE = 0.01  # seconds
HALVES = 6  # at most


@dataclass
class Protocol:
    """What a server is told: what it answers shortly, at length, and not at all."""

    name: str
    short: bytes
    long: bytes
    nonsense: list
    check: object  # asks a client of the protocol properly


def check_http(client):
    for _ in range(2):
        assert client.ask("/small")[2] == b"small"


def check_kv(client):
    assert client.ask("SET", "k", "v") == "OK" and client.ask("GET", "k") == b"v"


HTTP = Protocol("httpd", web.request("/small"), web.request("/large"),
                [b"nonsense\r\n\r\n", b"\0" * 3000, web.request("/" + "x" * 5000),
                 web.request("/", "X: " + "y" * 20000), web.request("/../../etc/passwd")], check_http)
KV = Protocol("minikv", kv.encode("PING"), kv.encode("GET", "large"),
              [b"*x\r\n", b"*1\r\n$-5\r\n", b"x" * 70000, b"*2\r\n$999999999999\r\n",
               kv.encode("SUBSCRIBE", "c") + b"\xff\xfe\r\n"], check_kv)


@dataclass
class Crowd:
    """The badly behaved."""

    port: int
    protocol: Protocol
    random: random.Random
    crawlers: list = field(default_factory=list)
    opened: int = 0

    def connect(self):
        """From one of many addresses, since ports stay occupied for a while."""
        client = socket.socket()
        client.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        client.bind((f"127.0.0.{self.random.randrange(2, 250)}", 0))
        client.connect(("127.0.0.1", self.port))
        self.opened += 1
        return client

    def leave(self, client):
        if self.random.random() < 0.8:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()

    def misbehave(self):
        """One connection, in one of the ways there are."""
        client = self.connect()
        kind = self.random.randrange(6)
        protocol = self.protocol
        if kind == 1:
            client.send(protocol.short[:self.random.randrange(1, len(protocol.short))])
        elif kind == 2:
            client.send(protocol.long * self.random.randrange(1, 8))
            client.recv(self.random.randrange(1, 5000))
        elif kind == 3:
            client.send(self.random.choice(protocol.nonsense))
        elif kind == 4:
            client.send(protocol.short * self.random.randrange(1, 50))
        elif kind == 5 and len(self.crawlers) < CRAWLERS:
            client.setblocking(False)
            self.crawlers.append([client, 0])
            return
        self.leave(client)

    def crawl(self):
        """Some of those that are slow say a byte; whom the server lets go of leaves."""
        for entry in self.random.sample(self.crawlers, len(self.crawlers) // 20):
            client, position = entry
            try:
                client.send(self.protocol.short[position:position + 1])
                entry[1] += 1
            except (BrokenPipeError, ConnectionResetError):
                entry[1] = len(self.protocol.short)
            if entry[1] >= len(self.protocol.short) - 1:
                self.leave(client)
                self.crawlers.remove(entry)

    def go_home(self):
        for client, _ in self.crawlers:
            self.leave(client)
        self.crawlers.clear()


def resident(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def visit(server, protocol):
    with server.connect() as client:
        protocol.check(client)


def rush(server, crowd, seconds, rate):
    """Has the crowd come and go. Returns the connections per second."""
    crowd.opened, start = 0, time.monotonic()
    for i in range(int(seconds / SLICE)):
        while crowd.opened < (i + 1) * rate * SLICE:
            crowd.misbehave()
        crowd.crawl()
        if i % 20 == 0:
            visit(server, crowd.protocol)
        time.sleep(max(0, start + (i + 1) * SLICE - time.monotonic()))
    crowd.go_home()
    return crowd.opened / (time.monotonic() - start)


def grows(sizes):
    """A half's height may be above another's; what leaks is above all of them."""
    return sizes[-1] >= 1.05 * sizes[0] + (1 << 20) and sizes[-1] >= max(sizes[:-1])


def soak(server, protocol, options):
    """Returns the connections per second of each half, and the memory after it."""
    visit(server, protocol)
    before = server.descriptors()
    crowd = Crowd(server.port, protocol, random.Random(options.seed))
    rates, sizes = [], []
    while len(sizes) < 2 or (grows(sizes) and len(sizes) < HALVES):
        rates.append(rush(server, crowd, options.seconds / 2, options.rate))
        after = server.descriptors(before)
        assert after <= before, f"{after} descriptors, {before} before"
        visit(server, protocol)
        sizes.append(resident(server))
    return rates, sizes


def run(server, protocol, options):
    with server:
        rates, sizes = soak(server, protocol, options)
        for rate, size in zip(rates, sizes):
            print(f"{protocol.name}: {rate:.0f} connections/s for {options.seconds / 2} s, "
                  f"{size >> 10} KiB", flush=True)
        assert options.ignore_memory or not grows(sizes), "its memory grows"
        assert not options.keep_up or min(rates) >= 0.8 * options.rate, "it does not keep up"
        if not options.tsan:
            server.end()


def main():
    parser = argparse.ArgumentParser(prog="test_soak.py")
    parser.add_argument("httpd")
    parser.add_argument("minikv")
    parser.add_argument("tsan", nargs="?", choices=["tsan"])
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep-up", action="store_true")
    parser.add_argument("--ignore-memory", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    threads = f"--threads={options.threads}"
    with tempfile.TemporaryDirectory() as root:
        for name, data in (("small", b"small"), ("large", b"x" * LARGE)):
            with open(os.path.join(root, name), "wb") as file:
                file.write(data)
        run(web.serve(options.httpd, root, threads, "--request-time=500", "--idle=1000"), HTTP,
            options)
    server = kv.serve(options.minikv, threads)
    with Connection(server.port) as client:
        client.send(kv.encode("SET", "large", b"x" * LARGE))
        assert client.file.readline() == b"+OK\r\n"
    run(server, KV, options)


if __name__ == "__main__":
    main()
