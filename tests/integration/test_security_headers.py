"""What every answer carries, whom the portal answers, and what happens to a form without its token."""

import itertools
import re

import pytest
from flask import Flask, Response, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import event

from portal.extensions import db
from portal.web import access, security
from tests.browsing import KARI, PASSWORD, Browser, Maker, with_people

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
HTTPS = "https://klima.example"
ANSWERS = [
    ("GET", "/sign-in", 200),
    ("GET", "/account", 303),
    ("GET", "/no-such-page", 404),
    ("GET", "/sign-out", 405),
    ("POST", "/sign-in", 400),
    ("GET", "/static/css/page.css", 200),
    ("GET", "/static/no-such.css", 404),
    ("GET", "/probe/crash", 500),
    ("GET", "/probe/busy", 503),
    ("GET", "/probe/often", 429),
    ("GET", "/probe/refused", 422),
    ("GET", "/probe/first", 409),
    ("GET", "/probe/mine", 403),
    ("GET", "/probe/large", 413),
    ("GET", "/health/live", 200),
    ("GET", "/health/ready", 503),
    ("GET", "/metrics", 404),
    ("OPTIONS", "/sign-in", 200),
    ("HEAD", "/sign-in", 200),
    ("GET", "/language/en", 303),
]


REFUSALS = {503: "busy", 429: "often", 422: "refused", 409: "first", 403: "mine", 413: "large"}


def refusing(status: int) -> access.View:
    def refuse() -> ResponseReturnValue:
        abort(status)

    return access.public("a test")(refuse)


@pytest.fixture
def app(make_app: Maker, sqlite_url: str) -> Flask:
    return with_probes(make_app(sqlite_url))


def with_probes(app: Flask) -> Flask:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/probe/crash")
    @access.public("a test")
    def crash() -> ResponseReturnValue:
        raise RuntimeError("a fault of ours")

    for status, name in REFUSALS.items():
        app.add_url_rule(f"/probe/{name}", name, refusing(status))

    @app.get("/probe/file")
    @access.public("a test")
    def file() -> ResponseReturnValue:
        drawing = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
        return security.sandboxed(Response(drawing, mimetype="image/svg+xml"))

    @app.post("/probe/echo")
    @access.public("a test")
    def echo() -> ResponseReturnValue:
        return "stored"

    return with_people(app)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app.test_client())


def test_every_answer_carries_the_headers(app: Flask) -> None:
    for method, url, status in ANSWERS:
        with app.test_client().open(url, method=method) as answer:
            assert answer.status_code == status, url
            assert {name: answer.headers.getlist(name) for name in HEADERS} == {
                name: [value] for name, value in HEADERS.items()
            }
            assert "Strict-Transport-Security" not in answer.headers


def test_over_https_browsers_are_told_to_stay_there(make_app: Maker, sqlite_url: str) -> None:
    app = with_probes(make_app(sqlite_url, base_url=HTTPS, secure_cookies=True))
    for method, url, status in ANSWERS:
        with app.test_client().open(url, method=method, base_url=HTTPS) as answer:
            assert answer.status_code == status, url
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_nothing_but_static_files_is_kept_by_caches(browser: Browser) -> None:
    browser.sign_in()
    for url in ("/account", "/sign-in", "/no-such-page", "/probe/page", "/probe/file", "/probe/crash"):
        answer = browser.get(url)
        assert answer.headers["Cache-Control"] == "no-store", url
        assert "HX-Request" in answer.headers["Vary"]
    with browser.get("/static/css/page.css") as file:
        assert "no-store" not in file.headers["Cache-Control"]


def test_static_files_do_not_ask_the_database(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    asked: list[object] = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "begin", asked.append)
    with browser.get("/static/css/page.css") as file:
        assert file.status_code == 200
        assert "Set-Cookie" not in file.headers
    assert asked == []
    browser.get("/account")
    assert len(asked) == 1


def test_pages_have_nothing_inline(browser: Browser) -> None:
    pages = [browser.get("/sign-in").text, browser.sign_in(password="wrong").text]
    browser.sign_in()
    pages += [browser.get(url).text for url in ("/account", "/change-password", "/acting-for")]
    for page in pages:
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", page)


def test_a_file_is_saved_and_can_do_nothing(browser: Browser) -> None:
    answer = browser.get("/probe/file")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_keeps_its_name() -> None:
    named = Response("x", headers={"Content-Disposition": 'attachment; filename="a.pdf"'})
    assert security.sandboxed(named).headers["Content-Disposition"] == 'attachment; filename="a.pdf"'
    inline = Response("x", headers={"Content-Disposition": "inline"})
    assert security.sandboxed(inline).headers["Content-Disposition"] == "attachment"


# -- whom we answer ---------------------------------------------------------------------------------------------------


