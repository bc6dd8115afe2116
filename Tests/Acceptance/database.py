"""Looks into the database file beside the server, without writing to it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import postgres
from switchboard import Person, Server, eventually


def rows(server: Server, query: str, *values: Any) -> list[tuple]:
    """All rows of a query on what is committed."""
    if server.store:
        return postgres.rows(server.store, query, *values)
    uri = f"{server.database.as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
        return database.execute(query, values).fetchall()


def stored_texts(server: Server) -> list[str]:
    """The text of every message, in the order of their ids."""
    return [text for (text,) in rows(server, "SELECT text FROM messages ORDER BY id")]


@contextlib.contextmanager
def held_up(server: Server) -> Iterator[None]:
    """While this holds the database's lock, the server's writer waits: up to a second, or its changes fail."""
    if server.store:
        with postgres.locked(server.store):
            yield
        return
    with contextlib.closing(sqlite3.connect(server.database, timeout=10, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


async def all_acknowledged(server: Server, person: Person) -> None:
    """Waits until a person's client has acknowledged all that was written to them: within about a second."""
    query = """
        SELECT delivered_id >= (SELECT max(messages.id) FROM messages JOIN members USING (conversation_id)
            WHERE user_id = users.id AND sender_id <> users.id) FROM users WHERE id = ?"""
    is_done = lambda: rows(server, query, person.id) == [(1,)]
    # On another thread: the client has to answer meanwhile.
    await asyncio.to_thread(eventually, is_done, "an acknowledgement of all")
