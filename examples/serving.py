# SPDX-License-Identifier: MIT
"""What the tests of servers share: a server that is started and ended, and connections to it that
may be as rude as they like."""

import os
import signal
import socket
import struct
import subprocess
import time


class Connection:
    """A client, which can also be used without a protocol. `file` reads what the server sends."""

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

    def reset(self):
        """Ends the connection the rude way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def expect_end(self):
        try:
            assert self.file.read(1) == b"", "the server goes on talking"
        except ConnectionResetError:
            pass


class Program:
    """One that is run, which does not outlive the block that it is run for. Gets what
    subprocess.Popen() does."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(command, text=True, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


class Server(Program):
    """A program that prints first where it listens; `connect` makes clients of the kind that the
    protocol has."""

    def __init__(self, *command, client=Connection):
        super().__init__(*command, stdout=subprocess.PIPE)
        self.client = client
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def connect(self, **options):
        return self.client(self.port, **options)

    def end(self, number=signal.SIGTERM):
        """Asks it to end, which it has to do by itself."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        assert status == 0, f"status {status}"

    def descriptors(self, expected=None):
        """How many it has open, once it has seen that clients are gone."""
        count = 0
        for _ in range(250):
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
