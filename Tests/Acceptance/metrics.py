"""What /metrics says, read with a parser that is not the server's."""

from __future__ import annotations

import re
from typing import Self

from raw import Response, request
from switchboard import Server

PATH = "/metrics"
_SAMPLE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                sample = _SAMPLE.fullmatch(line)
                assert sample is not None, line
                key = (sample["name"], frozenset(_LABEL.findall(sample["labels"] or "")))
                assert key not in self._samples, line
                self._samples[key] = float(sample["value"])

    @classmethod
    def of(cls, server: Server) -> Self:
        answer = scrape(server)
        assert answer.status == 200, answer
        return cls(answer.body.decode())

    def __getitem__(self, sample: str | tuple[str, dict[str, str]]) -> float:
        """`metrics["name"]`, or `metrics["name", {"label": "value"}]`."""
        name, labels = (sample, {}) if isinstance(sample, str) else sample
        return self._samples[f"switchboard_{name}" if not name.startswith("process_") else name,
                             frozenset(labels.items())]

    def by(self, label: str, name: str) -> dict[str, float]:
        """The samples of a metric with one label."""
        return {dict(labels)[label]: value for (known, labels), value in self._samples.items()
                if known == f"switchboard_{name}" and label in dict(labels)}


def scrape(server: Server, headers: dict[str, str] | None = None, source: str | None = None) -> Response:
    return request(server, "GET", PATH, headers=headers, source=source)
