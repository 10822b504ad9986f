"""
The role of a person in a record, as the names of fields state it. Pure.

Data maps are written in the languages of the systems' owners. Words that also mean the record's own person (a
customer, an owner), and words that join others (*de*, *van*), are no roles.
"""

import re
import unicodedata
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W0-9A-Z_]+")


def _bare(text: str) -> str:
    """Return *text* without accents, which names of fields have or have not."""
    apart = unicodedata.normalize("NFD", text.replace("œ", "oe"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _words(text: str) -> frozenset[str]:
    return frozenset(_bare(text).split())


PARTIES = _words(
    """
    addressee beneficiary buyer callee caller consignee consignor deliver delivery donor from gift invitee
    inviter payee payer receiver recipient recipients seller sender ship shipping to absender empfaenger
    empfänger destinataire expéditeur destinatario remitente mittente ontvanger afzender destinatário
    remetente
    """
)
"""Sender and receiver: the record is theirs, where it names no other person."""
KIN = _words(
    """
    brother carer child children daughter dependant dependants dependent dependents emergency friend heir
    husband kin neighbor neighbour nok partner relative relatives sibling siblings sister son spouse
    spouses wife ehefrau ehegatte ehegattin ehemann ehepartner ehepartnerin lebenspartner lebenspartnerin
    kinder bruder schwester geschwister nachbar nachbarin verwandte verwandter urgence conjoint conjointe
    époux épouse enfant enfants frère sœur soeur proche proches voisin voisine urgencia urgencias cónyuge
    esposo esposa marido hijo hija hijos hermano hermana familiar familiares vecino vecina urgenza coniuge
    marito moglie figlio figlia figli fratello sorella parente parenti congiunto echtgenoot echtgenote
    kinderen broer zus zoon dochter naaste naasten buurman buurvrouw mantelzorger urgência cônjuge filho
    filha filhos irmão irmã parentes vizinho vizinha
    """
)
"""Helpers of the person; they are never asked or notified instead of them."""
HELPERS = _words(
    """
    agent approver assignee clerk courier doctor driver father guardian guardians handler landlord manager
    mother operator parent parents referee referrer supervisor supplier vendor witness arzt ärztin
    betreuer bearbeiter eltern mutter sachbearbeiter sachbearbeiterin vater vorgesetzte vorgesetzter
    vormund zeuge médecin mère père tuteur témoin supérieur gestionnaire médico madre padre padres testigo
    gestor supervisora medico madri padri genitore genitori testimone responsabile moeder vader ouder
    ouders voogd leidinggevende getuige behandelaar mãe testemunha gerente
    """
)
"""People involved besides the person."""
STEMS = {
    "notfall": "emergency",
    "emergenc": "emergency",
    "nood": "emergency",
    "angehor": "kin",
    "angehoer": "kin",
}
"""Beginnings of compound words, and the role that each means."""
SIGNS = {
    **dict.fromkeys(("紧急", "緊急"), "emergency"),
    **dict.fromkeys(("家属", "家屬", "亲属", "親屬", "亲友", "親友", "家人"), "kin"),
    **dict.fromkeys(("配偶", "妻子", "丈夫"), "spouse"),
    **dict.fromkeys(("子女", "孩子"), "child"),
    **dict.fromkeys(("父亲", "父親", "母亲", "母親", "父母"), "parent"),
    **dict.fromkeys(("监护人", "監護人"), "guardian"),
    **dict.fromkeys(("收件人", "收货人", "收貨人"), "recipient"),
    **dict.fromkeys(("发件人", "發件人", "寄件人"), "sender"),
}
"""The same, without blanks between words."""


ROLES = PARTIES | KIN | HELPERS
"""Words in the names of fields that state a role."""


@lru_cache(maxsize=4_096)
def roles(path: str) -> frozenset[str]:
    """Return the roles of the person at *path*, as its name states them."""
    words = [word.lower() for word in _WORDS.findall(_bare(path))]
    begun = {role for stem, role in STEMS.items() for word in words if word.startswith(stem)}
    return ROLES.intersection(words) | begun | {role for sign, role in SIGNS.items() if sign in path}
