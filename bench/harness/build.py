# SPDX-License-Identifier: MIT
"""Builds the programs of a suite.

Each kind of program has a class with `name` and build(context), which returns a Program or raises
Missing, with a sentence that says what would help.
"""

import glob
import os
import re
import shutil
import subprocess
from dataclasses import dataclass


class Missing(Exception):
    """A program cannot be built here; the message says why."""


@dataclass
class Context:
    source: str  # the directory bench/
    build: str  # the Meson build directory
    cargo_source: str  # a directory of crates that Cargo takes instead of the network's

    def outputs(self):
        """The directory for what is built here and not by Meson."""
        path = os.path.join(self.build, "peers")
        os.makedirs(path, exist_ok=True)
        return path


@dataclass
class Program:
    name: str
    command: list
    version: str


def run(command, **options):
    """Runs a build step; Missing with its output if it fails."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if done.returncode != 0:
        raise Missing(f"`{' '.join(command)}` failed:\n{done.stdout.strip()}")
    return done.stdout.strip()


def need(command, package):
    if shutil.which(command) is None:
        raise Missing(f"there is no `{command}` here: install the package {package}")


@dataclass
class MesonTarget:
    """A program of this project's own build."""

    name: str
    target: str
    versioned: bool = True  # it has a command "version"

    def build(self, context):
        project = os.path.dirname(context.source)
        if not os.path.exists(os.path.join(context.build, "build.ninja")):
            need("meson", "meson")
            run(["meson", "setup", context.build, project, "--buildtype=release", "-Dtests=false",
                 "-Dbench=true"])
        need("ninja", "ninja-build")
        run(["ninja", "-C", context.build, self.target])
        command = [os.path.join(context.build, self.target)]
        return Program(self.name, command, run(command + ["version"]) if self.versioned else "")


@dataclass
class CargoProgram:
    """A Rust program, built from crates in a directory, so without the network."""

    name: str
    directory: str  # below bench/, with a Cargo.toml
    crate: str  # the crate whose version names the program
    package: str  # Debian's package of that crate

    def build(self, context):
        need("cargo", "cargo")
        if not glob.glob(os.path.join(context.cargo_source, self.crate + "-[0-9]*")):
            raise Missing(f"{context.cargo_source} has no crate {self.crate}: "
                          f"install the package {self.package}")
        # Cargo writes its lock file beside the manifest, so it gets a copy.
        copy = os.path.join(context.outputs(), self.name)
        shutil.copytree(os.path.join(context.source, self.directory), copy, dirs_exist_ok=True)
        self.write_configuration(context, copy)
        run(["cargo", "build", "--release", "--offline", "--quiet", "--target-dir", "target"],
            cwd=copy)
        with open(os.path.join(copy, "Cargo.lock"), encoding="utf-8") as lock:
            version = re.search(f'name = "{self.crate}"\nversion = "([^"]*)"', lock.read()).group(1)
        binary = os.path.join(copy, "target", "release", "bench-" + self.name)
        rustc = run(["rustc", "--version"], cwd=copy).split()[1]
        return Program(self.name, [binary], f"{self.crate} {version} (rustc {rustc})")

    @staticmethod
    def write_configuration(context, copy):
        lock = os.path.join(copy, "Cargo.lock")
        if os.path.exists(lock):
            os.unlink(lock)  # it may be of another directory of crates
        os.makedirs(os.path.join(copy, ".cargo"), exist_ok=True)
        with open(os.path.join(copy, ".cargo", "config.toml"), "w", encoding="utf-8") as file:
            file.write('[source.crates-io]\nreplace-with = "directory"\n'
                       f'[source.directory]\ndirectory = "{context.cargo_source}"\n')


@dataclass
class GoProgram:
    name: str
    directory: str

    def build(self, context):
        need("go", "golang-go")
        binary = os.path.join(context.outputs(), "bench-" + self.name)
        environment = dict(os.environ, GOFLAGS="", GO111MODULE="on", GOTOOLCHAIN="local",
                           GOCACHE=os.path.join(context.outputs(), "go-cache"))
        run(["go", "build", "-o", binary, "."], env=environment,
            cwd=os.path.join(context.source, self.directory))
        return Program(self.name, [binary], run([binary, "version"]))


@dataclass
class CProgram:
    """A C program that needs one library, known to pkg-config."""

    name: str
    sources: tuple  # below bench/
    library: str
    package: str

    def build(self, context):
        need("pkg-config", "pkg-config")
        if subprocess.run(["pkg-config", "--exists", self.library], check=False).returncode != 0:
            raise Missing(f"there is no {self.library} here: install the package {self.package}")
        compiler = os.environ.get("CC", "cc").split()
        need(compiler[0], "gcc")
        flags = run(["pkg-config", "--cflags", "--libs", self.library]).split()
        binary = os.path.join(context.outputs(), "bench-" + self.name)
        sources = [os.path.join(context.source, name) for name in self.sources]
        run(compiler + ["-O3", "-o", binary] + sources + flags)
        return Program(self.name, [binary], run([binary, "version"]))
