"""What every door takes beside the password: the device token, by which a device that signed in before is known again
(cookie `device`, header `X-Device-Token`), and the second factor's code."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from backend.common.rendering import TextField
from backend.common.shapes import Detail
from backend.identity import browsers
from backend.identity.authentication import DEVICE_COOKIE

HEADER = "X-Device-Token"
CODE_NEEDED = OpenApiResponse(
    Detail, description="`otp_required` or `otp_invalid`: after the right password of somebody who has enrolled."
)


class OtpField(TextField):
    """The code of the authenticator app, or a recovery code. Left out or empty by whoever has not enrolled."""

    def __init__(self, **kwargs: Any) -> None:
        about = "Whoever has a second factor: the app's six digits, or a recovery code."
        super().__init__(required=False, allow_blank=True, default="", max_length=64, help_text=about, **kwargs)


def token_in(request: Request) -> str:
    return str(request.headers.get(HEADER) or request.COOKIES.get(DEVICE_COOKIE) or "")


def remember(response: Response, token: str) -> None:
    """Hand the token to the client both ways: apps keep the header's, browsers the cookie."""
    response[HEADER] = token
    browsers.remember_device(response, token)
