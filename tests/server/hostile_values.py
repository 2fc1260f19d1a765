"""Hostile values in attributes that are in their place: texts, sizes and numbers; one kind for each attribute, with all values one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.server.hostile import Kind, attribute, avpair, cisco, number, request
from tests.server.hostile_kinds import NODE, PAP, SESSION, USER

#: Texts that mean something to templates, formats, queries, documents, numbers and calendars.
TEXTS = (
    "",
    "${Product}${:=x}${${a}}",
    "{0.__class__}{peer!r}%s%n%(user)s",
    "'; drop table accounts; --",
    '{"a": [1, {"b": null}]}',
    "a\nb\r\n\tc",
    "9" * 200,
    "-1",
    "-0",
    "NaN",
    "1e999",
    "Infinity",
    "0x7fffffff",
    "\u0664\u0662\u0661",
    "99:99:99.999 UTC Mon Feb 31 2007",
    "23:59:59.999 UTC Fri Dec 31 9999",
    "00:00:00.000 UTC Mon Jan 1 1",
    "00:16:21.164 ../../../etc/passwd Fri Mar 9 2007",
    "base=session-time;min=999999999999999;max=999999999999999",
    "base=quantity;min=-5;max=NaN",
    "base=session-time;min=999999999;max=999999999999999",
    ";" * 200,
    "=" * 200,
    ":" * 200,
    "\u202e\U0001f4a9",
    "unlock;unlock=unlock",
)
Carry = Callable[[str], bytes]
#: PortaBilling's own, inside h323-ivr-out.
CUSTOM = (
    "PortaBilling_AuthMethod PortaBilling_Authorize PortaBilling_AccessCode PortaBilling_CallbackHistory PortaBilling_Ignore_Password "
    "PortaBilling_Original_DNIS PortaBilling_RestoreCacheLevel PortaBilling_SelectCode PortaBilling_Session PortaBilling_SessionEnv PortaBilling_UserName "
    "PortaBilling_RatePattern PortaBilling_Seed PortaBilling_Original_CLD PortaBilling_CompleteNumber PortaBilling_Mod_ivrutil PortaBilling_Mod_ ACCESSCODE"
).split()
PAIRS = (
    "PortaOne-Access-Info PortaOne-Service-Type PortaOne-Called-Party PortaOne-Calling-Party PortaOne-Redirecting-Party PortaOne-Charge PortaOne-Media-Info "
    "PortaOne-Geo-Location PortaOne-Service-Features PortaOne-Service-Action PortaOne-Transport-Protocol PortaOne-Leg-Type PortaOne-Leg-Origin "
    "PortaOne-Used-Resource PortaOne-Requested-URI PortaSIP_Aux_Info call-id Used-Service-Unit"
).split()
H323 = {
    "h323-remote-address": 23, "h323-conf-id": 24, "h323-setup-time": 25, "h323-call-origin": 26, "h323-call-type": 27, "h323-connect-time": 28,
    "h323-disconnect-time": 29, "h323-disconnect-cause": 30, "h323-voice-quality": 31, "h323-ivr-out": 32, "h323-incoming-conf-id": 35,
    "h323-credit-amount": 101, "h323-credit-time": 102, "h323-return-code": 103, "h323-redirect-number": 106, "h323-preferred-lang": 107,
    "h323-billing-model": 109, "h323-currency": 110,
}  # fmt: skip
SIZES = (b"", b"1", b"\0\0\0", b"\xff" * 4, b"12345", b"\xff" * 253)
MOST = 2**32 - 1
CALL = (NODE, USER, PAP, attribute(30, "4420"))
#: Seconds by h323 times: one of them is the hostile one.
TIMES = {28: "00:16:21.164 UTC Fri Mar 9 2007", 29: "00:17:31.893 UTC Fri Mar 9 2007"}


def texts() -> list[Kind]:
    """Every text in every attribute of PortaBilling's, on both ports; longer ones than an attribute are sent in many."""
    carried: dict[str, Carry] = {name: partial(_carried, 1, f"h323-ivr-out={name}:") for name in CUSTOM}
    carried |= {name: partial(_carried, 1, f"{name}=") for name in PAIRS}
    carried |= {name: partial(_carried, code, f"{name}=") for name, code in H323.items()}
    made = []
    for number_of, (name, carry) in enumerate(carried.items()):
        asked = tuple(request(1, *CALL, carry(text)) for text in TEXTS)
        made.append(Kind("Texts", f"{name}, auth", asked))
        told = tuple(request(4, *_stop(f"t{number_of}-{place}", H323.get(name, 0)), carry(text)) for place, text in enumerate(TEXTS))
        made.append(Kind("Texts", f"{name}, acct", told, "acct"))
    flood = avpair("h323-ivr-out=PortaBilling_Authorize:" + ";" * 210) * 14
    made.append(Kind("Texts", "3000 semicolons in PortaBilling_Authorize, auth", (request(1, *CALL, flood),)))
    flood = avpair("PortaOne-Service-Features=" + ";" * 220) * 13
    made.append(Kind("Texts", "3000 semicolons in PortaOne-Service-Features, auth", (request(1, *CALL, flood),)))
    return made


