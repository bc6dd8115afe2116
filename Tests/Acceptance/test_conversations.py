"""specs/conversations.md and INTEROP.md's words on it: seven requests and seven answers."""

import asyncio

import pytest
from client import Client
from conftest import Connect, Start
from conversations import (
    CHAT, GET_CONVERSATIONS, NOT_FOUND, PATH, conversation_of, conversations, found, get_messages, group, heard,
    listed, messages, online, read, read_by, record, said, search, settled, start_with, started, typing, typing_of,
)
from frames import matches
from switchboard import Person, Server

URL = "https://bucket.s3.amazonaws.com/file.pdf"
Pair = tuple[Person, Person]


@pytest.fixture
def pair(server: Server) -> Pair:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


async def talking(connect: Connect, server: Server, pair: Pair) -> tuple[Client, Client, int]:
    """Both online, and the id of their conversation."""
    here, there = await online(connect, server, pair[0]), await online(connect, server, pair[1])
    return here, there, await conversation_of(here, pair[1])


async def history(client: Client, conversation: int | str, **extra: object) -> list[dict]:
    """What the list of messages holds now."""
    await client.send(get_messages(conversation, **extra))
    answer = await client.receive()
    assert answer["type"] == "chat.messages", answer
    return answer["messages"]


@pytest.mark.parametrize("way", ["opaque", "jwt"])
async def test_the_examples_of_the_specification(server: Server, connect: Connect, pair: Pair, way: str) -> None:
    alice, john = pair
    here, there = [
        await connect(server, CHAT, person.token) if way == "opaque" else
        await connect(server, PATH, server.jwt(person)) for person in pair
    ]
    await settled(there)
    await here.send(search(john.username))
    await here.expect(found(john))
    await here.send(start_with(john.id))
    number = (await here.expect(started(alice, john)))["conversation"]["id"]
    await here.send(GET_CONVERSATIONS)
    await here.expect(conversations(listed(number, alice, john)))
    await here.send(said("Hello!", number))
    echo = await here.expect(heard("Hello!", alice, number))
    assert await there.expect(heard("Hello!", alice, number)) == echo
    await there.send(typing(alice.id, True))
    await here.expect(typing_of(john, True))
    await there.send(typing(alice.id, False))
    await here.expect(typing_of(john, False))
    await there.send(read(number))
    await here.expect(read_by(john, number))
    for client in (here, there):
        await client.send(get_messages(number))
        await client.expect(messages(echo["message"]))
        await client.expect_nothing()


