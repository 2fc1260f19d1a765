"""
From the hold to the delivery.

    submit   who is called? > log-in, charge (or hold) and the message in one transaction > ACCEPTED    the sender has its 202
    carry                               send it to every contact > settle                            what was held is charged or given back

What was accepted is a row until it is delivered, refused for good or too old: a process that dies between any two steps leaves a row that another one, or
itself after its start, goes on with (`recover`). A message may so reach its recipient twice, with the same Call-ID; it is charged once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errand import run
from portaswitch.errors import PortaSwitchError
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.messages import ICourier, ILocations, IMessages, IRelay
from portaswitch.messaging.charging import charge, hold, log_in, settled_by
from portaswitch.messaging.verdict import outcome, pause, verdict
from portaswitch.metrics import Counter
from portaswitch.model.message import Answer, Callee, Charge, Contact, Draft, Fate, Kept, State, Text
from portaswitch.model.refusal import Refusal
from portaswitch.model.value import dataclass

ACCEPTED_MESSAGES = Counter("portaswitch_messages_accepted_total", "Messages accepted, by where they go", ("to",))
REFUSED_MESSAGES = Counter("portaswitch_messages_refused_total", "Messages that were not accepted", ("reason",))
ENDED = Counter("portaswitch_messages_ended_total", "Accepted messages that are over", ("state",))
ATTEMPTS = Counter("portaswitch_message_attempts_total", "Attempts to deliver a message", ("result",))

T = TypeVar("T")
#: Messages that a recipient gets in one go before others are looked at, and those that one pass of the job claims: with a pass a second and 32 s for a phone
#: that is gone some 6,400 are under way at most.
PAGE, PASS = 20, 200
#: A claim holds 45 s (`IMessages.waiting_for`) and an attempt may take 32: no attempt begins later than so behind its claim.
LATEST = timedelta(seconds=12)
#: Seconds until a message whose recipient is connected to another process is due, which then takes it.
ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """
    `on_delivery`: a message is charged when it is delivered, and given back when it is not; else when it is accepted. `most` messages wait for one recipient,
    for at most `longest` seconds.
    """

    on_delivery: bool = False
    most: int = 100
    longest: int = 7 * 86400


@implementer(IRelay)
class Relay:
    """One a process; `now` is the wall clock (aware UTC)."""

    _log = Logger()

    def __init__(self, billing: IBilling, locations: ILocations, messages: IMessages, courier: ICourier, now: Callable[[], datetime], terms: Terms) -> None:
        self._billing, self._locations, self._messages, self._courier, self._now, self._terms = billing, locations, messages, courier, now, terms
        self._draining: set[int] = set()
        #: Who has registered and could not be given what waits, which has no next time of its own.
        self._postponed: set[int] = set()
        self._under_way = 0
        self._idle: list[Deferred[None]] = []

    # -- in ---------------------------------------------------------------------------------------------------------------------------------------

    async def submit(self, draft: Draft) -> Answer | Refusal:
        """See `IRelay.submit`."""
        callee = await self._locations.callee(draft.origin.i_env, draft.names) if draft.names else None
        at = self._now()
        if callee is None and not draft.peer:
            return await self._turned_away(draft, at, Answer.UNKNOWN)
        if callee is not None and callee.waiting >= self._terms.most:
            return await self._turned_away(draft, at, Answer.FULL)
        text = self._text(draft, callee, at)
        decision = await self._billing.handle((hold if self._terms.on_delivery else charge)(draft, callee is not None, at, text))
        if decision.refusal is not None:
            return self._refused(decision.refusal.word, decision.refusal)
        ACCEPTED_MESSAGES.inc("peer" if callee is None else "account" if callee.contacts else "store")
        payer = decision.facts.account_id
        if payer and payer != text.account:
            text = replace(text, account=payer)
        self._run(self._carry(text, () if callee is None else callee.contacts), "delivering a message")
        return Answer.ACCEPTED

    async def _turned_away(self, draft: Draft, at: datetime, why: Answer) -> Answer | Refusal:
        """Only who has proven who it is hears what numbers there are, and how many messages wait for them."""
        decision = await self._billing.handle(log_in(draft, at))
        if decision.refusal is not None:
            return self._refused(decision.refusal.word, decision.refusal)
        return self._refused(why.value, why)

    def _text(self, draft: Draft, callee: Callee | None, at: datetime) -> Text:
        until = at + timedelta(seconds=min(draft.seconds or self._terms.longest, self._terms.longest))
        recipient, peer = (0, draft.peer) if callee is None else (callee.i_account, "")
        return Text(
            draft.origin.i_env, draft.origin.i_node, draft.key, draft.account, draft.sender, draft.recipient, recipient, draft.content_type, draft.body,
            draft.call_id, at, until, Charge.HELD if self._terms.on_delivery else Charge.SETTLED, peer, 1,
        )  # fmt: skip

    def known(self, key: str) -> Deferred[bool]:
        """See `IRelay.known`."""
        return self._messages.known(key)

    async def post(self, text: Text, callee: Callee) -> None:
        """Take a message of the server's own, which nobody pays for."""
        if await self._messages.keep(text, self._terms.most) is Kept.STORED:
            ACCEPTED_MESSAGES.inc("account" if callee.contacts else "store")
            self._run(self._carry(text, callee.contacts), "delivering a message")

    # -- out --------------------------------------------------------------------------------------------------------------------------------------

    def drain(self, i_account: int) -> None:
        """See `IRelay.drain`."""
        if i_account not in self._draining:
            self._draining.add(i_account)
            self._run(self._drain(i_account), "delivering what waited")

    async def _drain(self, i_account: int) -> None:
        try:
            await self._pages(i_account)
        except PortaSwitchError:
            self._postponed.add(i_account)
            raise
        finally:
            self._draining.discard(i_account)

    async def _pages(self, i_account: int) -> None:
        while texts := await self._messages.waiting_for(i_account, PAGE):
            claimed, contacts, delivered = self._now(), tuple(await self._locations.contacts(i_account)), 0
            for text in texts:
                if self._now() - claimed > LATEST:
                    return  # a slow phone: the job goes on with the others when their claims are over
                delivered += await self._carry(text, contacts) is State.DELIVERED
            if not delivered or len(texts) < PAGE:
                return  # it does not take them now: they have their next times; or these were all

    async def _carry(self, text: Text, contacts: tuple[Contact, ...]) -> State:
        """One attempt to deliver."""
        if text.peer:
            asked = [self._courier.hand_over(text)]
        else:
            asked = [sent for contact in contacts if (sent := self._courier.deliver(text, contact)) is not None]
        unasked = len(contacts) - len(asked) if asked and not text.peer else 0  # connected to another process: they may take it yet
        statuses = await outcome(asked) if len(asked) > 1 else [await one for one in asked]
        state = verdict([*statuses, *[0] * unasked])
        if state is not State.DELIVERED and text.i_recipient:
            self._locations.missed(text.i_recipient)
        ATTEMPTS.inc("unreachable" if not statuses else state.value)
        await self._settle(text, state, max(statuses, default=0), self._delay(text, contacts, statuses))
        return state

    @staticmethod
    def _delay(text: Text, contacts: tuple[Contact, ...], statuses: list[int]) -> int | None:
        if statuses:
            return pause(text.attempts)
        return ELSEWHERE if contacts else None

    async def _settle(self, text: Text, state: State, status: int, delay: int | None) -> None:
        charge = text.charge
        if charge is Charge.HELD and state is not State.WAITING:
            charge = await self._charged(text, Charge.COMMIT if state is State.DELIVERED else Charge.RELEASE)
        await self._messages.settle(Fate(text.key, state, charge, status, delay))
        if state is not State.WAITING:
            ENDED.inc(state.value)

    async def _charged(self, text: Text, charge: Charge) -> Charge:
        """Charge a message, or give its money back, as `charge` says; where that can't be done now it is left to `recover`."""
        if charge not in (Charge.COMMIT, Charge.RELEASE):
            return charge
        try:
            await self._billing.handle(settled_by(text, charge is Charge.COMMIT, self._now(), self._courier.address_of(text.peer)))
        except PortaSwitchError as error:
            self._log.warn("the money of a message is settled later: {error}", error=str(error))
            return charge
        return Charge.SETTLED

    async def _pay(self, text: Text) -> None:
        if await self._charged(text, text.charge) is Charge.SETTLED:
            await self._messages.paid(text.key)

    def _refused(self, reason: str, answer: T) -> T:
        REFUSED_MESSAGES.inc(reason)
        return answer

    def _run(self, work: Coroutine[Any, Any, object], what: str) -> None:
        """Do what nobody waits for. What fails is done again by `recover`, from the row."""
        self._under_way += 1
        run(work, self._over, self._failed, what)

    def _over(self, result: object, what: str) -> None:
        self._under_way -= 1
        if not self._under_way and self._idle:
            idle, self._idle = self._idle, []
            for waits in idle:
                waits.callback(None)

    def _failed(self, failure: Failure, what: str) -> None:
        if failure.check(PortaSwitchError, CancelledError):
            self._log.warn("{what} failed, it is tried again: {error}", what=what, error=failure.getErrorMessage())
        else:
            self._log.failure("{what} failed", failure, what=what)
        self._over(None, what)

    async def drained(self) -> None:
        """Until nothing is under way: a stopping process waits for it."""
        while self._under_way:
            waits: Deferred[None] = Deferred()
            self._idle.append(waits)
            await waits

    # -- what was left --------------------------------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """What is due again, too old, or not paid yet, of whatever process; a job calls it. Attempts are begun, not waited for: one may take 32 s."""
        for text in await self._messages.expire(PASS):
            ENDED.inc(State.EXPIRED.value)
            if text.charge is Charge.RELEASE:
                await self._pay(text)
        for text in await self._messages.unpaid(PASS):
            await self._pay(text)
        for text in await self._messages.due(PASS):
            self._run(self._again(text), "delivering a message again")
        postponed, self._postponed = self._postponed, set()
        for i_account in postponed:
            self.drain(i_account)

    async def _again(self, text: Text) -> None:
        await self._carry(text, () if text.peer else tuple(await self._locations.contacts(text.i_recipient)))
