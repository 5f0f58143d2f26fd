"""A client of the language server protocol, as small as the questions need it: JSON-RPC over standard input and output."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
"""The store is a list of public schemas: nothing is to be fetched."""
PATIENCE = 30.0


class LanguageServer:
    """One server process with one open document at a time. Places count lines and columns from 0, as the protocol does."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.number = 0
        self.arrived: queue.Queue[dict[str, Any]] = queue.Queue()
        self.found: dict[str, list[Any]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def start(self, folder: Path) -> None:
        shows = {"completion": {"completionItem": {"snippetSupport": True}}, "hover": {"contentFormat": ["plaintext"]}}
        able = {"textDocument": shows, "workspace": {"configuration": True}}
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": able})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def open(self, file: Path) -> str:
        """Opens a file as an editor does; gives its address."""
        uri = file.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": file.read_text()}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def completions(self, uri: str, line: int, character: int) -> list[str]:
        answer = self.ask("textDocument/completion", _at(uri, line, character))
        return [each["label"] for each in (answer["items"] if isinstance(answer, dict) else answer or [])]

    def hover(self, uri: str, line: int, character: int) -> str:
        contents = (self.ask("textDocument/hover", _at(uri, line, character)) or {"contents": ""})["contents"]
        return str(contents["value"] if isinstance(contents, dict) else contents)

    def diagnostics(self, uri: str) -> list[Any]:
        """What the server last said of a document; waits for its first word."""
        deadline = time.monotonic() + PATIENCE
        while uri not in self.found:
            self._handle(self.arrived.get(timeout=max(0.0, deadline - time.monotonic())))
        return self.found[uri]

    # ------------------------------------------------------------------------------------------------------ messages

    def ask(self, method: str, params: Any) -> Any:
        self.number += 1
        mine = self.number
        self._send({"id": mine, "method": method, "params": params})
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self.arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            if message.get("id") == mine and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._handle(message)

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def _handle(self, message: dict[str, Any]) -> None:
        """What the server asks or tells of its own accord."""
        if message.get("method") == "textDocument/publishDiagnostics":
            self.found[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            wanted = [SETTINGS.get(each.get("section", "")) for each in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.decode().partition(":")
                length = int(value) if name.lower() == "content-length" else length
                header = stream.readline()
            self.arrived.put(json.loads(stream.read(length)))


def _at(uri: str, line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


@contextmanager
def serving(command: Sequence[str], folder: Path) -> Iterator[LanguageServer]:
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    server = LanguageServer(process)
    try:
        server.start(folder)
        yield server
        server.ask("shutdown", None)
        server.tell("exit", None)
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
