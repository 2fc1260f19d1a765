"""What is remembered: bounded, dropped on any doubt, and never under a name that has come to mean another account."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing.cache import Cache
from portaswitch.billing.session import decide
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.session import Session
from tests.unit.builders import auth, catalogue, customer, money, prepaid, reseller


def opened(session: str = "s1") -> Session:
    """A session of account 101, just authorized."""
    change = decide(prepaid(), auth(session), catalogue()).change
    assert change is not None and change.session is not None
    return change.session


def numbered(i_account: int, i_customer: int = 201) -> View:
    """A view of an account of its own, called by its number."""
    return replace(prepaid(i_account=i_account, id=str(i_account), i_customer=i_customer), customer=customer(i_customer=i_customer))


class CacheTests(SynchronousTestCase):
    """One cache of 3 accounts and 2 sessions."""

    def setUp(self) -> None:
        """A new one."""
        self.cache = Cache(3, 2)

    def keep(self, *views: View) -> None:
        """Remember views as found by their accounts' ids."""
        for view in views:
            assert view.account is not None
            self.cache.keep(view, 1, view.account.id, "")

    def test_kept_and_found(self) -> None:
        """By name within the environment, by number, by session; what is not here is 0 and None."""
        session = opened()
        self.cache.keep(replace(prepaid(), session=session), 1, "10086610975", "7/s1")
        self.assertEqual(self.cache.view(101, "7/s1"), replace(prepaid(), session=session))
        self.assertEqual(self.cache.view(101, "7/s2"), prepaid())
        names = ((1, "10086610975", ""), (2, "10086610975", ""), (1, "x", "7/s1"), (1, "x", ""))
        self.assertEqual([self.cache.account_number(*name) for name in names], [101, 0, 101, 0])
        self.assertIsNone(self.cache.view(102, ""))
        self.cache.keep(View(), 1, "nobody", "")
        self.assertEqual(self.cache.account_number(1, "nobody", ""), 0)

    def test_bounded(self) -> None:
        """However many accounts, customers, names and sessions come by, it does not grow."""
        session = opened()
        for number in range(1, 1001):
            view = replace(numbered(number, 10_000 + number), session=None)
            self.cache.keep(view, 1, f"{number}", "")
            self.cache.keep(view, 1, f"alias of {number}", "")
            self.cache.keep_session(f"7/{number}", session)
            self.cache.keep_funds(number + 5000, Funds(money(1)), number + 20_000, Funds(money(1)))
        self.assertEqual(self.cache.sizes(), (3, 2))
        sizes = {name: len(value) for name, value in vars(self.cache).items() if isinstance(value, dict)}
        self.assertLessEqual(max(sizes.values()), 3, sizes)

    def test_who_came_again_stays(self) -> None:
        """Least recently filled entries go first: an account read again counts as new."""
        self.keep(numbered(1), numbered(2), numbered(3), numbered(1), numbered(4))
        self.assertEqual([self.cache.view(number, "") is not None for number in (1, 2, 3, 4)], [True, False, True, True])
        for key in ("7/a", "7/b", "7/a", "7/c"):
            self.cache.keep_session(key, opened())
        self.assertEqual([self.cache.account_number(1, "x", key) for key in ("7/a", "7/b", "7/c")], [101, 0, 101])

    def test_funds(self) -> None:
        """Money is replaced alone; of the customer only where it moved; of strangers never."""
        self.keep(numbered(1))
        self.cache.keep_funds(1, Funds(money(4)), 201, None)
        self.cache.keep_funds(2, Funds(money(5)), 202, Funds(money(6)))
        self.assertEqual(self.cache.view(1, ""), replace(numbered(1), funds=Funds(money(4))))
        self.cache.keep_funds(1, Funds(money(3)), 201, Funds(money(7)))
        self.assertEqual(self.cache.view(1, ""), replace(numbered(1), funds=Funds(money(3)), customer_funds=Funds(money(7))))
        self.assertIsNone(self.cache.view(2, ""))

    def test_resellers(self) -> None:
        """The folded figures read every second replace those of the view."""
        view = replace(numbered(1), resellers=((reseller(), Funds(money(1))),))
        self.keep(view)
        self.cache.keep_resellers({301: Funds(money(9))})
        self.assertEqual(self.cache.view(1, ""), replace(view, resellers=((reseller(), Funds(money(9))),)))
        self.cache.forget_customer(301)
        self.assertIsNone(self.cache.view(1, ""))

    def test_heard(self) -> None:
        """'a:1' drops an account, 'c:201' all accounts of a customer, anything else everything."""
        for payload, left in (("a:1", [False, True]), ("c:201", [False, True]), ("*", [False, False]), ("a:x", [False, False]), ("", [False, False])):
            self.keep(numbered(1, 201), numbered(2, 202))
            self.cache.keep_session("7/s1", opened())
            self.cache.heard(payload)
            self.assertEqual([self.cache.view(number, "") is not None for number in (1, 2)], left, payload)
        self.assertEqual(self.cache.sizes(), (0, 0))

    def test_names_of_another(self) -> None:
        """An id or alias given to another account must be looked up anew once its account has changed: else the wrong one is charged."""
        self.keep(numbered(1), numbered(2))
        self.cache.keep(numbered(1), 1, "alias", "")
        self.cache.heard("a:1")
        self.assertEqual([self.cache.account_number(1, name, "") for name in ("1", "alias", "2")], [0, 0, 2])

    def test_session_of_another(self) -> None:
        """A session and an account that is not its owner make no view: charged on it, the wrong account would pay and the hold would stay."""
        self.keep(numbered(1))
        self.cache.keep_session("7/s1", opened())
        self.assertIsNone(self.cache.view(1, "7/s1"))

    def test_forget_session(self) -> None:
        """An account in doubt takes the session in doubt with it."""
        self.cache.keep(replace(prepaid(), session=opened()), 1, "10086610975", "7/s1")
        self.cache.forget(101, "7/s1")
        self.assertEqual((self.cache.view(101, ""), self.cache.account_number(1, "x", "7/s1")), (None, 0))
