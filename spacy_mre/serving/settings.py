"""The settings of the server, and who may reach it."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec

from ..errors import Errors

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")
# The characters of a token after "Bearer" in RFC 6750. Browsers leave them as they are in the address of a page, too.
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True)
class Settings:
    """How the server works.

    host (str): The address to listen on. Default: this machine only.
    port (int): The port; 0 for any that is free. Default: 8000.
    token (Optional[str]): What clients must send. Default: None (nothing).
    batch_tokens (int): A batch ends with the text that reaches this number of tokens. Default: 2,000.
    queue (int): How many texts may wait, for each pipeline. Default: 2,000.
    timeout (float): Seconds in which a request is answered. Default: 30.
    max_bytes (int): The most bytes of a body, or of a line of a stream. Default: 4 MiB.
    RAISES (ValueError): If other machines can reach the server without a token, or its token is refused.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    batch_tokens: int = 2_000
    queue: int = 2_000
    timeout: float = 30.0
    max_bytes: int = 4 * 2**20

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(Errors.M751.format(host=self.host))
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise ValueError(Errors.M752)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    host (str): An IP address or a name.
    RETURNS (bool): True if it is one of the addresses of this machine itself, or "localhost".

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, False, False)
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in ("localhost", "localhost.")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def check_packages(packages: Iterable[str] = PACKAGES) -> None:
    """Check that the packages of the server are installed.

    packages (Iterable[str]): Their names. Default: `PACKAGES`.
    RAISES (ValueError): If one is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise ValueError(Errors.M750.format(package=package))
