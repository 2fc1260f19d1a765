"""Names of headers, and the headers of a message in the order of the wire (RFC 3261 7.3, 20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

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
#: Canonical names by all their spellings in small letters.
NAMES: Final = {name.lower(): name for name in KNOWN} | COMPACT


def canonical(name: str) -> str:
    """The name as RFCs write it: compact forms in full; a name that isn't known stays as it is."""
    return name if name in KNOWN else NAMES.get(name.lower(), name)


class Headers:
    """
    Name (canonical) and value of each header line, values without the blanks around them and unfolded. Names are looked up without case. A value: nobody
    changes `entries`.
    """

    __slots__ = ("_alone", "_groups", "entries")

    def __init__(self, entries: tuple[tuple[str, str], ...] = ()) -> None:
        self.entries = entries
        self._groups: dict[str, list[str]] | None = None
        self._alone: dict[str, str] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"Headers({self.entries!r})"

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
            return self.groups().get(wanted, [])
        wanted = wanted.lower()
        return [value for known, value in self.entries if known.lower() == wanted]

    def alone(self) -> dict[str, str]:
        """The value of each header by its canonical name, of headers none of which has two lines; else nothing. It is made once, and nobody changes it."""
        found = self._alone
        if found is None:
            found = dict(self.entries)
            self._alone = found = found if len(found) == len(self.entries) else {}
        return found

    def has(self, name: str) -> bool:
        """Whether there is a line of this name, which is canonical."""
        alone = self.alone()
        return name in (alone or self.groups())

    def first(self, name: str) -> str | None:
        """The value of the first line of this name, None without one."""
        alone = self.alone()
        if alone and name in KNOWN:
            return alone.get(name)
        lines = self.lines(name)
        return lines[0] if lines else None

    def all(self, name: str) -> list[str] | None:
        """The single values of a header that is a list, of all its lines in order; of another header its lines. None when a quote or bracket isn't closed."""
        return divided(canonical(name), self.lines(name))

    def groups(self) -> dict[str, list[str]]:
        """The values of all lines by their canonical names, for who looks at many; they are made once, and nobody changes them."""
        found = self._groups
        if found is None:
            found = self._groups = {}
            for name, value in self.entries:
                if name in found:
                    found[name].append(value)
                else:
                    found[name] = [value]
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
        if "," not in line and '"' not in line and "<" not in line and ">" not in line:
            found.append(line.strip(" \t"))
            continue
        parts = split(line, ",")
        if parts is None:
            return None
        found += parts
    return found
