"""Which limits the doors have. Per-address limits spare exempt networks; per-account ones spare nobody."""

from ipaddress import ip_address, ip_network

from django.conf import settings

from backend.audit import services as audit
from backend.common import request_context
from backend.common.errors import TooMany
from backend.common.ratelimit import Rule, Verdict, limiter


def rule(name: str) -> Rule:
    limit, window_s = settings.RATE_LIMITS[name]
    return Rule(name, limit, window_s)


def is_exempt(ip: str | None) -> bool:
    if ip is None or not settings.RATE_LIMIT_EXEMPT:
        return False
    address = ip_address(ip)
    return any(address in ip_network(network) for network in settings.RATE_LIMIT_EXEMPT)


def take_for_address(name: str, *, cost: int = 1) -> None:
    """Count one use by the caller's address; with cost 0 only look. Raises: TooMany."""
    ip = request_context.current().ip
    if ip is None or is_exempt(ip):
        return
    judge(limiter().hit(rule(name), f"ip:{ip}", cost=cost), name)


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
