"""The built site: how it is served, and what the book's own Sphinx extensions do to a page."""

import gzip
import http.client
import re
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
nodes = pytest.importorskip("docutils.nodes")
pytest.importorskip("nbformat")
pytest.importorskip("fontTools")
import cells  # noqa: E402
import folds  # noqa: E402
import icons  # noqa: E402
import page_metadata  # noqa: E402
import reading_room  # noqa: E402
import self_contained  # noqa: E402
import serve  # noqa: E402


@pytest.fixture
def ask(tmp_path):
    """A function that asks a server of a small site: (status, headers, body)."""
    site = tmp_path / "site"
    (site / "lite").mkdir(parents=True)
    (site / "empty").mkdir()
    (site / "index.html").write_text("<p>words</p>" * 200)
    (site / "lite" / "index.html").write_text("notebooks")
    (site / "a.wasm").write_bytes(bytes(1000))
    (site / "b.whl").write_bytes(bytes(1000))
    (site / "letters.txt").write_text("abcdefghij")
    (tmp_path / "secret.txt").write_text("secret")
    with serve.server(0, site) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", running.server_port)

        def ask(path, method="GET", **headers):
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()

        ask.address = running.server_address
        yield ask
        connection.close()
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "kind", "squeezed"),
    [
        ("/", "text/html; charset=utf-8", True),
        ("/a.wasm", "application/wasm", True),
        ("/b.whl", "application/zip", False),
    ],
)
def test_types_and_compression(ask, path, kind, squeezed):
    status, headers, plain = ask(path)
    assert (status, headers["Content-type"], "Content-Encoding" in headers) == (200, kind, False)
    status, headers, body = ask(path, Accept_Encoding="gzip, br")
    assert status == 200
    assert (headers.get("Content-Encoding") == "gzip") == squeezed
    assert int(headers["Content-Length"]) == len(body)
    assert (gzip.decompress(body) if squeezed else body) == plain
    again, _, nothing = ask(path, If_Modified_Since=headers["Last-Modified"], Accept_Encoding="gzip")
    assert (again, nothing) == (304, b"")
    assert ask("/")[0] == 200  # the connection is still in step


def test_every_answer_has_the_headers(ask):
    for path in ("/", "/a.wasm", "/nowhere"):
        _, headers, _ = ask(path)
        assert headers["Content-Security-Policy"] == serve.BOOK_POLICY
        assert serve.HEADERS.items() <= headers.items()
    assert ask("/lite/index.html")[1]["Content-Security-Policy"] == serve.LITE_POLICY


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/lite/../../secret.txt", "/nowhere"]
)
def test_nothing_outside_the_site_is_served(ask, path):
    status, _, body = ask(path)
    assert status == 404
    assert body != b"secret"


def test_errors_are_whole_answers(ask):
    for path in ("/lite", "/lite/index.html/", "/empty/", "/index.html/"):
        status, headers, body = ask(path, Accept_Encoding="gzip")
        assert status == (301 if path == "/lite" else 404)
        assert "Content-Encoding" not in headers
        assert int(headers["Content-Length"]) == len(body)
    assert ask("/", method="POST")[0] == 501


