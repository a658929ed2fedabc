#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/httpd/test_httpd.py PROGRAM [tsan]: clients of all kinds, the well-behaved and the
others.

Files, parts of them and conditions, as curl asks for them where it is installed; requests in pieces
and in heaps; paths that lead out of the root; requests that make no sense, are too large or too
slow; clients that take nothing, or vanish in mid-response; and the end of the server in the middle
of a response. With one worker, and with two; then `tsan` leaves the end out: ThreadSanitizer runs
no signal handler on a thread that sleeps outside of the C library.
"""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from web import request, serve

SMALL = b"hello, world\n"
LARGE = os.urandom(3_000_000)
CROWD = 500 if sys.argv[2:] == ["tsan"] else 2000


def fill(root):
    """The tree that is served, beside things that must not be."""
    outside = os.path.dirname(root)
    os.makedirs(os.path.join(root, "sub"))
    os.makedirs(os.path.join(root, "a <b>&\"c"))
    for path, data in (("small.txt", SMALL), ("large", LARGE), ("empty", b""), (".hidden", b"x"),
                       ("sub/index.html", b"<p>index"), ("a <b>&\"c/x:y", b"odd"),
                       ("../secret", b"secret"), ("closed", b"")):
        with open(os.path.join(root, path), "wb") as file:
            file.write(data)
    os.symlink("small.txt", os.path.join(root, "link"))
    os.symlink(os.path.join(outside, "secret"), os.path.join(root, "out"))
    os.symlink("..", os.path.join(root, "up"))
    os.symlink("loop", os.path.join(root, "loop"))
    os.mkfifo(os.path.join(root, "fifo"))


def files(server):
    with server.connect() as client:
        status, headers, body = client.ask("/small.txt")
        assert (status, body) == (200, SMALL) and headers["Content-Type"].startswith("text/plain")
        assert client.ask("/small.txt?query=%zz")[2] == SMALL and client.ask("//link")[2] == SMALL
        assert client.ask("/%73mall%2Etxt")[2] == SMALL and client.ask("/empty")[2] == b""
        assert client.ask("/large")[2] == LARGE
        status, headers, _ = client.ask("/large", method="HEAD")
        assert status == 200 and headers["Content-Length"] == str(len(LARGE))
        status, headers, body = client.ask("/sub/")
        assert (status, body) == (200, b"<p>index") and "text/html" in headers["Content-Type"]
        for path in ("/sub", "//sub?x=y"):
            status, headers, _ = client.ask(path)
            assert status == 301 and headers["Location"] == "/sub/", headers
        status, _, page = client.ask("/")
        assert status == 200 and b'<a href="./small.txt">small.txt</a>' in page
        assert b"hidden" not in page and b"<b>" not in page and b"./a%20%3Cb%3E%26%22c/" in page
        assert b'<a href="./x%3Ay">x:y</a>' in client.ask("/a%20%3Cb%3E%26%22c/")[2]
        assert client.ask("/", method="HEAD")[1]["Content-Length"] == str(len(page))
        # A body that nobody wants is no obstacle to the next request.
        client.send(request("/small.txt", "Content-Length: 3") + b"abc")
        client.send(request("/small.txt", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n")
        assert client.response()[2] == SMALL and client.response()[2] == SMALL


def statuses(server):
    with server.connect() as client:
        for path, expected in (("/none", 404), ("/small.txt/", 404), ("/" + "x" * 300, 404),
                               ("/out", 403), ("/up/secret", 403), ("/../secret", 403),
                               ("/%2e%2e/secret", 403), ("/sub/../../secret", 403),
                               ("/loop", 403), ("/fifo", 403), ("/%2fetc/passwd", 400),
                               ("/a%00b", 400), ("/%4", 400), ("/%zz", 400)):
            status, _, body = client.ask(path)
            assert status == expected, f"{path}: {status}, not {expected}"
            assert b"secret" not in body
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, headers, _ = client.ask("/small.txt", method=method)
            assert status == 405 and headers["Allow"] == "GET, HEAD"
        assert client.ask("/none", method="HEAD")[0] == 404
        assert client.ask("/small.txt")[2] == SMALL


def ranges(server):
    with server.connect() as client:
        for text, first, last in (("0-0", 0, 0), ("5-", 5, 12), ("3-100", 3, 12), ("-4", 9, 12),
                                  ("-100", 0, 12)):
            status, headers, body = client.ask("/small.txt", "Range: bytes=" + text)
            assert (status, body) == (206, SMALL[first:last + 1]), text
            assert headers["Content-Range"] == f"bytes {first}-{last}/13"
        status, _, body = client.ask("/large", "Range: bytes=1000001-2900000")
        assert (status, body) == (206, LARGE[1000001:2900001])
        for text in ("13-", "-0", "99999999999999999999-"):
            expected = 200 if text.startswith("9") else 416
            status, headers, _ = client.ask("/small.txt", "Range: bytes=" + text)
            assert status == expected, text
            assert status == 200 or headers["Content-Range"] == "bytes */13"
        for text in ("bytes=5-3", "bytes=0-1,3-4", "bytes=x", "lines=0-1", "bytes=-"):
            assert client.ask("/small.txt", "Range: " + text)[::2] == (200, SMALL), text
        assert client.ask("/empty", "Range: bytes=0-")[0] == 416


def conditions(server):
    with server.connect() as client:
        headers = client.ask("/small.txt")[1]
        tag, modified = headers["ETag"], headers["Last-Modified"]
        for header in (f"If-None-Match: {tag}", f"If-None-Match: \"x\", W/{tag}",
                       "If-None-Match: *", f"If-Modified-Since: {modified}"):
            status, headers, body = client.ask("/small.txt", header)
            assert (status, headers["ETag"], body) == (304, tag, b""), header
        for header in ("If-None-Match: \"x\"", "If-Modified-Since: yesterday",
                       "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"):
            assert client.ask("/small.txt", header)[0] == 200, header
        both = (f"If-Modified-Since: {modified}", "If-None-Match: \"x\"")
        assert client.ask("/small.txt", *both)[0] == 200
        for value, expected in ((tag, 206), (modified, 206), ("\"x\"", 200),
                                ("Thu, 01 Jan 1970 00:00:00 GMT", 200)):
            assert client.ask("/small.txt", "Range: bytes=0-1", f"If-Range: {value}")[0] == expected


def pieces_and_heaps(server):
    with server.connect() as client:
        for byte in request("/small.txt"):
            client.send(bytes([byte]))
        assert client.response()[2] == SMALL
        client.send(request("/small.txt") * 500 + request("/large") + request("/none"))
        assert all(client.response()[2] == SMALL for _ in range(500))
        assert client.response()[2] == LARGE and client.response()[0] == 404
        client.send(request("/small.txt", "Connection: close") + request("/small.txt"))
        assert client.response()[1]["Connection"] == "close"
        client.expect_end()
    with server.connect() as client:
        client.send(b"GET /small.txt HTTP/1.0\r\n\r\n")
        assert client.response()[2] == SMALL
        client.expect_end()
    with server.connect() as client:
        client.send(request("/small.txt") * 2)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.response()[2] == SMALL and client.response()[2] == SMALL
        client.expect_end()


def malformed(server):
    for data, expected in (
            (b"nonsense\r\n\r\n", 405),
            (b"GET  HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
            (request("/", "Content-Length: 1", "Content-Length: 2"), 400),
            (request("/", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
            (request("/", "Content-Length: 70000"), 413),
            (request("/", "Transfer-Encoding: chunked") + b"11170\r\n" + b"x" * 70000, 413),
            (request("/" + "x" * 5000), 414),
            (request("/", "X: " + "x" * 20000), 431),
            (request("/", *["X: y"] * 5000), 431),
            (request("/", "Range: " + "x" * 300), 431)):
        with server.connect() as client:
            client.send(data)
            # The answer is seen although more comes.
            for _ in range(10):
                client.send(b"x" * 10000)
                time.sleep(0.0005)
            status, headers, _ = client.response()
            assert status == expected, f"{data[:60]}: {status}, not {expected}"
            assert headers["Connection"] == "close"
            client.expect_end()


def slow_request(server):
    """However many pieces come, the whole has to come in time."""
    with server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\n")
        client.socket.settimeout(0.02)
        start = time.monotonic()
        while time.monotonic() - start < 15:
            try:
                client.send(b"X: y\r\n")
                if client.socket.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        else:
            raise AssertionError("it is waited for")
        client.socket.settimeout(20)
        assert client.response()[0] == 408
        client.expect_end()


def idle(server):
    """Those who say nothing, or take nothing, are let go of."""
    with server.connect() as first:  # after which it has all descriptors that it needs by itself
        assert first.ask("/small.txt")[2] == SMALL
    before = server.descriptors()
    with server.connect() as silent, server.connect(receive_buffer=4096) as deaf:
        deaf.send(request("/large") * 20)
        silent.expect_end()
        assert server.descriptors(before) <= before, "somebody is still waited for"


def resets(server):
    before = server.descriptors()
    for i in range(30):
        client = server.connect(receive_buffer=4096)
        client.send(request("/large") if i % 2 else b"GET /la")
        if i % 2:
            client.socket.recv(1000)
        client.reset()
    assert server.descriptors(before) <= before


def a_crowd(server):
    """Thousands who stay, and are answered each time they ask."""
    before = server.descriptors()
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(server.connect()) for _ in range(CROWD)]
        for _ in range(2):
            for client in crowd:
                client.send(request("/small.txt"))
            for client in crowd:
                assert client.response()[2] == SMALL
    assert server.descriptors(before) <= before


def curl(server, root):
    if shutil.which("curl") is None:
        return
    base = f"http://127.0.0.1:{server.port}"

    def run(*arguments):
        return subprocess.run(["curl", "-sS", "--path-as-is", *arguments], check=True, timeout=30,
                              stdout=subprocess.PIPE).stdout

    assert run(base + "/small.txt") == SMALL and run(base + "/large", base + "/large") == 2 * LARGE
    assert run("-L", base + "/sub") == b"<p>index"
    assert run("-r", "-100", base + "/large") == LARGE[-100:]
    code = ("-o", os.devnull, "-w", "%{http_code}")
    assert run(*code, base + "/../secret") == b"403" and run("-I", *code, base + "/") == b"200"
    assert run("-z", os.path.join(root, "small.txt"), *code, base + "/small.txt") == b"304"


def graceful(program, root, *options):
    """A response that has begun is sent to its end; who takes nothing is not waited for forever."""
    for number, grace in ((signal.SIGINT, 60000), (signal.SIGTERM, 200)):
        with serve(program, root, f"--grace={grace}", *options) as server, \
                server.connect(receive_buffer=65536) as busy, server.connect() as quiet, \
                server.connect(receive_buffer=4096) as deaf:
            assert quiet.ask("/small.txt")[2] == SMALL
            if number == signal.SIGTERM:
                deaf.send(request("/large") * 20)
            busy.send(request("/large"))
            busy.socket.recv(1, socket.MSG_PEEK)
            server.process.send_signal(number)
            if number == signal.SIGINT:
                assert busy.response()[2] == LARGE
            quiet.expect_end()
            assert server.process.wait(timeout=30) == 0


def main():
    program = sys.argv[1]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as directory:
        root = os.path.join(directory, "root")
        fill(root)
        for threads in ("1", "2"):
            workers = "--threads=" + threads
            with serve(program, root, workers) as server:
                for test in (files, statuses, ranges, conditions, pieces_and_heaps, malformed,
                             resets):
                    test(server)
                curl(server, root)
            with serve(program, root, workers, "--idle=60000") as server:
                a_crowd(server)
            with serve(program, root, workers, "--request-time=200") as server:
                slow_request(server)
            with serve(program, root, workers, "--idle=200") as server:
                idle(server)
            if threads == "1" or sys.argv[2:] != ["tsan"]:
                graceful(program, root, workers)


if __name__ == "__main__":
    main()
