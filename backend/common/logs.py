"""Structured logs: one JSON object a line in production, readable lines in development, no secret in either."""

import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

_SECRET_NAMES = re.compile(r"(?i)(password|passwd|secret|token|authorization|cookie|api_?key|ssn|otp|ticket)")
_SECRET_VALUES = re.compile(
    r"(?i)((?:token|ticket|password|secret|key|otp)=)[^&\s\"']+"  # in an address or a connection string
    r"|((?:authorization:\s*\w+|bearer|token|api-key)\s+)[\w.~+/=-]{8,}"  # in a header
    r"|(://[^:/\s]*:)[^@\s]+(?=@)"  # in a URL's login
    r"|()\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT anywhere
    r"|()\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # whose it is, anywhere
    r"|()\b\d{3}-\d{2}-\d{4}\b"  # an SSN anywhere
)
HIDDEN = "[hidden]"


def hide_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace what looks like a credential, by the name of its field or by its shape."""
    for name, value in event.items():
        event[name] = _hidden(name, value)
    return event


def _hidden(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name) and not isinstance(value, bool | int):
        return HIDDEN
    if isinstance(value, str):
        return _SECRET_VALUES.sub(lambda m: next((g for g in m.groups() if g), "") + HIDDEN, value)
    if isinstance(value, dict):
        return {key: _hidden(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden("", one) for one in value]
    return value


def logging_config(*, level: str, human: bool) -> None:
    """Configure structlog and the standard library's logging as one stream to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False) if human else structlog.processors.JSONRenderer(sort_keys=True)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [
                        structlog.stdlib.PositionalArgumentsFormatter(),
                        *shared,
                    ],
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # Refused requests are answered, not faults; they are counted elsewhere.
                "django.request": {"level": "ERROR"},
                "daphne": {"level": "WARNING"},
                # Whatever the level is: these would write down each question to the model, words and all.
                **dict.fromkeys(("openai", "httpx2", "httpcore2"), {"level": "WARNING"}),
            },
        }
    )
