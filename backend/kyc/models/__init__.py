from backend.kyc.models.documents import Document, Upload, UploadPiece
from backend.kyc.models.drafts import Draft
from backend.kyc.models.profiles import Profile

__all__ = ["Document", "Draft", "Profile", "Upload", "UploadPiece"]
