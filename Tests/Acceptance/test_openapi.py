"""docs/openapi.yaml: it is valid, the server does what it says, and answers as its examples say."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis.configuration
import pytest
import requests
import schemathesis
import yaml
from api import API_KEY, API_TIME, KEYED, answered, expect, post, write
from frames import ERP_TIME, Pattern
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from raw import Response, bearer, request
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from switchboard import Person, Server, eventually

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
API = yaml.safe_load(DOCUMENT.read_text("utf-8"))
KEY = "Idempotency-Key"
PASSWORD = "correct horse battery staple"

# Hypothesis keeps tables on the disk even where it keeps no examples.
_tables = tempfile.TemporaryDirectory()
hypothesis.configuration.set_hypothesis_home_dir(_tables.name)


def resolved(node: Any) -> Any:
    """The node, with every local reference in it replaced by what it names."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = API
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolved(target)
    return {key: resolved(value) for key, value in node.items()}


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    parameters: list[dict]
    security: list[dict]
    # Named examples of the body; a lone one is named None.
    bodies: dict[str | None, Any]
    # Examples of the answers by status and name.
    answers: dict[int, dict[str | None, Any]]

    @property
    def is_open(self) -> bool:
        return not self.security or {} in self.security

    def target(self, id: int | None = None) -> str:
        """The path and query with the examples of the parameters in place, or with another id."""
        path, query = self.path, []
        for parameter in self.parameters:
            if parameter["in"] == "path":
                known = parameter["schema"].get("type") == "string"
                value = parameter["example"] if id is None or known else id
                path = path.replace("{%s}" % parameter["name"], str(value))
            elif parameter["in"] == "query" and "example" in parameter:
                query.append(f"{parameter['name']}={parameter['example']}")
        return path + ("?" + "&".join(query) if query else "")

    def call(self, server: Server, credential: str | None, name: str | None = None, id: int | None = None) -> Response:
        """The request of the example with this name."""
        headers = {} if credential is None else bearer(credential)
        body = self.bodies.get(name, next(iter(self.bodies.values()), None))
        return request(server, self.method, self.target(id), body, headers)


def examples(content: dict) -> dict[str | None, Any]:
    media = content.get("content", {}).get("application/json", {})
    if "example" in media:
        return {None: media["example"]}
    return {name: example["value"] for name, example in media.get("examples", {}).items()}


def operations() -> Iterator[Operation]:
    for path, item in resolved(API["paths"]).items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            yield Operation(
                operation["operationId"], method.upper(), path,
                item.get("parameters", []) + operation.get("parameters", []), operation["security"],
                examples(operation.get("requestBody", {})),
                {int(status): examples(answer) for status, answer in operation["responses"].items()},
            )


OPERATIONS = {operation.id: operation for operation in operations()}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


def test_the_document_is_valid() -> None:
    validate(API)
    assert API["openapi"].startswith("3.1")


