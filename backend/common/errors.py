"""The one tree of domain errors. Domain code raises a kind; only `problems.py` knows which status that is."""


class DomainError(Exception):
    """Something the caller must hear. `detail` is for people, `code` for programs, `extra` joins the body."""

    code = "error"
    detail = "The request could not be carried out."

    def __init__(self, detail: str = "", **extra: object) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.extra = extra


class NotFound(DomainError):
    """It does not exist, or it exists and is not the caller's to know about."""

    code = "not_found"
    detail = "Not found."


class Forbidden(DomainError):
    """`is_denial`: somebody tried what they may not do, which staff should know."""

    code = "forbidden"
    detail = "You may not do this."
    is_denial = True


class Conflict(DomainError):
    """The state of things is not what the caller thought: a stale version, a duplicate, a lost race."""

    code = "conflict"
    detail = "This conflicts with the present state."


class StillRunning(Conflict):
    """The same request is being worked on just now. In a moment its answer is there."""

    code = "idempotency.still_running"
    detail = "A request with this Idempotency-Key is being worked on. Send it again in a moment."
    retry_after_s = 1


class RuleViolation(DomainError):
    code = "rule_violation"
    detail = "A rule does not allow this."


class KeyReused(RuleViolation):
    """An Idempotency-Key names one request, and this is another."""

    code = "idempotency.key_reused"
    detail = "This Idempotency-Key was used for another request."


class TooLarge(DomainError):
    """What was sent is bigger than what is taken."""

    code = "too_large"
    detail = "This is too large."


class Unauthenticated(DomainError):
    """No valid credential. Only the doors and the sockets raise it; views use DRF's authentication."""

    code = "not_authenticated"
    detail = "Sign in first."


class TooMany(DomainError):
    """A limit was passed. `retry_after_s` says for how long nothing more is taken; `headers` say the limit."""

    code = "throttled"
    detail = "Too many requests. Please wait before trying again."

    def __init__(self, *, retry_after_s: int, headers: dict[str, str] | None = None) -> None:
        # The S2 clients read `error`, `message` and `retry_after` (S2-B27).
        super().__init__(error="rate_limit_exceeded", message=self.detail, retry_after=retry_after_s)
        self.retry_after_s = retry_after_s
        self.headers = headers or {}


class Locked(DomainError):
    """The door is locked for a while; said only where the contract has a status for it (S2: 423)."""

    code = "locked"


class Unavailable(DomainError):
    """Something we depend on failed; the same request may succeed a little later."""

    code = "unavailable"
    detail = "The service is not available at the moment. Try again shortly."
