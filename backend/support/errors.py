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


class NothingToFind(RuleViolation):
    """A search without a word that has to be there, or longer than anybody types."""

    code = "search.nothing_to_find"
    detail = "Say at least one word to find, in at most 200 characters."


class TranscriptTooLong(RuleViolation):
    code = "transcript.too_long"
    detail = "This chat is too long for a PDF. As JSON it has no limit."
