"""Bad input to the `erp` chat: an error frame, nothing delivered, and the connection goes on."""

import json

import pytest
from client import Client
from conftest import Connect, Start
from erp import CHAT, heard, online, said
from frames import ANY_ERROR, error
from switchboard import Person, Server

NOT_JSON = error("Invalid JSON format")
BAD_FORMAT = error("Invalid message format")
NO_MESSAGE = error("message is required")
NO_RECIPIENT = error("recipient_id is required")
NO_SENDER = error("sender_id is required")

# BELA and AARAV stand for the receiver's and the sender's own id.
CASES = [
    ("hello", NOT_JSON),
    ("", NOT_JSON),
    ('{"type":"typing","recipient_id":BELA', NOT_JSON),
    ('{"type":"typing","recipient_id":BELA} x', NOT_JSON),
    ('{"type":"typing","recipient_id":BELA,}', NOT_JSON),
    ("{'type':'typing','recipient_id':BELA}", NOT_JSON),
    ('{"type":"chat_message","message":"x","recipient_id":BELA,"more":nul}', NOT_JSON),
    ('{"type":"chat_message","message":"a\nb","recipient_id":BELA}', NOT_JSON),
    ('{"type":"chat_message","message":"a\0b","recipient_id":BELA}', NOT_JSON),
    (b'{"type":"chat_message","message":"x","recipient_id":BELA}', NOT_JSON),
    (b"\xff\xfe", NOT_JSON),
    ("[]", BAD_FORMAT),
    ('"chat_message"', BAD_FORMAT),
    ("5", BAD_FORMAT),
    ("null", BAD_FORMAT),
    ("{}", BAD_FORMAT),
    ('{"message":"x","recipient_id":BELA}', BAD_FORMAT),
    ('{"type":"dance","message":"x","recipient_id":BELA}', BAD_FORMAT),
    ('{"type":"CHAT_MESSAGE","message":"x","recipient_id":BELA}', BAD_FORMAT),
    ('{"type":5,"message":"x","recipient_id":BELA}', BAD_FORMAT),
    ('{"type":null,"message":"x","recipient_id":BELA}', BAD_FORMAT),
    ('{"type":"chat_message","recipient_id":BELA}', NO_MESSAGE),
    ('{"type":"chat_message","message":"","recipient_id":BELA}', NO_MESSAGE),
    ('{"type":"chat_message","message":5,"recipient_id":BELA}', NO_MESSAGE),
    ('{"type":"chat_message","message":null,"recipient_id":BELA}', NO_MESSAGE),
    ('{"type":"chat_message","message":["x"],"recipient_id":BELA}', NO_MESSAGE),
    ('{"type":"chat_message","message":"x"}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":null}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":true}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":""}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":"bela"}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":"BELAx"}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":[BELA]}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":BELA.5}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":"BELA.5"}', NO_RECIPIENT),
    ('{"type":"chat_message","message":"x","recipient_id":AARAV}', error("You cannot send a message to yourself.")),
    ('{"type":"chat_message","message":"x","recipient_id":"AARAV"}', error("You cannot send a message to yourself.")),
    ('{"type":"typing"}', NO_RECIPIENT),
    ('{"type":"typing","recipient_id":"bela"}', NO_RECIPIENT),
    ('{"type":"mark_read"}', NO_SENDER),
    ('{"type":"mark_read","sender_id":BELA.5}', NO_SENDER),
    ('{"type":"mark_read","sender_id":{}}', NO_SENDER),
    ('{"type":"chat_message","message":"x","recipient_id":-1}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":-BELA}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":"-BELA"}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":"+BELA"}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":" BELA"}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":"BELA\\u0000"}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":9223372036854775808}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":18446744073709551616}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":"18446744073709551617"}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":-9223372036854775809}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":1e400}', ANY_ERROR),
    ('{"type":"chat_message","message":"\\ud800","recipient_id":BELA}', ANY_ERROR),
    ('{"type":"chat_message","message":"\\udc00\\ud800","recipient_id":BELA}', ANY_ERROR),
    ('{"type":"chat_message","message":"x","recipient_id":BELA,"client_id":"' + "c" * 65 + '"}', ANY_ERROR),
    ("[" * 100_000, ANY_ERROR),
    ("[" * 5_000 + "]" * 5_000, ANY_ERROR),
    ('{"a":' * 50_000, ANY_ERROR),
]