def _carried(code: int, start: str, text: str) -> bytes:
    """As much of a text, behind its name, as one attribute of Cisco's holds."""
    return cisco(code, (start + text).encode()[:247])


def _stop(session: str, but: int) -> tuple[bytes, ...]:
    """A Stop whose length comes from its times, without the attribute that is the hostile one."""
    times = [cisco(code, f"{'h323-connect-time' if code == 28 else 'h323-disconnect-time'}={text}") for code, text in TIMES.items() if code != but]
    return (NODE, USER, attribute(30, "4420"), number(40, 2), attribute(44, session), *times)


def sizes() -> list[Kind]:
    """Every standard type with values that are empty, of a wrong size or all ones; what can't be of its type is ignored (RFC 5080 2.5)."""
    left_out = {2, 3, 26, 33, 40, 79, 80}  # they have kinds of their own
    made = []
    for port, code, who in (("auth", 1, (NODE, USER, PAP)), ("acct", 4, (NODE, USER, number(40, 2), SESSION))):
        for start in range(1, 256, 10):
            types = [type for type in range(start, min(start + 10, 256)) if type not in left_out]
            makes = tuple(request(code, *who, attribute(type, value)) for type in types for value in SIZES)
            made.append(Kind("Sizes", f"types {start} to {min(start + 9, 255)}, {port}", makes, port))
        before = tuple(request(code, attribute(type, value), *who) for type in (1, 4, 30, 32, 44, 46) for value in SIZES)
        made.append(Kind("Sizes", f"a name or number of a wrong size before the right one, {port}", before, port))
    return made


def numbers() -> list[Kind]:
    """Numbers at the ends of their range, in accounting."""

    def report(status: int, session: str, *parts: bytes) -> tuple[bytes, ...]:
        return (NODE, USER, attribute(30, "4420"), number(40, status), attribute(44, session), *parts)

    rows: list[tuple[str, tuple[bytes, ...]]] = [
        (f"Acct-Status-Type {status}", (NODE, USER, number(40, status), SESSION, number(46, 1))) for status in (0, 4, 6, 9, 15, 100, 2**31, MOST)
    ]
    rows += [
        ("no Acct-Status-Type", (NODE, USER, SESSION)),
        ("Acct-Status-Type of two octets", (NODE, USER, SESSION, attribute(40, b"\0\2"))),
        ("Acct-Status-Type twice, Stop and 99", (*report(2, "n1"), number(40, 99))),
        ("no session id", (NODE, USER, number(40, 2), number(46, 60))),
        ("Acct-Session-Id empty", (NODE, USER, number(40, 2), attribute(44), number(46, 60))),
        ("no User-Name", (NODE, number(40, 2), attribute(44, "n2"), number(46, 60))),
        ("Start, Event-Timestamp 0", report(1, "n3", number(55, 0))),
        ("Stop, Event-Timestamp 0", report(2, "n3", number(55, 0), number(46, 60))),
        ("Start, Event-Timestamp in 2106", report(1, "n4", number(55, MOST))),
        ("Stop, Event-Timestamp in 2106", report(2, "n4", number(55, MOST), number(46, 60))),
        ("Event-Timestamp of 3 octets", report(2, "n5", attribute(55, b"\1\2\3"), number(46, 60))),
        ("Acct-Delay-Time 2^32-1", report(2, "n6", number(41, MOST), number(46, 60))),
        ("Acct-Delay-Time 2^32-1 and Event-Timestamp 0", report(2, "n7", number(41, MOST), number(55, 0), number(46, 60))),
        ("Acct-Session-Time 2^32-1, Alive", report(3, "n8", number(46, MOST))),
        ("Acct-Session-Time 1 after it, Stop", report(2, "n8", number(46, 1))),
        ("Acct-Session-Time 2^32-1, Stop", report(2, "n9", number(46, MOST))),
        ("Gigawords 2^32-1 and Octets 2^32-1, Alive", report(3, "n10", number(42, MOST), number(52, MOST), number(43, MOST), number(53, MOST))),
        ("Gigawords 2^32-1 and Octets 2^32-1, Stop", report(2, "n10", number(42, MOST), number(52, MOST), number(43, MOST), number(53, MOST))),
        ("disconnected before it was connected", report(2, "n11", cisco(28, f"h323-connect-time={TIMES[29]}"), cisco(29, f"h323-disconnect-time={TIMES[28]}"))),
        ("connected in 9999, 2^32-1 seconds", report(2, "n12", cisco(28, "h323-connect-time=23:59:59.0 UTC Fri Dec 31 9999"), number(46, MOST))),
        ("connected in the year 1, Acct-Delay-Time 2^32-1", report(2, "n13", cisco(28, "h323-connect-time=0:0:0 UTC Mon Jan 1 1"), number(41, MOST))),
        ("Accounting-On of a node with a session of its own", (NODE, number(40, 7), SESSION, USER)),
        ("Accounting-Off with a session time of 2^32-1", (NODE, number(40, 8), number(46, MOST), number(41, MOST))),
    ]
    return [Kind("Numbers", name, (request(4, *parts),), "acct") for name, parts in rows]
