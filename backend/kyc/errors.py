from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class Taken(Conflict):
    """Somebody has it already; `field` says what. Said of e-mail, username and phone, never of the SSN."""

    code = "registration.taken"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, **{field: [detail]})
        self.field = field


class AlreadyRegistered(Conflict):
    """The person is known already. By what is not told, since whoever asks may be a stranger with a list of numbers."""

    code = "registration.not_possible"
    detail = "We cannot open an account with these details. Sign in if you have one, or ask our support."


class RegistrationInProgress(Conflict):
    """The same person is being registered at this moment, or has been and is not decided yet (E-REG-5)."""

    code = "registration.in_progress"
    detail = "A registration with these details is in progress. Sign in to continue it."


class ProfileUnknown(NotFound):
    code = "kyc.profile_unknown"
    detail = "There is no banking profile yet."


class ProfileSettled(RuleViolation):
    """What was examined and approved is not changed by its owner alone."""

    code = "kyc.profile_settled"
    detail = "The profile has been approved. Ask our support to change it."


class DraftUnknown(NotFound):
    code = "kyc.draft_unknown"
    detail = "There is no draft, or it has expired."


class DraftStale(Conflict):
    """Another device saved meanwhile; `version` is the draft's present one."""

    code = "kyc.draft_stale"
    detail = "The draft was changed on another device. Read it again first."


class DocumentRefused(RuleViolation):
    """The document cannot be taken as it is; `field` says what is at fault."""

    code = "kyc.document_refused"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class UploadUnknown(NotFound):
    code = "kyc.upload_unknown"
    detail = "There is no such upload, or it has expired."


class OffsetMismatch(Conflict):
    """The client is not where the server is; `offset` says where the server is."""

    code = "kyc.offset_mismatch"
    detail = "The upload stands at another offset."


class ChecksumMismatch(RuleViolation):
    code = "kyc.checksum_mismatch"
    detail = "The checksum does not match what arrived. Send this part again."


class UploadBusy(Conflict):
    """Another request is writing to it."""

    code = "kyc.upload_busy"
    detail = "Another request is sending this upload. Try again in a moment."


class UploadNotAllowed(RuleViolation):
    """Documents are taken while the person's case is open (S2-B16); `kyc_status` is what it is instead."""

    code = "kyc.upload_not_allowed"
    detail = "Documents cannot be sent in this state of your verification."

    def __init__(self, kyc_status: str) -> None:
        super().__init__(kyc_status=kyc_status)


class CaseUnknown(NotFound):
    code = "kyc.case_unknown"
    detail = "There is no such person, or nothing to decide about them."


class AlreadyReviewed(Conflict):
    """Somebody decided before (E-ADM-1, E-ADM-3); `kyc_status` is what came of it."""

    code = "kyc.already_reviewed"
    detail = "This person has already been reviewed."

    def __init__(self, kyc_status: str) -> None:
        super().__init__(kyc_status=kyc_status)


class NothingToReview(RuleViolation):
    """An approval rests on at least one document that waits for it (BUG-S2-15)."""

    code = "kyc.no_documents"
    detail = "There is no document to review."


class OwnCase(Forbidden):
    """Nobody reviews themselves (BUG-S2-16)."""

    code = "kyc.own_case"
    detail = "Nobody decides about themselves."


class SecondPersonNeeded(Conflict):
    """Above LOW risk the second approval is another person's."""

    code = "kyc.second_person_needed"
    detail = "You have approved already. Another person must agree."


class CaseClaimed(Conflict):
    """A colleague has it; `reviewer_id` says who."""

    code = "kyc.case_claimed"
    detail = "A colleague is reviewing this person."


class ReasonMissing(RuleViolation):
    code = "kyc.reason_missing"
    detail = "Say why: the person is told."


class NoPreview(RuleViolation):
    code = "kyc.no_preview"
    detail = "There are previews of pictures only. Open the document itself."
