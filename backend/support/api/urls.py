from django.urls import path

from backend.support.api import agents, attachments, chats, desk, messages, search, times, transcripts

_CHAT = "api/chats/<uuid:chat_id>/"
_MESSAGE = f"{_CHAT}messages/<uuid:message_id>/"

urlpatterns = [
    path("api/chats/get-or-create/", chats.OpenChat.as_view()),
    path("api/chats/chat/", chats.AgentChats.as_view()),
    path("api/chats/queue/", chats.Queue.as_view()),
    path("api/chats/availability/", agents.Availability.as_view()),
    path("api/chats/labels/", agents.Labels.as_view()),
    path("api/chats/labels/<int:label_id>/", agents.OneLabel.as_view()),
    path("api/chats/canned/", agents.CannedReplies.as_view()),
    path("api/chats/canned/<uuid:reply_id>/", agents.OneReply.as_view()),
    path("api/chats/times/", times.Times.as_view()),
    path("api/chats/search/", search.SearchMessages.as_view()),
    path(_CHAT, chats.ChatDetail.as_view()),
    path(f"{_CHAT}take/", chats.TakeChat.as_view()),
    path(f"{_CHAT}transfer/", chats.TransferChat.as_view()),
    path(f"{_CHAT}close/", chats.CloseChat.as_view()),
    path(f"{_CHAT}reopen/", chats.ReopenChat.as_view()),
    path(f"{_CHAT}messages/", messages.Messages.as_view()),
    path(_MESSAGE, messages.OneMessage.as_view()),
    path(f"{_MESSAGE}versions/", messages.MessageVersions.as_view()),
    path(f"{_CHAT}attachments/", attachments.Attachments.as_view()),
    path(f"{_CHAT}attachments/<uuid:attachment_id>/", attachments.AttachmentFile.as_view()),
    path(f"{_CHAT}notes/", messages.Notes.as_view()),
    path(f"{_CHAT}transcript/", transcripts.ChatTranscript.as_view()),
    path(f"{_CHAT}read/", messages.ReadUpTo.as_view()),
    path(f"{_CHAT}priority/", desk.ChatPriority.as_view()),
    path(f"{_CHAT}labels/", desk.ChatLabels.as_view()),
    path(f"{_CHAT}snooze/", desk.Snooze.as_view()),
    path(f"{_CHAT}members/", desk.Members.as_view()),
    path(f"{_CHAT}members/<int:user_id>/", desk.OneMember.as_view()),
    path(f"{_CHAT}rating/", desk.ChatRating.as_view()),
    path(f"{_CHAT}canned/<uuid:reply_id>/", agents.RenderedReply.as_view()),
]
