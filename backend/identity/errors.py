from backend.common.errors import Forbidden, RuleViolation, Unauthenticated


class BadCredentials(Unauthenticated):
    """The same for an unknown account and for a wrong password: what exists is not told (E-S1-3)."""

    code = "bad_credentials"
    detail = "E-mail or password is incorrect."


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


class PasswordRefused(RuleViolation):
    code = "password_refused"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
