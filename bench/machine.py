"""The machine: which cores the measured servers and everything else run on, and what a process has used of them."""

import contextlib
import os
import time

CPUCLOCK_OF_PROCESS = 2  # the kernel's CPUCLOCK_SCHED: user and system time of all threads, ended ones included


def _cores() -> tuple[set[int], set[int]]:
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return {available[0]}, set(available[1:]) or {available[0]}


CORES = _cores()  # of the measured servers; of load and stores. The same where there is only one


def pin(pid: int, to: set[int]) -> None:
    """Let a process run on these cores only: all threads it has, and all that those will start."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):  # It may have ended meanwhile.
            os.sched_setaffinity(int(thread), to)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far, to the microsecond (/proc/<pid>/stat counts in 10 ms)."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_OF_PROCESS)


def resident_kib(pid: int) -> int:
    """Return how much memory a process has now."""
    return _status(pid, "VmRSS")


def forget_peak(pid: int) -> None:
    """Have the kernel count the peak of a process's memory from now on."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def peak_kib(pid: int) -> int:
    """Return the most memory that a process has had since its peak was forgotten."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))