def media_types(node: Any, place: str = "") -> Iterator[tuple[str, dict]]:
    """Everything that has a schema and examples of it: bodies, answers, parameters."""
    if isinstance(node, dict):
        if "schema" in node:
            yield place, node
        for key, value in node.items():
            yield from media_types(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from media_types(value, f"{place}/{number}")


@pytest.mark.parametrize("place, media", media_types(API["paths"]))
def test_examples_fit_their_schemas(place: str, media: dict) -> None:
    validator = Draft202012Validator(resolved(media["schema"]))
    values = [media["example"]] if "example" in media else []
    for value in values + [example["value"] for example in media.get("examples", {}).values()]:
        validator.validate(value)


SETTINGS = KEYED


@every_operation
@pytest.mark.parametrize("slash", ["", "/"], ids=["no slash", "slash"])
def test_every_operation_is_there(server: Server, operation: Operation, slash: str) -> None:
    path = operation.target().partition("?")[0].rstrip("/") + slash
    body = {} if operation.method == "POST" else None
    answer = request(server, operation.method, path, body)
    assert answer.status in ((200, 400, 403) if operation.is_open else (401,)), answer


@dataclass(frozen=True)
class World:
    """A server with what the examples of the document speak of."""

    server: Server
    alice: Person
    bob: Person
    carol: Person


def populated(server: Server) -> World:
    people = [("alice", "Alice A."), ("bob", "Bob B."), ("carol", "Carol C.")]
    passwords = {"alice": PASSWORD}
    return World(server, *(
        server.person(name, 5, passwords.get(username), username=username) for username, name in people
    ))


TOKEN = Pattern("token", lambda value: isinstance(value, str) and len(value) >= 20)
VARYING = {
    "token": TOKEN, "timestamp": API_TIME, "created_at": API_TIME, "published_at": API_TIME, "finished_at": API_TIME,
}


def shape(example: Any) -> Any:
    """The example, with patterns for what no document can foretell."""
    if isinstance(example, list):
        return [shape(item) for item in example]
    if not isinstance(example, dict):
        return example
    varying = VARYING | ({"timestamp": ERP_TIME} if "is_read" in example else {})
    return {
        key: varying[key] if key in varying and value is not None else shape(value) for key, value in example.items()
    }


# Who calls which operation, with which example, in the order in which the examples are true.
STORY = [
    ("nobody", "health"), ("nobody", "readiness"), ("key", "register"), ("nobody", "login"), ("alice", "me"),
    ("alice", "listUsers"), ("alice", "getUser"), ("alice", "startConversation", "direct"),
    ("alice", "getConversation"), ("alice", "sendDirectMessage"), ("alice", "listConversations"),
    ("alice", "sendMessage"), ("alice", "listMessages"), ("alice", "readConversation"),
    ("alice", "startConversation", "group"), ("alice", "addMembers"), ("alice", "removeMember"),
    ("nobody", "sendNotification"), ("alice", "listNotifications"), ("alice", "countUnreadNotifications"),
    ("alice", "readNotification"), ("alice", "readAllNotifications"), ("key", "createNotice"),
    ("key", "publishNotice"), ("alice", "getNotice"), ("alice", "listNotices"), ("key", "createBulkMessage"),
    ("key", "getBulkMessage"), ("key", "listBulkMessages"), ("key", "cancelBulkMessage"),
    ("nobody", "sendRoomMessage"), ("nobody", "changeCounter"), ("alice", "logout"), ("key", "disableUser"),
    ("key", "enableUser"), ("key", "deleteUser"),
]


def test_the_examples_are_answered_as_it_says(start: Any) -> None:
    # What is no JSON has a test file of its own.
    assert {step[1] for step in STORY} == OPERATIONS.keys() - {"metrics"}
    world = populated(start(extra=KEYED))
    credentials = {"nobody": None, "key": API_KEY, "alice": world.alice.token}
    for who, id, *name in STORY:
        operation = OPERATIONS[id]
        status = min(status for status, named in operation.answers.items() if named)
        answer = operation.call(world.server, credentials[who], *name)
        assert answer.status == status, (id, answer)
        expect(answer.json, shape(operation.answers[status].get(*name or [None])))
        if id == "createBulkMessage":
            done = partial(OPERATIONS["getBulkMessage"].call, world.server, API_KEY)
            eventually(lambda: done().json["status"] == "done", "the bulk message is done")


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person()


def allows(operation: Operation, scheme: str) -> bool:
    return {scheme: []} in operation.security


@pytest.mark.parametrize("operation", [operation for operation in OPERATIONS.values() if not operation.is_open],
                         ids=lambda operation: operation.id)
def test_refusals_are_as_in_the_examples(server: Server, person: Person, operation: Operation) -> None:
    refusals: list[tuple[int, str | None, int | None]] = [(401, None, None), (401, "wrong", None)]
    if not allows(operation, "administrator"):
        refusals.append((403, API_KEY, None))
    if not allows(operation, "person"):
        refusals.append((403, person.token, None))
    if "{id}" in operation.path:
        refusals.append((404, person.token if allows(operation, "person") else API_KEY, 999_999))
    for status, credential, id in refusals:
        answer = operation.call(server, credential, id=id)
        assert answer.status == status, answer
        assert answer.json in operation.answers[status].values(), answer.json


def schema(*, examples: int, coverage: bool) -> schemathesis.BaseSchema:
    """The document, with as many random examples for each operation, the same in every run."""
    generation = {"deterministic": True, "database": "none", "no-shrink": True, "max-examples": examples}
    # What is not described is ignored.
    generation["allow-extra-parameters"] = False
    # Which of the data that fit a schema make sense is one rule more than it can say.
    checks = {"positive_data_acceptance": {"enabled": False}}
    phases = {"coverage": {"enabled": coverage}}
    config = SchemathesisConfig.from_dict({"generation": generation, "phases": phases, "checks": checks})
    return schemathesis.openapi.from_dict(API, config=config)


@dataclass(frozen=True)
class Filled:
    """A server with two or more of everything, and people who have a second token to lose."""

    server: Server
    session: requests.Session
    administrator: tuple[str, str]
    person: tuple[str, str]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    server = Server(tmp_path_factory.mktemp("filled"), extra=KEYED).start()
    person, other, dean = server.person(college=5), server.person(college=5), server.person(college=5, admin=True)
    write(server, dean, person, "Hello!")
    write(server, person, dean, "Good morning.")
    for title in ("first", "second"):
        members = {"user_ids": [person.id, other.id], "title": title}
        answered(post(server, dean, "/api/conversations/", members), 201)
        words = {"title": title, "message": "M"}
        answered(post(server, None, "/api/notifications/send/", words | {"user_id": dean.id}))
        answered(post(server, dean, "/api/notices/", {"title": title, "publish": title == "first"}), 201)
        answered(post(server, dean, "/api/bulk-messages/", words | {"everybody": True}), 202)
    with requests.Session() as session:
        session.trust_env = False
        tokens = [(someone.token, server.cli("token", "create", someone.username)) for someone in (dean, person)]
        yield Filled(server, session, *tokens)
    server.close()


_keys = itertools.count(1)


def well_formed(case: schemathesis.Case, location: ParameterLocation) -> bool:
    part = case.meta.components.get(location)
    return part is not None and part.mode.is_positive


def check(case: schemathesis.Case, filled: Filled, tokens: tuple[str, str] | None) -> None:
    """Sends what was generated and checks the answer against the document."""
    if well_formed(case, ParameterLocation.PATH):
        # Ids of any size are hardly ever somebody's.
        for name, value in case.path_parameters.items():
            case.path_parameters[name] = value % 3 + 1 if isinstance(value, int) else value
    # With a name that was used before, any body gets the first answer; two different names are an error.
    named = isinstance(case.body, dict) and case.body.get("client_id")
    if isinstance(named, str) and 1 <= len(named.encode()) <= 64:
        case.body["client_id"] = str(next(_keys))
    if well_formed(case, ParameterLocation.HEADER) and KEY in case.headers:
        if named:
            del case.headers[KEY]
        else:
            case.headers[KEY] = str(next(_keys))
    headers = {} if tokens is None else bearer(tokens[case.operation.definition.raw["operationId"] == "logout"])
    base = f"http://127.0.0.1:{filled.server.port}"
    case.call_and_validate(base_url=base, session=filled.session, headers=headers)


@schema(examples=30, coverage=True).parametrize()
def test_an_administrator_is_answered_as_it_says(case: schemathesis.Case, filled: Filled) -> None:
    check(case, filled, filled.administrator)


@schema(examples=10, coverage=False).parametrize()
def test_a_person_is_answered_as_it_says(case: schemathesis.Case, filled: Filled) -> None:
    check(case, filled, filled.person)


@schema(examples=10, coverage=False).parametrize()
def test_nobody_is_answered_as_it_says(case: schemathesis.Case, filled: Filled) -> None:
    check(case, filled, None)
