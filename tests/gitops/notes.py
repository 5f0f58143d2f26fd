"""Stands for GitLab: notes of one merge request over HTTP on loopback, two a page, for whoever has the token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN, ME = "token", 42
NOTES = "/api/v4/projects/9/merge_requests/7/notes"
PAGE = 2


@dataclass(slots=True)
class Notes:
    """Oldest first. `asked`: methods and paths of all questions, as they came."""

    url: str = ""
    notes: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, target: str, value: dict[str, Any]) -> tuple[int, Any]:
        found = urlsplit(target)
        one = re.fullmatch(rf"{NOTES}/(\d+)", found.path)
        if method == "GET" and found.path == "/api/v4/user":
            return 200, {"id": ME}
        if method == "GET" and found.path == NOTES:
            page = int(parse_qs(found.query)["page"][0])
            return 200, self.notes[(page - 1) * PAGE : page * PAGE]
        if method == "POST" and found.path == NOTES:
            self.notes.append({"id": 100 + len(self.notes), "author": {"id": ME}, "body": value["body"], "edited": 0})
            return 201, self.notes[-1]
        if method == "PUT" and one:
            note = next(each for each in self.notes if each["id"] == int(one[1]))
            note |= {"body": value["body"], "edited": note["edited"] + 1}
            return 200, note
        return 404, {}


@contextmanager
def serving() -> Iterator[Notes]:
    kept = Notes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append(f"{self.command} {urlsplit(self.path).path}")
            value = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            allowed = self.headers.get("PRIVATE-TOKEN") == TOKEN
            code, found = kept.answer(self.command, self.path, value) if allowed else (401, {})
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_POST = do_PUT = do_GET  # noqa: N815 as http.server looks for them

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test reads what was asked."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}/api/v4"
        yield kept
        server.shutdown()
