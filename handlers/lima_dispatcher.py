"""
LIMADispatcher: names, phone numbers and follow-me numbers for the Lima platform.

API: private; the shipped requests are to be fitted by configuration. What is sent is sensitive: it is in no log.
"""

from portaswitch.handler import Event, FanOut, Record, State, Steps, Subscriber, TemplateHandler, resource

TARGET = '{"number": "${number}", "name": "${name}", "followMe": "${follow_me}"}'


class LIMADispatcher(TemplateHandler):
    """One entry for each account, by its number."""

    name = "LIMADispatcher"
    description = "Lima platform: names, phone numbers, follow-me numbers"
    events = (
        "Account/FollowMeNumber/Changed",
        "Account/FollowMeNumber/Deleted",
        "Account/FollowMeNumber/Inserted",
        "Account/ID/Changed",
        "Customer/Name/Changed",
    )
    extra_events = ("Account/New", "Account/Status/Closed")
    identity = "number"
    templates = resource("/subjects", "number", TARGET)

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """A customer's new name is a change of each of its accounts."""
        if event.entity.startswith("customer:"):
            yield FanOut(event.type, event.entity, receivers="self")
        else:
            yield from super().steps(event, subscriber, record)

    def state(self, subscriber: Subscriber) -> State | None:
        """The number, the name and where calls are forwarded."""
        person = f"{subscriber.owner.first_name} {subscriber.owner.last_name}".strip()
        name = subscriber.owner.company or person or subscriber.customer
        return State({"number": (subscriber.id,)}, {"name": name, "follow_me": " ".join(subscriber.follow_me)})


lima_dispatcher = LIMADispatcher()
