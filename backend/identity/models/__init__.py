from backend.identity.models.roles import Role, UserRole
from backend.identity.models.sessions import LoginLog, Session
from backend.identity.models.users import User

__all__ = ["LoginLog", "Role", "Session", "User", "UserRole"]
