"""Which source a broker user may publish as."""

import pytest

from shared.contract.sources import (
    ALL,
    COMMAND,
    RESERVED,
    Bindings,
    ChannelSource,
    binding,
    channel_source,
    command_user,
    is_reserved,
    trustable,
    upstream_source,
)

BINDINGS = Bindings(
    {
        "shop": frozenset({"shop.example", "https://shop.example/*"}),
        "portal": frozenset({"customer-portal"}),
        "migration": frozenset({ALL}),
    },
    command="staff",
)


@pytest.mark.parametrize(
    ("user", "source"),
    [
        ("shop", "shop.example"),
        ("shop", "https://shop.example/de"),
        ("portal", "customer-portal"),
        ("staff", COMMAND),
        ("migration", "old.example/2019"),
        ("support.example", "support.example"),
    ],
)
def test_user_may_use_the_sources_that_it_is_bound_to(user: str, source: str) -> None:
    assert BINDINGS.refusal(user, source) is None


@pytest.mark.parametrize(
    ("user", "source"),
    [
        ("shop", "customer-portal"),
        ("shop", "shop.example/de"),
        ("shop", "shop.example.attacker.example"),
        ("shop", "Shop.example"),
        ("shop", "https://shop.example"),
        ("shop", "https://shop.example.attacker.example/"),
        ("shop", "https://shop.example/../../customer-portal"),
        ("shop", "shop"),
        ("portal", "portal"),
        ("rogue", "customer-portal"),
        ("rogue", "rogue/more"),
        ("customer-portal", "customer-portal"),
        ("migration", "customer-portal"),
        ("migration", COMMAND),
        ("rogue", COMMAND),
        ("shop", ""),
        ("shop", "shop.example "),
        ("shop", "shop.example\n"),
        ("rogue", "rogue\u200b"),
        ("migration", "café.example"),
    ],
)
def test_user_may_use_no_other_source(user: str, source: str) -> None:
    flaw = BINDINGS.refusal(user, source)
    assert flaw is not None
    assert flaw.path == "source"
    assert source not in flaw.message or not source


@pytest.mark.parametrize("user", [None, ""])
def test_message_without_user_is_refused(user: str | None) -> None:
    flaw = BINDINGS.refusal(user, "shop.example")
    assert flaw is not None
    assert flaw.path == "user_id"


@pytest.mark.parametrize("channel", sorted(RESERVED))
@pytest.mark.parametrize(
    "spelling",
    [
        "{}",
        "{}/x",
        "{}:x",
        "{}?x",
        "{}#x",
        "//{}/x",
        "/{}",
        "./{}/x",
        "../{}/x",
        "{}%2Fx",
        "{}%252Fx",
        "\\{}",
    ],
)
def test_source_of_a_channel_is_reserved_in_every_spelling(channel: str, spelling: str) -> None:
    for name in (channel, channel.upper(), channel.capitalize(), f"%{ord(channel[0]):02x}{channel[1:]}"):
        assert is_reserved(spelling.format(name))
        flaw = Bindings({"migration": frozenset({ALL})}).refusal("migration", spelling.format(name))
        assert flaw is not None


@pytest.mark.parametrize(
    "source", ["shopify\u200b/x", "\uff53hopify/x", "s\u00adhopify", " habeas/drop", "habeas\u0301/x"]
)
def test_look_alike_of_a_channel_is_reserved(source: str) -> None:
    assert is_reserved(source)


@pytest.mark.parametrize(
    "source", ["shop", "metaphor.example", "apple.example", "https://apple.example", "x/habeas"]
)
def test_other_sources_are_not_reserved(source: str) -> None:
    assert not is_reserved(source)
    assert upstream_source(source) == source


@pytest.mark.parametrize(
    "source", ["ada@example.org", "//shop/ada@example.org", "ada%40example.org", "ada%2540example.org"]
)
def test_source_that_could_be_a_mail_address_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="URI reference"):
        upstream_source(source)


@pytest.mark.parametrize("channel", ChannelSource)
def test_source_that_a_channel_assigns_is_reserved(channel: ChannelSource) -> None:
    assert is_reserved(channel_source(channel))
    assert is_reserved(channel_source(channel, "anything"))


@pytest.mark.parametrize(
    "pattern",
    ["shopify/*", "shopify/x", "meta", "HABEAS/*", "habeas/*", "habeas/command/*", COMMAND, "", "a b"],
)
def test_no_user_can_be_bound_to_a_channel(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"reserved|URI reference|command"):
        binding(pattern)


@pytest.mark.parametrize("pattern", ["*", "shop", "shop/*", "https://shop.example/*"])
def test_user_can_be_bound_to_sources_and_prefixes(pattern: str) -> None:
    assert binding(pattern) == pattern


@pytest.mark.parametrize(
    "source", ["portal", "shopify/lamps.example", "meta", "apple", "drp/AGENT ONE", "fides/scripts"]
)
def test_word_of_a_system_or_a_signed_channel_can_count(source: str) -> None:
    assert trustable(source) == source


@pytest.mark.parametrize(
    "source", ["habeas/public", "habeas/mail", COMMAND, "email", "Shopify/x", "", "unknown"]
)
def test_word_of_anyone_cannot_count(source: str) -> None:
    with pytest.raises(ValueError, match=r"word|reserved|URI reference"):
        trustable(source)


@pytest.mark.parametrize(
    ("own", "command"),
    [
        ("habeas-intake", "habeas-command"),
        ("prod-intake", "prod-command"),
        ("habeas", "habeas"),
        ("intake", "intake"),
    ],
)
def test_user_of_the_command_follows_from_that_of_intake(own: str, command: str) -> None:
    assert command_user(own) == command
