"""Every frame a test gets is checked against the AsyncAPI document, which is what app developers build on."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "asyncapi.yaml"

_document = yaml.safe_load(DOCUMENT.read_text())


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": _document["components"]})


_history = _validator("history")
_by_type = {
    schema["properties"]["type"]["const"]: _validator(message)
    for message in _document["channels"]["supportChat"]["messages"]
    if (schema := _document["components"]["schemas"][message]).get("type") == "object"
    and any(
        reference["$ref"].endswith(f"/{message}") for reference in _document["operations"]["serverSends"]["messages"]
    )
}


def check_frame(frame: Any) -> None:
    """Raises: jsonschema.ValidationError when the server may not send this frame."""
    if isinstance(frame, list):
        _history.validate(frame)
    else:
        _by_type[frame["type"]].validate(frame)
