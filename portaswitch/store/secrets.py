"""
Secrets at rest: service passwords, Ki, OPc, PIN and PUK are sealed before they go into the database.

The cipher is AES-256-GCM (NIST SP 800-38D); the key file lies outside the database, so that a dump of it
gives nothing away.  A sealed value is:

    key id (1 octet) | nonce (12 octets, random) | ciphertext | tag (16 octets)

The key id is authenticated too.  The key file has one line for each key, `id hexadecimal-key`; the last line
seals, all of them open, so a key is replaced by adding a line, sealing everything again, and deleting the old
line.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portaswitch.errors import PortaSwitchError, StartError

KEY_OCTETS = 32
"""AES-256."""

NONCE_OCTETS = 12
"""The size that GCM is made for; random ones are safe for 2**32 values under one key (SP 800-38D, 8.3)."""

TAG_OCTETS = 16
"""The longest tag, which AESGCM appends."""


class SealError(PortaSwitchError):
    """A sealed value can't be opened: its key is not in the key file, or it was damaged."""


class Sealer:
    """Seals and opens texts with the keys of one key file; its repr shows key ids only."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """`keys` maps ids (0 to 255) to keys of 32 octets, the last is the one that seals.  See `load`."""
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self._hashing = {number: hmac.digest(key, b"portaswitch fingerprint", hashlib.sha256) for number, key in keys.items()}
        self.current = list(self._ciphers)[-1]
        self._deriving = hmac.digest(keys[self.current], b"portaswitch derivation", hashlib.sha256)

    @classmethod
    def load(cls, path: Path) -> Sealer:
        """
        Read the key file; make it with a new key, mode 0600, when it is missing.

        Raises StartError when it can't be read, holds no keys, or is open to other users.
        """
        try:
            if not path.exists():
                _create(path, f"1 {os.urandom(KEY_OCTETS).hex()}\n")
            with path.open(encoding="ascii") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read()
        except OSError as error:
            raise StartError(
                f"{path}: {error.strerror}; the key file must be readable for the user that runs the server"
            ) from error
        except ValueError as error:
            raise StartError(
                f"{path} is not a key file (it is no ASCII text); restore it from a backup"
            ) from error
        if mode & 0o077:
            raise StartError(f"{path} is open to other users (mode {mode:04o}): chmod 600 {path}")
        return cls(_parse(path, text))

    @classmethod
    def rotate(cls, path: Path) -> Sealer:
        """Add a new key to the file; from now on it seals, the old ones still open."""
        keys = _parse(path, path.read_text("ascii"))
        number = next((n for n in range(1, 256) if n not in keys), None)
        if number is None:
            raise StartError(f"{path} holds 255 keys: delete those that no value is sealed with any more")
        lines = [f"{known} {key.hex()}\n" for known, key in keys.items()]
        _replace(path, "".join(lines) + f"{number} {os.urandom(KEY_OCTETS).hex()}\n")
        return cls.load(path)

    def seal(self, text: str) -> bytes:
        """The sealed form of a text; each call gives another one."""
        head, nonce = bytes([self.current]), os.urandom(NONCE_OCTETS)
        return head + nonce + self._ciphers[self.current].encrypt(nonce, text.encode(), head)

    def open(self, sealed: bytes | memoryview) -> str:
        """The text of a sealed value, or SealError."""
        sealed = bytes(sealed)
        if len(sealed) < 1 + NONCE_OCTETS + TAG_OCTETS:
            raise SealError("a sealed value is too short: it was cut, or was never sealed")
        cipher = self._ciphers.get(sealed[0])
        if cipher is None:
            raise SealError(
                f"a value is sealed with key {sealed[0]}, which is not in the key file: restore that line"
            )
        nonce, rest = sealed[1 : 1 + NONCE_OCTETS], sealed[1 + NONCE_OCTETS :]
        try:
            return cipher.decrypt(nonce, rest, sealed[:1]).decode()
        except InvalidTag:
            # No chained error, and nothing of the value in the text.
            raise SealError(
                f"a value sealed with key {sealed[0]} does not open: it was damaged, or the key file is"
                f" another one"
            ) from None

    def fingerprints(self, text: str) -> list[bytes]:
        """
        Keyed hashes (key id, then HMAC-SHA256) of a text that is looked up and must not be read in the database: one by each key, the newest first. New
        ones are kept by the first; what was kept by an older key is found as long as its line stays in the key file.
        """
        return [bytes([number]) + hmac.digest(key, text.encode(), hashlib.sha256) for number, key in reversed(self._hashing.items())]

    def derived(self, purpose: str) -> bytes:
        """
        32 octets that whoever has the newest key makes again, others for each purpose: what processes of one installation sign with, a restart or not.
        """
        return hmac.digest(self._deriving, purpose.encode(), hashlib.sha256)

    def is_current(self, sealed: bytes | memoryview) -> bool:
        """
        Whether a value is sealed with the newest key; those that are not are sealed again after `rotate`.
        """
        return bytes(sealed[:1]) == bytes([self.current])

    def __repr__(self) -> str:
        return f"<Sealer with keys {sorted(self._ciphers)}>"


def _parse(path: Path, text: str) -> dict[int, bytes]:
    """The keys of a key file, in its order; the error says the line and never what is in it."""
    keys: dict[int, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, key = line.split()
            identity, octets = int(name), bytes.fromhex(key)
        except ValueError:
            identity, octets = -1, b""
        if not 0 <= identity <= 255 or len(octets) != KEY_OCTETS or identity in keys:
            raise StartError(
                f"{path}, line {number}: must be a key id (0 to 255, each once) and {2 * KEY_OCTETS}"
                f" hexadecimal digits"
            )
        keys[identity] = octets
    if not keys:
        raise StartError(
            f"{path} holds no key: restore it from a backup, or delete it if nothing was sealed yet"
        )
    return keys


def _write(path: Path, text: str) -> Path:
    """A new file beside `path`, mode 0600 whatever the umask, its contents on the disk."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(number, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(number)
    return Path(name)


def _create(path: Path, text: str) -> None:
    """Make the file in one step; of two processes that start at once the first wins."""
    fresh = _write(path, text)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        fresh.unlink()


def adopt(path: Path, source: Path) -> None:
    """Make the key file `path` of a copy of another one, in one step, and never open to other users. Errors: StartError."""
    try:
        _create(path, source.read_text("ascii"))
    except ValueError as error:
        raise StartError(f"{source} is not a key file (it is no ASCII text)") from error
    except OSError as error:
        raise StartError(f"{path} can't be written ({error.strerror}): see to its folder and its space") from error


def _replace(path: Path, text: str) -> None:
    """Replace the file in one step."""
    _write(path, text).replace(path)
