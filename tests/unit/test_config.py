"""Settings from the environment, and the key that seals secrets."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from guerdon import config
from guerdon.config import SETTINGS, ConfigurationError, OpenId, Settings

KEY, OTHER = bytes(range(32)), b"\xab" * 32


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)


def test_every_setting_is_described() -> None:
    assert set(SETTINGS) == set(Settings.__dataclass_fields__)
    for setting in SETTINGS.values():
        assert setting.variable.startswith("GUERDON_")
        assert setting.about.endswith(".")
    assert len({setting.variable for setting in SETTINGS.values()}) == len(SETTINGS)


def test_an_empty_environment_is_the_defaults() -> None:
    assert config.from_environment() == Settings()


def test_what_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {name: f"value of {name}" for name in SETTINGS} | {"log_level": "debug"}
    for name, value in named.items():
        monkeypatch.setenv(SETTINGS[name].variable, value)
    assert config.from_environment() == Settings(**named)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS.values():
        monkeypatch.setenv(setting.variable, "")
    assert config.from_environment() == Settings()


@pytest.mark.parametrize("level", ["loud", "INFO", " info"])
def test_a_log_level_that_is_none_is_told(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUERDON_LOG_LEVEL", level)
    with pytest.raises(ConfigurationError, match="GUERDON_LOG_LEVEL"):
        config.from_environment()


def test_a_key_is_64_hexadecimal_digits() -> None:
    assert config.key_bytes(KEY.hex(), "it") == KEY
    assert config.key_bytes(f" {KEY.hex().upper()}\n", "it") == KEY


@pytest.mark.parametrize("text", ["", "00", KEY.hex()[:-2], KEY.hex() + "00", "x" * 64, "é" * 64])
def test_anything_else_is_no_key_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        config.key_bytes(text, "GUERDON_SECRET_KEY")
    assert refusal.value.detail.startswith("GUERDON_SECRET_KEY must hold 64")
    assert not text or text not in refusal.value.detail


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    settings = Settings(secret_key=OTHER.hex())
    assert config.secret_keys(settings, tmp_path, KEY) == [OTHER]
    assert list(tmp_path.iterdir()) == []


def test_several_keys_in_the_environment_the_current_one_first() -> None:
    settings = Settings(secret_key=f"{KEY.hex()},{OTHER.hex()}")
    assert config.secret_keys(settings, None, bytes(32)) == [KEY, OTHER]
    with pytest.raises(ConfigurationError):
        config.secret_keys(Settings(secret_key=f"{KEY.hex()},"), None, bytes(32))


def test_a_new_data_directory_gets_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    assert config.secret_keys(Settings(), tmp_path, KEY) == [KEY]
    path = tmp_path / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == KEY.hex() + "\n"


def test_an_existing_key_stays(tmp_path: Path) -> None:
    config.secret_keys(Settings(), tmp_path, KEY)
    assert config.secret_keys(Settings(), tmp_path, OTHER) == [KEY]


def test_a_file_may_hold_older_keys_below_the_current_one(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(f"{KEY.hex()}\n{OTHER.hex()}\n")
    assert config.secret_keys(Settings(), tmp_path, bytes(32)) == [KEY, OTHER]


def test_rotating_puts_the_new_key_first_and_keeps_the_old(tmp_path: Path) -> None:
    config.secret_keys(Settings(), tmp_path, KEY)
    config.add_secret_key(tmp_path, OTHER)
    assert config.secret_keys(Settings(), tmp_path, bytes(32)) == [OTHER, KEY]
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("text", ["", "\n", "not a key\n", KEY.hex()[:-1]])
def test_a_damaged_file_is_told_and_never_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"secret\.key must hold 64"):
        config.secret_keys(Settings(), tmp_path, KEY)
    assert path.read_text() == text


def test_without_any_place_for_a_key_it_refuses() -> None:
    with pytest.raises(ConfigurationError, match="GUERDON_SECRET_KEY"):
        config.secret_keys(Settings(), None, KEY)


def test_openid_is_all_of_its_settings_or_none() -> None:
    whole = Settings(oidc_issuer="https://id.example", oidc_client_id="a", oidc_client_secret="b")
    assert config.openid(Settings()) is None
    assert config.openid(whole) == OpenId("https://id.example", "a", "b")
    for missing in ("oidc_issuer", "oidc_client_id", "oidc_client_secret"):
        with pytest.raises(ConfigurationError, match="belong together") as refusal:
            config.openid(replace(whole, **{missing: None}))
        assert "'b'" not in refusal.value.detail


@pytest.mark.parametrize(
    ("issuer", "safe"),
    [
        ("https://id.example/realms/a", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://id.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example", False),
        ("https://", False),
        ("id.example", False),
        ("https://[", False),
        ("javascript:alert(1)", False),
    ],
)
def test_an_issuer_is_not_spoken_to_in_the_clear(issuer: str, safe: bool) -> None:
    assert config.safe_to_ask(issuer) is safe
    if not safe:
        with pytest.raises(ConfigurationError, match="must be an https URL"):
            config.openid(Settings(oidc_issuer=issuer, oidc_client_id="a", oidc_client_secret="b"))
