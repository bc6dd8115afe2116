"""specs/campus.md and INTEROP.md's words on it, with `erp` people on the other side too."""

import pytest
import erp
from campus import CHAT, NOTIFICATIONS, SENT, error, heard, said
from conftest import Connect
from frames import ERP_TIME, matches
from switchboard import Server

URL = "https://bucket.s3.amazonaws.com/file.pdf"
FAILED = error("An error occurred while processing your message")


async def test_a_message_is_confirmed_and_delivered_with_one_id(server: Server, connect: Connect) -> None:
    author, reader = server.person(), server.person()
    there = await connect(server, CHAT, reader.token)
    here = await connect(server, CHAT, author.token)
    await here.send(said("Hello, how are you?", reader.id, attachment=URL))
    sent, message = await here.receive(), await there.receive()
    assert matches(sent, SENT), sent
    assert matches(message, heard("Hello, how are you?", author, URL)), message
    assert sent["id"] == message["id"]
    await here.expect_nothing()


async def test_an_attachment_alone(server: Server, connect: Connect) -> None:
    author, reader = server.person(), server.person()
    there = await connect(server, CHAT, reader.token)
    here = await connect(server, CHAT, author.token)
    await here.send(said(None, str(reader.id), attachment=URL))
    await here.expect(SENT)
    await there.expect(heard("", author, URL))


@pytest.mark.parametrize("frame, answer", [
    ("no json", error("Invalid JSON format")),
    ("[1]", FAILED),
    ('{"message":"x"}', error("receiver_id is required")),
    ('{"receiver_id":1,"message":""}', error("message or attachment is required")),
    ('{"receiver_id":999999,"message":"x"}', error("Failed to send message. Receiver not found.")),
    ('{"receiver_id":1,"message":{}}', FAILED),
    ('{"receiver_id":1,"attachment":"file:///etc/passwd"}', FAILED),
])
async def test_every_error_and_the_connection_goes_on(
    server: Server, connect: Connect, frame: str, answer: dict
) -> None:
    author, reader = server.person(), server.person()
    client = await connect(server, CHAT, author.token)
    await client.send_text(frame)
    await client.expect(answer)
    await client.send(said("still here", reader.id))
    await client.expect(SENT)


async def test_a_receiver_who_is_away_gets_it_later_and_the_sender_is_not_bothered(
    server: Server, connect: Connect
) -> None:
    author, reader = server.person(), server.person()
    here = await connect(server, CHAT, author.token)
    for number in range(3):
        await here.send(said(f"message {number}", reader.id))
        await here.expect(SENT)
    there = await connect(server, CHAT, reader.token)
    for number in range(3):
        await there.expect(heard(f"message {number}", author))
    await there.expect_nothing()


async def test_campus_and_erp_people_talk_to_each_other(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    on_campus = await connect(server, CHAT, aarav.token)
    on_erp = await erp.online(connect, server, bela)
    await on_campus.send(said("to erp", bela.id))
    await on_campus.expect(SENT)
    await on_erp.expect(erp.heard("to erp", aarav))
    await on_campus.send(said(None, bela.id, attachment=URL))
    await on_campus.expect(SENT)
    await on_erp.expect(erp.heard(URL, aarav))
    await on_erp.send(erp.said("to campus", aarav.id))
    await on_campus.expect(heard("to campus", bela))
    # What campus has no words for does not arrive there.
    await on_erp.send({"type": "typing", "recipient_id": aarav.id})
    await on_erp.send({"type": "mark_read", "sender_id": aarav.id})
    await on_erp.expect_nothing()
    await on_campus.expect_nothing()


async def test_notifications_for_a_person_and_a_college(server: Server, connect: Connect) -> None:
    person, other = server.person(college=41), server.person(college=42)
    socket = await connect(server, NOTIFICATIONS, person.token)
    elsewhere = await connect(server, NOTIFICATIONS, other.token)
    await socket.send_text("what a client sends here is ignored")
    server.cli("notify", "--user", person.id, "--title", "Alert", "--message", "Your request approved")
    await socket.expect({
        "type": "notify", "title": "Alert", "message": "Your request approved", "notification_type": "alert",
        "timestamp": ERP_TIME, "data": {},
    })
    server.cli(
        "notify", "--college", 41, "--title", "Urgent", "--message", "Classes suspended", "--type", "notice",
        "--data", '{"notice_id": 42, "url": "/notices/42"}')
    await socket.expect({
        "type": "notify", "title": "Urgent", "message": "Classes suspended", "notification_type": "notice",
        "timestamp": ERP_TIME, "data": {"notice_id": 42, "url": "/notices/42"},
    })
    await elsewhere.expect_nothing()


async def test_the_path_is_shared_and_a_name_in_the_url_decides(server: Server, connect: Connect) -> None:
    person = server.person()
    named = await connect(server, NOTIFICATIONS + "?dialect=rooms&x=", None)
    assert (await named.receive())["type"] == "connection_status"
    anonymous = await connect(server, NOTIFICATIONS)
    assert (await anonymous.receive())["type"] == "connection_status"
    await (await connect(server, NOTIFICATIONS, person.token)).expect_nothing()
    await (await connect(server, NOTIFICATIONS + "?dialect=campus&x=", None)).expect_close(4003)


@pytest.mark.parametrize("token", [None, "", "null", "wrong"])
async def test_chat_needs_a_token(server: Server, connect: Connect, token: str | None) -> None:
    await (await connect(server, CHAT, token)).expect_close(4003)
