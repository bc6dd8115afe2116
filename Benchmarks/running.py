"""A server under measurement: started on a free port, stopped at the end, its CPU time read from the kernel."""
import contextlib, json, pathlib, subprocess
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "bench"
BINARY = ROOT / ".build" / "release" / "switchboard"


@contextlib.contextmanager
def server(database: pathlib.Path, *flags: str, core: int | None = None) -> Iterator[tuple[int, int]]:
    """The port and the process id of a server; on one core alone where one is named."""
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
