"""
Words on bills in English, German, French, Spanish, Italian, Dutch, Polish and Portuguese. Pure.

All are written as :func:`compact` returns text, because readers of pictures lose blanks.
"""

import re

from services.verifier.documents.results import BillKind
from shared.matching.characters import folded, listed, stripped


def compact(text: str) -> str:
    """Return the letters and digits of *text*, small and without accents."""
    return re.sub(r"[\W_]+", "", stripped(folded(text)).replace("ß", "ss").replace("ł", "l"))


ISSUED = listed(
    """
    invoicedate billdate billingdate statementdate dateofissue issuedate dateissued issuedon billedon
    dateofbill dateofinvoice dateofstatement statementissued billissued documentdate noticedate rechnungsdatum
    rechnungvom ausstellungsdatum ausgestelltam belegdatum bescheiddatum bescheidvom kontoauszugvom auszugvom
    auszugsdatum abrechnungvom rechnungsabschlussvom erstelltam briefdatum dateemission datedemission
    datedefacturation datefacture datedefacture datedelafacture facturedu emisele editele dateedition
    dateedition datedereleve dateduroleve datedureleve avisdu datedavis etablile fechadeemision fechaemision
    fechadefactura fechafactura fechadelafactura emitidael fechadeexpedicion fechadelextracto fechaextracto
    expedidael dataemissione datadiemissione emessail datafattura datadellafattura fatturadel bollettadel
    factuurdatum datumfactuur factuurvan afschriftdatum datumafschrift notadatum dagtekening datumuitgifte
    datawystawienia wystawionodnia wystawionadnia datasporzadzenia datadokumentu datawyciagu datafaktury
    datadeemissao dataemissao emitidaem emitidoem datadafatura datafatura datadoextrato
    """
)

OTHER = listed(
    """
    due pleasepay paymentdue duebefore dueby dueon payby paybefore paidon paymentdate nextbill nextreading
    billingperiod statementperiod serviceperiod period from until between lastpayment paymentreceived
    readingdate meterread dateofbirth birthdate born dob contractstart contractend startdate enddate validfrom
    validuntil delivery shipped orderdate printedexpiry expires expiry directdebit collectedon debitedon
    transactiondate valuedate balanceon openingbalance closingbalance previousbill supplydate taxpoint fallig
    zahlbarbis zahlenbis bitteuberweisenbis zahlungsziel zahlungseingang abgebucht abbuchung einzug eingezogen
    lastschrift zeitraum abrechnungsjahr lieferzeitraum leistungszeitraum leistungsdatum lieferdatum
    bestelldatum geburtsdatum geboren geb vertragsbeginn vertragsende ablesung ablesedatum zahlerstand
    buchungstag valuta gultigab gultigbis nachsteablesung kontostandam saldoam saldozum echeance apayeravant
    payerle apayerle limitedepaiement datelimite prelevement prelevele prochaine periode consommationdu
    datedenaissance nele neele dateducontrat debutdecontrat relevecompteur datereleve miseenservice livraison
    soldeau anciensolde nouveausolde vencimiento fechalimite fechadecargo fechadecobro pagarantesdel
    cargoencuenta periododefacturacion periodo fechadenacimiento nacidoel nacidael lectura iniciodelcontrato
    findecontrato fechavalor saldoal proxima scadenza entroil pagareentro datadinascita natoil natail
    periododi lettura decorrenza datavaluta vervaldatum vervaldag betalenvoor uiterstebetaal betaaldatum
    incasso afgeschreven afschrijving periode geboortedatum geborenop meterstand ingangsdatum einddatum
    leverdatum boekdatum terminplatnosci platnedo zaplatydo okres dataurodzenia urodzon odczyt datasprzedazy
    umowaoddnia dataksiegowania vencimento datalimite pagarate pagamentoate debitoem periodode
    datadenascimento nascidoem leitura inicio iniciodocontrato datavalor
    """
)
"""Labels of any other day: of payment, of service, of birth."""

DATE = listed("date dated datum fecha data dates le den dnia em")
"""Labels that alone stand before a day that is most likely the one of issue."""

DATE_AT_END = re.compile(r"(?i)(?:^|\d[\s,;|]*)(?:date|datum|fecha|data)\s*[:.]?\s*$")
"""The same behind a number, as of the bill."""

