"""Pictures that we draw."""

from io import BytesIO

import segno


def qr_svg(text: str) -> str:
    """Return the text as a QR code, an SVG document: dark on white, so that it can be read on a dark page too."""
    picture = BytesIO()
    segno.make(text, error="m").save(picture, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False)
    return picture.getvalue().decode()
