#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/serve/drive.py SERVER CASE ct [N]: one server under one load.

SERVER is nginx, redis, or tug HTTPD MINIKV, which says where those two are. It has one thread and
the first processor; wrk or redis-benchmark has the last one. A hundredth of N is how long wrk works
in seconds; redis-benchmark makes some hundred times N requests of each kind.
"""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

FILES = {"http_1k": 1 << 10, "http_1m": 1 << 20}
PIPELINES = {"kv_p1": 1, "kv_p16": 16}
REQUESTS = {"kv_p1": 300, "kv_p16": 1500}  # times N
CONNECTIONS = 50
PROCESSORS = sorted(os.sched_getaffinity(0))

NGINX = """
worker_processes 1;
daemon off;
pid {directory}/pid;
error_log {directory}/log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/plain;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    server {{ listen 127.0.0.1:{port}; root {directory}; }}
}}
"""


def fail(message):
    sys.exit(f"drive.py: {message}")


def command_of(server, case, directory, port):
    if server[0] == "tug":
        httpd, minikv = server[1:]
        if case in FILES:
            return [httpd, f"--port={port}", directory]
        return [minikv, f"--port={port}"]
    if server[0] == "redis":
        return ["redis-server", "--port", str(port), "--save", "", "--dir", directory]
    path = os.path.join(directory, "conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(NGINX.format(directory=directory, port=port))
    return ["nginx", "-c", path, "-p", directory, "-e", os.path.join(directory, "log")]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(process, port):
    for _ in range(500):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.01)
    fail("the server does not start")


@contextlib.contextmanager
def running(server, case, directory, usage):
    """The port of a server, whose processor time is in `usage` afterwards."""
    port = free_port()
    with subprocess.Popen(command_of(server, case, directory, port), stdout=subprocess.DEVNULL,
                          preexec_fn=lambda: os.sched_setaffinity(0, PROCESSORS[:1])) as process:
        try:
            wait_for(process, port)
            yield port
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            usage["user"] = after.ru_utime - before.ru_utime
            usage["system"] = after.ru_stime - before.ru_stime
        finally:
            process.kill()


def load(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120,
                          preexec_fn=lambda: os.sched_setaffinity(0, PROCESSORS[-1:]))
    if done.returncode != 0:
        fail(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def http(port, case, amount):
    """Returns the rates by name, the latencies, and how many requests there were."""
    output = load("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, amount // 100)}s", "--latency",
                  f"http://127.0.0.1:{port}/{case}")
    if "Non-2xx" in output or "Socket errors" in output:
        fail(output)
    rate = float(re.search(r"Requests/sec: +([\d.]+)", output).group(1))
    worst = milliseconds(re.search(r" 99% +(\S+)", output).group(1))
    return {"": (rate, worst)}, int(re.search(r"(\d+) requests in", output).group(1))


def kv(port, case, amount):
    pipeline, count = PIPELINES[case], REQUESTS[case] * amount
    output = load("redis-benchmark", "-p", str(port), "-t", "set,get", "-n", str(count), "-c",
                  str(CONNECTIONS), "-P", str(pipeline), "-r", "100000", "--csv")
    results = {}
    for line in output.splitlines()[1:]:
        name, rate, *latencies = [cell.strip('"') for cell in line.split(",")]
        results["_" + name.lower()] = (float(rate), float(latencies[4]))
    if len(results) != 2:
        fail(output)
    return results, 2 * count


def main():
    if sys.argv[-1] == "version":
        print(sys.argv[1])
        return
    amount = 200
    arguments = sys.argv[1:]
    if arguments[-1].isdigit():
        amount = int(arguments.pop())
    *server, case, flavour = arguments
    usage = {}
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name, size in FILES.items():
            with open(os.path.join(directory, name), "wb") as file:
                file.write(b"x" * size)
        with running(server, case, directory, usage) as port:
            results, requests = (http if case in FILES else kv)(port, case, amount)
    for name, (rate, worst) in results.items():
        print(f"{case}{name} {flavour} {rate / 1000} krps")
        print(f"{case}{name}_p99 {flavour} {worst} ms")
    for kind, seconds in usage.items():
        print(f"{case}_{kind} {flavour} {1e6 * seconds / requests} us")


if __name__ == "__main__":
    main()
