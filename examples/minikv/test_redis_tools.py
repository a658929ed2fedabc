#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/minikv/test_redis_tools.py PROGRAM: minikv as redis-cli and redis-benchmark see it.

redis-cli prints the same as with redis-server, line by line, where that is installed (Debian:
redis-server). Skipped (status 77) where the tools are not (redis-tools).
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from kv import serve

SESSION = r"""
ping
PING hello
echo "two words"
set greeting "hello, world"
get greeting
get nothing
set greeting again nx
set greeting again xx
set other again xx
get greeting
exists greeting nothing greeting
ttl greeting
ttl nothing
expire greeting 1000
ttl greeting
set greeting short ex 100 nx
set greeting short px 100000
ttl greeting
set greeting x ex 0
set greeting x ex
set greeting x ex one
expire greeting x
expire greeting -1
get greeting
set "a\x00b\r\n" "c\xffd"
get "a\x00b\r\n"
del "a\x00b\r\n" nothing
dbsize
publish nobody hears
get
config get appendonly
unsubscribe nothing
"""


def redis_server(directory):
    """Started on a free port, which somebody else may take just before it does."""
    for _ in range(10):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen(["redis-server", "--port", str(port), "--save", "",
                                    "--bind", "127.0.0.1", "--dir", directory],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return process, port
            except ConnectionRefusedError:
                time.sleep(0.02)
    sys.exit("redis-server does not start")


def session(port):
    result = subprocess.run(["redis-cli", "-p", str(port)], input=SESSION, capture_output=True,
                            encoding="latin-1", timeout=30, check=True)
    assert result.stderr == "", result.stderr
    return result.stdout.split("\n")


def compare(port, directory):
    redis, redis_port = redis_server(directory)
    try:
        expected, got = session(redis_port), session(port)
    finally:
        redis.terminate()
        redis.wait()
    assert len(expected) > 30, "the session is short"
    for line, (theirs, ours) in enumerate(zip(expected, got), 1):
        assert theirs == ours, f"line {line}: {ours!r}, not {theirs!r}"
    assert len(expected) == len(got)


def subscribe(port):
    with subprocess.Popen(["redis-cli", "-p", str(port), "subscribe", "c"],
                          stdout=subprocess.PIPE, text=True) as subscriber:
        head = [subscriber.stdout.readline().strip() for _ in range(3)]
        assert head == ["subscribe", "c", "1"], head
        subprocess.run(["redis-cli", "-p", str(port), "publish", "c", "news"],
                       stdout=subprocess.DEVNULL, timeout=30, check=True)
        message = [subscriber.stdout.readline().strip() for _ in range(3)]
        assert message == ["message", "c", "news"], message
        subscriber.terminate()


def benchmark(port):
    for pipeline in ("1", "16"):
        result = subprocess.run(
            ["redis-benchmark", "-p", str(port), "-t", "ping,set,get", "-n", "3000", "-r", "100",
             "-P", pipeline, "--csv"], capture_output=True, text=True, timeout=60, check=True)
        assert result.stderr == "", result.stderr
        names = [line.split(",")[0] for line in result.stdout.splitlines()]
        assert names == ['"test"', '"PING_INLINE"', '"PING_MBULK"', '"SET"', '"GET"'], names


def main():
    if shutil.which("redis-cli") is None or shutil.which("redis-benchmark") is None:
        print("redis-cli or redis-benchmark is missing")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["HOME"] = directory
        with serve(sys.argv[1]) as server:
            if shutil.which("redis-server") is not None:
                compare(server.port, directory)
            subscribe(server.port)
            benchmark(server.port)
            server.end()


if __name__ == "__main__":
    main()
