#!/usr/bin/env python3
"""Builds the Lambda handlers beside this file with the real tools, and runs each of them twice: `verge test` on its events,
and, where it has an exchanges.json, behind `verge serve` between a viewer and an origin. No part of `cargo test`: that
downloads nothing.

    tests/handlers/run.py TOOLS [NAME ...]          compare with what is expected
    tests/handlers/run.py --bless TOOLS [NAME ...]  write the expected results of events first

TOOLS is a folder with node_modules (npm install esbuild componentize-qjs) and .venv (pip install componentize-py).
Components are kept in it under the hash of what they are made of. VERGE is the program; without it, target/debug/verge.
"""
import argparse
import hashlib
import http.client
import http.server
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERGE = os.environ.get("VERGE", str(ROOT / "target/debug/verge"))
# Seconds; compiling everything for the first time is the longest.
PATIENCE = 600
ALL_METHODS = '["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]'


class Handler:
    """One handler: its folder, its copy among the tools, and what went wrong with it."""

    def __init__(self, name, tools):
        self.name, self.source, self.folder = name, HERE / name, tools / "work" / name
        self.faults, self.events = [], 0
        described = self.source / "exchanges.json"
        self.described = json.loads(described.read_text()) if described.exists() else None

    def build(self, tools, seed, demo):
        """Makes the component, or takes the one that was made of the same files by the same tools."""
        digest = hashlib.sha256(seed)
        for file in sorted(self.source.glob("*.*")):
            if file.name != "exchanges.json":
                digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        built = tools / "built" / f"{digest.hexdigest()}.wasm"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.source, self.folder)
        description = self.folder / "function.toml"
        if description.exists():
            description.write_text(description.read_text().replace("@ORIGIN@", demo))
        if built.exists():
            shutil.copy(built, self.folder / "function.wasm")
            if not description.exists():
                description.write_text(f'name = "{self.name}"\nruntime = "wasm"\ncode = "function.wasm"\n')
            return
        ended = run([VERGE, "build", str(self.folder)], tools)
        if ended.returncode != 0:
            self.faults.append(ended.stdout)
            return
        built.parent.mkdir(exist_ok=True)
        shutil.copy(self.folder / "function.wasm", built)

    def test(self, tools, bless):
        """Holds it against the expected results beside its events."""
        if self.faults:
            return
        words = [VERGE, "test", *(["--bless"] if bless else []), f"./{self.name}"]
        ended = run(words, tools, tools / "work")
        counted = re.search(r"^(\d+) passed, \d+ failed", ended.stdout, re.MULTILINE)
        self.events = int(counted[1]) if counted else 0
        if ended.returncode != 0 or not self.events:
            self.faults.append(ended.stdout)
        if bless:
            for file in (self.folder / "events").glob("*.expected.json"):
                shutil.copy(file, self.source / "events")


