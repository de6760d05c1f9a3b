"""A disk that is full and a warehouse that can't be written to, for a while."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from chaos_processes import processes_of

DISK_MIB = 1500
"""Size of the disk of a workspace that is to become full."""

LEFT_BYTES = 4096
"""What a process may still write to a file when the disk counts as full, where no disk can be mounted."""


def can_mount() -> bool:
    """Whether this user may mount: root may, unless a container forbids it."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    probe = Path("/proc/self/status").read_text(encoding="ascii")
    granted = next(int(line.split()[1], 16) for line in probe.splitlines() if line.startswith("CapEff"))
    return bool(granted & 1 << 21)  # CAP_SYS_ADMIN


def mount_disk(home: Path) -> bool:
    """Gives a workspace a disk of its own, in memory, which can become full; False where that isn't allowed."""
    home.mkdir(parents=True, exist_ok=True)
    if not can_mount():
        return False
    return (
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(home)], check=False).returncode
        == 0
    )


def is_mount(folder: Path) -> bool:
    """Whether something is mounted there; `os.path.ismount` doesn't see a folder mounted on itself."""
    mounts = Path("/proc/mounts")
    return mounts.exists() and any(line.split()[1] == str(folder) for line in mounts.read_text().splitlines())


def unmount(folder: Path) -> None:
    """Takes a mount away again, used or not."""
    if is_mount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


@contextmanager
def full_disk(home: Path) -> Iterator[str]:
    """No byte is left on the workspace's disk while the block lasts; gives how that was done."""
    if is_mount(home):
        ballast = home / "ballast"
        try:
            with ballast.open("wb") as file, suppress(OSError):
                while True:
                    file.write(b"\0" * 2**20)
                    file.flush()
            yield "a disk of its own without a byte left"
        finally:
            ballast.unlink(missing_ok=True)
        return
    limited = [process for process in processes_of(home) if process.is_running()]
    for process in limited:
        with suppress(psutil.Error, PermissionError, ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LEFT_BYTES, resource.RLIM_INFINITY))
    try:
        yield f"files limited to {LEFT_BYTES} bytes"
    finally:
        for process in limited:
            with suppress(psutil.Error, PermissionError, ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def read_only(home: Path) -> Iterator[str]:
    """No file of the warehouse can be made, changed or removed while the block lasts; gives how that was done."""
    warehouse = home / "warehouse"
    if os.geteuid() == 0:
        if not can_mount():
            yield ""
            return
        subprocess.run(["mount", "--bind", str(warehouse), str(warehouse)], check=True)
        for _ in range(100):  # refused while a file is open for writing
            done = subprocess.run(["mount", "-o", "remount,bind,ro", str(warehouse)], check=False, capture_output=True)
            if done.returncode == 0:
                break
            time.sleep(0.02)
        try:
            yield "a read-only mount"
        finally:
            unmount(warehouse)
        return
    folders = [warehouse, *(path for path in warehouse.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield "folders without write permission"
    finally:
        for folder in folders:
            folder.chmod(0o700)