def test_another_host_is_refused_in_plain_words(app: Flask) -> None:
    hosts = ("evil.example", "127.0.0.1.evil.example", "evil.example:8000", "[::1]", "x y")
    asked = (("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/no-such-page"))
    for host, (method, url) in itertools.product(hosts, asked):
        answer = app.test_client().open(url, method=method, headers={"Host": host})
        assert answer.status_code == 400, host
        assert answer.mimetype == "text/plain"
        assert "evil" not in answer.text
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Content-Security-Policy"] == POLICY


def test_this_machine_has_several_names(app: Flask) -> None:
    for host in ("127.0.0.1", "127.0.0.1:8000", "localhost:5000"):
        assert app.test_client().get("/sign-in", headers={"Host": host}).status_code == 200, host


def test_an_installation_answers_to_its_own_name_only(make_app: Maker, sqlite_url: str) -> None:
    client = make_app(sqlite_url, base_url=HTTPS).test_client()
    assert client.get("/sign-in", base_url=HTTPS).status_code == 200
    assert client.get("/sign-in", base_url="http://localhost").status_code == 400


def test_forwarded_headers_change_nothing(app: Flask) -> None:
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = app.test_client().get("/account", headers=forged)
    assert answer.location == "/sign-in?next=/account"


# -- form tokens ------------------------------------------------------------------------------------------------------


def test_a_head_is_never_taken_for_a_form(app: Flask) -> None:
    @app.route("/probe/form", methods=["GET", "POST"])
    def form() -> str:
        return "asked" if request.method == "GET" else "sent"

    client = app.test_client()
    assert client.get("/probe/form").text == "asked"
    head = client.head("/probe/form")
    assert (head.status_code, head.content_length, head.data) == (200, len("asked"), b"")


def test_a_form_without_its_token_is_refused(browser: Browser) -> None:
    browser.sign_in()
    forms = ("/sign-in", "/sign-out", "/acting-for", "/change-password", "/account/end-other-sessions", "/language/en")
    for url, token in itertools.product(forms, (None, "", "x", "IjAi.aaaa.bbbb")):
        data = {} if token is None else {"csrf_token": token}
        assert browser.client.post(url, data=data).status_code == 400, url
    assert browser.is_in()


def test_the_token_of_another_browser_is_refused(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    token = Browser(app.test_client()).token()
    assert browser.client.post("/probe/echo", data={"csrf_token": token}).status_code == 400


def test_the_token_may_come_in_a_header(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.client.post("/probe/echo", headers={"X-CSRFToken": browser.token()})
    assert answer.text == "stored"


def test_over_https_the_form_must_come_from_our_own_page(make_app: Maker, sqlite_url: str) -> None:
    app = with_probes(make_app(sqlite_url, base_url=HTTPS, secure_cookies=True))
    client, here = app.test_client(), HTTPS
    page = client.get("/sign-in", base_url=here).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    for referrer, status in (("", 400), ("https://evil.example/", 400), (f"{here}/sign-in", 200)):
        headers = {"Referer": referrer} if referrer else {}
        answer = client.post("/probe/echo", data={"csrf_token": found[1]}, base_url=here, headers=headers)
        assert answer.status_code == status


def test_what_was_typed_comes_back_to_be_sent_again(browser: Browser) -> None:
    browser.sign_in()
    typed = {"reason": 'He said "no" <b>', "lines-0-hours": "12,5", "csrf_token": "stale"}
    answer = browser.client.post("/probe/echo?a=1", data=typed, headers={"Origin": "http://localhost"})
    assert answer.status_code == 400
    assert 'action="/probe/echo?a=1"' in answer.text
    assert 'name="reason" value="He said &#34;no&#34; &lt;b&gt;"' in answer.text
    assert 'name="lines-0-hours" value="12,5"' in answer.text
    assert "stale" not in answer.text
    fresh = re.search(r'name="csrf_token" value="([^"]+)">\s*<input type="hidden" name="reason"', answer.text)
    assert fresh
    again = browser.client.post("/probe/echo?a=1", data={**typed, "csrf_token": fresh[1]})
    assert again.text == "stored"


def test_what_somebody_else_typed_does_not_come_back(browser: Browser) -> None:
    browser.sign_in()
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/localhost"},
        {"Origin": "http://["},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ):
        answer = browser.client.post("/probe/echo", data={"amount": "1000000"}, headers=headers)
        assert answer.status_code == 400
        assert "1000000" not in answer.text, headers


def test_passwords_never_come_back(browser: Browser) -> None:
    data = {"email": KARI, "password": PASSWORD, "new_password": PASSWORD}
    answer = browser.client.post("/sign-in", data=data, headers={"Origin": "http://localhost"})
    assert answer.status_code == 400
    assert KARI in answer.text
    assert PASSWORD not in answer.text


def test_htmx_without_its_token_is_sent_to_sign_in(browser: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/probe/page"}
    answer = browser.client.post("/probe/rename", data={}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/probe/page"
