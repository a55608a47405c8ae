"""Chats, who answers them and what belongs to them. What is said lives in a chat's topics; here is what is queried."""

from backend.support.models.agents import AgentStatus
from backend.support.models.attachments import Attachment
from backend.support.models.canned import CannedReply
from backend.support.models.chats import Chat, ChatGrant, Handover, Priority, ReadPosition
from backend.support.models.edits import MessageVersion
from backend.support.models.labels import ChatLabel, Label
from backend.support.models.ratings import Rating
from backend.support.models.words import ChatWords

__all__ = [
    "AgentStatus",
    "Attachment",
    "CannedReply",
    "Chat",
    "ChatGrant",
    "ChatLabel",
    "ChatWords",
    "Handover",
    "Label",
    "MessageVersion",
    "Priority",
    "Rating",
    "ReadPosition",
]
