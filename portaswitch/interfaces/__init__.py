"""
The seams between layers, as zope interfaces with typed methods.

Everything that waits returns a `Deferred`; who implements an interface writes its body as `async def` where speed allows.
"""

from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger

__all__ = ["IBilling", "ICatalogue", "ILedger"]
