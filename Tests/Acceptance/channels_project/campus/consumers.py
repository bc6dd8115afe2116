from channels.generic.websocket import AsyncJsonWebsocketConsumer


class Listener(AsyncJsonWebsocketConsumer):
    """In all groups that the path names; what it is sent there, its client gets."""

    async def connect(self) -> None:
        self.joined = self.scope["path"].strip("/").split("/")
        for group in self.joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def pass_on(self, event: dict) -> None:
        await self.send_json(event)

    notify = send_notification = chat_message = counter_update = pass_on
