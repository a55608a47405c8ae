from backend.common.errors import Forbidden, NotFound, RuleViolation, Unauthenticated


class BadCredentials(Unauthenticated):
    """The same for an unknown account and for a wrong password: what exists is not told (E-S1-3)."""

    code = "bad_credentials"
    detail = "E-mail or password is incorrect."


class AccountLocked(BadCredentials):
    """Five failures in a row. Looks like wrong credentials on every door but S2's, which says 423 (K-22)."""


class AccountBlocked(Forbidden):
    """Told only to whoever knows the right password (design.md section 3)."""

    code = "account_blocked"
    detail = "This account is blocked. Please contact an administrator."


class TokenRefused(Unauthenticated):
    """Expired, forged, of another kind, or its session has ended."""

    code = "token_not_valid"
    detail = "The token is invalid or has expired. Sign in again."


class RegistrationRefused(RuleViolation):
    """The account cannot be made as asked; `field` says which of the values is at fault."""

    code = "registration_refused"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class IdentifierTaken(RegistrationRefused):
    """Somebody has this e-mail address or username already."""


class PasswordRefused(RuleViolation):
    code = "password_refused"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class NotAllowedOnUser(Forbidden):
    """The hierarchy: staff touch plain users only, superusers everybody (S1-B10)."""

    code = "user.not_yours"
    detail = "You may not manage this account."


class UserUnknown(NotFound):
    code = "user.unknown"
    detail = "There is no such user."


class LastSuperuser(RuleViolation):
    code = "user.last_superuser"
    detail = "The last active superuser cannot be removed, blocked or demoted."


class SessionUnknown(NotFound):
    code = "session.unknown"
    detail = "There is no such session."


class LinkRefused(RuleViolation):
    """A link to set a new password that was used, has expired, or never was."""

    code = "link_not_valid"
    detail = "This link is not valid any more. Ask for a new one."