PLACED = re.compile(
    r"(?:[^\W\d_a-zß-ÿ][^\W\d_]+[ -]?){1,3}(?:,\s*(?:den|le|a|em|dnia|li|lì|op|on)?|\s(?:den|dnia))\s*"
)
"""A town before the date of a letter: ``Berlin, den``."""

COMPANY = re.compile(
    r"(?i)(?:^|[\s(,&.-])(?:gmbh|mbh|ag|kg|kgaa|ohg|ug|se|e\.?\s?v\.?|ltd|limited|plc|llp|llc|inc|corp|corporation|"
    r"company|co|sa|s\.a\.?|s\.a\.s\.?|sas|sarl|s\.a\.r\.l\.?|eurl|sl|s\.l\.?|s\.l\.u\.?|slu|s\.p\.a\.?|spa|"
    r"s\.r\.l\.?|srl|b\.?v\.?|n\.?v\.?|sp\.?\s?z\s?o\.?\s?o\.?|lda|ltda|unip|ab|oy|a/s|aps|sc|sca)(?=$|[\s,.)·|])"
)
TRADE = listed(
    """
    stadtwerke energie energy power electric electricity water gas utilities utility broadband telecom telekom
    mobile mobilfunk bank banque banco banca sparkasse volksbank credit union versicherung insurance council
    city county finanzamt belastingdienst wasserwerke wasserverband netz netze strom eau electricite gaz agua
    energia luz luce acqua edf stroom drinkwater prad wodociagi gaz gmina comune mairie ayuntamiento gemeente
    camara services servizi servicios communications internet fibre fibra headquarters billing department
    kundenservice kundenzentrum
    """
)
"""Words in names of companies and offices, and not of people."""
SITE = listed(
    """
    serviceaddress supplyaddress siteaddress premises propertyaddress servicelocation shipto deliveryaddress
    verbrauchsstelle lieferstelle lieferanschrift lieferadresse abnahmestelle entnahmestelle zahlerstandort
    lieudeconsommation adressedeconsommation pointdelivraison lieudelivraison adressedelivraison
    puntodesuministro direcciondesuministro direcciondelsuministro fornituraindirizzo indirizzodifornitura
    puntodifornitura leveringsadres verbruiksadres adresdostawy punktpoboru miejscedostarczania
    moradadefornecimento localdeconsumo
    """
)
"""Labels of the place that is supplied, which need not be a residence."""
RECIPIENT = listed(
    """
    billto billedto customer customername accountholder name soldto invoiceto recipient attention rechnungan
    rechnungsempfanger kunde kundin kunden kontoinhaber karteninhaber name herrn herr frau familie firma
    client titulaire destinataire nom monsieur madame facturea cliente titular nombre destinatario facturaa
    intestatario intestata nome klant rekeninghouder naam nabywca odbiorca klient wlascicielrachunku
    imieinazwisko titulardaconta exmosr
    """
)

