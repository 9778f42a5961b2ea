"""What a school's server or Unitu's may answer, and all that comes of it: words, within bounds."""

import gzip
import itertools
from collections.abc import Iterable

import pytest
from pydantic import SecretStr

from services.fetcher.isams import client
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.source import Refused
from services.publisher.unitu import LARGEST_ANSWER, Outcome, Unitu
from tests.harness.loudest_log import loudest
from tests.hostile.neighbour import Raw, a_token, answer, bomb, gzip_of_gzip, neighbour, without_length
from tests.hostile.program import PATH, in_bounds, school
from tests.unit.fetcher.world import settings

KEY = "made-up-key"
ROOM = 300  # megabytes that a client may take beside itself; its largest answer has 64, and is copied once
ENDLESS = "an answer without an end"


def endless(status: str = "200 OK") -> Iterable[bytes]:
    return without_length(itertools.repeat(b" " * 65536), status, Content_Type="application/json")


async def ask_school(raw: Raw, token: Raw | None = None) -> dict[str, str]:
    async with neighbour(lambda _: raw, token) as other:
        return await school(other.url)


async def post(raw: Raw, key: str = KEY) -> Outcome:
    async with neighbour(lambda _: raw) as other:
        client = Unitu()
        try:
            return await client.post(f"{other.url}/v1/sync", SecretStr(key), b"{}", 30.0)
        finally:
            await client.close()


BOMBS = [
    pytest.param(lambda: answer(bomb(1024), Content_Encoding="gzip"), id="a gigabyte in a gzip"),
    pytest.param(lambda: answer(gzip_of_gzip(1024), Content_Encoding="gzip, gzip"), id="a gzip of a gzip"),
    pytest.param(lambda: answer(bomb(1024), Content_Encoding="x-gzip"), id="by its older name"),
    pytest.param(endless, id=ENDLESS),
]


class TestBombs:
    @pytest.mark.parametrize("raw", BOMBS)
    async def test_a_school_cannot_fill_the_fetcher(self, raw: object) -> None:
        async with neighbour(lambda _: raw()) as other:  # type: ignore[operator]
            found = await in_bounds("school", other.url, ROOM)
        assert found["error"] in ("Refused", "Retryable"), found
        assert PATH in found["message"]

    @pytest.mark.parametrize("raw", BOMBS)
    async def test_unitu_cannot_fill_the_publisher(self, raw: object) -> None:
        async with neighbour(lambda _: raw()) as other:  # type: ignore[operator]
            found = await in_bounds("unitu", other.url, 64)
        assert (found["kind"], found["status"]) == ("unknown", 200), "whoever answers so has accepted nothing"

    async def test_the_publisher_hangs_up_after_its_limit(self) -> None:
        async with neighbour(lambda _: endless()) as other:
            client = Unitu()
            await client.post(f"{other.url}/v1/sync", SecretStr(KEY), b"{}", 30.0)
            await client.close()
        assert other.sent < 8 * 1024 * 1024, "the system's buffers, and no more"

    @pytest.mark.parametrize(("size", "kind"), [(LARGEST_ANSWER, "accepted"), (LARGEST_ANSWER + 1, "unknown")])
    @pytest.mark.parametrize("is_zipped", [False, True])
    async def test_the_limit_is_exact(self, size: int, kind: str, *, is_zipped: bool) -> None:
        content = b"{}".ljust(size)
        raw = answer(gzip.compress(content), Content_Encoding="gzip") if is_zipped else answer(content)
        assert (await post(raw)).kind == kind

    async def test_a_refusal_stays_one_however_long_it_is(self) -> None:
        outcome = await post(endless("403 Forbidden"))
        assert (outcome.kind, outcome.status) == ("rejected", 403)


class TestEncodings:
    async def test_one_gzip_is_read(self) -> None:
        raw = answer(gzip.compress(b'{"students": []}'), Content_Encoding="gzip")
        assert await ask_school(raw) == {"found": {"students": []}}
        assert (await post(raw)).kind == "accepted"

    @pytest.mark.parametrize(
        ("content", "encoding"),
        [
            pytest.param(b"{}", "gzip", id="no gzip"),
            pytest.param(gzip.compress(b"{}")[:-6], "gzip", id="cut"),
            pytest.param(gzip.compress(b"{}") + b"more", "gzip", id="something behind it"),
            pytest.param(gzip.compress(b"{}") * 2, "gzip", id="two of them"),
            pytest.param(gzip.compress(b"{}"), "gzip, identity, gzip", id="not so often"),
            pytest.param(b"{}", "br", id="not asked for"),
            pytest.param(b"{}", "deflate", id="nor that"),
            pytest.param(b"{}", "\x1b[31m", id="no encoding"),
        ],
    )
    async def test_what_was_not_asked_for_is_told_in_words(self, content: bytes, encoding: str) -> None:
        raw = answer(content, Content_Encoding=encoding)
        found = await ask_school(raw)
        assert (found["error"], "\x1b" in found["message"]) == ("Retryable", False)
        assert "the answer" in found["message"]
        assert (await post(raw)).kind == "unknown"

    @pytest.mark.parametrize("charset", ["zlib", "undefined", "rot13", "idna", "bz2", "\x1b", "utf-7", "x" * 5000])
    async def test_no_charset_decides_how_we_read(self, charset: str) -> None:
        """Fails when a client looks up what an answer calls its charset: one answer of Unitu's ended every tenant."""
        raw = answer(b"no", "422 Unprocessable Entity", Content_Type=f"text/plain; charset={charset}")
        outcome = await post(raw)
        assert (outcome.kind, outcome.status, outcome.text) == ("rejected", 422, "no")
        found = await ask_school(raw)
        assert (found["error"], "422" in found["message"]) == ("Refused", True)

    async def test_bytes_that_are_no_text_are_none(self) -> None:
        outcome = await post(answer(b"\xff\xfe{", "400 Bad Request"))
        assert (outcome.kind, outcome.status) == ("rejected", 400)


