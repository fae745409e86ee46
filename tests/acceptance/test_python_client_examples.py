"""The examples of the Python client's page and of the widget's are run, each as it stands."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.acceptance.receivers import AUTHORIZATION, SIGNING
from tests.acceptance.rewarding import served_on_a_loop, served_on_threads
from tests.acceptance.test_conformance import names, played
from tests.conftest import Api
from tests.house.documents import blocks, page, section
from tests.integration.api_parts import Shop, furnished

from guerdon.access import tokens
from guerdon.access.tokens import PublicKey, Terms
from guerdon.clock import unix_seconds
from guerdon.conformance.messages import Plan

PAGE = "clients/python/README.md"
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def examples(heading: str) -> list[str]:
    """The Python examples of a section."""
    found = blocks(section(page(PAGE), heading), "python")
    assert found, heading
    return found


def run(example: str, **told: str) -> dict[str, Any]:
    """Runs an example with the real values in the place of those that are told; what it defines."""
    for one, other in told.values():
        assert one in example, one
        example = example.replace(one, other)
    names: dict[str, Any] = {}
    exec(compile(example, PAGE, "exec"), names)
    return names


async def type_in(example: str, api: Api) -> dict[str, Any]:
    """Runs an example of a client, in a thread: it may wait, or have a loop of its own."""
    url = str(api._session._base_url)
    told: Any = {"url": ("https://rewards.example.com", url), "key": ("gk_…", api.key)}
    return await asyncio.to_thread(run, example, **told)


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


async def test_the_clients_examples(
    api: Api, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    redeems, looks, closes, awaits = examples("## Redeeming")
    asked = (await type_in(redeems, api))["asked"]
    await shop.settled(asked.id, "success")
    await type_in(looks, api)
    assert "Free Tickets 200 success" in capsys.readouterr().out
    contradicted = await shop.postponed()
    await api.call("POST", f"/v1/transactions/{contradicted}/confirm", {})
    await shop.call_back({"transactionId": contradicted, "status": "failure"})
    await type_in(closes, api)
    (closed,) = (await api.call("GET", "/v1/cases?closed=true")).body["items"]
    assert (closed["transactionId"], closed["choice"]) == (contradicted, "leave")
    await type_in(awaits, api)
    assert capsys.readouterr().out.endswith("200\n")
    charge = {"amount": 700, "reason": "so that too few are left"}
    await api.call("POST", "/v1/members/ada/charges", charge, key="k")
    await type_in(examples("## Errors")[0], api)
    assert capsys.readouterr().out.endswith("100 of 200\n")


async def test_the_callbacks_example(
    api: Api, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    postponed = await shop.postponed()
    told: Any = {
        "url": ("https://rewards.example.com", str(api._session._base_url)),
        "provider": ("<providerId>", shop.provider["id"]),
        "secret": ("whsec_…", shop.provider["callbackSecret"]),
        "transaction": ("<transactionId>", postponed),
    }
    await asyncio.to_thread(run, examples("## Callbacks")[0], **told)
    assert capsys.readouterr().out.endswith("success True\n")


async def test_the_receivers_examples_pass_conformance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told: Any = {"secret": ("whsec_…", SIGNING), "authorization": ("Basic …", AUTHORIZATION)}
    threads, loop = (run(example, **told) for example in examples("## Receiving messages"))
    for served, example in ((served_on_threads, threads), (served_on_a_loop, loop)):
        async with served(example["application"]) as url:
            results = await played(
                Plan(url, signing_secret=SIGNING, authorization=AUTHORIZATION, timeout_seconds=5)
            )
        assert {one.name: one.detail for one in results.values() if one.result == "fail"} == {}
        # They give vouchers to whoever asks, and call nobody back.
        assert names(results, "left-out") == {"failure", "later", "later-again"}
    threads["shelf"].close()


def believed(token: str) -> bool:
    """Whether Guerdon takes a token for ada's."""
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = PublicKey("ES256", None, pem)
    made = tokens.take_apart(token.strip())
    assert made.namespace == "1"
    return tokens.subject(made, [key], Terms(None, None), unix_seconds()) == "ada"


def test_the_token_signers_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("member-key.pem").write_text(PEM)
    run(examples("## Member tokens")[0])
    assert believed(capsys.readouterr().out)


CALLED = {
    "js": ("node", "member.mjs", "", 'process.stdout.write(memberToken(pem, "ada", "1"));'),
    "php": ("php", "member.php", "<?php\n", 'echo member_token($pem, "ada", "1");'),
}
READ = {
    "js": 'import { readFileSync } from "node:fs";\nconst pem = readFileSync("member-key.pem");\n',
    "php": '$pem = file_get_contents("member-key.pem");\n',
}


@pytest.mark.parametrize("language", CALLED)
def test_the_widgets_page_makes_tokens_in_other_languages(language: str, tmp_path: Path) -> None:
    command, name, head, call = CALLED[language]
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not on this machine: its example is left out")
    (example,) = blocks(page("docs/widget.md"), language)
    (tmp_path / "member-key.pem").write_text(PEM)
    (tmp_path / name).write_text(f"{head}{example}\n{READ[language]}{call}\n")
    # Signatures vary in length where they are numbers: several of them.
    for _ in range(8):
        done = subprocess.run(
            [command, name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert believed(done.stdout)
