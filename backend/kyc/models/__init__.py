from backend.kyc.models.drafts import Draft
from backend.kyc.models.profiles import Profile

__all__ = ["Draft", "Profile"]
