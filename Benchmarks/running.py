"""A server under measurement: started on a free port, stopped at the end, its CPU time read from the kernel.

And the kit's programs: the load generator, and what the machine can do at all.
"""
import contextlib, json, pathlib, subprocess
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "bench"
BINARY = ROOT / ".build" / "release" / "switchboard"
# What a room's messages are sent as.
ROOM = ["-u", "/ws/chat/r%r/", "-s", "64", "-m", '{"type":"chat_message","message":"%m","username":"user%d"}']
QUIET = ["--rooms-rate", "0", "--log-level", "info"]


@contextlib.contextmanager
def server(database: pathlib.Path, *flags: str, core: int | str | None = None) -> Iterator[tuple[int, int]]:
    """The port and the process id of a server; on the cores that are named, where they are."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    process = subprocess.Popen(
        [*pinned, BINARY, "serve", "--listen", "127.0.0.1:0", "--database", database, "--log-format", "json", *flags],
        stderr=subprocess.PIPE, text=True)
    try:
        yield next(
            int(line["address"].rpartition(":")[2])
            for line in map(json.loads, process.stderr) if line["message"] == "listening"), process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def build(kit: pathlib.Path) -> None:
    """Compiles the kit's programs."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("wsload", "raw_limit"):
        source = (ROOT / kit / f"{name}.c").resolve()
        subprocess.run(["cc", "-O2", "-march=native", "-o", BUILD / name, source, "-lm"], check=True)


def load(mode: str, port: int, pid: int, *arguments: str, core: int = 1) -> dict:
    """One run of the load generator; nothing may be lost or come twice."""
    done = subprocess.run(
        ["taskset", "-c", str(core), BUILD / "wsload", mode, "-p", str(port), "--pid", str(pid), *arguments],
        capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["lost"] == result["duplicated"] == 0, done.stdout
    return result


def raw_limit(*variants: list[str]) -> float:
    """CPU seconds for 100,000 of bare reads and writes: the cheapest of some variants, as the kit has it."""
    return min(
        json.loads(subprocess.run(
            [BUILD / "raw_limit", *variant, "-t", "2"], capture_output=True, text=True, check=True).stdout)["cpu_s_per_100k"]
        for variant in variants)
