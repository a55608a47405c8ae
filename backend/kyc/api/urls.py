from django.urls import path

from backend.kyc.api import drafts, profile, registration, uploads

urlpatterns = [
    path("api/auth/register/", registration.Register.as_view()),
    path("api/auth/register/draft/", drafts.RegistrationDraft.as_view()),
    path("api/kyc/profile/", profile.KycProfile.as_view()),
    path("api/kyc/draft/", drafts.OwnDraft.as_view()),
    path("api/kyc/uploads/", uploads.Uploads.as_view()),
    path("api/kyc/uploads/<uuid:upload_id>/", uploads.OneUpload.as_view()),
]
