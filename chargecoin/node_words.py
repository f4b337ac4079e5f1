"""How a node is named in messages, and what its silence is called: one wording for all of us.

By itself, so that who reads a node without web3 need not load it.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import aiohttp

from chargecoin.errors import ConfigurationError


def failure_words(error: Exception) -> str:
    """Say what happened and what to do. Library errors leave out one or the other."""
    match error:
        case aiohttp.ClientResponseError():
            return f"HTTP status {error.status}; try again later, or name another node"
        case aiohttp.ClientConnectorError():
            number, text = error.os_error.errno, error.os_error.strerror
            why = os.strerror(number) if number and number > 0 else text
            why = f" ({why})" if why else ""
            return f"it cannot be connected to{why}; start the node there, or name another"
        case TimeoutError():
            return "it keeps silent; try again later, or name another node"
        case _:
            return f"{error} ({type(error).__name__}); see whether a node is there, or name another"


def node_name(url: str) -> str:
    """Return a node's scheme and host: addresses of hosted nodes hold a key, which nobody is told.

    Raises `ConfigurationError` if it is not an address.
    """
    try:
        place = urlsplit(url)
        port = f":{place.port}" if place.port else ""
    except ValueError:
        place, port = urlsplit(""), ""
    if place.scheme not in ("http", "https") or not place.hostname:
        raise ConfigurationError(
            "the node's address (its RPC URL) does not read as one; "
            "give http://HOST:PORT or https://HOST, such as http://127.0.0.1:8545"
        )
    return f"{place.scheme}://{place.hostname}{port}"
