"""Serve _build/html on this machine alone, with the headers that a public host should send.

python tools/serve.py [PORT]
"""

import gzip
import sys
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
SQUEEZED_ALREADY = {".whl", ".zip", ".png", ".gz", ".woff", ".woff2"}


@lru_cache(maxsize=512)
def squeezed(path, changed):
    """The gzipped bytes of a file as it was when it `changed`."""
    return gzip.compress(Path(path).read_bytes(), 6, mtime=0)


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES
    encoded = None

    def send_head(self):
        self.encoded = None
        path = Path(self.translate_path(self.path))
        if self.path.partition("?")[0].endswith("/"):
            path = path / "index.html" if path.is_dir() else Path()  # a file has no slash: 404
        accepted = "gzip" in self.headers.get("Accept-Encoding", "")
        if accepted and path.is_file() and path.suffix not in SQUEEZED_ALREADY:
            self.encoded = squeezed(path, path.stat().st_mtime_ns)
        return super().send_head()

    def send_header(self, name, value):
        if name == "Content-Length" and self.encoded is not None:
            super().send_header("Content-Encoding", "gzip")
            value = str(len(self.encoded))
        super().send_header(name, value)

    def end_headers(self):
        lite = self.path.startswith("/lite/")
        self.send_header("Content-Security-Policy", LITE_POLICY if lite else BOOK_POLICY)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def copyfile(self, source, outputfile):
        if self.encoded is None:
            super().copyfile(source, outputfile)
        else:
            outputfile.write(self.encoded)

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
