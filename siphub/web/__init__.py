"""The HTTP door: a FastAPI application over a hub, and the server that runs it in a thread.

Authentication comes before any body is read; every error is problem+json with a stable code; no address, header or log line of it carries
a person's data. It must never reach behind the flow: it knows the hub, and nothing of its store or broker.
"""

from siphub.web.app import make_app
from siphub.web.server import Server, serve

__all__ = ["Server", "make_app", "serve"]
