"""Where accounts can be reached, messages that wait, and who carries them: what messaging asks of store and endpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

from twisted.internet.defer import Deferred
from zope.interface import Interface

from portaswitch.interfaces.rest import Rest
from portaswitch.model.message import Answer, Callee, Contact, Draft, Fate, Kept, Notice, Occasion, Text
from portaswitch.model.refusal import Refusal
from portaswitch.model.registration import Bound, NotBound, Registration


class ILocations(Interface):
    """
    Implemented by `store.registrations.Registrations`: the table is the truth, so that any process delivers to what any other has registered.

    Errors of all methods: `DatabaseDown`, psycopg2's.
    """

    def callee(i_env: int, names: Sequence[str]) -> Deferred[Callee | None]:
        """The account that has one of these ids (or of its aliases), with its contacts in force, the preferred ones first; None: nobody, or closed."""

    def contacts(i_account: int) -> Deferred[list[Contact]]:
        """The contacts of an account that are in force, the preferred ones first."""

    def missed(i_account: int) -> None:
        """A message did not reach the account by the contacts it has: they are to be looked up before the next one."""

    def bind(i_account: int, change: Callable[[Sequence[Contact]], Sequence[Contact]]) -> Deferred[Bound]:
        """
        Change the contacts of an account: `change` gets those in force and gives those that shall be; it is pure, for it is called again where somebody else
        has changed them meanwhile. Fires with what is in force then; whatever `change` raises is the failure, and nothing is changed.
        """

    def lost(worker: str, flows: Sequence[str]) -> Deferred[None]:
        """Connections of a process are gone, and with them what can be reached by them alone; no flows: all of them, whatever number the process had."""


class IMessages(Interface):
    """Implemented by `store.messages.Messages`. Errors of all methods: `DatabaseDown`, psycopg2's."""

    def keep(text: Text, most: int) -> Deferred[Kept]:
        """
        Make a message durable, once for its key. FULL when `most` wait for its recipient already. It is this process's to deliver for the time of a lease.
        """

    def known(key: str) -> Deferred[bool]:
        """Whether a message of this key was accepted."""

    def waiting_for(i_account: int, limit: int) -> Deferred[list[Text]]:
        """Claim messages that wait for a recipient, the oldest first: for 45 s, behind which `due` may give them to anybody."""

    def due(limit: int) -> Deferred[list[Text]]:
        """
        Claim messages whose next attempt is due, or whose process is gone, and whose recipient this process can reach, or nobody: those are put aside until
        it registers.
        """

    def settle(fate: Fate) -> Deferred[None]:
        """Write what an attempt has come to, and give the claim back. A message that is over loses its content."""

    def unpaid(limit: int) -> Deferred[list[Text]]:
        """Messages whose money is to be charged or given back, and was not at once."""

    def paid(key: str) -> Deferred[None]:
        """The money of a message is settled."""

    def expire(limit: int) -> Deferred[list[Text]]:
        """End messages whose time is over; those that were held for are to be given back. Fires with them."""


class ICourier(Interface):
    """Implemented by `endpoints.sip_courier.Courier`: carries a message over one hop."""

    def deliver(text: Text, contact: Contact) -> Deferred[int] | None:
        """
        Send a message to a contact; fires with the status of the final answer, 0 when there was none in time, or the message is too large for the contact's
        transport. It does not fail. None: this process has no way to the contact.
        """

    def hand_over(text: Text) -> Deferred[int]:
        """Send a message to the peer that it names; fires as `deliver` does, with 0 where there is no way and 513 where it is too large for that."""

    def address_of(peer: str) -> str:
        """The address of a peer, by which its vendor is known; '' for none."""


class IRelay(Interface):
    """Implemented by `messaging.relay.Relay`: what endpoints do with messages."""

    async def submit(draft: Draft) -> Answer | Refusal:
        """
        Take a message: see that its sender is who it says, charge it or hold its price, and make it durable, in one transaction. A key is asked for once: who
        asks for it again looks for it with `known`. Errors: those of `IBilling.handle`, `DatabaseDown`, psycopg2's; then the sender may ask again.
        """

    def known(key: str) -> Deferred[bool]:
        """Whether the message of this key was accepted: its sender has lost the answer."""

    def drain(i_account: int) -> None:
        """The account has registered: it gets what waits for it, in order, one after the other."""


class IRegistrar(Interface):
    """Implemented by `messaging.registrar.Registrar`."""

    def register(asked: Registration) -> Deferred[Bound | NotBound]:
        """Change the contacts of an account, or ask for them; fires with those in force then. Errors: `DatabaseDown`, psycopg2's."""


class INotifier(Interface):
    """Implemented by `messaging.notify.Notifier`: how the rest of the system sends a text to a subscriber."""

    def notify(i_env: int, account: str, text: str, key: str = "") -> Deferred[bool]:
        """
        Send a text to the account of that id; False when there is none. It is kept until the account registers. `key` makes it happen once however often it is
        asked. Errors: `DatabaseDown`, psycopg2's.
        """


class INotices(Interface):
    """Implemented by `store.notices.Notices`: what subscribers are to be told of. Errors of all methods: `DatabaseDown`, psycopg2's."""

    def notice(occasions: Collection[Occasion], low: Decimal, rest: Rest) -> Deferred[None]:
        """Write down what has happened of these kinds and was not noticed yet; a balance is low below `low`. Of very much one call may see a part."""

    def unsent(limit: int) -> Deferred[list[Notice]]:
        """What is to be told, the oldest first. Two processes may get the same."""

    def sent(notices: Sequence[Notice]) -> Deferred[None]:
        """These were told."""

    def purge(rest: Rest) -> Deferred[None]:
        """Forget what can't be noticed again. Of very much one call may see a part."""
