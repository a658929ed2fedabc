# SPDX-License-Identifier: MIT
"""Fresh file systems: made on a sparse image, mounted through a loop device, removed afterwards.

A directory tree that was just removed makes the next copy slower on some file systems, for every
tool; nothing here is ever copied to a place that was used before.
"""

import os
import shutil
import subprocess
import time

from harness import measure

MKFS = {
    # No thread that fills inode tables behind the measurement's back (see also mount_options()).
    "ext4": ["mkfs.ext4", "-q", "-F", "-i", "4096", "-E", "nodiscard"],
    "xfs": ["mkfs.xfs", "-q", "-f", "-K"],
    "btrfs": ["mkfs.btrfs", "-q", "-f", "-K"],
}
PACKAGES = {"ext4": "e2fsprogs", "xfs": "xfsprogs", "btrfs": "btrfs-progs"}
NAMES = ("ext4", "xfs", "btrfs", "tmpfs")


def run(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def why_not(name):
    """Why such a file system cannot be made here; None: it can."""
    if os.geteuid() != 0:
        return "only root can mount"
    if name in MKFS and shutil.which(MKFS[name][0]) is None:
        return f"there is no {MKFS[name][0]} here: install the package {PACKAGES[name]}"
    return None


class Volume:
    """A mounted file system; `path` is a directory on it."""

    def __init__(self, name, directory, mebibytes):
        self.name = name
        self.base = os.path.join(directory, f"volume-{os.getpid()}")
        self.image = self.base + ".image"
        self.mebibytes = mebibytes
        self.path = self.base
        self.mounts = []

    def __enter__(self):
        os.makedirs(self.base)
        try:
            self.mount()
        except BaseException:
            self.__exit__()
            raise
        return self

    def mount(self):
        if self.name == "tmpfs":
            # What does not fit has to fail for want of space: else other processes get killed.
            size = min(self.mebibytes, measure.available_memory() * 3 // 4)
            run(["mount", "-t", "tmpfs", "-o", f"size={size}m,nr_inodes=0", "bench", self.base])
        else:
            with open(self.image, "wb") as file:
                file.truncate(self.mebibytes << 20)
            run(MKFS[self.name] + [self.image])
            options = "loop,noinit_itable" if self.name == "ext4" else "loop"
            run(["mount", "-t", self.name, "-o", options, self.image, self.base])
        self.mounts.append(self.base)

    def delay(self, command):
        """Puts a FUSE file system over it: `command BASE MOUNTPOINT`."""
        self.path = self.base + ".delayed"
        os.makedirs(self.path)
        process = subprocess.Popen(command + [self.base, self.path])
        for _ in range(100):
            ended = process.poll()  # before the look: it may end because it has mounted
            if os.path.ismount(self.path):
                self.mounts.append(self.path)
                return
            if ended is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{command[0]} has not mounted anything")

    def __exit__(self, *_):
        for path in reversed(self.mounts):
            for _ in range(20):
                # Below a FUSE file system it is busy until the server has ended.
                if subprocess.run(["umount", path], stderr=subprocess.DEVNULL,
                                  check=False).returncode == 0:
                    break
                time.sleep(0.2)
            else:
                subprocess.run(["umount", "-l", path], check=False)
        for path in (self.base + ".delayed", self.base):
            if os.path.isdir(path):
                os.rmdir(path)
        if os.path.exists(self.image):
            os.unlink(self.image)


def settle():
    """Has everything written, so that one tool does not pay for the one before."""
    os.sync()


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
