"""
The public interface of event handlers: all that a file in handlers/ or in an operator's folder may import (DESIGN.md 5.6).
"""

from portaswitch.errors import NotProvisionable
from portaswitch.handler.base import PAGE, EventHandler, IEventHandler, Result, State, StateHandler, Steps, on
from portaswitch.handler.mobile import mobile, without
from portaswitch.handler.options import Option, address, mapping, mapping_of, one_of, pattern, switch, text, url, webhook_secret, whole
from portaswitch.handler.requests import File, Http, Line, LogIn, Reply, Request, Soap, Sql, segment
from portaswitch.handler.targets import (
    MML,
    OSMO_CTRL,
    Basic,
    Bearer,
    Dialect,
    FileTarget,
    Header,
    HttpTarget,
    LineTarget,
    NamedHeader,
    SqlTarget,
    Target,
    Webhook,
)
from portaswitch.handler.template import Operation, TemplateHandler, resource, worded
from portaswitch.handler.xml import Element, fields, render, xml
from portaswitch.model.effect import (
    AssignAlias,
    AssignCustomField,
    AssignRemoteId,
    AssignStatus,
    ChangeProduct,
    Effect,
    Emit,
    EndSessions,
    FanOut,
    Note,
)
from portaswitch.model.event import Event
from portaswitch.model.subscriber import NO_RECORD, Condition, Device, Party, Policy, Record, Sim, Subscriber

__all__ = [
    "MML", "NO_RECORD", "NamedHeader", "OSMO_CTRL", "PAGE", "AssignAlias", "AssignCustomField", "AssignRemoteId", "AssignStatus", "Basic", "Bearer",
    "ChangeProduct", "Condition", "Device", "Dialect", "Effect", "Element", "Emit", "EndSessions", "Event", "EventHandler", "FanOut", "File",
    "FileTarget", "Header", "Http", "HttpTarget", "IEventHandler", "Line", "LineTarget", "LogIn", "NotProvisionable", "Note", "Operation", "Option",
    "Party", "Policy", "Record", "Reply", "Request", "Result", "Sim", "Soap", "Sql", "SqlTarget", "State", "StateHandler", "Steps", "Subscriber",
    "Target", "TemplateHandler", "Webhook", "address", "fields", "mapping", "mapping_of", "mobile", "on", "one_of", "pattern", "render", "resource",
    "segment", "switch", "text", "url", "webhook_secret", "whole", "without", "worded", "xml",
]  # fmt: skip
