"""Settings: from the environment and, above it, from flags. The only file that reads either."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from guerdon.errors import GuerdonError


class ConfigurationError(GuerdonError):
    """A setting does not fit; ``detail`` names it and says what would."""

    code = "invalid-request"


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, and what it is for (docs/configuration.md lists them)."""

    variable: str
    about: str


SETTINGS: Mapping[str, Setting] = {
    "database_url": Setting(
        "GUERDON_DATABASE_URL",
        "A PostgreSQL of your own, 14 or newer (tested: 15, 18). "
        "Without it, one is embedded in --data.",
    ),
    "direct_url": Setting(
        "GUERDON_DIRECT_URL",
        "The same database past a connection pooler: for migrations. Without it, the database URL "
        "serves.",
    ),
    "secret_key": Setting(
        "GUERDON_SECRET_KEY",
        "32 bytes as 64 hexadecimal digits; seals secrets at rest. Without it, DIR/secret.key. "
        "After a rotation several, comma-separated: the current one first, the oldest last.",
    ),
    "provider_allow": Setting(
        "GUERDON_PROVIDER_ALLOW",
        "Networks (CIDR, comma-separated) that providers may be in although they are private.",
    ),
    "metrics_token": Setting(
        "GUERDON_METRICS_TOKEN", "The bearer token of /metrics. Without it, /metrics is closed."
    ),
    "environment": Setting(
        "GUERDON_ENVIRONMENT", "What the console's badge says: production (default), staging, …."
    ),
    "oidc_issuer": Setting(
        "GUERDON_OIDC_ISSUER",
        "Whom operators may sign in through by OpenID Connect: the issuer's https URL.",
    ),
    "oidc_client_id": Setting(
        "GUERDON_OIDC_CLIENT_ID", "What the issuer knows this Guerdon by; with GUERDON_OIDC_ISSUER."
    ),
    "oidc_client_secret": Setting(
        "GUERDON_OIDC_CLIENT_SECRET", "What proves it to the issuer; with GUERDON_OIDC_ISSUER."
    ),
    "log_level": Setting("GUERDON_LOG_LEVEL", "debug, info (default), warning or error."),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says."""

    database_url: str | None = None
    direct_url: str | None = None
    secret_key: str | None = None
    provider_allow: str = ""
    metrics_token: str | None = None
    environment: str = "production"
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    log_level: str = "info"


def from_environment() -> Settings:
    """The settings that the environment names; what it does not name has its default."""
    given: dict[str, Any] = {}
    for field in fields(Settings):
        value = os.environ.get(SETTINGS[field.name].variable)
        if value:
            given[field.name] = value
    settings = Settings(**given)
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise ConfigurationError(
            f"GUERDON_LOG_LEVEL must be debug, info, warning or error, not {settings.log_level!r}."
        )
    return settings


@dataclass(frozen=True, slots=True)
class OpenId:
    """Whom operators may sign in through, and what that issuer knows this Guerdon by."""

    issuer: str
    client_id: str
    client_secret: str


def openid(settings: Settings) -> OpenId | None:
    """The three settings of OpenID Connect, all of them or none."""
    given = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if given == (None, None, None):
        return None
    issuer, client_id, client_secret = given
    if issuer is None or client_id is None or client_secret is None:
        raise ConfigurationError(
            "GUERDON_OIDC_ISSUER, GUERDON_OIDC_CLIENT_ID and GUERDON_OIDC_CLIENT_SECRET belong "
            "together: set all three, or none."
        )
    if not safe_to_ask(issuer):
        raise ConfigurationError(
            "GUERDON_OIDC_ISSUER must be an https URL (http on this machine alone), "
            f"not {issuer!r}."
        )
    return OpenId(issuer, client_id, client_secret)


def safe_to_ask(url: str) -> bool:
    """Whether secrets may be sent to a URL: by https, or without leaving this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    local = host in ("localhost", "127.0.0.1", "::1")
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and local))


def key_bytes(text: str, where: str) -> bytes:
    """The 32 bytes of a key spelt as 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigurationError(
            f"{where} must hold 64 hexadecimal digits (32 bytes), as `openssl rand -hex 32` makes."
        )
    return key


def secret_keys(settings: Settings, data: Path | None, fresh: bytes) -> list[bytes]:
    """The keys that seal secrets, the current one first; ``fresh`` becomes the key of a new
    data directory. Refuses to go on without any."""
    if settings.secret_key is not None:
        keys = settings.secret_key.split(",")
        return [key_bytes(key, "GUERDON_SECRET_KEY") for key in keys]
    if data is None:
        raise ConfigurationError(
            "With --database-url there is no data directory to keep a key in. Set "
            "GUERDON_SECRET_KEY to 64 hexadecimal digits (`openssl rand -hex 32`) and keep it safe."
        )
    path = data / "secret.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        lines = path.read_text("ascii").split()
        return [key_bytes(line, str(path)) for line in lines] or [key_bytes("", str(path))]
    _write(descriptor, [fresh])
    return [fresh]


def add_secret_key(data: Path, fresh: bytes) -> None:
    """Puts ``fresh`` before the keys of a data directory; they stay, to open what they sealed."""
    path = data / "secret.key"
    known = [key_bytes(line, str(path)) for line in path.read_text("ascii").split()]
    beside = path.with_suffix(".new")
    _write(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), [fresh, *known])
    beside.replace(path)


def _write(descriptor: int, keys: list[bytes]) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.writelines(key.hex() + "\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
