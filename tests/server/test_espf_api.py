"""The ESPF API over HTTP: outside systems say how far they are with an account."""

from __future__ import annotations

import base64
import json
import shutil
from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from portaswitch.config.settings import load_text
from portaswitch.service import Server
from portaswitch.store.database import KEY_FILE
from tests.claims import claims
from tests.server.database import new_state_dir
from tests.server.desks import CARD, LINE, DeskCase
from tests.server.test_status import free_port

_reactor: Any = reactor
LOGIN, PASSWORD = "oms", "a long enough one"
GROUPS = ("VoIP", "HSS", "PCRF", "IPTV", "WiMAX", "Netaccess", "NumberPortability", "LawfulInterception")
FORM = "application/x-www-form-urlencoded"


def basic(login: str, password: str) -> str:
    """The header of a log-in."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


class EspfCase(DeskCase):
    """A server with the role http on the demo catalogue, and an API user."""

    timeout = 180

    async def prepare(self) -> None:
        """The server is ready."""
        await super().prepare()
        await self.do("user.add", login=LOGIN, password=PASSWORD, role="provisioning")
        folder, self.port = new_state_dir(), free_port()
        self.addCleanup(shutil.rmtree, folder, True)
        (folder / KEY_FILE).touch(0o600)
        (folder / KEY_FILE).write_text(f"1 {b'k'.hex() * 32}\n")
        self.server = Server(
            reactor,
            load_text(
                f"state_dir: {folder}\ndatabase: '{self.dsn}'\nroles: [http]\nhttp: {{listen: ['tcp:{self.port}:interface=127.0.0.1']}}\n"
                f"logging: {{directory: {folder}/log}}\n"
            ),
        )
        self.server.startService()
        self.addCleanup(self.server.stopService)
        await self.server.ready
        self.i_account = self.number("accounts", "i_account", id=CARD)

    async def post(self, path: str, body: Any, login: str = "", method: bytes = b"POST", **headers: str) -> tuple[int, Any]:
        """Code and content of an answer."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = Headers({"authorization": [login or basic(LOGIN, PASSWORD)], **{name.replace("_", "-"): [value] for name, value in headers.items()}})
        agent = Agent(_reactor, pool=HTTPConnectionPool(_reactor, persistent=False))
        url = f"http://127.0.0.1:{self.port}/espf/v1/account/{path}".encode()
        response = await agent.request(method, url, named, FileBodyProducer(BytesIO(sent)))
        text = await readBody(response)
        return response.code, json.loads(text) if response.headers.getRawHeaders("content-type") == ["application/json"] else text

    def statuses(self) -> list[tuple[Any, ...]]:
        """What is kept."""
        return self.ask('select i_account, "group", status, message from provisioning_status order by 1, 2')