JSON = [
    pytest.param(b"[" * 200_000, "nested", id="nested without end"),
    pytest.param(b"[" * 900 + b"]" * 900, "", id="nested as deeply as is read"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested", id="nested objects"),
    pytest.param(b'{"students": [], "totalCount": ' + b"9" * 5000 + b"}", "cannot be taken", id="5,000 digits"),
    pytest.param(b'{"students": [], "totalCount": 1e999}', "cannot be taken", id="beyond a float"),
    pytest.param(b'"\\ud800', "no JSON", id="half a character, and no end"),
    pytest.param(b"\xff", "no JSON", id="not UTF-8"),
]


class TestContents:
    @pytest.mark.parametrize(("content", "words"), JSON)
    async def test_what_is_hard_to_read_is_the_schools_fault_in_words(self, content: bytes, words: str) -> None:
        found = await ask_school(answer(content))
        if words:
            assert found["error"] == "Retryable", found
            assert words in found["message"]
        for status in ("200 OK", "400 Bad Request", "422 Unprocessable Entity"):
            assert (await post(answer(content, status))).kind in ("unknown", "rejected")

    @pytest.mark.parametrize("pages", ["1000000000", "9" * 18, "9" * 400, "1e300", "-1", '"' + "9" * 400 + '"'])
    async def test_no_number_of_pages_is_a_bug(self, pages: str) -> None:
        body = f'{{"students": [], "count": {pages}, "totalPages": {pages}, "totalCount": {pages}, "page": 1}}'
        async with neighbour(lambda _: answer(body.encode())) as other:
            source = client.Isams(settings(base_url=other.url), Politeness(1000))
            page = await source.students(1)
            await source.close()
        assert page.pages >= 0

    @pytest.mark.parametrize("lifetime", ["9" * 400, "1e308", "-1", "0", "null", '"soon"', "[]", "true"])
    async def test_no_lifetime_of_a_token_is_a_bug(self, lifetime: str) -> None:
        assert await ask_school(answer(b"{}"), a_token(lifetime=lifetime)) == {"found": {}}

    async def test_a_lifetime_that_is_none_is_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        await ask_school(answer(b"{}"), a_token(lifetime="9" * 400))
        assert [one.getMessage() for one in caplog.records if "expires_in" in one.getMessage()] != []
        assert "999" not in caplog.text

    @pytest.mark.parametrize("wish", ["9" * 400, "1e400", "nan", "inf", "Mon, 01 Jan 9999 00:00:00 -9999", "²", "-5"])
    async def test_no_wish_for_rest_is_a_bug(self, wish: str) -> None:
        raw = answer(b"", "503 Service Unavailable", Retry_After=wish)
        assert (await ask_school(raw))["error"] == "Trouble"
        outcome = await post(raw)
        assert outcome.kind == "unknown"
        assert outcome.retry_after is None or 0 <= outcome.retry_after < float("inf")


class TestHeads:
    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"220 mail.example ESMTP\r\n", id="another protocol"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a length below nothing"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", id="two lengths"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n", id="no number"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", id="less than it said"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="no chunk"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 500_000, id="a header without an end"),
            pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000, id="headers without an end"),
            pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="no status"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", id="a header with a nought"),
        ],
    )
    async def test_what_is_no_http_is_no_answer(self, raw: bytes) -> None:
        assert (await ask_school(raw))["error"] == "Retryable"
        outcome = await post(raw)
        assert (outcome.kind, outcome.status) == ("unknown", None)

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    async def test_a_redirect_is_never_followed(self, status: str) -> None:
        async with neighbour(lambda _: answer(b"{}")) as elsewhere:
            raw = answer(b"", status, Location=f"{elsewhere.url}/v1/sync")
            assert (await ask_school(raw))["error"] == "Refused"
            assert (await post(raw)).kind == "rejected"
            assert (await ask_school(answer(b"{}"), raw))["error"] == "Refused"
        assert elsewhere.asked == [], "the token and the key are for one host alone"

    async def test_a_servers_words_reach_no_terminal(self, caplog: pytest.LogCaptureFixture) -> None:
        bad = "\x1b]0;owned\x07\x9b2J"
        for raw in (
            answer(b"?", Content_Type=bad, X_Request_Tag=bad),
            answer(b"", "500 No", X_Request_Tag=bad * 1000),
            answer(b"", "418 No", X_Request_Tag=bad * 1000),
        ):
            found = await ask_school(raw)
            assert found["message"].isprintable()
            assert len(found["message"]) < 600


