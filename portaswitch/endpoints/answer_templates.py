"""
Which response template an answer gets: that of its node, then that of its access policy.

Compiled once for each catalogue. A text that is wrong all the same (`portaswitch load` refuses such) is logged and counted, and is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from twisted.logger import Logger

from portaswitch.endpoints.templates import Template, TemplateError, compile_rows, compile_template
from portaswitch.metrics import Counter
from portaswitch.model.access_policy import AccessPolicy, LevelName
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.request import AAARequest, Decision
from portaswitch.wire.radius.dictionary import Dictionary

BROKEN = Counter("portaswitch_radius_templates_broken_total", "Response templates that could not be compiled and are not applied", ("owner",))
#: The group of access policies' attributes that makes templates.
GROUP = "radius_response"
Key = TypeVar("Key")

#: (i_env, access policy, service level): whose rows of the group radius_response make a template.
PolicyLevel = tuple[int, str, str]

_log = Logger()


class AnswerTemplates:
    """The compiled templates by node (i_node) and by access policy and level."""

    __slots__ = ("_nodes", "_policies")

    def __init__(self, nodes: Mapping[int, Template], policies: Mapping[PolicyLevel, Template]) -> None:
        self._nodes, self._policies = nodes, policies

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue) -> AnswerTemplates:
        """Those of a catalogue's nodes, and of its access policies' attributes of the group radius_response, level by level."""
        nodes = {node.i_node: _of_node(node) for node in catalogue.nodes.values() if node.response_template}
        levels = [(policy, level) for policy in catalogue.access_policies.values() for level in LevelName]
        policies = {(policy.i_env, policy.name, level.value): _of_level(policy, level) for policy, level in levels}
        return cls(_whole(nodes), _whole(policies))

    def find(self, request: AAARequest, decision: Decision) -> Template | None:
        """What is to be applied to this answer; None where nothing is. The policy is that of the facts `policy` and `policy_level`."""
        own = self._nodes.get(request.origin.i_node)
        policy = decision.facts.more.get("policy")
        if policy is None or not self._policies:
            return own
        other = self._policies.get((request.origin.i_env, policy, decision.facts.more.get("policy_level", "")))
        if own is None or other is None:
            return own or other
        return own.then(other)


NO_TEMPLATES = AnswerTemplates({}, {})


def _whole(templates: Mapping[Key, Template | None]) -> dict[Key, Template]:
    return {key: template for key, template in templates.items() if template is not None}


def _of_node(node: Node) -> Template | None:
    return _compiled(node.name, lambda: compile_template(node.response_template, Dictionary.standard()))


def _of_level(policy: AccessPolicy, level: LevelName) -> Template | None:
    rows = [(row.name, row.operator, row.value) for row in policy.attributes if row.group == GROUP and row.level in (None, level)]
    return _compiled(policy.name, lambda: compile_rows(rows, Dictionary.standard())) if rows else None


def _compiled(owner: str, make: Callable[[], Template]) -> Template | None:
    try:
        return make()
    except TemplateError as error:
        BROKEN.inc(owner)
        _log.error("the response template of {owner} is not applied: {error}", owner=owner, error=str(error))
        return None
