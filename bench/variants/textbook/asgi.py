"""The textbook's chat: a consumer that inserts one row and sends one group message for each message it gets."""

import django

django.setup()

from channels.db import database_sync_to_async  # noqa: E402
from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from backend.identity.sockets import principal_from_scope  # noqa: E402
from bench.variants.textbook.models import TextbookMessage  # noqa: E402


class ChatConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.user = await database_sync_to_async(principal_from_scope)(self.scope)
        self.chat_id = self.scope["url_route"]["kwargs"]["chat_id"]
        self.group = f"chat_{self.chat_id}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content):
        message = await database_sync_to_async(TextbookMessage.objects.create)(
            chat_id=self.chat_id, sender_id=self.user.id, text=content["message"]
        )
        frame = {
            "type": "message",
            "id": message.pk,
            "user": self.user.first_name,
            "user_id": self.user.id,
            "message": message.text,
            "timestamp": message.created_at.isoformat(),
        }
        await self.channel_layer.group_send(self.group, {"type": "chat.message", "frame": frame})

    async def chat_message(self, event):
        await self.send_json(event["frame"])


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("ws/support/chat/<uuid:chat_id>/", ChatConsumer.as_asgi())])}
)
