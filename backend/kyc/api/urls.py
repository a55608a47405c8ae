from django.urls import path

from backend.kyc.api import documents, drafts, profile, registration, reviews, uploads

urlpatterns = [
    path("api/auth/register/", registration.Register.as_view()),
    path("api/auth/register/draft/", drafts.RegistrationDraft.as_view()),
    path("api/kyc/profile/", profile.KycProfile.as_view()),
    path("api/kyc/draft/", drafts.OwnDraft.as_view()),
    path("api/admin/kyc/cases/", reviews.Cases.as_view()),
    path("api/admin/kyc/cases/<int:person_id>/claim/", reviews.ClaimCase.as_view()),
    path("api/admin/kyc/review/<int:person_id>/", reviews.Review.as_view()),
    path("api/admin/kyc/documents/", reviews.ReviewedDocuments.as_view()),
    path("api/admin/kyc/documents/<int:document_id>/content/", reviews.DocumentContent.as_view()),
    path("api/admin/kyc/documents/<int:document_id>/preview/", reviews.DocumentPreview.as_view()),
    path("api/admin/dashboard/stats/", reviews.Statistics.as_view()),
    path("api/admin/users/", reviews.People.as_view()),
    path("api/users/<int:person_id>/", reviews.PersonStatus.as_view()),
    path("api/kyc/upload/", documents.SendDocument.as_view()),
    path("api/kyc/documents/", documents.Documents.as_view()),
    path("api/kyc/uploads/", uploads.Uploads.as_view()),
    path("api/kyc/uploads/<uuid:upload_id>/", uploads.OneUpload.as_view()),
]
