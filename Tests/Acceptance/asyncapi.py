"""docs/asyncapi.yaml: what it declares, and the rules that a document of AsyncAPI 3.0.0 has to follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT7

PATH = Path(__file__).parents[2] / "docs/asyncapi.yaml"
_BASE = "urn:document"


@dataclass(frozen=True)
class Operation:
    """One that the server receives: what clients send on a channel."""

    name: str
    channel: str
    examples: tuple[Any, ...]
    replies: tuple[str, ...]


class Document:
    def __init__(self, text: str | None = None) -> None:
        self.root: dict[str, Any] = yaml.safe_load(text or PATH.read_text(encoding="utf-8"))
        self._registry = Registry().with_resource(_BASE, DRAFT7.create_resource(self.root))

    def at(self, reference: str) -> Any:
        """What a reference inside the document points to."""
        found = self.root
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        return found

    def resolved(self, value: Any) -> Any:
        return self.at(value["$ref"]) if isinstance(value, dict) and "$ref" in value else value

    def validator(self, reference: str) -> Draft7Validator:
        """For the schema at a place of the document."""
        return Draft7Validator(
            {"$ref": f"{_BASE}{reference}"}, registry=self._registry, format_checker=FormatChecker())

    @property
    def channels(self) -> dict[str, Any]:
        return self.root["channels"]

    def messages(self, action: str) -> dict[str, set[str]]:
        """The names of each channel's messages that have such operations."""
        found: dict[str, set[str]] = {channel: set() for channel in self.channels}
        for operation in self.root["operations"].values():
            if operation["action"] == action:
                for message in operation["messages"]:
                    _, _, channel, _, name = message["$ref"].split("/")
                    found[channel].add(name)
        return found

    def received(self) -> Iterator[Operation]:
        """The operations of clients."""
        for name, operation in self.root["operations"].items():
            if operation["action"] != "receive":
                continue
            replies = operation.get("reply", {"messages": []})["messages"]
            examples = [
                example["payload"] for message in operation["messages"]
                for example in self.resolved(self.at(message["$ref"]))["examples"]
            ]
            yield Operation(
                name, operation["channel"]["$ref"].rpartition("/")[2], tuple(examples),
                tuple(reply["$ref"].rpartition("/")[2] for reply in replies))

    def identify(self, channel: str, frame: Any) -> str:
        """The one message of the server's that this frame is."""
        fitting = [
            name for name in sorted(self.messages("send")[channel])
            if self.validator(f"{self.channels[channel]['messages'][name]['$ref']}/payload").is_valid(frame)
        ]
        assert len(fitting) == 1, f"{channel}: {frame!r} is {fitting or 'no message'} of the document"
        return fitting[0]


# The members of each kind of object that the document has: those it must have, those it may have.
_MEMBERS: dict[str, tuple[set[str], set[str]]] = {
    "document": ({"asyncapi", "info"}, {"id", "servers", "defaultContentType", "channels", "operations", "components"}),
    "info": (
        {"title", "version"}, {"description", "termsOfService", "contact", "license", "tags", "externalDocs"}),
    "server": ({"host", "protocol"}, {
        "protocolVersion", "pathname", "description", "title", "summary", "variables", "security", "tags",
        "externalDocs", "bindings",
    }),
    "server variable": (set(), {"enum", "default", "description", "examples"}),
    "channel": (set(), {
        "address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "externalDocs",
        "bindings",
    }),
    "parameter": (set(), {"enum", "default", "description", "examples", "location"}),
    "operation": ({"action", "channel"}, {
        "title", "summary", "description", "security", "tags", "externalDocs", "bindings", "traits", "messages",
        "reply",
    }),
    "reply": (set(), {"address", "channel", "messages"}),
    "message": (set(), {
        "headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description", "tags",
        "externalDocs", "bindings", "examples", "traits",
    }),
    "example": ({"payload"}, {"headers", "name", "summary"}),
    "components": (set(), {
        "schemas", "servers", "channels", "operations", "messages", "securitySchemes", "serverVariables",
        "parameters", "correlationIds", "replies", "replyAddresses", "externalDocs", "tags", "operationTraits",
        "messageTraits", "serverBindings", "channelBindings", "operationBindings", "messageBindings",
    }),
    "security scheme": ({"type", "in", "name"}, {"description"}),
    "WebSockets binding": (set(), {"method", "query", "headers", "bindingVersion"}),
}


