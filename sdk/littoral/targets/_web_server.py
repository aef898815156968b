"""A web server for one page on this machine: files out, jobs out, answers in.

It listens on the loopback address only, on a port that the system picks, and answers under a path
that nobody can guess. The headers isolate the page from all others, which browsers ask for before
they give a page threads and a fine clock.
"""

from __future__ import annotations

import json
import mimetypes
import queue
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

_PATIENCE_S = 10.0
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
_TYPES |= {".html": "text/html"}
_OWN = ("page.html", "page.mjs")


class _Quiet(ThreadingHTTPServer):
    """A browser that goes away in the middle of a request is no news."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever waits for the page's answer notices."""


class WebServer:
    """Serves until it is closed; use it as a context manager."""

    def __init__(self, folders: dict[str, Path]) -> None:
        """Take the packages' folders by the name under which the page finds them."""
        self._folders = {name: folder.resolve() for name, folder in folders.items()}
        self._blobs: dict[str, bytes] = {}
        self._jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._token = secrets.token_urlsafe(24)
        handler = type("Handler", (_Handler,), {"site": self})
        self._server = _Quiet(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """The page's."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._token}/page.html"

    def offer(self, name: str, content: bytes) -> str:
        """Make bytes available to the page.

        Args:
            name: Under which; what was there is replaced.
            content: The bytes.

        Returns:
            The address as the page sees it.
        """
        self._blobs[name] = content
        return f"blobs/{name}"

    def ask(self, job: dict[str, Any]) -> None:
        """Hand a job to the page; the answer arrives in `answers`."""
        self._jobs.put(job)

    def next_job(self) -> dict[str, Any]:
        """The next job, or word to ask again."""
        try:
            return self._jobs.get(timeout=_PATIENCE_S)
        except queue.Empty:
            return {"do": "wait"}

    def content(self, path: str) -> tuple[bytes, str] | None:
        """What lies under a path, with its type; None for nothing."""
        token, _, rest = path.lstrip("/").partition("/")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        kind = _TYPES.get(Path(rest).suffix) or mimetypes.guess_type(rest)[0]
        place, _, inner = rest.partition("/")
        if rest in _OWN:
            own = resources.files("littoral.targets") / "web" / rest
            return own.read_bytes(), kind or ""
        if place == "blobs" and inner in self._blobs:
            return self._blobs[inner], "application/octet-stream"
        folder = self._folders.get(place)
        wanted = (folder / inner).resolve() if folder is not None else None
        if folder is None or wanted is None or folder not in wanted.parents or not wanted.is_file():
            return None
        return wanted.read_bytes(), kind or "application/octet-stream"

    def is_own(self, path: str, name: str) -> bool:
        """Whether a path is that of a named exchange of this page."""
        return secrets.compare_digest(path.encode(), f"/{self._token}/{name}".encode())

    def __enter__(self) -> WebServer:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop listening."""
        self._jobs.put({"do": "end"})
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    site: WebServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.site.is_own(path, "job"):
            self._send(200, json.dumps(self.site.next_job()).encode(), "application/json")
            return
        found = self.site.content(path)
        if found is None:
            self._send(404, b"", "text/plain")
        else:
            self._send(200, *found)

    def do_POST(self) -> None:
        if not self.site.is_own(self.path, "answer"):
            self._send(404, b"", "text/plain")
            return
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.site.answers.put(dict(json.loads(content)))
        except (ValueError, TypeError):
            self._send(400, b"", "text/plain")
            return
        self._send(204, b"", "text/plain")

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: stderr is for people."""

    def _send(self, code: int, content: bytes, kind: str) -> None:
        try:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.send_header("Cross-Origin-Resource-Policy", "same-origin")
            self.send_header("Cache-Control", "no-cache")
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            pass  # the browser went away; whoever waits for its answer notices
