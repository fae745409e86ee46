"""The Python client knows what the API answers: every field, and none that is not there."""

import dataclasses
from typing import Any

import msgspec
import pytest

from guerdon.api import answers
from guerdon.redemption import inquiry, issuance
from guerdon_client import callbacks, cases, members, options, transactions
from guerdon_client.reading import camel

# What is the client's own: it is read from elsewhere in the answer.
OWN = {"replayed", "history", "attempts", "case"}


def wire_names(answer: Any) -> set[str]:
    """The fields of what a route answers."""
    if issubclass(answer, msgspec.Struct):
        return {field.encode_name for field in msgspec.structs.fields(answer)}
    return set(answer.__annotations__)


@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        (members.Member, answers.MemberAnswer),
        (members.Receipt, issuance.Receipt),
        (members.Posting, answers.StatementItem),
        (options.Option, answers.OptionAnswer),
        (options.Rate, answers.RateAnswer),
        (transactions.Transaction, inquiry.ConversionView),
        (transactions.FullTransaction, inquiry.ConversionView),
        (cases.Case, answers.CaseAnswer),
        (callbacks.News, answers.CallbackAnswer),
    ],
)
def test_every_field_has_its_place(shape: Any, answer: Any) -> None:
    known = {camel(field.name) for field in dataclasses.fields(shape)} - OWN
    assert known == wire_names(answer), f"teach {shape.__module__}.{shape.__name__} its fields"
