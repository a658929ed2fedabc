# SPDX-License-Identifier: MIT
"""A client that speaks HTTP/1.1 byte by byte, so that it can also speak it wrongly."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from serving import Connection, Server


def request(path, *headers, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers, "", ""]
    return "\r\n".join(lines).encode()


class Client(Connection):
    def response(self, head_only=False):
        """Returns the status, the headers and the body."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), f"not a response: {line}"
        status, headers = int(line.split()[1]), {}
        while (line := self.file.readline()) != b"\r\n":
            name, value = line.decode().rstrip("\r\n").split(": ", 1)
            headers[name] = value
        length = 0 if head_only or status == 304 else int(headers["Content-Length"])
        body = self.file.read(length)
        assert len(body) == length, "the body is cut off"
        return status, headers, body

    def ask(self, path, *headers, method="GET"):
        self.send(request(path, *headers, method=method))
        return self.response(head_only=method == "HEAD")


def serve(program, root, *options):
    return Server(program, "--port=0", *options, root, client=Client)
