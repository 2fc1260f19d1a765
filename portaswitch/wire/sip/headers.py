"""Names of headers, and the headers of a message in the order of the wire (RFC 3261 7.3, 20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from portaswitch.model.value import dataclass
from portaswitch.wire.sip.grammar import split

#: RFC 3261 7.3.3 and IANA's registry of compact forms.
COMPACT: Final = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding", "f": "From", "i": "Call-ID",
    "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject",
    "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip
#: Headers whose several values may stand in one line, between commas (RFC 3261 7.3.1); those of digest have commas inside and are no lists.
LISTS: Final = frozenset((
    "Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events", "Call-Info", "Contact", "Content-Encoding", "Content-Language",
    "Error-Info", "In-Reply-To", "P-Asserted-Identity", "Path", "Proxy-Require", "Record-Route", "Require", "Route", "Service-Route", "Supported",
    "Unsupported", "Via", "Warning",
))  # fmt: skip
#: Headers of which two make a message that two readers understand in two ways (RFC 4475 3.3.8, 3.3.9).
SINGLE: Final = ("Call-ID", "Content-Length", "Content-Type", "CSeq", "Event", "Expires", "From", "Max-Forwards", "Min-Expires", "To")
_OTHERS: Final = (
    "Authentication-Info", "Authorization", "Content-Disposition", "Date", "MIME-Version", "Organization", "Priority", "Proxy-Authenticate",
    "Proxy-Authorization", "Reply-To", "Retry-After", "Server", "Timestamp", "User-Agent", "WWW-Authenticate",
)  # fmt: skip
#: Canonical names: whatever is written otherwise became one of these when it was read.
KNOWN: Final = frozenset((*COMPACT.values(), *LISTS, *SINGLE, *_OTHERS))
_NAMES: Final = {name.lower(): name for name in KNOWN} | COMPACT


def canonical(name: str) -> str:
    """The name as RFCs write it: compact forms in full; a name that isn't known stays as it is."""
    return name if name in KNOWN else _NAMES.get(name.lower(), name)


@dataclass(frozen=True, slots=True)
class Headers:
    """Name (canonical) and value of each header line, values without the blanks around them and unfolded. Names are looked up without case."""

    entries: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """Headers of these pairs, under their canonical names."""
        return cls(tuple((canonical(name), value) for name, value in pairs))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def lines(self, name: str) -> list[str]:
        """The values of all lines of this name."""
        wanted = canonical(name)
        if wanted in KNOWN:
            return [value for known, value in self.entries if known == wanted]
        wanted = wanted.lower()
        return [value for known, value in self.entries if known.lower() == wanted]

    def first(self, name: str) -> str | None:
        """The value of the first line of this name, None without one."""
        return next(iter(self.lines(name)), None)

    def all(self, name: str) -> list[str] | None:
        """The single values of a header that is a list, of all its lines in order; of another header its lines. None when a quote or bracket isn't closed."""
        return divided(canonical(name), self.lines(name))

    def groups(self) -> dict[str, list[str]]:
        """The values of all lines by their canonical names, for who looks at many."""
        found: dict[str, list[str]] = {}
        for name, value in self.entries:
            found.setdefault(name, []).append(value)
        return found

    def tags(self, name: str) -> list[str]:
        """The values of a list of tokens (Require, Supported, Allow) that aren't empty."""
        return [value for value in self.all(name) or () if value]

    def without(self, *names: str) -> Headers:
        """The headers less those of these names."""
        unwanted = {canonical(name).lower() for name in names}
        return Headers(tuple(entry for entry in self.entries if entry[0].lower() not in unwanted))

    def only(self, *names: str) -> Headers:
        """The headers of these names, in their order here."""
        wanted = {canonical(name).lower() for name in names}
        return Headers(tuple(entry for entry in self.entries if entry[0].lower() in wanted))

    def then(self, *pairs: tuple[str, str]) -> Headers:
        """The headers with these behind them."""
        return Headers((*self.entries, *Headers.of(pairs).entries))

    def before(self, *pairs: tuple[str, str]) -> Headers:
        """The headers with these in front of them: a proxy's own Via, a Record-Route."""
        return Headers((*Headers.of(pairs).entries, *self.entries))


def divided(name: str, lines: list[str]) -> list[str] | None:
    """The single values of lines of a header by its canonical name; as :meth:`Headers.all`."""
    if name not in LISTS:
        return lines
    found: list[str] = []
    for line in lines:
        parts = split(line, ",")
        if parts is None:
            return None
        found += parts
    return found
