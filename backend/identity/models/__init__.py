from backend.identity.models.factors import RecoveryCode, SpentStepUp, TotpDevice
from backend.identity.models.keys import KeyGrant
from backend.identity.models.locks import PasswordReset, SignInCounter, SocketTicket
from backend.identity.models.rights import PersonExport, RuleChange, RuleNotice
from backend.identity.models.roles import Role, UserRole
from backend.identity.models.sessions import LoginLog, Session
from backend.identity.models.users import User

__all__ = [
    "KeyGrant",
    "LoginLog",
    "PasswordReset",
    "PersonExport",
    "RecoveryCode",
    "Role",
    "RuleChange",
    "RuleNotice",
    "Session",
    "SignInCounter",
    "SocketTicket",
    "SpentStepUp",
    "TotpDevice",
    "User",
    "UserRole",
]
