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
    detail = "A colleague has this chat."


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


class AnsweredMeanwhile(Conflict):
    """A colleague said something that the sender had not seen; `missed` is what happened since, oldest first."""

    code = "chat.answered_meanwhile"
    detail = "A colleague answered meanwhile. Nothing was sent."


class AgentUnknown(RuleViolation):
    code = "agent.unknown"
    detail = "There is no such support agent."


class MemberUnknown(RuleViolation):
    """Somebody who may not take part: no agent, no staff, blocked, or the chat's own customer or agent."""

    code = "member.unsuitable"
    detail = "This person cannot take part in this chat."


class NotAMember(NotFound):
    code = "member.unknown"
    detail = "This person has no grant in this chat."


class TooManyMembers(RuleViolation):
    code = "member.too_many"
    detail = "No more people can take part in this chat."


class NotOwnMessage(Forbidden):
    code = "message.not_own"
    detail = "Only its author changes a message."


class MessageUnknown(NotFound):
    code = "message.unknown"
    detail = "There is no such message."


class MessageChanged(Conflict):
    code = "message.changed"
    detail = "The message was changed meanwhile, from another device."


class MessageWithdrawn(Conflict):
    code = "message.withdrawn"
    detail = "The message was withdrawn."


class MessageTooOld(RuleViolation):
    code = "message.too_old"
    detail = "The message is too old to be changed."


class ChatStillOpen(Conflict):
    code = "chat.still_open"
    detail = "This chat is not closed."


class ReopeningTooLate(RuleViolation):
    code = "chat.too_long_closed"
    detail = "This chat was closed too long ago."


class AnotherChatOpen(Conflict):
    """The customer talks in a newer chat; to its members `chat_id` says in which."""

    code = "chat.another_open"
    detail = "The customer has another open chat."


class SnoozeRefused(RuleViolation):
    code = "snooze.refused"


class LabelUnknown(RuleViolation):
    code = "label.unknown"
    detail = "There is no such label, or it is no longer used."


class LabelTaken(Conflict):
    code = "label.taken"
    detail = "There is a label of this name."


class NotADeskManager(Forbidden):
    code = "desk.not_a_manager"
    detail = "Only staff manage what the whole desk uses."


class ReplyUnknown(NotFound):
    code = "canned.unknown"
    detail = "There is no such reply."


class ReplyRefused(RuleViolation):
    """The reply cannot be kept or used as it is; `field` names what is wrong with it."""

    code = "canned.refused"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class ScheduleRefused(RuleViolation):
    code = "availability.refused"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class NothingToFind(RuleViolation):
    """A search without a word that has to be there, or longer than anybody types."""

    code = "search.nothing_to_find"
    detail = "Say at least one word to find, in at most 200 characters."


class TranscriptTooLong(RuleViolation):
    code = "transcript.too_long"
    detail = "This chat is too long for a PDF. As JSON it has no limit."
