#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/fetch/test_fetch.py PROGRAM [tsan]: a server of all kinds of files, and of none.

A hundred at once, but no more than the limit; answers that are slow, that fail at first, are cut
off, never come; a server that is not there; errors that are final; Ctrl-C. Whatever happens, a file
is whole or not there, and nothing else is. `tsan` leaves Ctrl-C out: ThreadSanitizer runs no signal
handler on a thread that sleeps outside of the C library.
"""

import collections
import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable-next=wrong-import-position
from serving import Program, eventually


def contents(path):
    """What the server has under a path: some KiB, or 3 MB."""
    size = 3_000_000 if "large" in path else 1 + 97 * len(path) * sum(path.encode()) % 100_000
    return (path.encode() * (size // len(path) + 1))[:size]


class Handler(BaseHTTPRequestHandler):
    """/KIND/NAME; the kind says how NAME is served."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.lock:
            self.server.requests[self.path] += 1
            self.server.active += 1
            self.server.most = max(self.server.most, self.server.active)
            count = self.server.requests[self.path]
        try:
            getattr(self, "do_" + self.path.split("/")[1])(contents(self.path), count)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.server.lock:
                self.server.active -= 1

    def head(self, status, length):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def do_plain(self, data, _):
        time.sleep(0.01)
        self.head(200, len(data))
        self.wfile.write(data)

    def do_chunked(self, data, _):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(data), 50_000):
            part = data[start:start + 50_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def do_busy(self, data, count):
        """Twice an error that passes."""
        if count <= 2:
            self.head(503, 0)
        else:
            self.do_plain(data, count)

    def do_cut(self, data, count):
        """Once half of it."""
        self.head(200, len(data))
        self.wfile.write(data[:len(data) if count > 1 else len(data) // 2])
        self.close_connection = True

    def do_drip(self, data, _):
        """Longer than the time in which something has to come, but something comes."""
        self.head(200, len(data))
        for i in range(8):
            self.wfile.write(data[i * len(data) // 8:(i + 1) * len(data) // 8])
            time.sleep(0.05)

    def do_slow(self, data, _):
        """Long enough to be looked at."""
        self.head(200, len(data))
        self.wfile.write(data[:len(data) // 2])
        time.sleep(0.5)
        self.wfile.write(data[len(data) // 2:])

    def do_stall(self, data, count):
        """Half of it, and then nothing; the second time all."""
        if count > 1:
            self.do_plain(data, count)
            return
        self.head(200, len(data))
        self.wfile.write(data[:len(data) // 2])
        self.server.end.wait(20)

    def do_silent(self, data, _):
        self.head(200, len(data))
        self.wfile.write(data[:len(data) // 2])
        self.server.end.wait(20)

    def do_missing(self, *_):
        self.head(404, 0)

    def do_moved(self, *_):
        self.send_response(302)
        self.send_header("Location", self.path.replace("moved", "plain"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing is logged."""


class Web(ThreadingHTTPServer):
    request_queue_size = 200
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock, self.end = threading.Lock(), threading.Event()
        self.requests, self.active, self.most = collections.Counter(), 0, 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients may vanish."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def close(self):
        self.end.set()
        self.shutdown()
        self.server_close()


class Fetch(Program):
    """One run of the program, into a directory of its own."""

    def __init__(self, program, *arguments, urls=()):
        # pylint: disable-next=consider-using-with
        self.directory = tempfile.TemporaryDirectory()
        command = [program, "--pause=10", "--timeout=300", "--directory=" + self.directory.name]
        if urls:
            command.append("--list=-")
        super().__init__(*command, *arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                         env={**os.environ, "no_proxy": "*"})
        for url in urls:
            self.process.stdin.write(url + "\n")
        self.process.stdin.close()

    def __exit__(self, *unused):
        super().__exit__(*unused)
        self.directory.cleanup()

    def end(self):
        """Returns the status, the lines that were printed, and the files."""
        lines = self.process.stderr.read().splitlines()
        files = {}
        for name in os.listdir(self.directory.name):
            with open(os.path.join(self.directory.name, name), "rb") as file:
                files[name] = file.read()
        return self.process.wait(timeout=30), lines, files

    def has(self, name):
        return os.path.exists(os.path.join(self.directory.name, name))

    def size(self):
        """How many bytes there are under any name."""
        sizes = 0
        for name in os.listdir(self.directory.name):
            with contextlib.suppress(FileNotFoundError):  # it has got its name meanwhile
                sizes += os.stat(os.path.join(self.directory.name, name)).st_size
        return sizes


def many(program, web):
    paths = [f"/plain/{i}" for i in range(96)] + ["/plain/large1", "/chunked/large2",
                                                  "/chunked/x?query", "/moved/y"]
    web.most = 0
    with Fetch(program, "--jobs=10", urls=["# a comment", "", *map(web.url, paths)]) as fetch:
        status, lines, files = fetch.end()
    assert status == 0 and len(lines) == 100, lines
    assert 1 < web.most <= 10, f"{web.most} at once"
    assert len(files) == 100
    for path in paths:
        name = path.split("/")[-1].split("?")[0]
        assert files[name] == contents(path.replace("moved", "plain")), path
        assert f"{name}: {len(files[name])} bytes" in lines, lines


def what_passes(program, web):
    paths = ["/busy/a", "/cut/large_b", "/drip/c", "/stall/large_d", "/plain/e"]
    with Fetch(program, *map(web.url, paths)) as fetch:
        status, lines, files = fetch.end()
    assert status == 0, lines
    assert files == {path.split("/")[-1]: contents(path) for path in paths}
    assert any(line.startswith("a: ") and line.endswith("(3 attempts)") for line in lines), lines
    assert [web.requests[path] for path in paths] == [3, 2, 1, 2, 1], web.requests


def what_stays(program, web):
    """Each failure is named, and the others come all the same."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}/nobody"
        urls = [web.url(path) for path in ("/missing/x", "/silent/large_y", "/plain/z")]
        others = [nobody, "nonsense://host/n", "http://[/brackets"]
        with Fetch(program, "--retries=1", *urls, *others) as fetch:
            status, lines, files = fetch.end()
    assert status == 1 and files == {"z": contents("/plain/z")}, (status, files.keys())
    assert web.requests["/missing/x"] == 1 and web.requests["/silent/large_y"] == 2
    for url, text in ((urls[0], "404"), (urls[1], "nothing comes any more (2 attempts)"),
                      (nobody, "(2 attempts)"), (others[1], "rotocol"), (others[2], "")):
        assert sum(line.startswith(f"fetch: {url}: ") and text in line for line in lines) == 1, \
            (url, lines)


def what_makes_no_sense(program, web):
    for arguments, expected in (([], 2), (["--jobs=0", "http://x/y"], 2), (["http://x/.."], 1),
                                (["--list=/nonexistent"], 1),
                                ([web.url("/plain/a"), web.url("/busy/a")], 1)):
        with Fetch(program, *arguments) as fetch:
            status, lines, files = fetch.end()
            assert status == expected and lines and not files, (arguments, status, lines)
    with Fetch(program, "--directory=/nonexistent", web.url("/plain/a")) as fetch:
        assert fetch.end()[0] == 1


def tells_its_usage(program, _web):
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "--jobs=COUNT" in done.stdout and not done.stderr, done


def no_room(program, web):
    """An existing file is replaced, a directory of that name is not."""
    with Fetch(program, "--jobs=1", web.url("/drip/first"), web.url("/plain/taken")) as fetch:
        os.mkdir(os.path.join(fetch.directory.name, "taken"))
        with open(os.path.join(fetch.directory.name, "first"), "wb") as file:
            file.write(b"old")
        lines = fetch.process.stderr.read()
        assert fetch.process.wait(timeout=30) == 1 and "/plain/taken: Is a directory" in lines, lines
        assert sorted(os.listdir(fetch.directory.name)) == ["first", "taken"]
        assert fetch.size() > len("old")


def shows_progress(program, web):
    """On a terminal: a line for each that is being fetched, and none at the end."""
    terminal, other = pty.openpty()
    with tempfile.TemporaryDirectory() as directory:
        urls = [web.url(path) for path in ("/slow/large_a", "/slow/large_b", "/plain/c")]
        with Program(program, "--directory=" + directory, *urls, stdin=subprocess.DEVNULL,
                     stderr=other, env={**os.environ, "no_proxy": "*"}) as fetch:
            os.close(other)
            said = b""
            with contextlib.suppress(OSError):  # how a terminal ends
                while part := os.read(terminal, 65536):
                    said += part
            assert fetch.process.wait(timeout=30) == 0, said
    os.close(terminal)
    for name in (b"large_a", b"large_b"):
        assert re.search(rb" \d+% +\d+\.\d KiB  " + name + rb"\r\n", said), said
    assert b"1 of 3\r\n" in said, said
    # What is left when each line has been drawn where the one before was wiped out.
    lines = []
    for line in said.replace(b"\033[A\033[K", b"\0").replace(b"\r\n", b"\n").splitlines():
        for _ in range(line.count(b"\0")):
            lines.pop()
        lines.append(line.replace(b"\0", b""))
    assert len(lines) == 3 and all(line.endswith(b" bytes") for line in lines), lines


def interrupted(program, web):
    for number in (signal.SIGINT, signal.SIGTERM):
        urls = [web.url(path) for path in ("/plain/whole", "/silent/large_1", "/silent/large_2")]
        with Fetch(program, "--timeout=20000", *urls) as fetch:
            # pylint: disable-next=cell-var-from-loop
            eventually(lambda: fetch.size() > 2_000_000 and fetch.has("whole"))
            fetch.process.send_signal(number)
            status, lines, files = fetch.end()
        assert status == 130, (status, lines)
        assert files == {"whole": contents("/plain/whole")}, files.keys()


def main():
    program = sys.argv[1]
    tests = [many, what_passes, what_stays, what_makes_no_sense, tells_its_usage,
             no_room, shows_progress]
    if sys.argv[2:] != ["tsan"]:
        tests.append(interrupted)
    for test in tests:
        web = Web()
        test(program, web)
        web.close()


if __name__ == "__main__":
    main()