STRONG: dict[BillKind, frozenset[str]] = {
    BillKind.UTILITY: listed(
        """
        kwh meternumber meterreading meterpoint mpan mprn electricitybill gasbill waterbill electricsupply
        energybill watersupply sewer standingcharge unitrate gallons zahlernummer zahlerstand zahlernr
        stromrechnung gasrechnung wasserrechnung stromverbrauch arbeitspreis grundpreis stromlieferung
        marktlokation fernwarme abwasser abschlag compteur electricite consommationelectri facturedelectricite
        gaznaturel pointdelivraison heurescreuses puissancesouscrite factureeau abonnementelectricite
        facturedeau cups contador potenciacontratada suministroelectrico facturadelaluz facturadeelectricidad
        energiaconsumida facturadegas facturadeagua terminodepotencia contatore bollettaluce bollettagas
        fornituraluce energiaelettrica puntodifornitura gasnaturale meterstand elektriciteit leveringstarief
        energienota gasverbruik stroomverbruik eancode vastrecht licznik energiaelektryczna fakturazaprad
        energieelektryczna zuzycie gazziemny odczytlicznika numerppe energiaeletrica leituradocontador
        potenciacontratada faturadeagua faturadeeletricidade consumodeenergia
        """
    ),
    BillKind.TELECOM: listed(
        """
        broadband mobilenumber phonebill callcharges dataallowance linerental monthlyplan mobileplan mobilfunk
        festnetz rufnummer telefonrechnung datenvolumen internetanschluss handyrechnung telefonanschluss
        forfaitmobile lignemobile fibreoptique abonnementinternet facturemobile lignefixe facturetelephone
        lineamovil tarifamovil fibraoptica lineafija facturamovil llamadas lineamobile lineafissa telefonia
        fibraottica offertamobile chiamate mobielnummer abonnementmobiel internetabonnement belminuten
        mobieleabonnement numertelefonu abonamenttelefoniczny uslugitelekomunikacyjne internetmobilny
        polaczenia telemovel cartaomovel pacoteinternet chamadas
        """
    ),
    BillKind.CARD: listed(
        """
        creditcardstatement cardstatement minimumpayment creditlimit cardnumberending cardending cardaccount
        availablecredit purchasesandcash kreditkartenabrechnung kreditkartenkonto kartenabrechnung
        kartenumsatze verfugungsrahmen kartenlimit relevedecarte relevecarte cartebancaire encourscarte
        carteadebitdiffere plafonddecarte extractodetarjeta tarjetadecredito limitedecredito
        movimientosdelatarjeta estrattocontocarta cartadicredito limitedispesa fidodellacarta
        creditcardoverzicht kaartoverzicht bestedingslimiet rekeningoverzichtcreditcard wyciagkarty
        kartakredytowa kartykredytowej limitkredytowy extratodocartao cartaodecredito limitedecreditodocartao
        """
    ),
    BillKind.BANK: listed(
        """
        bankstatement accountstatement statementofaccount openingbalance closingbalance sortcode
        currentaccount checkingaccount savingsaccount kontoauszug girokonto alterkontostand neuerkontostand
        kontostand buchungstag relevedecompte comptecourant comptecheques anciensolde nouveausolde
        soldecrediteur extractodecuenta extractobancario cuentacorriente saldoanterior saldofinal
        estrattoconto contocorrente saldoiniziale saldofinale rekeningafschrift bankafschrift beginsaldo
        eindsaldo betaalrekening wyciagzrachunku wyciagbankowy saldopoczatkowe saldokoncowe rachunekbiezacy
        extratodeconta extratobancario contaaordem saldoinicial saldofinal
        """
    ),
    BillKind.TAX: listed(
        """
        counciltax propertytax taxassessment noticeofassessment taxbill taxreturn taxnotice steuerbescheid
        einkommensteuer grundsteuer abgabenbescheid grundbesitzabgaben finanzamt avisdimposition avisdimpot
        taxefonciere taxedhabitation impotsurlerevenu impuestosobrebienesinmuebles agenciatributaria
        declaraciondelarenta recibodelibi agenziadelleentrate avvisodipagamentotari impostamunicipale
        belastingaanslag aanslagbiljet belastingdienst gemeentelijkebelastingen urzadskarbowy
        podatekodnieruchomosci decyzjapodatkowa notadeliquidacao impostomunicipal autoridadetributaria
        """
    ),
    BillKind.INVOICE: listed(
        """
        quantity qty unitprice itemcode itemno shipto soldto ponumber purchaseorder ordernumber salesperson
        requisitioner shippedvia subtotal lineitem sku hoursworked consulting shipping menge einzelpreis
        artikel artikelnr artikelnummer stuckpreis lieferschein bestellnummer versandkosten gesamtpreis
        zwischensumme stundensatz warenwert quantite prixunitaire bondecommande fraisdeport numerodecommande
        soustotal cantidad preciounitario articulo pedido gastosdeenvio albaran quantita prezzounitario
        codicearticolo spedizione numeroordine aantal stukprijs bestelnummer verzendkosten artikelnummer ilosc
        cenajednostkowa towar zamowienie wysylka quantidade precounitario artigo encomenda portes
        """
    ),
}
"""Words on such a letter, and seldom on another."""
INVOICE = listed("invoice rechnung facture factura fattura factuur faktura fatura")
"""Headings of a bill of any kind: alone they make no bill of a supplier."""


def is_company(text: str) -> bool:
    """Return whether *text* names a company or an office."""
    words = set(re.split(r"\W+", stripped(folded(text))))
    return COMPANY.search(text) is not None or bool(words & TRADE)


def is_heading(text: str) -> bool:
    """Return whether *text* is a heading of the letter, rather than its sender or recipient."""
    plain = compact(text)
    return any(word in plain for words in (*STRONG.values(), INVOICE) for word in words)