class StatusTests(EspfCase):
    """How far a system is."""

    @claims("espf-status-api.1", "espf-status-api.6", "espf-status-api.7")
    async def test_by_number(self) -> None:
        """By i_account, each group for itself, with the credentials of an administrative user."""
        code, told = await self.post(f"i/{self.i_account}/status", {"status": "IN_PROGRESS", "group": "HSS"})
        self.assertEqual((code, told["id"], told["status"]), (200, CARD, "IN_PROGRESS"))
        await self.post(f"i/{self.i_account}/status", {"status": "FAILED", "group": "IPTV", "message": "no such package"})
        await self.post(f"i/{self.i_account}/status", {"status": "OK", "group": "HSS"})
        self.assertEqual(self.statuses(), [(self.i_account, "HSS", "OK", None), (self.i_account, "IPTV", "FAILED", "no such package")])
        for login in (basic(LOGIN, "another password"), basic("nobody", PASSWORD), "Basic !", "Bearer x", "None of it"):
            self.assertEqual((await self.post(f"i/{self.i_account}/status", {"status": "RETRY", "group": "HSS"}, login))[0], 401)
        self.assertEqual(self.statuses()[0][2], "OK")

    @claims("espf-status-api.2", "espf-status-api.3", "espf-status-api.8")
    async def test_by_id(self) -> None:
        """By the account's id, all four words, and the guide's own request: JSON that is labelled as a form, with a blank in its value."""
        for status in ("IN_PROGRESS", "RETRY", "FAILED"):
            self.assertEqual((await self.post(f"{CARD}/status", {"status": status, "group": "HSS"}))[0], 200)
            self.assertEqual(self.statuses(), [(self.i_account, "HSS", status, None)])
        code, _ = await self.post(f"{CARD}/status", b'{\n    "status": "OK ",\n    "group": "HSS"\n}', content_type=FORM)
        self.assertEqual((code, self.statuses()[0][2]), (200, "OK"))

    async def test_by_alias(self) -> None:
        """A further id is the account's: what is told of it stands where handlers and operators look."""
        i_account = self.number("accounts", "i_account", id=LINE)
        for path in ("16045550102", f"i/{self.number('accounts', 'i_account', id='16045550102')}"):
            code, told = await self.post(f"{path}/status", {"status": "OK", "group": "HSS"})
            self.assertEqual((code, told["id"], self.statuses()), (200, LINE, [(i_account, "HSS", "OK", None)]))
        code, told = await self.post("16045550102/report", {"source": "Jasper", "kind": "CapReached"})
        self.assertEqual((told["id"], self.ask("select i_account from external_reports")), (LINE, [(i_account,)]))

    @claims("espf-status-api.4", "espf-status-api.5")
    async def test_groups(self) -> None:
        """The eight of the guide are there; another one is refused until it is registered."""
        for group in GROUPS:
            self.assertEqual((await self.post(f"{CARD}/status", {"status": "OK", "group": group}))[0], 200)
        code, told = await self.post(f"{CARD}/status", {"status": "OK", "group": "CRM"})
        self.assertEqual(code, 400)
        self.assertIn("not registered", told["faults"][0])
        await self.do("provisioning-group.add", name="CRM")
        self.assertEqual((await self.post(f"{CARD}/status", {"status": "OK", "group": "CRM"}))[0], 200)
        self.assertEqual({row[1] for row in self.statuses()}, {*GROUPS, "CRM"})

    async def test_refused(self) -> None:
        """What is wrong is said, and nothing is kept."""
        wrong: list[tuple[int, str, Any]] = [
            (404, "nobody/status", {"status": "OK", "group": "HSS"}), (404, "i/999999/status", {"status": "OK", "group": "HSS"}),
            (400, "i/x/status", {"status": "OK", "group": "HSS"}), (400, f"{CARD}/status", {"status": "DONE", "group": "HSS"}),
            (400, f"{CARD}/status", {"group": "HSS"}), (400, f"{CARD}/status", b"status=OK&group=HSS"), (400, f"{CARD}/status", b"[" * 60000),
            (413, f"{CARD}/status", b"x" * 70000), (400, f"{CARD}/status", {"status": "OK", "group": "HSS", "message": "x" * 4001}),
            (400, f"{CARD}/status", {"status": ["OK"], "group": "HSS"}), (400, f"{CARD}/status", {"status": "OK", "group": "HSS", "message": "a\0b"}),
            (400, f"{CARD}/status", {"status": "OK", "group": "HSS", "message": "\ud800"}),
            (404, f"{CARD}/other", {}), (404, f"i/i/{CARD}/status", {}),
        ]  # fmt: skip
        for code, path, body in wrong:
            self.assertEqual((await self.post(path, body))[0], code, (path, body))
        self.assertEqual((await self.post(f"{CARD}/status", b"", method=b"GET"))[0], 405)
        self.assertEqual(self.statuses(), [])

    async def test_walls(self) -> None:
        """A user of another environment, or of a customer, doesn't reach the account; one who only reads may not write; one who is blocked is nobody."""
        self.ask("insert into environments (i_env, name) values (2, 'Other'); update api_users set i_env = 2")
        good = {"status": "OK", "group": "HSS"}
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 404)
        self.assertEqual((await self.post(f"i/{self.i_account}/status", good))[0], 404)
        self.ask("update api_users set i_env = 1, role = 'read'")
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 403)
        self.ask("update api_users set role = 'root', blocked = true")
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 401)
        self.ask("update api_users set blocked = false, allowed_from = '{192.0.2.0/24}'")
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 401)
        self.assertEqual(self.statuses(), [])

    async def test_token(self) -> None:
        """A token stands for the password, until another one is given or it is revoked."""
        first = (await self.do("user.token", login=LOGIN))["token"]
        self.assertEqual((await self.post(f"{CARD}/status", {"status": "OK", "group": "HSS"}, f"Bearer {first}"))[0], 200)
        second = (await self.do("user.token", login=LOGIN))["token"]
        self.assertEqual((await self.post(f"{CARD}/status", {"status": "OK", "group": "HSS"}, f"Bearer {first}"))[0], 401)
        await self.do("user.revoke", login=LOGIN)
        self.assertEqual((await self.post(f"{CARD}/status", {"status": "OK", "group": "HSS"}, f"Bearer {second}"))[0], 401)
        kept = str(self.ask("select password, token from api_users")) + str(self.ask("select before, after from audit_log"))
        for secret in (PASSWORD, first, second):
            self.assertNotIn(secret, kept)

    async def test_guessing(self) -> None:
        """Ten wrong passwords lock the user out for a while, the right one too."""
        good = {"status": "OK", "group": "HSS"}
        for _ in range(10):
            self.assertEqual((await self.post(f"{CARD}/status", good, basic(LOGIN, "wrong")))[0], 401)
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 401)
        self.ask("update api_users set blocked_until = now()")
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 200)

    async def test_guessing_beside_its_program(self) -> None:
        """Who comes by the token all day gives nobody further guesses at the password; the right password forgets the wrong ones."""
        good, token = {"status": "OK", "group": "HSS"}, (await self.do("user.token", login=LOGIN))["token"]
        for _ in range(9):
            await self.post(f"{CARD}/status", good, basic(LOGIN, "wrong"))
            self.assertEqual((await self.post(f"{CARD}/status", good, f"Bearer {token}"))[0], 200)
        self.assertEqual(self.one("select failures from api_users"), 9)
        self.assertEqual((await self.post(f"{CARD}/status", good))[0], 200)
        self.assertEqual(self.one("select failures from api_users"), 0)

    async def test_log_in_with_at(self) -> None:
        """A mail address is a log-in like any other, with its environment behind it or without; an environment that is not its own opens nothing."""
        await self.do("user.add", login="alice@example.com", password=PASSWORD, role="provisioning")
        own = self.one("select name from environments where i_env = 1")
        for login, code in (("alice@example.com", 200), (f"alice@example.com@{own}", 200), (f"{LOGIN}@{own}", 200), (f"{LOGIN}@Other", 401), ("alice", 401)):
            self.assertEqual((await self.post(f"{CARD}/status", {"status": "OK", "group": "HSS"}, basic(login, PASSWORD)))[0], code, login)


class ReportTests(EspfCase):
    """Events of outside systems."""

    async def test_report(self) -> None:
        """A quota used up at Jasper is a row that feeds Custom/Jasper/CapReached."""
        code, told = await self.post(f"i/{self.i_account}/report", {"source": "Jasper", "kind": "CapReached", "details": {"ctdDataUsage": 5}})
        self.assertEqual((code, told["source"], told["kind"]), (200, "Jasper", "CapReached"))
        kept = self.ask("select i_account, source, kind, details from external_reports")
        self.assertEqual(kept, [(self.i_account, "Jasper", "CapReached", {"ctdDataUsage": 5})])
        for wrong in ({"source": "Jasper"}, {"source": "a/b", "kind": "c"}, {"source": "J", "kind": "C", "details": "x"}):
            self.assertEqual((await self.post(f"i/{self.i_account}/report", wrong))[0], 400)
