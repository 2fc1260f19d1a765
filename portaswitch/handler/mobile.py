"""
What HSS, HLR and PCRF handlers share: when an account is a mobile subscriber, and its values in common words.
"""

from __future__ import annotations

from portaswitch.handler.base import State
from portaswitch.model.subscriber import Subscriber

#: The feature that a product has where its accounts are provisioned to a mobile core ("Mobile network provisioning service").
FEATURE = "lte"


def mobile(subscriber: Subscriber) -> State | None:
    """
    The state of a mobile subscriber, for `StateHandler.wanted`: keys imsi, msisdn and iccid; values as text.

    None where the account is closed, has no SIM card, or no product with the mobile network provisioning service. `barred` is '1' or ''. `profile` is the
    name of the Internet access policy, `context_ids` its PDP/PDN context and those of the feature, `upload` and `download` bit/s.
    """
    sim = subscriber.sim
    if sim is None or subscriber.closed or FEATURE not in subscriber.features:
        return None
    policy = subscriber.policy.attributes if subscriber.policy else {}
    contexts = subscriber.attributes.get(FEATURE, {}).get("context_id", ()) or tuple(filter(None, (policy.get("pdn_context_id", ""),)))
    keys = {"imsi": (sim.imsi,), "msisdn": (subscriber.id,), "iccid": (sim.iccid,)}
    values = {
        "ki": sim.ki,
        "opc": sim.opc,
        "amf": sim.amf,
        "barred": "1" if subscriber.barred else "",
        "profile": subscriber.policy.name if subscriber.policy else "",
        "product": subscriber.product,
        "upload": policy.get("upload_rate", ""),
        "download": policy.get("download_rate", ""),
        "static_ip": subscriber.attribute("netaccess_static_ip", "address"),
        "contexts": " ".join(contexts),
    }
    return State(keys, values)


def without(state: State, *names: str) -> State:
    """The state without values that a vendor's system is never told, so that a change of them sends nothing."""
    return State(state.keys, {name: value for name, value in state.values.items() if name not in names})
