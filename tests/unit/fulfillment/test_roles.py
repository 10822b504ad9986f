"""Names of fields state roles of people, in several languages."""

import pytest

from services.fulfillment.search.named_people import HELPERS, KIN, PARTIES, roles


@pytest.mark.parametrize(
    ("path", "played"),
    [
        ("emergencyContact.email", {"emergency"}),
        ("Notfallkontakt_E-Mail", {"emergency"}),
        ("angehörige.mail", {"kin"}),
        ("angehoeriger_mail", {"kin"}),
        ("contact_d_urgence.email", {"urgence"}),
        ("next_of_kin.email", {"kin"}),
        ("épouse.courriel", {"epouse"}),
        ("e\u0301pouse.courriel", {"epouse"}),
        ("sœur.email", {"soeur"}),
        ("紧急联系人邮箱", {"emergency"}),
        ("billed_to.email", {"to"}),
    ],
)
def test_word_states_a_role(path: str, played: set[str]) -> None:
    assert roles(path) == played


@pytest.mark.parametrize(
    "path",
    [
        *("customer.email", "direccion.pais", "contact_kind", "fecha_de_nacimiento", "Käufer.mail"),
        *("titular", "klant.email", "proprietario", "联系人.邮箱", "vorname", "adresse.ort", "telefono"),
    ],
)
def test_own_field_states_no_role(path: str) -> None:
    assert roles(path) == set()


def test_every_word_has_one_meaning() -> None:
    assert not PARTIES & KIN
    assert not PARTIES & HELPERS
    assert not KIN & HELPERS