@pytest.mark.parametrize(
    ("accepted", "squeezed"),
    [
        ("gzip;q=0", False),
        ("br, gzip ; Q=0.0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("GZIP;q=0.5", True),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(ask, accepted, squeezed):
    assert ("Content-Encoding" in ask("/", Accept_Encoding=accepted)[1]) == squeezed


@pytest.mark.parametrize(
    ("asked", "status", "where", "wanted"),
    [
        ("bytes=2-4", 206, "bytes 2-4/10", b"cde"),
        ("bytes=7-", 206, "bytes 7-9/10", b"hij"),
        ("bytes=-2", 206, "bytes 8-9/10", b"ij"),
        ("bytes=0-99", 206, "bytes 0-9/10", b"abcdefghij"),
        ("bytes=-99", 206, "bytes 0-9/10", b"abcdefghij"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=-0", 416, "bytes */10", b""),
        ("bytes=0-1,3-4", 200, None, b"abcdefghij"),
        ("bytes=4-2", 200, None, b"abcdefghij"),
        ("bytes=-", 200, None, b"abcdefghij"),
        ("lines=1-2", 200, None, b"abcdefghij"),
    ],
)
def test_a_part_of_a_file(ask, asked, status, where, wanted):
    found, headers, body = ask("/letters.txt", Range=asked)
    assert (found, headers.get("Content-Range"), body) == (status, where, wanted)
    assert int(headers["Content-Length"]) == len(body)
    assert serve.HEADERS.items() <= headers.items()


def test_a_part_is_of_the_file_that_the_reader_has(ask):
    changed = ask("/letters.txt")[1]["Last-Modified"]
    assert ask("/letters.txt", Range="bytes=1-1", If_Range=changed)[2] == b"b"
    assert ask("/letters.txt", Range="bytes=1-1", If_Range='"another"')[0] == 200
    assert ask("/letters.txt", Range="bytes=1-1", Accept_Encoding="gzip")[0] == 200


def client_hello():
    """What a browser sends that takes the server for one of https."""
    sent = ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(
            ssl.MemoryBIO(), sent, server_hostname="localhost"
        ).do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /%00 HTTP/1.1", b"400"),
        (b"GET /index.html%00.png HTTP/1.1", b"400"),
        (b"\x00\xff garbage", b"400"),
        (client_hello(), b"400"),
        (b"GET / HTTP/9.9", b"505"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", b"414"),
        (b"GET /" + b"a" * 300 + b" HTTP/1.1", b"404"),
    ],
    ids=["null", "null before a suffix", "garbage", "TLS", "version", "long", "long name"],
)
def test_what_cannot_be_read_is_answered_quietly(ask, capfd, request_line, status):
    with socket.create_connection(ask.address, timeout=10) as connection:
        connection.sendall(request_line + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 " + status)
    for name, value in serve.HEADERS.items():
        assert f"{name}: {value}\r\n".encode() in answer
    assert capfd.readouterr().err == ""


def test_an_unreadable_request_after_a_good_one(ask):
    with socket.create_connection(ask.address, timeout=10) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\nGET / HTTP/9.9\r\n\r\n")
        _, _, second = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert second.startswith(b"HTTP/1.1 505")
    assert b"Content-Encoding" not in second


def test_a_closed_connection_is_quiet(ask, capfd, tmp_path):
    (tmp_path / "site" / "large.whl").write_bytes(bytes(10**7))
    before = threading.active_count()
    with socket.create_connection(ask.address) as connection:
        connection.sendall(b"GET /large.whl HTTP/1.1\r\n\r\n")
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))  # reset
    while threading.active_count() > before:
        pass
    assert ask("/")[0] == 200
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_named():
    with serve.server(0) as running:
        command = [sys.executable, ROOT / "tools" / "serve.py", str(running.server_port)]
        done = subprocess.run(command, capture_output=True, text=True)
    there = (serve.SITE / "index.html").exists()
    assert done.returncode == 1
    assert (f"port {running.server_port}: " if there else "no _build/html") in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_headers_are_documented_as_they_are_sent():
    text = (ROOT / "docs" / "publishing.md").read_text()
    for line in (serve.BOOK_POLICY, serve.LITE_POLICY):
        assert f"Content-Security-Policy: {line}" in text
    for name, value in serve.HEADERS.items():
        assert f"{name}: {value}" in text


def test_inline_scripts_become_files(tmp_path):
    folder = tmp_path / "html" / "_static" / "inline"
    folder.mkdir(parents=True)
    page = tmp_path / "html" / "book" / "page.html"
    page.parent.mkdir()
    page.write_text(
        '<html data-theme="auto"><head><link href="katex/katex.min.css"><link href="print.css">'
        '<link rel="preload" href="kept.js"><link rel="next" href="b.html">'
        '<script data-cfasync="false" src="colours.js"></script>'
        '<script src="a/togglebutton.js"></script><script data-a="1">first();</script>'
        '<script src="kept.js"></script></head><p class="dropdown admonition"></p>'
        '<script type="application/json">{"kept": 1}</script><script>const THEBE_JS_URL = "x"</script>'
        '<button onclick="print()">on paper</button><img alt="a" src="../a.png" />'
        '<script src="fontawesome.js"></script>'
    )
    (tmp_path / "html" / "a.png").write_bytes(
        bytes(16) + (300).to_bytes(4, "big") + (200).to_bytes(4, "big")
    )
    text = self_contained.outside(page, folder)
    (script,) = folder.iterdir()
    assert script.read_text() == "first();"
    assert text == (
        '<html data-theme="light"><head><link href="print.css">'
        '<script data-cfasync="false" src="colours.js"></script>'
        f'<script defer data-a="1" src="../_static/inline/{script.name}"></script>'
        '<script defer src="kept.js"></script><script defer src="a/togglebutton.js"></script></head>'
        '<p class="dropdown admonition"></p>'
        '<script type="application/json">{"kept": 1}</script>'
        '<button>on paper</button><img alt="a" src="../a.png" width="300" height="200" loading="lazy">'
    )
    page.write_text(text)
    assert self_contained.outside(page, folder) == text


def test_a_page_takes_only_what_it_needs(tmp_path):
    page = tmp_path / "page.html"
    tags = '<link href="../katex.min.css"><script defer src="_static/copybutton.js"></script>'
    for body, wanted in (("", ""), ('<b class="katex"></b><i class="highlight"></i>', tags)):
        page.write_text(tags + body)
        assert self_contained.outside(page, tmp_path / "_static" / "inline") == wanted + body


def test_icons_that_are_not_used_go():
    css = '.fa-it{--fa:"\\f03a"}.fa-a,.fa-up{--fa:"\\f185"}.fa-b{--fa:"\\f000"}@media all{.x{--y:"\\f058"}}'
    kept = icons.without_others(css, {"it", "up"})
    assert kept == css.replace('.fa-b{--fa:"\\f000"}', "")
    assert icons.CODE.findall(kept) == ["f03a", "f185", "f058"]


class App:
    """What an extension's setup sees."""

    def __init__(self):
        self.events = []

    def connect(self, event, handler):
        self.events.append(event)


@pytest.mark.parametrize("there", [True, False])
def test_without_the_runtime_the_book_stays_as_it_is(monkeypatch, there):
    monkeypatch.setattr(reading_room.runtime, "is_there", lambda: there)
    app = App()
    reading_room.setup(app)
    assert app.events == (["builder-inited", "doctree-resolved", "build-finished"] if there else [])


def test_the_bar_of_a_page(monkeypatch, tmp_path):
    monkeypatch.setattr(reading_room, "LITE", tmp_path)
    python = {
        "needs": {"python": ["p"], "bnlib": ["b", "n"], "matplotlib": ["m", "n"]},
        "known": {name: {"wire": 10**i} for i, name in enumerate("pbnm")},
    }
    bars = {
        name: reading_room.bar(ROOT / "book" / name, "../", python)
        for name in ("speed.ipynb", "playground.ipynb", "torch_backend.ipynb", "notation.md")
    }
    assert 'data-files="speed.json"' in bars["speed.ipynb"]
    assert 'data-packages="matplotlib bnlib" data-bytes="1111"' in bars["speed.ipynb"]
    assert 'data-packages="bnlib" data-bytes="111"' in bars["playground.ipynb"]  # it draws nothing
    assert re.search(r"\.\./lite/notebooks/index\.html\?path=\d\d_speed\.ipynb", bars["speed.ipynb"])
    assert "needs PyTorch" in bars["torch_backend.ipynb"]
    assert "../_sources/book/torch_backend.ipynb" in bars["torch_backend.ipynb"]
    assert "data-files" not in bars["torch_backend.ipynb"] + bars["notation.md"]
    monkeypatch.setattr(reading_room, "LITE", tmp_path / "nowhere")
    assert "<a" not in reading_room.bar(ROOT / "book" / "notation.md", "../", python)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One sentence.", "One sentence."),
        ("A short one. " + "word " * 60, "A short one."),
        ("word " * 60, "word " * 38 + "word …"),
    ],
)
def test_a_description_ends_with_a_sentence_or_a_word(text, wanted):
    boxed = nodes.note("", nodes.paragraph("", "in a box"))
    page = nodes.section("", nodes.title("", "Title"), boxed, nodes.paragraph("", text))
    assert page_metadata.description(page) == wanted
    assert len(wanted) <= page_metadata.LONGEST


