# SPDX-License-Identifier: MIT
"""What the tests of minikv share: a server that is started and ended, and clients that speak RESP
byte by byte, so that they can also speak it wrongly."""

import os
import signal
import socket
import struct
import subprocess
import time


class Error(Exception):
    """An error that the server has replied."""


def encode(*words):
    """A command as an array of bulk strings."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client:
    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), f"not a reply: {line}"
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Error(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.file.read(int(rest) + 2)
            assert len(data) == int(rest) + 2 and data.endswith(b"\r\n")
            return data[:-2]
        assert kind == b"*", f"not a reply: {line}"
        return [self.reply() for _ in range(int(rest))]

    def ask(self, *words):
        self.send(encode(*words))
        return self.reply()

    def expect_end(self):
        try:
            assert self.file.read(1) == b"", "the server goes on talking"
        except ConnectionResetError:
            pass

    def reset(self):
        """Ends the connection the rude way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


class Server:
    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, "--port=0", *options], stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def connect(self, **options):
        return Client(self.port, **options)

    def end(self, number=signal.SIGTERM):
        """Asks it to end, which it has to do by itself."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        assert status == 0, f"status {status}"

    def descriptors(self, expected=None):
        """How many it has open, once it has seen that clients are gone."""
        count = 0
        for _ in range(200):
            count = len(os.listdir(f"/proc/{self.process.pid}/fd"))
            if expected is None or count <= expected:
                break
            time.sleep(0.02)
        return count


def eventually(condition):
    """Waits until a condition holds."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")