@pytest.fixture(scope="module")
def people(server: Server) -> tuple[Person, Person]:
    """Two people for all cases: so many more would take their time to make."""
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


async def listening(connect: Connect, server: Server, person: Person) -> Client:
    """A client that has its backlog: what an earlier case sent, if the acknowledgement was not stored yet."""
    client = await connect(server, CHAT, person.token)
    await client.send_text("are you there?")
    while await client.receive() != NOT_JSON:
        pass
    return client


@pytest.mark.parametrize("bad, answer", CASES, ids=[repr(case[0])[:70] for case in CASES])
async def test_a_bad_frame(
    server: Server, connect: Connect, people: tuple[Person, Person], bad: str | bytes, answer: dict
) -> None:
    aarav, bela = people
    sender, receiver = await online(connect, server, aarav), await listening(connect, server, bela)
    if isinstance(bad, str):
        bad = bad.replace("BELA", str(bela.id)).replace("AARAV", str(aarav.id))
    else:
        bad = bad.replace(b"BELA", str(bela.id).encode())
    await sender.send_text(bad)
    await sender.expect(answer)
    await sender.send(said("still here", bela.id))
    await receiver.expect(heard("still here", aarav))
    await sender.expect_nothing()


@pytest.mark.parametrize("text", ["a" * 16384, "é" * 8192, "👋" * 4096], ids=["ascii", "two bytes", "four bytes"])
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as it is"])
async def test_the_longest_text_has_16384_bytes(
    server: Server, connect: Connect, people: tuple[Person, Person], text: str, escaped: bool
) -> None:
    aarav, bela = people
    sender, receiver = await online(connect, server, aarav), await listening(connect, server, bela)
    await sender.send_text(json.dumps(said(text + "x", bela.id), ensure_ascii=escaped))
    await sender.expect(error("Message is too long"))
    await sender.send_text(json.dumps(said(text, bela.id), ensure_ascii=escaped))
    await receiver.expect(heard(text, aarav))


async def test_the_longest_text_can_be_set(start: Start, connect: Connect) -> None:
    server = start("--max-text", 10)
    aarav, bela = server.person(), server.person()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    await sender.send(said("12345678901", bela.id))
    await sender.expect(error("Message is too long"))
    await sender.send(said("1234567890", bela.id))
    await receiver.expect(heard("1234567890", aarav))


async def test_text_arrives_as_it_was_sent(
    server: Server, connect: Connect, people: tuple[Person, Person]
) -> None:
    aarav, bela = people
    sender, receiver = await online(connect, server, aarav), await listening(connect, server, bela)
    text = 'quotes " \' \\ /, <b>, tab\t, line\r\n, \u2028, \x7f, \x1b, é, 漢字, 👩‍👩‍👧, \U0010ffff'
    text += "'; DROP TABLE messages --"
    await sender.send(said(text, bela.id))
    await receiver.expect(heard(text, aarav))


async def test_nul_in_a_text_is_kept_or_refused_but_never_cuts_it(
    server: Server, connect: Connect, people: tuple[Person, Person]
) -> None:
    aarav, bela = people
    sender, receiver = await online(connect, server, aarav), await listening(connect, server, bela)
    await sender.send(said("before\0after", bela.id))
    await sender.send(said("next", bela.id))
    frame = await receiver.receive()
    if frame["message"] == "next":
        await sender.expect(ANY_ERROR)
    else:
        assert frame["message"] == "before\0after"
        await receiver.expect(heard("next", aarav))
        await sender.expect_nothing()
