"""How the makers of generated stores name things: six styles, from plain English to no sense at all."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random

_GERMAN = """
customers=kunden customer=kunde orders=bestellungen order=bestellung items=positionen products=artikel
product=artikel invoices=rechnungen invoice=rechnung users=benutzer user=benutzer number=nummer
phone=telefon first=vor last=nach name=name street=strasse city=ort postal_code=plz country=land
birth_date=geburtsdatum created_at=angelegt_am quantity=menge price=preis status=status
address=anschrift addresses=anschriften amount=betrag first_name=vorname last_name=nachname
accounts=konten account=konto employees=mitarbeiter employee=mitarbeiter departments=abteilungen
department=abteilung patients=patienten patient=patient doctors=aerzte doctor=arzt appointments=termine
appointment=termin students=schueler student=schueler teachers=lehrer teacher=lehrer courses=kurse
course=kurs grades=noten notes=notizen note=notiz payments=zahlungen payment=zahlung
messages=nachrichten password=passwort comments=kommentare reviews=bewertungen author=verfasser
posts=beitraege post=beitrag support_email=service_email devices=geraete device=geraet guests=gaeste
guest=gast bookings=buchungen booking=buchung rooms=zimmer room=zimmer donors=spender donor=spender
donations=spenden salaries=gehaelter amounts=betraege households=haushalte household=haushalt age=alter
text=text tickets=anfragen ticket=anfrage transactions=umsaetze transaction=umsatz branches=filialen
branch=filiale
"""
_SPANISH = """
customers=clientes customer=cliente orders=pedidos order=pedido items=lineas products=productos
product=producto invoices=facturas invoice=factura users=usuarios user=usuario number=numero
email=correo phone=telefono street=calle city=ciudad postal_code=codigo_postal country=pais
birth_date=fecha_nacimiento created_at=fecha_alta quantity=cantidad price=precio status=estado
address=direccion addresses=direcciones amount=importe first_name=nombre last_name=apellidos name=nombre
accounts=cuentas account=cuenta employees=empleados employee=empleado departments=departamentos
department=departamento patients=pacientes patient=paciente doctors=medicos doctor=medico
appointments=citas appointment=cita students=alumnos student=alumno teachers=profesores teacher=profesor
courses=cursos course=curso grades=calificaciones notes=notas note=nota payments=pagos payment=pago
messages=mensajes password=contrasena comments=comentarios reviews=opiniones author=autor posts=entradas
post=entrada devices=dispositivos device=dispositivo guests=huespedes guest=huesped bookings=reservas
booking=reserva rooms=habitaciones room=habitacion donors=donantes donor=donante donations=donaciones
age=edad text=texto transactions=movimientos transaction=movimiento tickets=incidencias
ticket=incidencia
"""
_SHORT = """
customers=custs customer=cust account=acct accounts=accts number=nr address=addr addresses=addrs
phone=phn email=eml users=usrs user=usr orders=ords order=ord birth_date=dob first_name=fname
last_name=lname products=prods product=prod employees=emps employee=emp departments=depts
department=dept patients=pats patient=pat appointments=appts appointment=appt messages=msgs message=msg
devices=devs device=dev quantity=qty amount=amt password=pwd transactions=txns transaction=txn
invoices=invs invoice=inv created_at=crtd description=descr teachers=tchrs teacher=tchr students=studs
student=stud donors=dnrs donor=dnr payments=pmts payment=pmt guests=gsts guest=gst
"""


def _words(text: str) -> Mapping[str, str]:
    return dict(pair.split("=") for pair in text.split())


GERMAN, SPANISH, SHORT = map(_words, (_GERMAN, _SPANISH, _SHORT))

Naming = Callable[[str], str]


def _translated(name: str, words: Mapping[str, str]) -> str:
    if name in words:
        return words[name]
    return "_".join(words.get(word, word) for word in name.split("_"))


def _camel(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])_([a-z])", lambda match: match[1].upper(), name)


def german(name: str) -> str:
    """``customer_id`` → ``kundeId``."""
    return _camel(_translated(name, GERMAN))


def spanish(name: str) -> str:
    """``customer_id`` → ``id_cliente``."""
    if name.endswith("_id") and name != "_id":
        return "id_" + _translated(name.removesuffix("_id"), SPANISH)
    return _translated(name, SPANISH)


@dataclass(slots=True)
class Meaningless:
    """``customer_id`` → ``f17``, the same each time."""

    rng: Random
    known: dict[str, str] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __call__(self, name: str) -> str:
        """Return the name for *name*."""
        if name not in self.known:
            self.known[name] = f"{self.rng.choice('abcfkx')}{next(self.numbers):02d}"
        return self.known[name]


STYLES = ("camel", "snake", "german", "spanish", "short", "meaningless")


def naming(style: str, rng: Random) -> Naming:
    """Return how a store in *style* names what is ``customer_id`` in plain English; ``_id`` stays."""
    styles: dict[str, Naming] = {
        "camel": _camel,
        "snake": lambda name: name,
        "german": german,
        "spanish": spanish,
        "short": lambda name: _translated(name, SHORT),
        "meaningless": Meaningless(rng),
    }
    return lambda name: name if name == "_id" else styles[style](name)
