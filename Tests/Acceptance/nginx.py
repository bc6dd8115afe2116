"""Runs nginx with a configuration of the test's."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from string import Template

from javascript_client import program
from switchboard import PATIENCE, eventually

_MAIN = Template("""
$user
$modules
daemon off;
worker_processes 2;
pid $folder/nginx.pid;
error_log stderr warn;
events {}
""")
HTTP = Template("""
http {
    access_log $folder/access.log;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    $text
}
""")


class Nginx:
    """In the foreground, with what it writes in a folder of its own."""

    def __init__(self, folder: Path, port: int, text: str, *modules: Path) -> None:
        """`text` is all beside the main block; it listens on `port`."""
        self._folder = folder
        self.host, self.port = "127.0.0.1", port
        # Its workers would be somebody else's otherwise, who may not write to the folder.
        user = "user root root;" if os.geteuid() == 0 else ""
        main = _MAIN.substitute(
            user=user, folder=folder, modules=" ".join(f"load_module {module};" for module in modules))
        folder.joinpath("nginx.conf").write_text(main + text)
        self._process: subprocess.Popen[bytes]

    @classmethod
    def http(cls, folder: Path, port: int, text: str) -> Nginx:
        """`text` is what its http block says beside where to write."""
        return cls(folder, port, HTTP.substitute(folder=folder, text=text))

    def start(self) -> Nginx:
        """Returns once it listens."""
        self._process = subprocess.Popen(
            [program("nginx"), "-p", str(self._folder), "-c", "nginx.conf", "-e", "stderr"], stdin=subprocess.DEVNULL)

        def listens() -> bool:
            assert self._process.poll() is None, "nginx ended"
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self.port)) == 0

        eventually(listens, "nginx to listen")
        return self

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(PATIENCE) == 0

    def requests(self) -> list[str]:
        return self._folder.joinpath("access.log").read_text().splitlines()
