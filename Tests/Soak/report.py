"""The figures of a run, in words."""

from __future__ import annotations

from .ledger import Ledger


def percentiles(values: list[float]) -> str:
    """In milliseconds: the median, the 90th, the 99th, and the longest."""
    if not values:
        return "none"
    ordered = sorted(values)
    points = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.9, 0.99, 1.0)]
    return ", ".join(f"{name} {value * 1000:.0f}" for name, value in zip(("p50", "p90", "p99", "max"), points))


def report(ledger: Ledger, memory: list[int], heading: str) -> str:
    lines = [heading]
    lines += [f"  {name:<52} {value:>10,}" for name, value in sorted(ledger.figures.items())]
    lines.append(f"  sent to acknowledged, ms: {percentiles(ledger.acknowledged_after)}")
    lines.append(f"  sent to seen, ms:         {percentiles(ledger.delivered_after)}")
    lines.append(f"  memory, MB: {', then '.join(f'{one / 1e6:.0f}' for one in memory)}")
    if not ledger.wrong:
        lines.append("  every promise was kept")
    for rule, count in ledger.wrong.most_common():
        lines.append(f"  BROKEN, {count} times: {rule}")
        lines += [f"    {example[:400]}" for example in ledger.examples[rule]]
    return "\n".join(lines)
