"""Identifiers that know when and where."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import ids

moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(st.integers(0, 4095), moments)
def test_an_id_carries_its_bucket_and_its_moment(bucket: int, moment: datetime) -> None:
    made = ids.new_id(bucket, moment)
    assert (made.version, made.variant) == (8, RFC_4122)
    assert ids.bucket_in(made) == bucket
    assert ids.moment_in(made) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert made.int & 1 == 0
    assert ids.first_id_at(moment) <= made


@given(st.integers(0, 4095), st.integers(0, 4095), moments)
def test_ids_sort_by_age_whatever_their_buckets(one: int, other: int, moment: datetime) -> None:
    later = moment + timedelta(milliseconds=1)
    assert ids.new_id(one, moment) < ids.first_id_at(later) <= ids.new_id(other, later)


def test_a_known_moment_is_a_known_prefix() -> None:
    moment = datetime(2026, 11, 22, 9, 30, 0, 125_999, tzinfo=UTC)
    made = ids.new_id(0xABC, moment)
    milliseconds = int(datetime(2026, 11, 22, 9, 30, tzinfo=UTC).timestamp() * 1000) + 125
    assert made.hex[:12] == f"{milliseconds:012x}"
    assert made.hex[12:16] == "8abc"
    assert str(ids.first_id_at(moment)).replace("-", "") == f"{milliseconds:012x}" + "0" * 20


def test_moments_that_no_id_can_have_are_the_ends_of_all_ids() -> None:
    before = datetime(1969, 12, 31, tzinfo=UTC)
    assert ids.first_id_at(before) == UUID(int=0)
    assert ids.first_id_at(datetime.max.replace(tzinfo=UTC)).int < 1 << 128


# Buckets are stored in every key: a change of the hash would lose every member.
@pytest.mark.parametrize(
    ("namespace", "user_id", "bucket"),
    [
        ("1", "User 123", 89),
        ("1", "alice", 351),
        ("2", "alice", 3391),
        ("1", "zoë", 769),
        ("1", "😀", 3779),
        ("demo", "a/b", 1642),
    ],
)
def test_a_members_bucket_is_for_ever(namespace: str, user_id: str, bucket: int) -> None:
    assert ids.bucket_of(namespace, user_id) == bucket


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_every_member_has_a_bucket(namespace: str, user_id: str) -> None:
    assert 0 <= ids.bucket_of(namespace, user_id) < ids.BUCKETS


def test_members_spread_over_the_buckets() -> None:
    found = [ids.bucket_of("1", f"member {number}") for number in range(40_960)]
    assert len(set(found)) > 4000
    assert max(found.count(bucket) for bucket in range(0, 4096, 64)) < 40


def test_random_ids_are_version_4_and_never_the_same() -> None:
    made = {ids.random_id() for _ in range(1000)}
    assert len(made) == 1000
    assert {(one.version, one.variant) for one in made} == {(4, RFC_4122)}


def test_two_ids_of_one_member_and_moment_differ() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert len({ids.new_id(7, moment) for _ in range(1000)}) == 1000


def test_secret_bytes_are_as_many_as_asked() -> None:
    assert [len(ids.secret_bytes(length)) for length in (0, 1, 32)] == [0, 1, 32]
    assert ids.secret_bytes(32) != ids.secret_bytes(32)