async def test_ids_may_be_strings_of_digits(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    await here.send(start_with(str(pair[1].id)))
    await here.expect(started(*pair, conversation=number))
    await here.send(said("hello", str(number)))
    await here.expect(heard("hello", pair[0], number))
    await there.expect(heard("hello", pair[0], number))
    await there.send(typing(str(pair[0].id)))
    await here.expect(typing_of(pair[1], True))
    await there.send(read(str(number)))
    await here.expect(read_by(pair[1], number))
    (only,) = await history(here, str(number))
    assert await history(here, number, before_id=str(only["id"] + 1)) == [only]


async def test_a_message_goes_to_every_socket_of_both(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    sockets = [here, there, await online(connect, server, pair[0]), await online(connect, server, pair[1])]
    await here.send(said("to all four", number))
    frames = [await socket.expect(heard("to all four", pair[0], number)) for socket in sockets]
    assert frames == [frames[0]] * 4
    await sockets[2].send(said("", number, attachment=URL))
    for socket in sockets:
        await socket.expect(heard("", pair[0], number, URL))
        await socket.expect_nothing()


@pytest.mark.parametrize("text", ["with a text", "", None])
async def test_an_attachment(server: Server, connect: Connect, pair: Pair, text: str | None) -> None:
    here, there, number = await talking(connect, server, pair)
    await here.send(said(text, number, attachment=URL))
    await there.expect(heard(text or "", pair[0], number, URL))
    await here.expect(heard(text or "", pair[0], number, URL))
    assert matches(await history(there, number), [record(text or "", pair[0], number, URL)])


@pytest.mark.parametrize("absent", [{"attachment": None}, {"client_id": None}])
async def test_null_counts_as_absent(server: Server, connect: Connect, pair: Pair, absent: dict) -> None:
    here, there, number = await talking(connect, server, pair)
    await here.send(said("text", number, **absent))
    await here.expect(heard("text", pair[0], number))
    await there.expect(heard("text", pair[0], number))


async def test_text_arrives_as_it_was_sent(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    text = 'quotes " \' \\ /, <b>, tab\t, line\r\n, \u2028, \x7f, \x1b, é, 漢字, 👩‍👩‍👧, \U0010ffff'
    await here.send(said(text, number))
    await there.expect(heard(text, pair[0], number))
    assert matches(await history(there, number), [record(text, pair[0], number)])


# Search

@pytest.fixture(scope="module")
def searched(server: Server) -> dict[str, Person]:
    """People whose names no other test's search finds."""
    names = ["Zoltan.kx", "zoltana.kx", "xzoltan.kx", "Élodie.kx", "ÅSA.kx", "per_cent.kx", "per-cent.kx"]
    return {name: server.person(username=name) for name in names}


@pytest.mark.parametrize("keyword, expected", [
    ("zoltan", ["Zoltan.kx", "zoltana.kx", "xzoltan.kx"]),
    ("ZOLTAN", ["Zoltan.kx", "zoltana.kx", "xzoltan.kx"]),
    ("oltana", ["zoltana.kx"]),
    ("xzoltan.kx", ["xzoltan.kx"]),
    ("élodie", ["Élodie.kx"]),
    ("ÉLODIE", ["Élodie.kx"]),
    ("åsa", ["ÅSA.kx"]),
    ("per_cent", ["per_cent.kx"]),
    ("r_c", ["per_cent.kx"]),
    ("r%c", []),
    ("%", []),
    ("zolt*", []),
    ("[z]oltan", []),
    ("\\", []),
    ("'", []),
    ("zoltan.kx ", []),
    ("nobody at all", []),
])
async def test_search(
    server: Server, connect: Connect, searched: dict, keyword: str, expected: list[str]
) -> None:
    client = await online(connect, server, searched["per-cent.kx"])
    await client.send(search(keyword))
    answer = await client.receive()
    answer["results"].sort(key=lambda entry: entry["id"])
    assert matches(answer, found(*(searched[name] for name in expected))), answer


async def test_search_leaves_oneself_out(server: Server, connect: Connect, searched: dict) -> None:
    client = await online(connect, server, searched["zoltana.kx"])
    await client.send(search("zoltan"))
    assert {entry["username"] for entry in (await client.receive())["results"]} == {"Zoltan.kx", "xzoltan.kx"}


async def test_search_answers_with_50_at_most(start: Start, connect: Connect) -> None:
    server = start()
    me = server.person(username="crowd.me")
    for number in range(52):
        server.cli("user", "add", f"crowd.{number}", "--name", "One of many")
    client = await online(connect, server, me)
    await client.send(search("CROWD"))
    results = (await client.receive())["results"]
    assert len({entry["id"] for entry in results}) == len(results) == 50
    assert all(entry["username"].startswith("crowd.") and entry["id"] != me.id for entry in results)


# Starting

async def test_starting_again_answers_the_same(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    for client, other in ((here, pair[1]), (there, pair[0]), (here, pair[1])):
        await client.send(start_with(other.id))
        await client.expect(started(*pair, conversation=number))
    # The answer went to the asking sockets only.
    await here.expect_nothing()
    await there.expect_nothing()
    await there.send(GET_CONVERSATIONS)
    await there.expect(conversations(listed(number, *pair)))


async def test_a_message_of_another_dialect_made_the_conversation(
    server: Server, connect: Connect, pair: Pair
) -> None:
    here = await online(connect, server, pair[0])
    campus = await connect(server, PATH, pair[1].token)
    await campus.send({"receiver_id": pair[0].id, "message": "first"})
    number = (await here.expect(heard("first", pair[1])))["message"]["conversation_id"]
    assert await conversation_of(here, pair[1]) == number


async def test_people_who_start_at_the_same_moment_share_one_conversation(
    server: Server, connect: Connect
) -> None:
    people = [server.person() for _ in range(9)]
    sockets = [await online(connect, server, person) for person in people]
    pairs = [(one, other) for one in range(9) for other in range(9) if one != other]
    # Everybody with everybody, both ways, each three times.
    await asyncio.gather(*(sockets[one].send(start_with(people[other].id)) for one, other in pairs * 3))
    made: dict[frozenset[int], set[int]] = {}
    for one, socket in enumerate(sockets):
        for _ in range(24):
            answer = await socket.receive()
            assert answer["type"] == "chat.conversation_started", answer
            conversation = answer["conversation"]
            ids = frozenset(participant["id"] for participant in conversation["participants"])
            assert people[one].id in ids and len(ids) == 2
            made.setdefault(ids, set()).add(conversation["id"])
    assert len(made) == 36
    assert all(len(numbers) == 1 for numbers in made.values()), made
    for socket in sockets:
        await socket.send(GET_CONVERSATIONS)
        assert len((await socket.receive())["conversations"]) == 8


# History

async def test_history_is_complete_and_ascends(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    texts = [f"message {count}" for count in range(500)]
    for count, text in enumerate(texts):
        await (here if count % 2 else there).send(said(text, number))
    live = [(await here.receive())["message"] for _ in texts]
    assert sorted(message["content"] for message in live) == sorted(texts)
    assert [message["id"] for message in live] == sorted({message["id"] for message in live})
    assert await history(here, number) == live
    assert await history(await online(connect, server, pair[1]), number) == live


async def test_history_in_parts(server: Server, connect: Connect, pair: Pair) -> None:
    here, _, number = await talking(connect, server, pair)
    for count in range(10):
        await here.send(said(str(count), number))
    live = [(await here.receive())["message"] for _ in range(10)]
    assert await history(here, number, limit=3) == live[-3:]
    assert await history(here, number, limit=3, before_id=live[7]["id"]) == live[4:7]
    assert await history(here, number, before_id=live[2]["id"]) == live[:2]
    assert await history(here, number, before_id=live[0]["id"]) == []
    assert await history(here, number, before_id=live[9]["id"] + 1_000_000) == live
    assert await history(here, number, limit=10) == live
    assert await history(here, number, limit=1_000_000) == live


async def test_one_answer_holds_the_newest_as_far_as_the_limit_goes(start: Start, connect: Connect) -> None:
    server = start("--history-limit", 5)
    pair = server.person(), server.person()
    here, _, number = await talking(connect, server, pair)
    for count in range(8):
        await here.send(said(str(count), number))
    live = [(await here.receive())["message"] for _ in range(8)]
    assert await history(here, number) == live[-5:]
    assert await history(here, number, limit=7) == live[-5:]
    assert await history(here, number, limit=2) == live[-2:]
    assert await history(here, number, before_id=live[4]["id"]) == live[:4]


async def test_there_is_no_backlog_but_history(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    await there.close()
    await here.send(said("while you were away", number))
    await here.expect(heard("while you were away", pair[0], number))
    await here.expect_nothing()
    there = await online(connect, server, pair[1])
    assert matches(await history(there, number), [record("while you were away", pair[0], number)])


async def test_an_empty_conversation(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    for client in (here, there):
        assert await history(client, number) == []
        await client.send(GET_CONVERSATIONS)
        await client.expect(conversations(listed(number, *pair)))


async def test_somebody_new_has_no_conversations(server: Server, connect: Connect) -> None:
    client = await online(connect, server, server.person())
    await client.send(GET_CONVERSATIONS)
    await client.expect(conversations())


# Membership

@pytest.mark.parametrize("asked", [lambda number: said("let me in", number), read, get_messages])
async def test_a_foreign_conversation_answers_like_one_that_is_not_there(
    server: Server, connect: Connect, pair: Pair, asked: object
) -> None:
    here, there, number = await talking(connect, server, pair)
    await here.send(said("between us", number))
    await here.expect(heard("between us", pair[0], number))
    await there.expect(heard("between us", pair[0], number))
    stranger = await online(connect, server, server.person())
    for foreign in (number, str(number), 999_999_999):
        await stranger.send(asked(foreign))
        await stranger.expect(NOT_FOUND)
    for client in (stranger, here, there):
        await client.expect_nothing()
    assert len(await history(here, number)) == 1


# Receipts and typing

async def test_reading_is_told_once_and_to_the_others(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    own_other = await online(connect, server, pair[1])
    await there.send(read(number))
    await settled(there)
    await here.expect_nothing()
    for text in ("one", "two"):
        await here.send(said(text, number))
        for client in (here, there, own_other):
            await client.expect(heard(text, pair[0], number))
    # One's own messages are no news to oneself.
    await here.send(read(number))
    for _ in range(3):
        await there.send(read(number))
    await here.expect(read_by(pair[1], number))
    await settled(there)
    for client in (here, there, own_other):
        await client.expect_nothing()


async def test_typing_reaches_every_socket_of_the_receiver_alone(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, _ = await talking(connect, server, pair)
    desk, own_other = await online(connect, server, pair[1]), await online(connect, server, pair[0])
    for on in (True, False):
        await here.send(typing(pair[1].id, on))
        await there.expect(typing_of(pair[0], on))
        await desk.expect(typing_of(pair[0], on))
    await settled(here)
    for client in (here, own_other):
        await client.expect_nothing()


async def test_typing_to_somebody_away_is_forgotten(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, _ = await talking(connect, server, pair)
    await there.close()
    await here.send(typing(pair[1].id))
    await settled(here)
    await (await online(connect, server, pair[1])).expect_nothing()


# Order

async def test_a_burst_is_answered_in_order(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    burst = [said(f"message {count}", number) for count in range(20)]
    burst += [get_messages(number), search(pair[1].username), start_with(pair[1].id), {"type": "chat.dance"}]
    burst += [said("last", number), get_messages(number, limit=2), GET_CONVERSATIONS, read(number), get_messages(0)]
    for request in burst:
        await here.send(request)
    echoes = [(await here.expect(heard(f"message {count}", pair[0], number)))["message"] for count in range(20)]
    await here.expect(messages(*echoes))
    await here.expect(found(pair[1]))
    await here.expect(started(*pair, conversation=number))
    await here.expect({"type": "error", "error": "Invalid message format"})
    last = (await here.expect(heard("last", pair[0], number)))["message"]
    await here.expect(messages(echoes[-1], last))
    await here.expect(conversations(listed(number, *pair)))
    answer = await here.receive()
    assert answer["type"] == "error", answer
    await here.expect_nothing()
    for count in range(20):
        await there.expect(heard(f"message {count}", pair[0], number))


async def test_starting_and_writing_in_one_burst(server: Server, connect: Connect) -> None:
    """A refused request does not change the order of those behind it."""
    here = await online(connect, server, server.person())
    people = [server.person() for _ in range(3)]
    for person in people:
        await here.send(start_with(person.id))
        await here.send(start_with(999_999_999))
        await here.send(GET_CONVERSATIONS)
    for count, person in enumerate(people, 1):
        assert (await here.receive())["conversation"]["participants"][1]["id"] == person.id
        await here.expect({"type": "error", "error": "User not found."})
        assert len((await here.receive())["conversations"]) == count


@pytest.mark.parametrize("promise", ["nothing heard is missing", "nothing listed is heard again"])
async def test_a_list_has_its_place_among_what_is_heard(
    server: Server, connect: Connect, pair: Pair, promise: str
) -> None:
    """A front end may put the list in the place of what it showed, and what comes after it behind it."""
    here, there, number = await talking(connect, server, pair)
    total = 1000

    async def write() -> None:
        for count in range(total):
            await there.send(said(str(count), number))
            if count % 10 == 9:
                for _ in range(10):
                    await there.receive()

    heard_up_to = listed_up_to = 0

    async def follow() -> None:
        nonlocal heard_up_to, listed_up_to
        await here.send(get_messages(number, limit=10))
        frames = 0
        while frames < total:
            answer = await here.receive()
            if answer["type"] == "chat.message":
                frames += 1
                heard_up_to = answer["message"]["id"]
                assert promise == "nothing heard is missing" or heard_up_to > listed_up_to, "heard again"
                continue
            if answer["messages"]:
                listed_up_to = answer["messages"][-1]["id"]
            assert promise != "nothing heard is missing" or listed_up_to >= heard_up_to, "missing in the list"
            await here.send(get_messages(number, limit=10))

    await asyncio.gather(write(), follow())


# client_id

async def test_a_repeated_client_id_stores_and_echoes_once(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    own_other = await online(connect, server, pair[0])
    await here.send(said("once", number, client_id="c" * 64))
    first = await here.expect(heard("once", pair[0], number))
    await here.send(said("once", number, client_id="c" * 64))
    assert await here.expect(heard("once", pair[0], number)) == first
    for client in (there, own_other):
        await client.expect(heard("once", pair[0], number))
        await client.expect_nothing()
    await here.expect_nothing()
    assert await history(here, number) == [first["message"]]


async def test_a_repeat_on_a_new_connection_learns_the_id(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    await here.send(said("once", number, client_id="c1"))
    first = await there.expect(heard("once", pair[0], number))
    here.drop()
    here = await online(connect, server, pair[0])
    await here.send(said("once", number, client_id="c1"))
    assert await here.expect(heard("once", pair[0], number)) == first
    await there.expect_nothing()


async def test_repeats_in_one_burst(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    for _ in range(5):
        await here.send(said("once", number, client_id="é"))
    first = await here.expect(heard("once", pair[0], number))
    for _ in range(4):
        assert await here.receive() == first
    await there.expect(heard("once", pair[0], number))
    await there.expect_nothing()


async def test_a_client_id_is_the_senders_own(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, number = await talking(connect, server, pair)
    await here.send(said("mine", number, client_id="same"))
    await there.expect(heard("mine", pair[0], number))
    await there.send(said("mine too", number, client_id="same"))
    await there.expect(heard("mine too", pair[1], number))
    assert [message["content"] for message in await history(there, number)] == ["mine", "mine too"]


# Groups

async def test_a_group(server: Server, connect: Connect) -> None:
    people = [server.person() for _ in range(4)]
    number = group(server, *people)
    sockets = [await online(connect, server, person) for person in people]
    stranger = await online(connect, server, server.person())
    for person, socket in zip(people, sockets):
        await socket.send(GET_CONVERSATIONS)
        await socket.expect(conversations(listed(number, *people)))
        await socket.send(said(f"from {person.username}", number))
        for other in sockets:
            await other.expect(heard(f"from {person.username}", person, number))
    await sockets[0].send(read(number))
    await settled(sockets[0])
    for socket in sockets[1:]:
        await socket.expect(read_by(people[0], number))
        await socket.expect_nothing()
    for socket in sockets:
        assert len(await history(socket, number)) == 4
    await stranger.send(get_messages(number))
    await stranger.expect(NOT_FOUND)
    await stranger.expect_nothing()


async def test_a_group_is_not_the_conversation_of_two(server: Server, connect: Connect, pair: Pair) -> None:
    third = server.person()
    here, there, direct = await talking(connect, server, pair)
    both = group(server, pair[0], pair[1], title="The two of us")
    three = group(server, pair[0], pair[1], third)
    assert len({direct, both, three}) == 3
    assert await conversation_of(there, pair[0]) == direct
    await there.send(GET_CONVERSATIONS)
    answer = await there.receive()
    answer["conversations"].sort(key=lambda entry: entry["id"])
    entries = [listed(direct, *pair), listed(both, *pair), listed(three, *pair, third)]
    assert matches(answer, conversations(*entries)), answer


async def test_the_last_active_conversation_comes_first(server: Server, connect: Connect, pair: Pair) -> None:
    here, there, direct = await talking(connect, server, pair)
    numbers = [direct, group(server, *pair, server.person()), group(server, *pair, server.person())]
    for number in (numbers[1], numbers[0], numbers[2], numbers[1]):
        await here.send(said("a sign of life", number))
        await here.expect(heard("a sign of life", pair[0], number))
        await there.expect(heard("a sign of life", pair[0], number))
    await there.send(GET_CONVERSATIONS)
    assert [entry["id"] for entry in (await there.receive())["conversations"]] == [numbers[1], numbers[2], numbers[0]]


# Connecting

@pytest.mark.parametrize("token", [None, "", "null", "undefined", "wrong", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
async def test_without_a_good_token_it_closes_with_4003(server: Server, connect: Connect, token: str | None) -> None:
    assert await (await connect(server, CHAT, token)).expect_close(4003) != ""


async def test_everything_is_kept_across_a_restart(start: Start, connect: Connect) -> None:
    server = start()
    pair = server.person(), server.person()
    here, there, number = await talking(connect, server, pair)
    await here.send(said("before", number, client_id="c1"))
    first = await here.expect(heard("before", pair[0], number))
    await there.expect(first)
    await there.send(read(number))
    await here.expect(read_by(pair[1], number))
    await here.close()
    await there.close()
    server.restart()
    here, there = await online(connect, server, pair[0]), await online(connect, server, pair[1])
    await there.send(read(number))
    await settled(there)
    await here.expect_nothing()
    await here.send(said("before", number, client_id="c1"))
    await here.expect(first)
    assert await history(there, number) == [first["message"]]
    assert await conversation_of(there, pair[0]) == number