class TestSecrets:
    @pytest.mark.parametrize(
        "token",
        [r'"secret\r\nX: y"', r'"secret\n"', r'"secret\u0000"', r'"secr\u00e9t"', r'"sec ret"', '""', "7", "null"],
    )
    async def test_a_token_that_is_none_is_never_told(self, token: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Fails when a token is put into a header as it came: the client tells it whole in its error."""
        with loudest(capsys) as lines:
            found = await ask_school(answer(b"{}"), a_token(token))
            logged = lines()
        assert (found["error"], "gives no token" in found["message"]) == ("Refused", True)
        assert "secr" not in found["message"] + logged

    @pytest.mark.parametrize("key", [KEY, 'a/"<&>"\\ key', "k" * 300])
    @pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "500 No"])
    async def test_a_key_that_unitu_repeats_is_kept_by_nobody(self, key: str, status: str) -> None:
        """Whatever stands before it: a key is replaced first, and then the answer is cut."""
        for before in (0, 480, 499, LARGEST_ANSWER - 5, LARGEST_ANSWER - len(key) + 1):
            outcome = await post(answer(b" " * before + key.encode() + b" " * LARGEST_ANSWER, status), key)
            assert key[:6] not in outcome.text + outcome.message
        often = await post(answer((key * LARGEST_ANSWER).encode(), status), key)
        assert key[:6] not in often.text + often.message

    @pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "418 No"])
    async def test_a_token_that_the_school_repeats_is_told_to_nobody(self, status: str) -> None:
        """Also where the refusal comes with status 200, in place of a list."""
        token = r"made-up\/to-ken+1"
        raw = answer(b'{"message": "no list for %b, nor made-up%%2Fto-ken%%2B1"}' % token.encode(), status)
        async with neighbour(lambda _: raw, a_token(f'"{token}"')) as other:
            source = client.Isams(settings(base_url=other.url), Politeness(1000))
            with pytest.raises(Refused) as caught:
                await source.students(1)
            await source.close()
        assert caught.value.said == "no list for …, nor …"

    async def test_a_debug_run_tells_neither_secret_nor_person(self, capsys: pytest.CaptureFixture[str]) -> None:
        pupil = b'{"students": [{"schoolId": "7", "forename": "Esmeralda"}]}'
        with loudest(capsys) as lines:
            for status in ("200 OK", "401 No", "403 No", "404 No", "422 No", "500 No"):
                await ask_school(answer(pupil, status))
                await post(answer(pupil, status))
            logged = lines()
        for private in ("Esmeralda", "made-up-token", "made-up-key", "Bearer"):
            assert private not in logged


async def test_who_does_not_answer_is_told_by_name_and_cause() -> None:
    async with neighbour(lambda _: b"") as other:
        pass
    found = await school(other.url)
    assert found["error"] == "Retryable"
    assert "Connection refused" in found["message"]


async def test_ids_that_are_paths_are_asked_of_nobody() -> None:
    async with neighbour(lambda _: answer(b"{}")) as other:
        source = client.Isams(settings(base_url=other.url), Politeness(1000))
        for id in ("../teaching/sets", "..", "1/2", "1%2F2", "1?x", "1#", "\r\n", "", "a" * 65):
            assert await source.student(id) is None
            assert await source.applicant(id) is None
            assert await source.employee(id) is None
        await source.close()
    assert other.asked == []


class TestProxies:
    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    async def test_no_variable_sends_key_and_pupils_elsewhere(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fails when the publisher's client takes its proxy from the environment."""
        async with neighbour(lambda _: answer(b"{}")) as unitu, neighbour(lambda _: answer(b"{}")) as other:
            monkeypatch.setenv(name, other.url)
            client = Unitu()
            outcome = await client.post(f"{unitu.url}/v1/sync", SecretStr(KEY), b"{}", 30.0)
            await client.close()
        assert (outcome.kind, unitu.asked, other.asked) == ("accepted", ["POST /v1/sync"], [])

    async def test_a_tenant_s_own_proxy_is_used_for_its_address_alone(self) -> None:
        async with neighbour(lambda _: answer(b"{}")) as unitu, neighbour(lambda _: answer(b"{}")) as proxy:
            url = f"{unitu.url}/v1/sync"
            client = Unitu(proxies={url: proxy.url})
            await client.post(url, SecretStr(KEY), b"{}", 30.0)
            await client.post(f"{unitu.url}/v2/sync", SecretStr(KEY), b"{}", 30.0)
            await client.close()
        assert (proxy.asked, unitu.asked) == ([f"POST {url}"], ["POST /v2/sync"])