def run(words, tools, folder=None):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tools / "cache")}
    return subprocess.run(
        words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def seed_of(tools):
    """What every component depends on: the adapters and the tools' versions."""
    files = sorted((ROOT / "src/cli/build").rglob("*.*")) + sorted((ROOT / "wit").rglob("*.wit"))
    packages = [tools / "node_modules" / name / "package.json" for name in ("esbuild", "componentize-qjs")]
    parts = [file.read_bytes() for file in files + packages]
    installed = tools.glob(".venv/lib/python*/site-packages/componentize_py-*.dist-info")
    return b"\0".join(parts + [folder.name.encode() for folder in installed])


class Demo:
    """The demo origin, for handlers that call somebody."""

    CONFIGURATION = """[listeners]
http = ["127.0.0.1:0"]
https = []
[admin]
listen = "off"
[log]
access = "off"
[demo_origin]
listen = "127.0.0.1:0"
[[distribution]]
[[distribution.origin]]
id = "nobody"
domain_name = "127.0.0.1"
[[distribution.behavior]]
target = "nobody"
cache_policy = "CachingDisabled"
"""

    def __init__(self, tools):
        file = tools / "work" / "demo.toml"
        file.write_text(f'{self.CONFIGURATION}[state]\ndirectory = "{tools}/cache/verge"\n')
        self.process = subprocess.Popen(
            [VERGE, "serve", "--config", str(file)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        said, found = "", None
        while not found:
            line = self.process.stderr.readline()
            said += line
            if not line:
                raise SystemExit("verge serve did not start:\n" + said)
            found = re.match(r"\s*demo origin +http://([\d.:]+)", line)
        self.address = found[1]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Origin(http.server.ThreadingHTTPServer):
    """An origin that gives the answer it was told to give, and tells what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Request)
        self.received, self.answer = queue.Queue(), {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """The edge drops its connections when it stops; everything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.respond
        raise AttributeError(name)

    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.put({"target": self.path, "headers": self.headers, "body": body.decode()})
        answer = self.server.answer.get("body", "the origin").encode()
        self.send_response(self.server.answer.get("status", 200))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def configuration(handlers, origin, tools):
    """A distribution for each handler, under its name."""
    text = [
        '[listeners]\nhttp = ["127.0.0.1:0"]\nhttps = []\n[admin]\nlisten = "off"\n[log]\naccess = "off"\n',
        f'[state]\ndirectory = "{tools}/cache/verge"\n',
    ]
    for handler in handlers:
        name, told = handler.name, handler.described
        text.append(f'[[function]]\nname = "{name}"\nruntime = "wasm"\nfile = "{handler.folder}/function.wasm"\n')
        variables = told.get("environment", {}).items()
        text.append("[function.environment]\n" + "".join(f'{key} = "{value}"\n' for key, value in variables))
        if "viewer_request" in told:
            text.append(
                f'[[function]]\nname = "{name}-viewer"\nruntime = "cloudfront-js-2.0"\n'
                f'file = "{handler.folder}/viewer.js"\n'
            )
        text.append(
            f'[[distribution]]\naliases = ["{name}.test"]\n[[distribution.origin]]\nid = "origin"\n'
            + origin_of(name, told, origin)
            + f'[[distribution.behavior]]\ntarget = "origin"\nallowed_methods = {ALL_METHODS}\n'
            f'cache_policy = "CachingDisabled"\norigin_request_policy = "AllViewer"\n'
        )
        if "viewer_request" in told:
            # What the edge cannot know, such as a country, a viewer function has to tell.
            (handler.folder / "viewer.js").write_text(told["viewer_request"])
            text.append(f'viewer_request = "{name}-viewer"\n')
        for event, more in told.get("associations", {}).items():
            table = f'{{ function = "{name}", include_body = true }}' if more.get("include_body") else f'"{name}"'
            text.append(f"{event} = {table}\n")
    return "".join(text)


def origin_of(name, told, origin):
    """The origin's words: a server, or the handler itself."""
    itself = told.get("in_place_of_origin")
    if itself is None:
        return f'domain_name = "127.0.0.1"\nprotocol = "http-only"\nhttp_port = {origin.server_port}\n'
    return f'function = "{name}"\n' + "".join(f"{word} = {json.dumps(value)}\n" for word, value in itself.items())


class Edge:
    """`verge serve` with these handlers, in front of an origin."""

    def __init__(self, handlers, tools):
        self.origin = Origin()
        file = tools / "work" / "verge.toml"
        file.write_text(configuration(handlers, self.origin, tools))
        self.process = subprocess.Popen(
            [VERGE, "serve", "--config", str(file)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.said, self.address = [], None
        begun = threading.Event()
        threading.Thread(target=self.listen, args=(begun,), daemon=True).start()
        if not begun.wait(PATIENCE) or not self.address:
            self.stop()
            raise SystemExit("verge serve did not start:\n" + "".join(self.said))

    def listen(self, begun):
        for line in self.process.stderr:
            self.said.append(line)
            found = re.match(r"\s*http +http://([\d.:]+)", line)
            if found:
                self.address = found[1]
            if line.startswith("try "):
                begun.set()
        begun.set()

    def exchange(self, handler, told):
        """Sends a request; what is wrong with what the viewer got and with what the origin was asked."""
        self.origin.answer = told.get("answer", {})
        while not self.origin.received.empty():
            self.origin.received.get()
        send = told["send"]
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        body = send["body"].encode() if "body" in send else None
        headers = {"Host": f"{handler.name}.test", **send.get("headers", {})}
        connection.request(send["method"], send["target"], body, headers)
        response = connection.getresponse()
        got = {"status": response.status, "headers": response.headers, "body": response.read().decode(errors="replace")}
        connection.close()
        asked = None if self.origin.received.empty() else self.origin.received.get()
        return differences("get", told["get"], got) + differences("origin", told.get("origin"), asked)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.origin.shutdown()


def differences(place, expected, given):
    """Members that are expected and differ; a header field that is expected to be null must not be there."""
    if expected is None or given is None:
        return [] if expected is given else [f"{place}: expected {expected}, given {given}"]
    found = []
    for member, value in expected.items():
        if member == "headers":
            for name, text in value.items():
                lines = given["headers"].get_all(name)
                if (lines and ", ".join(lines)) != text:
                    found.append(f"{place}.{name}: expected {text!r}, given {lines}")
        elif given[member] != value:
            found.append(f"{place}.{member}: expected {value!r}, given {given[member]!r}")
    return found


def serve(handlers, tools):
    served = [handler for handler in handlers if handler.described and not handler.faults]
    if not served:
        return 0
    edge, count = Edge(served, tools), 0
    try:
        for handler in served:
            for name, told in handler.described["exchanges"].items():
                count += 1
                handler.faults += [f"exchange {name!r}: {fault}" for fault in edge.exchange(handler, told)]
            if handler.faults:
                handler.faults.append("".join(edge.said[-20:]))
    finally:
        edge.stop()
    return count


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--bless", action="store_true")
    words.add_argument("tools", type=Path)
    words.add_argument("names", nargs="*")
    words = words.parse_args()
    tools = words.tools.resolve()
    found = sorted(folder.name for folder in HERE.iterdir() if (folder / "events").is_dir())
    # Python's take longest and begin.
    names = sorted(words.names or found, key=lambda name: not name.startswith("python"))
    handlers = [Handler(name, tools) for name in names]
    (tools / "work").mkdir(parents=True, exist_ok=True)
    seed, demo = seed_of(tools), Demo(tools)

    def tried(handler):
        handler.build(tools, seed, demo.address)
        handler.test(tools, words.bless)

    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(tried, handlers))
    finally:
        demo.stop()
    exchanges = serve(handlers, tools)
    for handler in handlers:
        print("FAILED " if handler.faults else "ok     ", handler.name)
        for fault in handler.faults:
            print("        " + fault.rstrip().replace("\n", "\n        "))
    failed = sum(bool(handler.faults) for handler in handlers)
    events = sum(handler.events for handler in handlers)
    print(f"{len(handlers) - failed} handlers passed, {failed} failed: {events} events, {exchanges} exchanges")
    return 1 if failed or not handlers else 0


if __name__ == "__main__":
    sys.exit(main())
