"""The command line with the rights of an API user (--as): what a reseller may and sees, tried by an operator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portaswitch.administration.opening import operator
from portaswitch.model.actor import Actor, Realm
from portaswitch.store.users import rights_of
from tests.server import test_rights
from tests.server.database import new_state_dir
from tests.server.desks import DeskCase
from tests.server.test_cli import Command

USER = {"password": "a long enough one", "realm": "reseller", "customer": "Demo reseller"}


class ActingCase(DeskCase):
    """Commands in processes of their own on the demo."""

    timeout = 180

    async def prepare(self) -> None:
        """Users of the reseller, and a configuration."""
        await super().prepare()
        for login, more in (("seller", {"role": "admin"}), ("desk", {"role": "helpdesk"}), ("gone", {"role": "admin", "blocked": "yes"})):
            await self.do("user.add", {**USER, **more}, login=login)
        folder = new_state_dir()
        self.config = Path(folder) / "portaswitch.yaml"
        self.config.write_text(f"state_dir: {folder}\ndatabase: '{self.dsn}'\n")

    async def run_command(self, *words: str) -> tuple[int, str, str]:
        """Status, standard output and standard error."""
        return await Command("--config", str(self.config), *words).ended

    async def told(self, *words: str) -> Any:
        """The document of a command that has to succeed."""
        status, out, err = await self.run_command("--json", *words)
        self.assertEqual((status, err), (0, ""), out)
        return json.loads(out)

    async def unsaid(self, *words: str) -> str:
        """What a command says that has to fail, or be wrong usage."""
        status, out, err = await self.run_command(*words)
        self.assertEqual((status in (1, 2), out), (True, ""), err)
        return err


class ActingTests(ActingCase):
    """What a reseller's user sees and does."""

    async def test_sees(self) -> None:
        """What is below the reseller, and no more; its own tariffs, and nothing of the prices of others."""
        await self.do("tariff.add", managed_by="Demo reseller", name="Own", service="Voice calls", currency="CAD", applied_to="customer")
        mine = await self.told("--as", "seller", "customer", "list", "--limit", "0")
        everybody = await self.told("customer", "list", "--limit", "0")
        self.assertEqual({row["name"] for row in mine}, {"Demo reseller", "Demo retail", "Demo subcustomer"})
        self.assertGreater(len(everybody), len(mine))
        self.assertEqual([row["name"] for row in await self.told("tariff", "list", "--as", "seller")], ["Own"])
        self.assertEqual((await self.told("tariff", "show", "Own", "--as", "seller"))["name"], "Own")
        foreign = (("account", "show", "0101"), ("customer", "show", "Demo retail USD"), ("tariff", "show", "PrepaidCard"), ("rate", "list", "PrepaidCard"))
        for words in (*foreign, ("rate", "history", "PrepaidCard", "82"), ("rate", "export", "PrepaidCard")):
            self.assertIn("there is no", await self.unsaid(*words, "--as", "seller"), words)

    async def test_does(self) -> None:
        """By its role; in the audit stands who sat there, and as whom, and both are found by the operator's name."""
        changed = await self.told("customer", "change", "Demo subcustomer", "--credit-limit", "77", "--as", "seller")
        self.assertEqual(changed["credit_limit"], "77")
        self.assertIn("you may not", await self.unsaid("customer", "change", "Demo subcustomer", "--credit-limit", "78", "--as", "desk"))
        who = operator(1).name
        self.assertEqual([line[0] for line in self.audited("customer") if line[1] == "customer.change"], [f"{who} as seller"])
        for name in (who, who.partition(":")[2]):
            lines = await self.told("audit", "list", "--by", name, "--operation", "customer.change")
            self.assertEqual([line["actor"] for line in lines], [f"{who} as seller"])
        self.assertIn("administrators", await self.unsaid("audit", "list", "--as", "seller"))

    async def test_refused(self) -> None:
        """Nobody of that name, one who is blocked, one of another environment; a command that asks for no rights is wrong usage."""
        for login in ("nobody", "gone"):
            self.assertIn(f"--as {login}: no such user in environment 1, or it is blocked", await self.unsaid("customer", "list", "--as", login))
        self.ask("insert into environments (i_env, name) values (2, 'Other')")
        self.assertIn("in environment 2", await self.unsaid("customer", "list", "--as", "seller", "--env", "2"))
        self.assertIn("asks for no rights", await self.unsaid("verify", "--as", "seller"))


class ActingMatrixTests(test_rights.MatrixTests):
    """The matrix of rights with every actor made from the row of an API user, as --as makes it."""

    async def check(self, by: Actor, named: Mapping[str, str], unseen: set[str]) -> None:
        """The same, by a user of that realm and role."""
        login = f"{by.realm} {by.role}"
        owner = (None, None) if by.realm is Realm.ADMIN else (by.i_customer or None, by.i_account or None)
        self.ask(
            "insert into api_users (i_env, login, password, realm, role, i_customer, i_account) values (%s, %s, 'x', %s, %s, %s, %s)",
            (by.i_env, login, by.realm.value, by.role.value, *owner),
        )
        actor = await rights_of(self.pool, by.i_env, login, operator(by.i_env))
        assert actor is not None
        self.assertEqual((actor.realm, actor.role, actor.i_customer, actor.i_account), (by.realm, by.role, by.i_customer, by.i_account))
        await super().check(actor, named, unseen)
