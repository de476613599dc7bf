"""`http.client` over the host, and with it `urllib.request`: CPython has no sockets here, and no TLS of its own."""
import errno
import http.client
import io
import socket

from componentize_py_types import Err
from wit_world.imports import fetch

# The edge names the server itself, and frames the body.
_OWN = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}


def _error(failure):
    kind, text = failure.kind, failure.message
    if kind == fetch.FailureKind.DENIED:
        return PermissionError(errno.EACCES, f"{text}; `egress` of the function does not list it")
    if kind == fetch.FailureKind.NOT_FOUND:
        return socket.gaierror(socket.EAI_NONAME, text)
    if kind == fetch.FailureKind.REFUSED:
        return ConnectionRefusedError(errno.ECONNREFUSED, text)
    if kind == fetch.FailureKind.TIMEOUT:
        return TimeoutError(errno.ETIMEDOUT, text)
    if kind == fetch.FailureKind.BROKEN:
        return ConnectionResetError(errno.ECONNRESET, text)
    return OSError(text)


def _unchunked(body):
    whole = bytearray()
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        whole += rest[:length]
        body = rest[length + 2:] if length else b""
    return bytes(whole)


class _Socket:
    """Takes a request's bytes as a socket would, asks the host, and gives the answer's bytes."""

    def __init__(self, origin, timeout):
        self._origin = origin
        self._sent = bytearray()
        self._answer = None
        self.settimeout(timeout)

    def settimeout(self, timeout):
        self._timeout = timeout if isinstance(timeout, (int, float)) else None

    def sendall(self, data):
        self._sent += data

    def makefile(self, *_args, **_kwargs):
        self.exchange()
        answer, self._answer = self._answer, None
        return io.BufferedReader(io.BytesIO(answer))

    def close(self):
        pass

    shutdown = setsockopt = lambda self, *_: None

    def exchange(self):
        """Asks for what was sent; once for each request."""
        if self._answer is not None:
            return
        head, _, body = bytes(self._sent).partition(b"\r\n\r\n")
        self._sent.clear()
        line, *fields = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        fields = [tuple(part.strip() for part in field.split(":", 1)) for field in fields]
        if any(name.lower() == "transfer-encoding" for name, _ in fields):
            body = _unchunked(body)
        headers = [(name, value.encode("latin-1")) for name, value in fields if name.lower() not in _OWN]
        timeout = None if self._timeout is None else max(1, int(self._timeout * 1000))
        number = fetch.start(fetch.Request(method, self._origin + target, headers, body, timeout))
        fetch.wait([number], None)
        try:
            answer = fetch.take(number)
        except Err as error:
            raise _error(error.value) from None
        self._answer = _written(method, answer)


def _written(method, answer):
    lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}".encode()]
    for name, value in answer.headers:
        if name == "transfer-encoding" or (name == "content-length" and method != "HEAD"):
            continue
        lines.append(name.encode() + b": " + value)
    if method != "HEAD":
        lines.append(b"content-length: %d" % len(answer.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body


class _OverHost:
    _scheme = "http"

    def connect(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.sock = _Socket(f"{self._scheme}://{host}:{self.port}", self.timeout)

    def request(self, *args, **kwargs):
        super().request(*args, **kwargs)
        # An error belongs to the request; callers that write one piece by piece learn of it from the answer.
        self.sock.exchange()


class HTTPConnection(_OverHost, http.client.HTTPConnection):
    __doc__ = http.client.HTTPConnection.__doc__


class HTTPSConnection(_OverHost, http.client.HTTPConnection):
    """HTTP over TLS; the certificate authorities are those of the system the edge runs on."""

    default_port = 443
    _scheme = "https"

    def __init__(self, host, port=None, *, context=None, **kwargs):
        if context is not None:
            raise ValueError("an SSL context is not available in verge: certificates are always checked")
        super().__init__(host, port, **kwargs)


http.client.HTTPConnection = HTTPConnection
http.client.HTTPSConnection = HTTPSConnection
http.client._create_https_context = lambda _version: None
