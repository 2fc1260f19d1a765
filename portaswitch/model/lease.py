"""Who asks for an address of a pool, and who has one."""

from __future__ import annotations

from datetime import timedelta

from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Holder:
    """
    A session that has an address, or says so. `session_key` as in the store; `address` is the Framed-IP-Address of its accounting ('' none): a session that
    comes under another id than it was authorized by is known by `user` and address.
    """

    i_env: int
    session_key: str
    user: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Want:
    """
    A session that needs an address of a pool. `provisional`: its id was made up by us, as the request had none. `lasts`: how long it may live without a
    word, where that is longer than the pool's own lease time.
    """

    i_ip_pool: int
    session_key: str
    i_account: int
    user: str
    i_node: int
    provisional: bool
    lasts: timedelta = timedelta(0)
