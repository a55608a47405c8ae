from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class NoAgents(NotFound):
    """Nobody in the whole product answers chats (E-S1-14)."""

    code = "chat.no_agent"
    detail = "No support agent is available."


class ChatUnknown(NotFound):
    code = "chat.unknown"
    detail = "There is no such chat."


class ChatClosed(Conflict):
    code = "chat.closed"
    detail = "This chat is closed."


class ChatTaken(Conflict):
    code = "chat.taken"
    detail = "A colleague has already taken this chat."


class NotAnAgent(Forbidden):
    code = "chat.not_an_agent"
    detail = "Only support agents do this."


class OwnChat(Forbidden):
    code = "chat.own"
    detail = "Nobody is their own agent."


class InvalidMessage(RuleViolation):
    """The message cannot be stored as it is; `field` names what is wrong with it."""

    code = "invalid_message"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class ClientIdConflict(Conflict):
    code = "client_id_conflict"
    detail = "This client_id was already used in this chat for another text."


class AttachmentUnknown(NotFound):
    """Not there, not in this chat, not one's own and not sent yet, taken back, or expired."""

    code = "attachment.unknown"
    detail = "There is no such attachment."


class AttachmentSent(Conflict):
    code = "attachment.sent"
    detail = "An attachment can be sent once."


class TooManyWaiting(Conflict):
    code = "attachment.too_many_waiting"
    detail = "Send the attachments that you have uploaded before you upload more."
