#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/minikv/test_minikv.py PROGRAM [tsan]: clients of all kinds, the well-behaved and the others.

Commands and what they reply; requests in pieces and in heaps; requests that make no sense or are
too large; clients that are slow, that vanish in mid-reply, or end their side first; and the end of
the server while somebody waits for a reply. With one worker, and with two; then `tsan` leaves the
end out: ThreadSanitizer runs no signal handler on a thread that sleeps outside of the C library.
"""

import signal
import socket
import sys
import time

from kv import Error, encode, serve
from serving import eventually

BULK_LIMIT = 200_000
LIMITS = (f"--bulk-limit={BULK_LIMIT}", "--argument-limit=64", "--command-limit=300000",
          "--backlog-limit=100000")


def expect_error(reply, text):
    assert isinstance(reply, Error) and text in str(reply), f"{reply!r}, not {text}"


def commands(server):
    with server.connect() as client:
        ask = client.ask
        assert ask("PING") == "PONG" and ask("ping", "x") == b"x"
        assert ask("ECHO", b"\r\n\0") == b"\r\n\0"
        assert ask("GET", "a") is None
        assert ask("SET", "a", "1") == "OK" and ask("GET", "a") == b"1"
        assert ask("SET", "a", "2", "NX") is None and ask("SET", "b", "2", "XX") is None
        assert ask("SET", "a", "2", "XX") == "OK" and ask("SET", "b", "", "nx") == "OK"
        assert ask("GET", "a") == b"2" and ask("GET", "b") == b""
        assert ask("EXISTS", "a", "b", "a", "c") == 3 and ask("DBSIZE") == 2
        assert ask("DEL", "a", "c", "b", "a") == 2 and ask("DBSIZE") == 0
        expect_error(ask("SET", "a", "1", "NX", "XX"), "syntax error")
        expect_error(ask("SET", "a", "1", "EX"), "syntax error")
        expect_error(ask("SET", "a", "1", "EX", "1", "PX", "1"), "syntax error")
        expect_error(ask("SET", "a", "1", "EX", "1x"), "not an integer")
        expect_error(ask("GET"), "wrong number of arguments")
        expect_error(ask("NO\r\nSUCH"), "unknown command")
        expect_error(ask("CONFIG", "SET", "save", "x"), "CONFIG GET")
        assert ask("CONFIG", "GET", "save") == [b"save", b""] and ask("CONFIG", "GET", "x") == []
        assert ask("COMMAND", "COUNT") == len(ask("COMMAND")) and ask("COMMAND", "DOCS") == []
        assert ask("QUIT") == "OK"
        client.expect_end()


def expiry(server):
    with server.connect() as client:
        ask = client.ask
        assert ask("TTL", "a") == -2 and ask("SET", "a", "1") == "OK" and ask("TTL", "a") == -1
        assert ask("EXPIRE", "a", "100") == 1 and 90 < ask("TTL", "a") <= 100
        assert ask("EXPIRE", "none", "100") == 0
        assert ask("SET", "a", "1", "EX", "50") == "OK" and 40 < ask("TTL", "a") <= 50
        assert ask("SET", "a", "1") == "OK" and ask("TTL", "a") == -1
        assert ask("EXPIRE", "a", "-1") == 1 and ask("EXISTS", "a") == 0
        for time_to_live in ("0", "-1", str(2**63 - 1)):
            expect_error(ask("SET", "a", "1", "EX", time_to_live), "invalid expire time")
        expect_error(ask("EXPIRE", "a", str(2**63 - 1)), "invalid expire time")
        expect_error(ask("EXPIRE", "a", str(2**63)), "not an integer")
        # Many that are never looked at again go with time; those that stay, stay.
        assert ask("SET", "stays", "1", "EX", "100") == "OK"
        client.send(b"".join(encode("SET", f"key{i}", "1", "PX", 1 + i % 50) for i in range(3000)))
        assert all(client.reply() == "OK" for _ in range(3000))
        eventually(lambda: ask("DBSIZE") == 1)
        # One that is looked at is gone at once, whoever removes it.
        assert ask("SET", "a", "1", "PX", "1") == "OK"
        time.sleep(0.005)
        assert ask("GET", "a") is None and ask("SET", "a", "2", "XX") is None
        assert ask("DEL", "stays") == 1


def pieces(server):
    whole = encode("SET", "k", b"v" * 300) + b"\r\n*0\r\n*-1\r\n" + encode("GET", "k")
    with server.connect() as client:
        for size in (1, 7, 100):
            for i in range(0, len(whole), size):
                client.send(whole[i:i + size])
                if size > 1:
                    time.sleep(0.0005)
            assert client.reply() == "OK" and client.reply() == b"v" * 300
        client.send(b'set "a b\\x41\\n" \'c\\\'d\'\r\nGET "a b\\x41\\n"\n  \nexists\t"a b\\x41\\n"\n')
        assert [client.reply() for _ in range(3)] == ["OK", b"c'd", 1]


def pipeline(server):
    value = b"x" * 1000
    with server.connect() as client:
        client.send(encode("SET", "k", value))
        client.send(b"".join(encode("ECHO", i) + encode("GET", "k") for i in range(5000)))
        assert client.reply() == "OK"
        for i in range(5000):
            assert client.reply() == b"%d" % i and client.reply() == value


def malformed(server):
    for request, text in (
            (b"*x\r\n", "invalid multibulk length"),
            (b"*1\r\r", "invalid multibulk length"),
            (b"*65\r\n", "invalid multibulk length"),
            (b"*99999999999999999999\r\n", "invalid multibulk length"),
            (b"*1\r\nGET\r\n", "expected '$'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$200001\r\n", "invalid bulk length"),
            (b"*2\r\n$3\r\nGETxx", "expected the end of a bulk"),
            (b"*2\r\n$200000\r\n" + b"x" * 200000 + b"\r\n$200000\r\n", "too big request"),
            (b"get 'x\r\n", "unbalanced quotes"),
            (b'get "x"y\r\n', "unbalanced quotes"),
            (b"x " * 65 + b"\n", "too many arguments"),
            (b"x" * 70000, "too big inline request")):
        with server.connect() as client:
            # The error is seen, although more comes behind what is wrong.
            client.send(encode("PING") + request + encode("PING") * 100)
            assert client.reply() == "PONG"
            expect_error(client.reply(), "Protocol error: " + text)
            client.expect_end()
    with server.connect() as client:
        client.send(b"*x\r\n")
        for _ in range(20):
            client.send(b"x" * 60_000)
            time.sleep(0.002)
        expect_error(client.reply(), "invalid multibulk length")


def half_closed(server):
    with server.connect() as client:
        client.send(encode("PING") * 3 + b"*1\r\n$4\r\nPI")
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.reply() for _ in range(3)] == ["PONG"] * 3
        client.expect_end()


def slow_and_reset(server):
    """Some take no replies, and go away in the middle of them; the others notice nothing."""
    value = b"y" * BULK_LIMIT
    before = server.descriptors()
    with server.connect() as other:
        assert other.ask("SET", "large", value) == "OK"
        slow = [server.connect(receive_buffer=4096) for _ in range(5)]
        for client in slow:
            client.send(encode("GET", "large") * 40)
        for _ in range(200):
            assert other.ask("PING") == "PONG"
        for client in slow[1:]:
            client.socket.recv(1000)
            client.reset()
        assert all(slow[0].reply() == value for _ in range(40))
        slow[0].close()
        assert other.ask("DEL", "large") == 1
    assert server.descriptors(before) <= before


def channels(server):
    with server.connect() as subscriber, server.connect() as publisher:
        assert publisher.ask("PUBLISH", "news", "lost") == 0
        subscriber.send(encode("SUBSCRIBE", "news", "other", "news"))
        assert [subscriber.reply() for _ in range(3)] == [
            [b"subscribe", b"news", 1], [b"subscribe", b"other", 2], [b"subscribe", b"news", 2]]
        expect_error(subscriber.ask("GET", "x"), "allowed in this context")
        assert subscriber.ask("PING") == [b"pong", b""]
        for i in range(1000):
            publisher.send(encode("PUBLISH", "news", i))
        for i in range(1000):
            assert publisher.reply() == 1
            assert subscriber.reply() == [b"message", b"news", b"%d" % i]
        assert subscriber.ask("UNSUBSCRIBE", "news") == [b"unsubscribe", b"news", 1]
        assert publisher.ask("PUBLISH", "news", "x") == 0
        assert publisher.ask("PUBLISH", "other", "y") == 1
        assert subscriber.reply() == [b"message", b"other", b"y"]
        assert subscriber.ask("UNSUBSCRIBE") == [b"unsubscribe", b"other", 0]
        assert subscriber.ask("UNSUBSCRIBE") == [b"unsubscribe", None, 0]
        assert subscriber.ask("GET", "x") is None


def comings_and_goings(server):
    """Nothing comes after the end of a subscription was confirmed."""
    with server.connect() as subscriber, server.connect() as publisher:
        assert subscriber.ask("SUBSCRIBE", "other") == [b"subscribe", b"other", 1]
        for _ in range(50):
            publisher.send(encode("PUBLISH", "news", "x") * 200)
            assert subscriber.ask("SUBSCRIBE", "news") == [b"subscribe", b"news", 2]
            subscriber.send(encode("UNSUBSCRIBE", "news") + encode("PING"))
            while (reply := subscriber.reply()) != [b"unsubscribe", b"news", 1]:
                assert reply == [b"message", b"news", b"x"], reply
            assert subscriber.reply() == [b"pong", b""]
        assert all(publisher.reply() in (0, 1) for _ in range(50 * 200))


def slow_subscribers(server):
    """One that reads is told everything, one that does not is dropped, and nobody waits for it."""
    before = server.descriptors()
    with server.connect() as fast, server.connect() as publisher:
        slow = server.connect(receive_buffer=4096)
        for client in (fast, slow):
            assert client.ask("SUBSCRIBE", "flood") == [b"subscribe", b"flood", 1]
        message, sent = b"z" * 10000, 0
        while publisher.ask("PUBLISH", "flood", message) == 2:
            sent += 1
            assert fast.reply() == [b"message", b"flood", message]
            assert sent < 5000, "nobody is dropped"
        fast.reply()
        try:
            while slow.socket.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        slow.close()
        assert publisher.ask("PUBLISH", "flood", "end") == 1
        assert fast.reply() == [b"message", b"flood", b"end"]
    assert server.descriptors(before) <= before


def graceful(program, *options):
    """What has been asked before the signal is answered; who listens is told goodbye; who takes no
    replies is not waited for forever."""
    for number, grace in ((signal.SIGINT, 60000), (signal.SIGTERM, 200)):
        with serve(program, f"--grace={grace}", *options) as server, server.connect() as busy, \
                server.connect() as subscriber, server.connect(receive_buffer=4096) as stuck:
            assert busy.ask("SET", "large", b"v" * 100000) == "OK"
            assert subscriber.ask("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
            if number == signal.SIGTERM:
                stuck.send(encode("GET", "large") * 500)
            else:
                busy.send(encode("GET", "large") * 100)
                assert busy.reply() == b"v" * 100000
            server.process.send_signal(number)
            if number == signal.SIGINT:
                assert all(busy.reply() == b"v" * 100000 for _ in range(99))
            busy.expect_end()
            subscriber.expect_end()
            try:
                server.connect().close()
                raise AssertionError("it still takes connections")
            except ConnectionRefusedError:
                pass
            assert server.process.wait(timeout=30) == 0


def main():
    program = sys.argv[1]
    for threads in ("1", "2"):
        with serve(program, "--threads=" + threads, *LIMITS) as server:
            for test in (commands, expiry, pieces, pipeline, malformed, half_closed,
                         slow_and_reset, channels, comings_and_goings, slow_subscribers):
                test(server)
            if threads == "2" and sys.argv[2:] == ["tsan"]:
                continue
            server.end()
        graceful(program, "--threads=" + threads)


if __name__ == "__main__":
    main()
