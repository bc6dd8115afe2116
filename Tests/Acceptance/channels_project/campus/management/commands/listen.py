import asyncio

from asgiref.testing import ApplicationCommunicator
from django.core.management.base import BaseCommand

from campus.consumers import Listener


class Command(BaseCommand):
    """Has a consumer in some groups, and prints what it sends to its client, one frame a line."""

    def add_arguments(self, parser) -> None:
        parser.add_argument("groups", nargs="+")

    def handle(self, *args, groups: list[str], **options) -> None:
        asyncio.run(self.listen("/" + "/".join(groups)))

    async def listen(self, path: str) -> None:
        scope = {"type": "websocket", "path": path, "headers": [], "subprotocols": [], "query_string": b""}
        client = ApplicationCommunicator(Listener.as_asgi(), scope)
        await client.send_input({"type": "websocket.connect"})
        print((await client.receive_output(timeout=10))["type"], flush=True)
        while True:
            print((await client.receive_output(timeout=3600))["text"], flush=True)
