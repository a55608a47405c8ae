"""The machine: which cores the measured servers and everything else run on, and what a process has used of them."""

import os
import time

CPUCLOCK_OF_PROCESS = 2  # the kernel's CPUCLOCK_SCHED: user and system time of all threads, ended ones included


def cores() -> tuple[set[int], set[int]]:
    """Return the core of the measured servers, and those of load and stores. With one core, both are the same."""
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, set(available[1:]) or {available[0]}


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far, to the microsecond (/proc/<pid>/stat counts in 10 ms)."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_OF_PROCESS)
