from backend.kyc.models.cases import Case
from backend.kyc.models.documents import COUNTING, Document, Upload, UploadPiece
from backend.kyc.models.drafts import Draft
from backend.kyc.models.profiles import Profile

__all__ = ["COUNTING", "Case", "Document", "Draft", "Profile", "Upload", "UploadPiece"]
