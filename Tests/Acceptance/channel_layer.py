"""What tests of the channel layer share; the layer itself is `channels_redis`'s."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from channels_redis.core import RedisChannelLayer
from redis_server import Redis
from switchboard import PATIENCE, Server

HOLDER = b"specific."


def members(redis: Redis, group: str, prefix: str = "asgi") -> list[bytes]:
    """The channels in a group that are not those of Django consumers."""
    with redis.client() as client:
        return [name for name in client.zrange(f"{prefix}:group:{group}", 0, -1) if len(name.split(b"!")[1]) < 32]


async def joined(redis: Redis, *groups: str, count: int = 1, prefix: str = "asgi") -> None:
    """Waits until so many servers are in each of the groups."""
    deadline = time.monotonic() + PATIENCE
    while any(len(members(redis, group, prefix)) != count for group in groups):
        assert time.monotonic() < deadline, {group: members(redis, group, prefix) for group in groups}
        await asyncio.sleep(0.01)


class Layer:
    """A channel layer, closed at the end of an `async with`."""

    def __init__(self, *redises: Redis, **options: Any) -> None:
        self.layer = RedisChannelLayer(hosts=[redis.url for redis in redises], **options)

    async def __aenter__(self) -> RedisChannelLayer:
        return self.layer

    async def __aexit__(self, *_: object) -> None:
        await self.layer.close_pools()


def channel_of(server_channel: bytes) -> str:
    """The key of a server's channel, of what a group holds of it."""
    return "asgi" + server_channel.decode().split("!")[0] + "!"