def test_cells_in_sight_are_numbered():
    def cell(*parts):
        inside = [nodes.container("", nb_element=f"cell_code_{part}") for part in parts]
        return nodes.container("", *inside, nb_element="cell_code", ids=["of-the-figure"])

    first, no_code, second = cell("source", "output"), cell("output"), cell("source")
    page = nodes.section("", nodes.title("", "Title"), first, nodes.note("", no_code, second))
    cells.number(None, page, "book/page")
    assert [node["ids"] for node in (first, no_code, second)] == [
        ["cell-1", "of-the-figure"],
        ["of-the-figure"],
        ["cell-2", "of-the-figure"],
    ]
    assert [node[0].astext().count('href="#cell-') for node in (first, second)] == [1, 1]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("# What this section asserts\nassert True", "Code: what this section asserts"),
        ("use_style()\nrng = 1", "Code: set-up of this page"),
        ("a, (b, _) = 1, (2, 3)", "Code: defines a, b"),
        ("a = [n for n in ()]\ndef f():\n    x = 1\nclass C: pass", "Code: defines f, C, …"),
        ("both = left = [n for n in range(2)]", "Code: defines both, left"),
        ("wrong |= {}", "Code: defines wrong"),
        ("assert f()", "Code: checks"),
        ("print(1)", "Code"),
    ],
)
def test_a_fold_says_what_it_holds(source, wanted):
    assert folds.title(source) == wanted
    assert folds.title(source, has_figure=True) == wanted.replace("Code", "Code and figure")
