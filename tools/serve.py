"""Serve _build/html on this machine alone, with the headers that a public host should send.

python tools/serve.py [PORT]
"""

import gzip
import os
import re
import sys
from contextlib import suppress
from functools import lru_cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).parent.parent / "_build" / "html"
COMMON = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
)
BOOK_POLICY = COMMON + "worker-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
# Jupyter compiles its validators while it runs.
LITE_POLICY = COMMON + "worker-src 'self'; script-src 'self' 'unsafe-eval'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",  # with the next line: "Stop" keeps what was computed
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Vary": "Accept-Encoding",
    "Cache-Control": "no-cache",  # keep it, but ask whether it changed
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".py": "text/x-python; charset=utf-8",
    ".json": "application/json",
    ".ipynb": "application/x-ipynb+json",
    ".wasm": "application/wasm",
    ".whl": "application/zip",
    ".svg": "image/svg+xml",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
SQUEEZED_ALREADY = {
    ".whl",
    ".zip",
    ".png",
    ".gz",
    ".woff",
    ".woff2",
    ".pagefind",
    ".pf_meta",
    ".pf_index",
    ".pf_fragment",
}
CODING = re.compile(r"(?:^|,)\s*(gzip|\*)\s*(?:;\s*q=(0(?:\.\d*)?|1(?:\.0*)?)\s*)?(?=,|$)", re.IGNORECASE)
ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@lru_cache(maxsize=512)
def squeezed(path, changed):
    """The gzipped bytes of a file as it was when it `changed`."""
    return gzip.compress(Path(path).read_bytes(), 6, mtime=0)


def takes_gzip(accepted):
    """Whether an Accept-Encoding header allows gzip: by its name, or else by the star."""
    weights = {coding.lower(): float(weight or 1) for coding, weight in CODING.findall(accepted)}
    return weights.get("gzip", weights.get("*", 0)) > 0


def part(asked, size):
    """The bytes that a Range header asks for; None for all: it is malformed, or asks for several parts."""
    match = ONE_RANGE.fullmatch(asked)
    first, last = match.groups() if match else ("", "")
    if not first:
        return range(max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # what cannot be read is answered with headers, too
    timeout = 60  # seconds in which nothing came
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES

    def handle(self):
        with suppress(ConnectionError):  # a reader who leaves a page early
            super().handle()

    def handle_one_request(self):
        self.path, self.encoded, self.part = "", None, None  # so it stays if the request cannot be read
        super().handle_one_request()

    def send_head(self):
        name = self.translate_path(self.path)
        if "\0" in name:
            return self.send_error(HTTPStatus.BAD_REQUEST)
        if self.path.partition("?")[0].endswith("/"):
            # A file has no slash: that is 404.
            name = os.path.join(name, "index.html") if os.path.isdir(name) else ""
        if os.path.isfile(name):
            state = os.stat(name)
            if Path(name).suffix not in SQUEEZED_ALREADY and takes_gzip(
                self.headers.get("Accept-Encoding", "")
            ):
                self.encoded = squeezed(name, state.st_mtime_ns)
            else:
                same = self.headers.get("If-Range") in (None, self.date_time_string(state.st_mtime))
                self.part = part(self.headers.get("Range", ""), state.st_size) if same else None
        if self.part is not None and not self.part:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            super().send_header("Content-Range", f"bytes */{state.st_size}")
            super().send_header("Content-Length", "0")
            return self.end_headers()
        return super().send_head()

    def send_response(self, code, message=None):
        if code == HTTPStatus.OK and self.part:
            code = HTTPStatus.PARTIAL_CONTENT
        super().send_response(code, message)

    def send_header(self, name, value):
        if name == "Content-Length" and self.encoded is not None:
            super().send_header("Content-Encoding", "gzip")
            value = str(len(self.encoded))
        elif name == "Content-Length" and self.part:
            super().send_header("Content-Range", f"bytes {self.part[0]}-{self.part[-1]}/{value}")
            value = str(len(self.part))
        super().send_header(name, value)

    def end_headers(self):
        lite = self.path.startswith("/lite/")
        self.send_header("Content-Security-Policy", LITE_POLICY if lite else BOOK_POLICY)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def copyfile(self, source, outputfile):
        if self.encoded is not None:
            outputfile.write(self.encoded)
        elif self.part:
            source.seek(self.part.start)
            outputfile.write(source.read(len(self.part)))
        else:
            super().copyfile(source, outputfile)

    def list_directory(self, path):
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, *arguments):
        """Say nothing of each request."""


def server(port=0, site=SITE):
    """A server on loopback; port 0 takes a free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(site)))


if __name__ == "__main__":
    if not (SITE / "index.html").exists():
        sys.exit("serve: there is no _build/html; `make book` or `make site` makes it")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    try:
        running = server(port)
    except OSError as error:
        sys.exit(f"serve: port {port}: {error.strerror}; another one: make serve PORT=8001")
    with running:
        print(f"serving on http://127.0.0.1:{running.server_port}/ until Ctrl+C", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
