"""From sign-up to decision, live: over real connections, with a real tus client and a server that is killed (05)."""

import asyncio
import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from backend.common import vault
from backend.common.tests.made_files import png_of_size
from backend.identity.models import User
from backend.identity.tests.notifying import Ear, ear
from backend.kyc.models import Document, UploadPiece
from backend.kyc.tests.access import registration
from backend.tests.servers import Server

pytestmark = pytest.mark.server

DATA = png_of_size(900_000)


@pytest.fixture
def doomed(live: Server, tmp_path: Path) -> Iterator[Server]:
    """A second server process on the same database, to be killed."""
    with Server(live.database, folder=tmp_path).running() as server:
        yield server


def sign_up(base_url: str) -> tuple[int, str]:
    """Register as the S2 app does; return the person's id and access token."""
    asked = registration()
    person = requests.post(f"{base_url}/api/auth/register/", json=asked, timeout=30)
    assert person.status_code == 201, person.text
    signed_in = requests.post(
        f"{base_url}/api/auth/login/",
        json={"username": asked["username"], "password": asked["password"]},
        timeout=30,
    )
    return person.json()["id"], signed_in.json()["access"]


def uploader(base_url: str, token: str, *, chunk: int, url: str | None = None):
    client = TusClient(f"{base_url}/api/kyc/uploads/", headers={"Authorization": f"Bearer {token}"})
    metadata = {
        "filename": "passport.png",
        "document_type": "PASSPORT",
        "document_number": hashlib.sha1(token.encode()).hexdigest()[:20],
    }
    return client.uploader(file_stream=BytesIO(DATA), chunk_size=chunk, metadata=metadata, url=url, retries=0)


def decide(base_url: str, token: str, user_id: int, **body: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{base_url}/api/admin/kyc/review/{user_id}/", json=body, headers=headers, timeout=30)


def test_sign_up_upload_with_cuts_race_of_reviewers_and_the_phone_knows(live, doomed, make_user, token_of):
    """Issue 05's journey: E-KYC-4, E-ADM-1; killed in mid upload, resumed at the stored offset on another process."""
    user_id, token = sign_up(live.base_url)
    reviewers = [token_of(make_user("BANK_ADMIN")) for _ in range(2)]
    started = uploader(doomed.base_url, token, chunk=200_000)
    started.upload(stop_at=400_000)
    doomed.kill()
    with pytest.raises((TusCommunicationError, requests.ConnectionError)):
        started.upload_chunk()

    resumed = uploader(live.base_url, token, chunk=200_000, url=started.url.replace(doomed.base_url, live.base_url))
    at = resumed.offset
    resumed.upload()

    document = Document.objects.get(user_id=user_id)
    assert at == 400_000
    assert document.file.sha256 == hashlib.sha256(DATA).hexdigest()
    assert b"".join(vault.portions(document.file)) == DATA
    assert UploadPiece.objects.filter(upload__user_id=user_id).count() == 0
    statuses, told = asyncio.run(_decided_live(live, user_id, token, reviewers))
    assert sorted(statuses) == [200, 409]
    assert told["kyc_status"] == User.objects.get(pk=user_id).kyc_status


async def _decided_live(live: Server, user_id: int, token: str, reviewers: list[str]) -> tuple[list[int], dict]:
    """Let two reviewers decide at once while the person's socket is open; return what both heard, and the person."""
    async with ear(live, token) as phone:
        await phone.array()
        approving = asyncio.to_thread(decide, live.base_url, reviewers[0], user_id, action="approve")
        rejecting = asyncio.to_thread(
            decide, live.base_url, reviewers[1], user_id, action="reject", rejection_reason="blurred"
        )
        answers = await asyncio.gather(approving, rejecting)
        told = await heard(phone, "kyc.decided")
    return [answer.status_code for answer in answers], told["payload"]


async def heard(listener: Ear, kind: str) -> dict:
    """Return the next notice of this kind."""
    while (notice := await listener.next()).get("kind") != kind:
        pass
    return notice


def test_the_same_by_one_form_and_the_desk_hears_of_it(live, make_user, token_of):
    user_id, token = sign_up(live.base_url)
    reviewer = token_of(make_user("BANK_ADMIN"))

    told = asyncio.run(_heard_by_the_desk(live, token, reviewer))
    decided = decide(live.base_url, reviewer, user_id, action="approve")

    assert (told["payload"]["user_id"], told["payload"]["document_type"]) == (user_id, "PASSPORT")
    assert decided.json()["user"]["kyc_status"] == "APPROVED"


async def _heard_by_the_desk(live: Server, token: str, reviewer: str) -> dict:
    async with ear(live, reviewer) as desk:
        await desk.array()
        sent = await asyncio.to_thread(
            requests.post,
            f"{live.base_url}/api/kyc/upload/",
            data={"document_type": "PASSPORT", "document_number": hashlib.sha1(token.encode()).hexdigest()[:20]},
            files={"document_file": ("passport.png", DATA)},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert sent.status_code == 201, sent.text
        return await heard(desk, "kyc.submitted")
