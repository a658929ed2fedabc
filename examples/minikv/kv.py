# SPDX-License-Identifier: MIT
"""A client that speaks RESP byte by byte, so that it can also speak it wrongly."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from serving import Connection, Server


class Error(Exception):
    """An error that the server has replied."""


def encode(*words):
    """A command as an array of bulk strings."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client(Connection):
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


def serve(program, *options):
    return Server(program, "--port=0", *options, client=Client)