def faults(document: Document) -> list[str]:
    """Where the document breaks a rule of the specification (https://www.asyncapi.com/docs/reference)."""
    found: list[str] = []
    root = document.root
    components = root["components"]

    def check(holds: bool, what: str) -> None:
        if not holds:
            found.append(what)

    for reference in _references(root):
        try:
            document.at(reference)
        except (KeyError, TypeError):
            found.append(f"{reference} leads nowhere")
    if found:
        return found
    for kind, place, value in _objects(document):
        required, optional = _MEMBERS[kind]
        known = {name for name in value if not re.fullmatch(r"x-[\w.-]+", name)}
        check(required <= known <= required | optional, f"{place}: {sorted(known ^ (known & (required | optional)))}")
    for section in ("servers", "channels", "operations"):
        check(all(re.fullmatch(r"[A-Za-z0-9_\-]+", name) for name in root[section]), f"names of {section}")
    check(root["asyncapi"] == "3.0.0", "the version")
    for name, channel in root["channels"].items():
        named = set(re.findall(r"\{(\w+)\}", channel["address"]))
        check(named == set(channel.get("parameters", {})), f"{name}: the parameters of its address")
        check("?" not in channel["address"] and "#" not in channel["address"], f"{name}: its address")
        sent, received = document.messages("send")[name], document.messages("receive")[name]
        check(sent | received == set(channel["messages"]), f"{name}: a message without an operation")
        check(not sent & received, f"{name}: messages that go both ways")
    for name, operation in root["operations"].items():
        check(operation["action"] in ("send", "receive"), f"{name}: its action")
        for part in (operation, operation.get("reply", operation)):
            channel = part["channel"]["$ref"]
            check(re.fullmatch(r"#/channels/\w+", channel) is not None, f"{name}: its channel")
            check(
                all(message["$ref"].startswith(f"{channel}/messages/") for message in part["messages"]),
                f"{name}: messages of another channel")
    for name, bindings in components["channelBindings"].items():
        query = bindings["ws"]["query"]
        check(bindings["ws"]["method"] in ("GET", "POST"), f"{name}: its method")
        check(query["type"] == "object" and "properties" in query, f"{name}: its query")
        Draft7Validator.check_schema(query)
    for message in components["messages"].values():
        Draft7Validator.check_schema(message["payload"])
    for schema in components["schemas"].values():
        Draft7Validator.check_schema(schema)
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _references(part)


def _objects(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every object of a known kind: the kind, where it is, what it holds."""
    root = document.root
    yield "document", "the document", root
    yield "info", "info", root["info"]
    yield "components", "components", root["components"]
    for name, server in root["servers"].items():
        yield "server", name, server
        for variable in server.get("variables", {}).values():
            yield "server variable", name, variable
    for name, channel in root["channels"].items():
        yield "channel", name, channel
        for parameter in channel.get("parameters", {}).values():
            yield "parameter", name, parameter
    for name, operation in root["operations"].items():
        yield "operation", name, operation
        if "reply" in operation:
            yield "reply", name, operation["reply"]
    for name, message in root["components"]["messages"].items():
        yield "message", name, message
        for example in message["examples"]:
            yield "example", name, example
    for name, scheme in root["components"]["securitySchemes"].items():
        yield "security scheme", name, scheme
    for name, bindings in root["components"]["channelBindings"].items():
        yield "WebSockets binding", name, bindings["ws"]
