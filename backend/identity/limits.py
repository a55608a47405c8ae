"""Which limits the doors have. Per-address limits spare exempt networks; per-account ones spare nobody."""

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings

from backend.audit import services as audit
from backend.common import request_context
from backend.common.errors import TooMany
from backend.common.ratelimit import Rule, Verdict, limiter
from backend.common.shares import shares

if TYPE_CHECKING:
    from rest_framework.views import APIView  # its class body loads throttles.py, and that this module


def rule(name: str) -> Rule:
    return Rule(name, *settings.RATE_LIMITS[name])


def is_exempt(ip: str | None) -> bool:
    if ip is None or not settings.RATE_LIMIT_EXEMPT:
        return False
    address = ip_address(ip)
    return any(address in ip_network(network) for network in settings.RATE_LIMIT_EXEMPT)


def take_for_address(name: str, *, cost: int = 1) -> Verdict | None:
    """Count one use by the caller's address; with cost 0 only look. None for an exempt one. Raises: TooMany."""
    ip = request_context.current().ip
    if ip is None or is_exempt(ip):
        return None
    return judge(limiter().hit(rule(name), f"ip:{ip}", cost=cost), name)


def share_for_address(name: str) -> Verdict | None:
    """As `take_for_address`, for what is asked on every request: from this process's share. Raises: TooMany."""
    ip = request_context.current().ip
    if ip is None or is_exempt(ip):
        return None
    return judge(shares().take(rule(name), f"ip:{ip}"), name)


def share_for_person(name: str, user_id: int) -> Verdict:
    """Count one use by a person, from this process's share. Exempts nobody. Raises: TooMany."""
    return judge(shares().take(rule(name), f"user:{user_id}"), name, user_id=user_id)


def share_for_key(name: str, prefix: str) -> Verdict:
    """Count one use by a partner's API key, from this process's share. Raises: TooMany."""
    return judge(shares().take(rule(name), f"key:{prefix}"), name)


def show(verdict: Verdict, view: "APIView") -> None:
    """Have the answer say how much of the limit is left: `view.headers` are what DRF puts on each answer."""
    view.headers.update(verdict.headers)


def judge(verdict: Verdict, name: str, *, user_id: int | None = None) -> Verdict:
    """Let an allowed use pass; a new block is a security event. Raises: TooMany."""
    if verdict.newly_blocked:
        audit.raise_security_event(
            event_type="RATE_LIMIT_EXCEEDED",
            user_id=user_id,
            severity="MEDIUM",
            description=f"The limit of {verdict.limit} for {name} was passed.",
            metadata={"rule": name, "blocked_s": int(verdict.reset_s)},
        )
    if not verdict.allowed:
        raise TooMany(retry_after_s=verdict.retry_after_s, headers=verdict.headers)
    return verdict
