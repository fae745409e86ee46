"""Which addresses may be dialled, and which URLs may be saved."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.providers import egress
from guerdon.providers.egress import Blocked, Target

NOT_PUBLIC_V4 = {
    "this network": ["0.0.0.0", "0.1.2.3"],
    "private": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.1.1"],
    "loopback": ["127.0.0.1", "127.1.2.3", "127.255.255.255"],
    "link-local": ["169.254.0.1", "169.254.169.254", "169.254.170.2"],
    "CGNAT": ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    "protocols, documentation, benchmarks": [
        *("192.0.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.255"),
    ],
    "multicast": ["224.0.0.1", "239.255.255.250", "232.1.1.1"],
    "reserved and broadcast": ["240.0.0.1", "255.255.255.254", "255.255.255.255"],
}
REFUSED_V4 = [address for kind in NOT_PUBLIC_V4.values() for address in kind]
PUBLIC_V4 = ["1.1.1.1", "8.8.8.8", "9.255.255.255", "100.63.255.255", "100.128.0.0", "172.32.0.1"]
PUBLIC_V6 = ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:80f::200e"]


def embedded(address: str) -> dict[str, str]:
    """The IPv6 forms that carry an IPv4 address inside."""
    number = int(IPv4Address(address))
    return {
        "mapped": f"::ffff:{address}",
        "compatible": f"::{address}",
        "NAT64": str(IPv6Address(int(IPv6Address("64:ff9b::")) | number)),
        "6to4": str(IPv6Address(0x2002 << 112 | number << 80 | 1)),
        "translated": f"::ffff:0:{address}",
    }


@pytest.mark.parametrize("address", REFUSED_V4)
def test_what_is_not_public_is_refused_in_every_form(address: str) -> None:
    assert not egress.permitted(ip_address(address), ())
    for form, inside in embedded(address).items():
        assert not egress.permitted(ip_address(inside), ()), form


@pytest.mark.parametrize("address", [*PUBLIC_V4, *PUBLIC_V6])
def test_what_is_public_may_be_dialled(address: str) -> None:
    assert egress.permitted(ip_address(address), ())


def test_public_addresses_embedded_where_gateways_translate_them() -> None:
    for form in ("NAT64", "6to4"):
        assert egress.permitted(ip_address(embedded("8.8.8.8")[form]), ()), form


@pytest.mark.parametrize(
    "address",
    [
        "::",
        "::1",
        "::2",
        "fe80::1",
        "febf::1",
        "fec0::1",  # site-local, which Python calls global
        "feff::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "ff0e::1",
        "ff05::1:3",
        "100::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "1::1",
        "64:ff9b:1::1",
        "64:ff9b:1::8.8.8.8",
        "2001::1",  # Teredo
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fe80::1%eth0",
        "::1%lo",
        "2606:4700:4700::1111%eth0",
    ],
)
def test_other_ipv6_is_refused(address: str) -> None:
    assert not egress.permitted(ip_address(address), ())


@given(st.ip_addresses(v=4))
def test_no_embedding_says_more_than_the_address_itself(address: IPv4Address) -> None:
    for form, inside in embedded(str(address)).items():
        if egress.permitted(ip_address(inside), ()):
            assert egress.permitted(address, ()), form


@given(st.ip_addresses(v=6))
def test_outside_of_global_unicast_nothing_is_dialled(address: IPv6Address) -> None:
    inside = any(
        address in ip_network(net) for net in ("2000::/3", "64:ff9b::/96", "::ffff:0:0/96", "::/96")
    )
    if not inside:
        assert not egress.permitted(address, ())


def test_one_refused_answer_refuses_all() -> None:
    egress.vet([ip_address("8.8.8.8"), ip_address("2606:4700::1111")], ())
    with pytest.raises(Blocked, match=r"10\.0\.0\.1"):
        egress.vet([ip_address("8.8.8.8"), ip_address("10.0.0.1")], ())


def test_the_allow_list_permits_what_it_names_and_no_more() -> None:
    allowed = egress.networks(" 10.1.0.0/16, fd00::/8 ,127.0.0.1 ,")
    assert [str(net) for net in allowed] == ["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"]
    for address in ("10.1.2.3", "fd12::1", "127.0.0.1", "8.8.8.8"):
        assert egress.permitted(ip_address(address), allowed), address
    for address in ("10.2.0.1", "127.0.0.2", "::1", "::ffff:10.1.2.3", "fe80::1"):
        assert not egress.permitted(ip_address(address), allowed), address
    assert egress.networks("") == ()
    assert egress.is_allow_listed(ip_address("10.1.2.3"), allowed)
    assert not egress.is_allow_listed(ip_address("8.8.8.8"), allowed)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "everything", "10.0.0.1/8/8", "::/129"])
def test_a_network_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="network"):
        egress.networks(text)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com/hook", Target("https", "example.com", 443)),
        ("http://example.com", Target("http", "example.com", 80)),
        ("https://example.com:8443/a?b=c", Target("https", "example.com", 8443)),
        ("HTTPS://EXAMPLE.com./", Target("https", "example.com.", 443)),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443)),
        ("https://[2606:4700:4700::1111]:444/", Target("https", "2606:4700:4700::1111", 444)),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443)),
        ("https://a-1.4u.example1/", Target("https", "a-1.4u.example1", 443)),
    ],
)
def test_urls_that_may_be_saved(url: str, target: Target) -> None:
    assert egress.target(url, ()) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:443/",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/#part",
        "https://example.com/a b",
        "https://example.com/\r\nHost: other",
        "https://exam\tple.com/",
        "https://exämple.com/",
        "https://example.com/ä",
        "https://１２７.0.0.1/",
        "https://example.com:port/",
        "https://example.com:-1/",
        "https://example.com:65536/",
        "https://[::1",
        "https://[example.com]/",
        "https://[::1].example.com/",
    ],
)
def test_what_is_no_url_of_a_provider(url: str) -> None:
    with pytest.raises(Blocked):
        egress.target(url, ())


@pytest.mark.parametrize(
    "host",
    [
        *(address for kind in NOT_PUBLIC_V4.values() for address in kind),
        *("[::1]", "[::]", "[::ffff:7f00:1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"),
        *("[2002:7f00:1::]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fec0::1]", "[ff02::1]"),
        # Spelt as only resolvers read them.
        *("127.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.0.0.1"),
        *("0X7F000001", "127.0.0.1.", "127.0.0.0x1", "1.2.3.4.5", "256.1.1.1", "0x"),
        *("ex%61mple.com", "127%2e0%2e0%2e1"),
    ],
)
def test_hosts_that_are_addresses_in_disguise(host: str) -> None:
    with pytest.raises(Blocked):
        egress.target(f"https://{host}/", ())


@pytest.mark.parametrize(
    "port", [0, 22, 25, 53, 110, 143, 389, 445, 3306, 5432, 6379, 11211, 27017]
)
def test_ports_of_other_services_are_never_dialled(port: int) -> None:
    for host in ("example.com", "8.8.8.8", "127.0.0.1"):
        with pytest.raises(Blocked, match=str(port)):
            egress.target(f"https://{host}:{port}/", egress.networks("127.0.0.0/8"))
    with pytest.raises(Blocked):
        egress.target(f"https://example.com:000{port}/", ())


def test_an_allow_listed_address_may_be_named() -> None:
    allowed = egress.networks("127.0.0.0/8,::1/128")
    assert egress.target("http://127.0.0.1:8000/", allowed).port == 8000
    assert egress.target("http://[::1]:8000/", allowed).host == "::1"
    with pytest.raises(Blocked, match="GUERDON_PROVIDER_ALLOW"):
        egress.target("http://10.0.0.1:8000/", allowed)


@given(st.text(max_size=60) | st.text("htps:/[]@.#?%0123456789abcx\\", max_size=40))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    for url in (text, f"https://{text}"):
        try:
            target = egress.target(url, ())
        except Blocked:
            continue
        assert target.scheme in ("http", "https")
        assert target.host
        assert 0 < target.port < 65536
