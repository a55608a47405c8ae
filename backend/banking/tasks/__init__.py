"""What banking does by the clock and behind an answer, one module for each part."""

from backend.banking.tasks.people import (
    expire_hold,
    expire_holds,
    run_schedule,
    run_schedules,
    stop_schedules,
    tell_of_statements,
)

__all__ = [
    "expire_hold",
    "expire_holds",
    "run_schedule",
    "run_schedules",
    "stop_schedules",
    "tell_of_statements",
]
