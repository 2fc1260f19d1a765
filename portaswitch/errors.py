"""
The one tree of errors.

Every error of ours says what happened and what to do about it; an error that ends in an answer to the network carries the refusal word of that
answer, so that endpoints need one table only (`portaswitch.model.refusal`).
"""

from __future__ import annotations

from collections.abc import Sequence


class PortaSwitchError(Exception):
    """The root of the tree; never raised itself."""


class ConfigError(PortaSwitchError):
    """
    The configuration, or a file given to `load`, has faults.

    All of them come at once; each names its place (file, line, key) and the reason.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults: tuple[str, ...] = tuple(faults)


class StartError(PortaSwitchError):
    """The server can't start, or can't go on, for a reason outside it (a taken port, an unwritable folder); the text says what to do."""


class DatabaseDown(PortaSwitchError):
    """No live database connection within the allowed time: the request is dropped or refused as busy, never answered wrongly."""


class SchemaError(PortaSwitchError):
    """The database holds a schema that this version of the server can't work with; the text says which."""


class Overloaded(PortaSwitchError):
    """More requests wait than the limits allow (DESIGN.md 4, back-pressure): RADIUS drops, Diameter says 3004, SIP and HTTP 503."""


class LedgerFailed(PortaSwitchError):
    """The ledger refused one member of a batch for a reason that is a defect of ours or of the data; logged, counted, never answered."""


class TransportFailed(PortaSwitchError):
    """A vendor's system could not be asked or did not answer (time, connection, TLS): tried again later. The text holds no secrets."""


class NotSendable(PortaSwitchError):
    """A request that its wire can't carry, or an answer that is none of that wire: parked for an operator."""


class LogInRefused(PortaSwitchError):
    """A vendor's system refused our log-in: never tried again by itself, since that locks the account; the handler stops and alarms."""


class EffectRefused(PortaSwitchError):
    """What an event handler wants to assign can't be: its notification is parked for an operator."""


class NotProvisionable(PortaSwitchError):
    """A handler can't bring an entity to its vendor as it is (a device without a serial number); the text tells the operator what to change. Parked."""
