"""Every frame a test gets is checked against the AsyncAPI document, which is what app developers build on."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "asyncapi.yaml"

document = yaml.safe_load(DOCUMENT.read_text())


def schema_of(name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def check_frame(frame: Any) -> None:
    """Raises: jsonschema.ValidationError when the server may not send this frame on a chat's socket."""
    if isinstance(frame, list):
        _history.validate(frame)
    else:
        _chat_frames[frame["type"]].validate(frame)


def check_notice_frame(frame: Any) -> None:
    """Raises: jsonschema.ValidationError when the server may not send this frame on the notifications' socket."""
    if isinstance(frame, list):
        _notices.validate(frame)
    elif "type" in frame:
        _notice_frames[frame["type"]].validate(frame)
    else:
        _notice.validate(frame)


def check_console_frame(frame: Any) -> None:
    """Raises: jsonschema.ValidationError when the server may not send this frame on the console's socket."""
    if isinstance(frame, list):
        _notices.validate(frame)
    else:
        _console_frames[frame["type"]].validate(frame)


def check_chatbot_frame(frame: Any) -> None:
    """Raises: jsonschema.ValidationError when the server may not send this frame on the chatbot's socket."""
    if isinstance(frame, list):
        assert frame == []
    else:
        _chatbot_frames[frame["type"]].validate(frame)


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def _typed_frames(operation: str) -> dict[str, Draft202012Validator]:
    """Return the validators of the objects with a `type` that the operation sends, by that type."""
    found = {}
    for reference in document["operations"][operation]["messages"]:
        name = _resolved(_resolved(reference))["payload"]["$ref"].rpartition("/")[2]
        kind = schema_of(name).get("properties", {}).get("type", {}).get("const")
        if kind is not None:
            found[kind] = _validator(name)
    return found


def _resolved(reference: dict[str, str]) -> dict[str, Any]:
    found = document
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


_history, _notices, _notice = _validator("history"), _validator("notices"), _validator("notice")
_chat_frames, _notice_frames = _typed_frames("serverSends"), _typed_frames("serverNotifies")
_console_frames, _chatbot_frames = _typed_frames("serverShowsConsole"), _typed_frames("chatbotAnswers")
