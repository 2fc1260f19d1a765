"""
Which response template an answer gets: that of its node, then that of its access policy.

Compiled once for each catalogue. A text that is wrong all the same (`portaswitch load` refuses such) is logged and counted, and is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import Logger

from portaswitch.endpoints.templates import Template, TemplateError, compile_template
from portaswitch.metrics import Counter
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.request import AAARequest, Decision
from portaswitch.wire.radius.dictionary import Dictionary

BROKEN = Counter("portaswitch_radius_templates_broken_total", "Response templates of nodes that could not be compiled and are not applied", ("node",))

#: (i_env, access policy, service level): whose rows of the group radius_response make a template.
PolicyLevel = tuple[int, str, str]

_log = Logger()


class AnswerTemplates:
    """The compiled templates by node (i_node) and by access policy and level."""

    __slots__ = ("_nodes", "_policies")

    def __init__(self, nodes: Mapping[int, Template], policies: Mapping[PolicyLevel, Template]) -> None:
        self._nodes, self._policies = nodes, policies

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue, policies: Mapping[PolicyLevel, Template] | None = None) -> AnswerTemplates:
        """Those of a catalogue's nodes; `policies` as `templates.compile_rows` made them."""
        compiled = {node.i_node: _compiled(node) for node in catalogue.nodes.values() if node.response_template}
        return cls({i_node: template for i_node, template in compiled.items() if template is not None}, policies or {})

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


def _compiled(node: Node) -> Template | None:
    try:
        return compile_template(node.response_template, Dictionary.standard())
    except TemplateError as error:
        BROKEN.inc(node.name)
        _log.error("the response template of node {node} is not applied: {error}", node=node.name, error=str(error))
        return None
