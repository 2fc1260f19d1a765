"""SOAP 1.1 and 1.2 envelopes around a handler's content."""

from __future__ import annotations

from portaswitch.errors import NotSendable
from portaswitch.handler.requests import Soap
from portaswitch.handler.xml import NO_XML, render

_NAMESPACES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}


def envelope(request: Soap) -> bytes:
    """The document of a request, in UTF-8. Errors: NotSendable for a value with signs that no XML document has."""
    header = "".join(render(element) for element in request.header)
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{_NAMESPACES[request.version]}">{head}'
        f"<soap:Body>{render(request.content)}</soap:Body></soap:Envelope>"
    )
    if NO_XML.search(document):
        raise NotSendable("a value with signs that XML does not have: control characters")
    return document.encode()


def headers(request: Soap) -> dict[str, str]:
    """Media type and action as the version of SOAP has them (SOAP 1.1 section 6.1.1, SOAP 1.2 part 2 section 7.1.4)."""
    if request.version == "1.1":
        return {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{request.action}"'}
    action = f'; action="{request.action}"' if request.action else ""
    return {"content-type": f"application/soap+xml; charset=utf-8{action}"}
