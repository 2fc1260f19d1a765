"""An outside system that asks over the HTTP API."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

_reactor: Any = reactor


async def asked(port: int, path: str, body: Any, login: str, password: str) -> tuple[int, Any]:
    """Code and content of the answer to a POST of JSON below /espf/v1/account."""
    proof = "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()
    agent = Agent(_reactor, pool=HTTPConnectionPool(_reactor, persistent=False))
    url = f"http://127.0.0.1:{port}/espf/v1/account/{path}".encode()
    response = await agent.request(b"POST", url, Headers({"authorization": [proof]}), FileBodyProducer(BytesIO(json.dumps(body).encode())))
    return response.code, json.loads(await readBody(response))
