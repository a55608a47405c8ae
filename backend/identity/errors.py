from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation, Unauthenticated


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


class NotAdmitted(Forbidden):
    """The right password, at a door that is for others. Told only to whoever knows the password."""

    code = "not_admitted"
    detail = "This account has no access here."


class OtpRequired(Unauthenticated):
    """The password was right; whoever enrolled needs a code, too."""

    code = "otp_required"
    detail = "Send the code of your authenticator app, or a recovery code, as `otp`."


class OtpInvalid(Unauthenticated):
    """Wrong, too old, or used before."""

    code = "otp_invalid"
    detail = "The code is not valid, or was used before."


class ProofRefused(RuleViolation):
    """Somebody signed in did not show the code or the password that an act takes (services/proofs.py)."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class StepUpRequired(Forbidden):
    """The act takes a step-up token of this session, for this act and its parameters, that is fresh and unspent."""

    code = "step_up_required"
    detail = "Confirm this act first: POST /api/auth/step-up/ with its action and parameters."
    is_denial = False


class ParametersRefused(RuleViolation):
    code = "parameters_refused"
    detail = "Parameters are plain JSON; write numbers with a fraction as text."


class AlreadyEnrolled(Conflict):
    code = "two_factor.enrolled"
    detail = "The second factor is switched on already."


class NotEnrolled(Conflict):
    code = "two_factor.not_enrolled"
    detail = "The second factor is not switched on."


class ExportOpen(Conflict):
    code = "export.open"
    detail = "An archive is being made, or waits to be fetched."


class ExportGone(NotFound):
    """Another's, not finished, fetched before, or expired."""

    code = "export.gone"
    detail = "There is no such archive, or it can no longer be fetched."


class ErasureBlocked(Conflict):
    """Something must stay for now; `reasons` says what to settle first."""

    code = "erasure.blocked"
    detail = "The account cannot be erased yet."


class RuleChangeRefused(RuleViolation):
    code = "rule_change_refused"


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
