"""
Words on bills in English, German, French, Spanish, Italian, Dutch, Polish, Portuguese, Swedish, Danish. Pure.

Fewer are in Czech, Slovak, Hungarian, Finnish, Norwegian, Romanian and Slovenian.
All are written as :func:`compact` returns text, because readers of pictures lose blanks.
"""

import re

from services.verifier.documents.results import BillKind
from shared.matching.characters import folded, listed, stripped

_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae"})


def compact(text: str) -> str:
    """Return the letters and digits of *text*, small and without accents."""
    return re.sub(r"[\W_]+", "", stripped(folded(text)).translate(_LETTERS))


ISSUED = listed(
    """
    invoicedate billdate billingdate statementdate dateofissue issuedate dateissued issuedon billedon
    dateofbill dateofinvoice dateofstatement statementissued billissued documentdate noticedate
    rechnungsdatum rechnungvom ausstellungsdatum ausgestelltam belegdatum bescheiddatum bescheidvom
    kontoauszugvom auszugvom auszugsdatum abrechnungvom rechnungsabschlussvom erstelltam briefdatum
    datedudecompte dateemission datedemission datedefacturation datefacture datedefacture datedelafacture
    facturedu emisele
    editele dateedition datedereleve dateduroleve datedureleve avisdu datedavis etablile fechadeemision
    fechaemision fechadefactura fechafactura fechadelafactura emitidael fechadeexpedicion fechadelextracto
    fechaextracto expedidael dataemissione datadiemissione emessail datafattura datadellafattura fatturadel
    bollettadel factuurdatum datumfactuur factuurvan afschriftdatum datumafschrift notadatum dagtekening
    datumuitgifte datawystawienia wystawionodnia wystawionadnia datasporzadzenia datadokumentu datawyciagu
    datafaktury datadeemissao dataemissao emitidaem emitidoem datadafatura datafatura datadoextrato
    dateofthisbill dateofthisinvoice dateofthisstatement statementproducedon dateofletter dateofnotice
    arreteau arretele arreteeau arreteele extraitau datedarrete dateducourrier datederedaction
    fechadeldocumento fechadocumento fechaderecibo fechaliquidacion datadocumento datadellabolletta
    databolletta datadeldocumento opgemaaktop opgesteldop datumvandefactuur verzenddatum datumnota
    aanslagvan datafakturyvat wystawionoww datadodocumento datadorecibo emissaode fakturadatum
    utstallningsdatum utskriftsdatum datumforfaktura fakturerad dokumentdatum brevdatum utfardad
    kontoutdragsdatum fakturadato regningsdato udstedelsesdato udskriftsdato opgorelsesdato udsendelsesdato
    kontoudtogsdato dateretden udstedtden fakturaenerudstedt rechnungsausstellung bescheidtag
    erstellungsdatum druckdatum ausgabedatum abrechnungsdatum datedenvoi dateenvoi fechadeenvio dataenvio
    datadiinvio verzendingsdatum
    datumvyhotoveni datumvystaveni vystavenodne datumvypisu datumvyhotovenia datumvystavenia vystavenedna
    kiallitasdatuma szamlakelte kiallitaskelte kibocsatasdatuma laskunpaivays laskunpvm paivays laskupaiva
    laskunpaiva utstedelsesdato utstedtdato dataemiterii datafacturii emisala
    datumizdaje arvekuupaev
    """
)

OTHER = listed(
    """
    due pleasepay paymentdue duebefore dueby dueon payby paybefore paidon paymentdate nextbill nextreading
    billingperiod statementperiod serviceperiod period from until between lastpayment paymentreceived
    readingdate meterread dateofbirth birthdate born dob contractstart contractend startdate enddate
    validfrom validuntil delivery shipped orderdate printedexpiry expires expiry directdebit collectedon
    debitedon transactiondate valuedate balanceon openingbalance closingbalance previousbill supplydate
    taxpoint fallig zahlbarbis zahlenbis bitteuberweisenbis zahlungsziel zahlungseingang abgebucht abbuchung
    einzug eingezogen lastschrift zeitraum abrechnungsjahr lieferzeitraum leistungszeitraum leistungsdatum
    lieferdatum bestelldatum geburtsdatum geboren geb vertragsbeginn vertragsende ablesung ablesedatum
    zahlerstand buchungstag valuta gultigab gultigbis nachsteablesung kontostandam saldoam saldozum echeance
    apayeravant payerle apayerle limitedepaiement datelimite prelevement prelevele prochaine periode
    consommationdu datedenaissance nele neele dateducontrat debutdecontrat relevecompteur datereleve
    miseenservice livraison soldeau anciensolde nouveausolde vencimiento fechalimite fechadecargo
    fechadecobro pagarantesdel cargoencuenta periododefacturacion periodo fechadenacimiento nacidoel
    nacidael lectura iniciodelcontrato findecontrato fechavalor saldoal proxima scadenza entroil pagareentro
    datadinascita natoil natail periododi lettura decorrenza datavaluta vervaldatum vervaldag betalenvoor
    uiterstebetaal betaaldatum incasso afgeschreven afschrijving geboortedatum geborenop meterstand
    ingangsdatum einddatum leverdatum boekdatum terminplatnosci platnedo zaplatydo okres dataurodzenia
    urodzon odczyt datasprzedazy umowaoddnia dataksiegowania vencimento datalimite pagarate pagamentoate
    debitoem periodode datadenascimento nascidoem leitura inicio iniciodocontrato datavalor
    forfallodatum forfallodag forfaller betalningsdatum betalasenast sistabetalningsdag tillhandasenast
    avlasning avlasningsdatum matarstallning fodelsedatum leveransdatum avtalsstart bokforingsdag autogiro
    forbrukningsperiod forfaldsdato forfalder betalingsdato betalesinden sidsterettidige rettidigbetaling
    betalesden aflaesning aflaesningsdato malerstand fodselsdato leveringsdato bogforingsdato traekkes
    forbrugsperiode opgorelsesperiode indflytning pagadero reglementavant areglerle debitele debiteele
    relevele factureprecedente datedevaleur scadeil addebito pagatoil uiterlijk vervalt einddatumcontract
    zapadalnosci exigib
    datumsplatnosti splatnost datumzdanitelnehoplneni zdanitelnehoplneni zuctovaciobdobi obdobi
    datumnarozeni odecet obdobie datumdodania fizetesihatarido hatarido teljesites idoszak szuletesi
    leolvasas erapaiva laskutuskausi maksupaiva syntyma toimituspaiva forfallsdato forfall betalingsfrist
    avlesning scadenta datascadentei perioada dospijece rokplacanja razdoblje rokplacila obdobje zapadlost
    maksetahtaeg
    """
)
"""Labels of any other day: of payment, of service, of birth."""

DATE = listed(
    """
    date dated datum fecha data dates le den dnia em for per stand addi li dato paivamaara pvm kelt
    kuupaev
    """
)
"""Labels that alone stand before a day that is most likely the one of issue."""

ANOTHER = re.compile(
    r"(?i)\b(?:next|previous|prior|n[äa]e?chst|letzt|vorig|vorherig|prochain|pr[ée]c[ée]dent|dernier|pr[óo]xim|"
    r"anterior|prossim|volgend|n[äa]sta\b|f[öo]reg[åa]ende|n[æa]e?ste\b|forrige|neste\b|nast[ęe]pn|poprzedn|"
    r"p[řr][íi][šs]t[íi]|p[řr]edchoz|k[öo]vetkez|el[őo]z[őo]|seuraava|edelli)"
)
"""Words that make a day that of another letter, before or after this one."""

NUMBER_OF = re.compile(
    r"(?i)(?:^nr|^no|^n[°º]|^num|rechnung|bescheid|auszug|nota|invoice|bill|statement|facture|avis|relevé|factura|recibo|extracto|extrait|fattura|"
    r"bolletta|estratto|factuur|afschrift|aanslag|faktura|wyciąg|fatura|extrato)\b.{0,40}?(?:\bvom|\bdu|\bdel?|\bvan|"
    r"\bof|\bdated|\bissued(?: at| on)?|\bz(?: dnia)?|\bde)\s*$|"
    r"(?:estratto|extracto|extrato|extrait|relevé)\b[^\d]{0,30}?\b(?:al|au)\s*$|"
    r"(?:conto|avviso)(?! corrente)\b\D{0,24}\bn[.°º]?\s*\S*\d\S*\s+del\s*$"
)
"""The number of a letter before the day it is of: *Bolletta n. 12 del*."""

DATE_AT_END = re.compile(r"(?i)(?:^|\d[\s,;|]*)(?:date|datum|fecha|data)\s*[:.]?\s*$")
"""The same behind a number, as of the bill."""

DATE_OF = re.compile(r"(?i)^(?:date|datum|fecha|data)\s+[^\W\d_]")
"""The day of something: of the issue it is where :data:`ISSUED` knows it, and else of something other."""

PLACED = re.compile(
    r"(?:[^\W\d_a-zß-ÿ][^\W\d_]+[ -]?){1,3}(?:,\s*(?:den|le|a|em|dnia|li|lì|op|on)?|\s(?:den|dnia))\s*"
)
"""A town before the date of a letter: ``Berlin, den``."""

YEAR_MARKS = frozenset({"r", "r."})
"""What Polish has behind a year."""
COMPANY = re.compile(
    r"(?i)(?:^|[\s(,&.-])(?:gmbh|mbh|ag|kg|kgaa|ohg|ug|se|e\.?\s?v\.?|ltd|limited|plc|llp|llc|inc|corp|corporation|"
    r"company|(?<=\S.)co|sa|sau|s\.a\.?|s\.a\.u\.?|s\.a\.s\.?|sas|sarl|s\.a\.r\.l\.?|eurl|sl|s\.l\.?|s\.l\.u\.?|slu|s\.p\.a\.?|spa|"
    r"s\.r\.l\.?|srl|b\.?v\.?|n\.?v\.?|sp\.?\s?z\s?o\.?\s?o\.?|lda|ltda|unip|ab|oy|oyj|a/s|aps|sc|sca|s\.r\.o\.?|kft|zrt|nyrt|"
    r"(?:(?-i:AS)|asa|a\.s\.)$|d\.o\.o\.?|o\u00fc|aktiengesellschaft|aktiebolag|naamloze vennootschap|"
    r"soci[eé]t[eé] anonyme|sociedad an[oó]nima|societ[aà] per azioni|"
    r"sp[oó][lł]ka (?:akcyjna|z ograniczon[aą]))(?=$|[\s,.)·|])"
)
PO_BOX = re.compile(
    r"(?i)p\.? ?o\.? ?box\b|postfach\b|bo[iî]te postale\b|bp \d|apartado\b|casella postale\b|postbus\b"
)
"""A box at a post office, where letters go and nobody lives."""
PAYMENTS = re.compile(r"(?i)(?:payment|remittance) (?:processing|desk|cent(?:er|re))(?: cent(?:er|re))?")
"""Names of departments that receive payments."""
TRADE = listed(
    """
    kundenbetreuung kundendienst kundencenter service office offices amt buro verwaltung sachbearbeitung
    postfach direction delegation delegacion oficina ufficio urzad urzedu skarbowy afdeling departamento
    atencion clienti clients gestion centre centro agence agencia agenzia filiale zentrale district authority
    revenues benefits board society tresor tesoreria hacienda recaudacion ministerio ministere spolka biuro
    oddzial dzial klienta customer support team payments concesionaria concessionaria collections
    stadtwerke energie energy power electric electricity water gas utilities utility broadband telecom
    telekom mobile mobilfunk bank banque banco banca sparkasse volksbank credit union versicherung insurance
    council city county finanzamt belastingdienst wasserwerke wasserverband netz netze strom eau electricite
    gaz agua energia luz luce acqua edf stroom drinkwater prad wodociagi gmina comune mairie ayuntamiento
    gemeente camara services servizi servicios communications internet fibre fibra headquarters billing
    department kundenservice kundenzentrum
    finance delivery shipping stadt gemeinde gemeindewerke kommune kommun commune municipality landkreis
    magistrat stadtwerk versorgung energieversorgung wasserversorgung kundeservice kundtjanst kundservice
    forsyning forsikring bredband elnat energi sparbank boligselskab skatteforvaltningen skatteverket
    skattestyrelsen eaux acque aguas wasserwerk elektrizitatswerk werke caja caixa caisse cantonale cassa
    kasse abgaben steueramt steuern umweltbetriebe regies syndicat regie intercommunale
    branch succursale sucursal bijkantoor kantoor geschaftsstelle zweigstelle marktgemeinde stadtgemeinde
    ajuntament concello municipio
    banka elektrarna energetika vodarny plynarenska sporitelna pojistovna pankki kaupunki
    verohallinto belastingkantoor kraftlag skatteetaten primaria opcina obcina
    gemeentebelastingen belastingsamenwerking
    genossenschaft cooperative cooperativa kooperative vakuutusyhtio versicherungen assurances
    assicurazioni seguros verzekeringen forsakring osuuskunta spoldzielnia druzstvo
    """
)
"""Words in names of companies and offices, and not of people."""
OFFICE = re.compile(
    r"(?i)(?:finanzamt|steueramt|steuerverwaltung|kantonales steueramt|stadtkasse|belastingdienst|"
    r"gemeentebelastingen|belastingsamenwerking|agencia (?:estatal de administraci[óo]n )?tributaria|"
    r"agenzia delle entrate|urz[ąa]d (?:skarbowy|miasta|gminy)|direction g[ée]n[ée]rale des finances|"
    r"autoridade tribut[áa]ria|hm revenue|finan[čc]n[íi] [úu][řr]ad|da[ňn]ov[ýy] [úu]rad|verohallinto|"
    r"office of the (?:[a-z]+ ){0,2}(?:tax|revenue|treasurer|assessor)|revenue commissioners|"
    r"(?:[a-z]+ ){1,2}tax (?:office|collector|commissioners?))\b"
)
"""Offices that collect taxes: their names are headings of their letters, too."""
SITE = listed(
    """
    serviceaddress supplyaddress siteaddress premises propertyaddress servicelocation shipto deliveryaddress
    addressofsupply meterlocation installationaddress verbrauchsstelle verbrauchsadresse lieferstelle
    lieferanschrift lieferadresse abnahmestelle entnahmestelle zahlerstandort lieudeconsommation
    adressedeconsommation pointdelivraison lieudelivraison adressedelivraison adressedelinstallation
    adressedulogement puntodesuministro direcciondesuministro direcciondelsuministro direcciondeinstalacion
    direcciondeenvio fornituraindirizzo indirizzodifornitura puntodifornitura indirizzodellafornitura
    leveringsadres afleveradres verbruiksadres adresdostawy adrespunktu punktpoboru adrespoboru
    miejscepoboru miejscedostarczania moradadefornecimento moradadainstalacao moradadeinstalacao
    localdeconsumo localdefornecimento
    anlageadresse anlagenadresse objektadresse adressederaccordement adressedufoyer adresseduchantier
    pointdeconsommation puntodeconsumo direcciondelpunto ubicazione ubicazionefornitura indirizzofornitura
    luogodifornitura aansluitadres verbruiksplaats anlaggningsadress forbrukningsadress uttagspunkt
    leveransadress forbrugssted forbrugsadresse installationsadresse leveringssted leveringsadresse
    maleradresse localdeinstalacao moradadeconsumo pontodeconsumo supplyto suppliedto premisesaddress
    adrespunktupoboru obiektadres
    adressedefourniture lieudefourniture indirizzodiattivazione
    adressedinstallation odbernemisto adresaodbernehomista mistospotreby odbernemiesto felhasznalasihely
    fogyasztasihely kayttopaikka anleggsadresse malepunkt loculdeconsum adresaloculuideconsum merilnomesto
    obracunskomjernomjesto
    """
)
"""Labels of the place that is supplied, which need not be a residence."""
RECIPIENT = listed(
    """
    to billto billedto invoiceto invoicedto invoicefor customer customername accountholder accountname
    accountnameandaddress name fullname soldto recipient attention mailingaddress postaladdress
    billingaddress rechnungan rechnungsempfanger rechnungsanschrift rechnungsadresse postanschrift kunde
    kundin kunden kundenname kontoinhaber kontoinhaberin karteninhaber vertragspartner steuerpflichtiger an
    client nomduclient nomdelabonne nomprenom titulaire titulaireducontrat titulaireducompte abonne
    destinataire nom adressedefacturation adressepostale adressealafacturation facturea facturerea cliente
    titular titulardelcontrato titulardelacuenta nombre nombreyapellidos destinatario destinataria
    direcciondefacturacion direccionpostal facturara facturaa intestatario intestataria intestatoa intestata
    nome nomeecognome spettabile indirizzodifatturazione indirizzopostale indirizzodispedizione klant
    klantnaam rekeninghouder
    naam tenaamstelling factuuradres postadres correspondentieadres aan nabywca odbiorca platnik klient
    daneklienta posiadaczrachunku wlascicielrachunku posiadacz imieinazwisko adreskorespondencyjny
    titulardaconta titulardocontrato nomedocliente moradadefaturacao moradadeenvio exmosr
    zahlbardurch payablepar pagabileda payableby debiteur rechnungsempfangerin adressat fakturamottagare
    kund kundnamn fakturaadress kundenavn modtager regningsmodtager kontohaver kontohavare nomduclientabonne
    klantgegevens nomedotitular daneodbiorcy adresat
    odberatel zakaznik prijemce platce korespondencniadresa postovniadresa postovaadresa vevo ugyfel
    szamlafizeto levelezesicim vevoneve fogyaszto asiakas laskunsaaja vastaanottaja laskutusosoite mottaker
    fakturamottaker postadresse titularcontract adresadecorespondenta cumparator kupac korisnik primatelj
    kupec prejemnik placnik maksja
    """
)
"""Labels of the customer, or of the address where the letter goes."""
MAILED = listed(
    """
    mailingaddress postaladdress postanschrift adressepostale direccionpostal indirizzopostale postadres
    indirizzodispedizione correspondentieadres adreskorespondencyjny moradadeenvio korespondencniadresa
    postovaadresa levelezesicim postadresse adresadecorespondenta
    """
)
"""Those of them for the address where letters go."""
PAYER = listed("franavsandare avsandare indbetaler einzahler")
"""Labels of the payer on a slip for payment; not those that stand in transactions, too."""
PAYEE = listed(
    """
    name fullname nom nome naam nombre tenaamstelling nomprenom nomeecognome nombreyapellidos imieinazwisko
    accountholder accountname kontoinhaber rekeninghouder titulaireducompte titulardelacuenta titulardaconta
    """
)
"""Labels of a person, and of the issuer or its account where they stand before a company."""
SELLER = listed(
    """
    verkaufer lieferant rechnungssteller absender seller vendor supplier from sender fournisseur vendeur
    emetteur expediteur vendedor proveedor emisor fornitore cedente mittente leverancier verkoper afzender
    sprzedawca wystawca fornecedor emitente
    kontozahlbaran zahlbaran payablea pagabilea payableto remitto remitpaymentto remitpaymentsto
    begunstigter zahlungsempfanger beneficiaire beneficiario begunstigde odbiorcaplatnosci
    betalningsmottagare saljare leverantor saelger leverandor betalingsmodtager
    dodavatel vystavce elado szallito szolgaltato kibocsato myyja laskuttaja selger furnizor vanzator
    prodavatelj prodajalec izdajatelj
    kreditorsnavn kreditor saaja saajannimi betalningstill creditor
    """
)
"""Labels of the issuer."""
SENDER = re.compile(
    r"(?i)\b(?:cedex|tsa|tel|fax|phone|www|nip|kvk|p\.? ?iva|ust|hrb|siret|registered|sede|sitz|cif|nif|retouradres)\b|@|://"
)
"""Words beside an issuer's own address."""
TITLES = listed(
    """
    herrn herr frau familie firma eheleute monsieur madame mme mr mrs ms m sig sigra gentmo gentma dhr mevr
    pan pani
    dame herren damen messieurs mesdames mlle mademoiselle miss mx don dona dna sra sr srta signor signora
    d da egr spett spettle exmo exma exmos senhor senhora heer mevrouw mw fam panstwo szpan szpani fru hr
    """
)
"""Titles that stand alone above a name."""
TITLED = re.compile(
    r"(?i)(?:mr|mrs|ms|miss|mx|dr|herrn?|frau|familie|eheleute|m|mme|mlle|monsieur|madame|messieurs|sr|sra|"
    r"srta|don|doña|dña|d|ex\.?m[oa]s?|sig|sig\.ra|sig\.na|gent\.?m[oa]|egr|spett\.?le|dhr|de heer|mevr|"
    r"mevrouw|mw|sz\.|pani?|państwo|szanown[ya])\b\.?\s+\S"
)
"""The beginning of a name with a title."""
BUILDING = re.compile(
    r"(?i)^(?:the|r[ée]sidence|b[âa]timent|immeuble|appartement|lotissement|hameau|lieu[- ]dit|apartments?|"
    r"flats?|villas?|suite|urbanizaci[óo]n|urb|edificio|conjunto|condom[ií]nio|quinta|localit[àa]|frazione|"
    r"fraz|cascina|podere|palazzo|osiedle|hinterhaus|landgoed|huize|"
    r"boerderij|accounts payable)\b|\b(?:house|cottage|farm|court|lodge|manor|floor|cedex|department|dept)$"
)
"""Words of a line between name and street."""
STREET = re.compile(
    r"(?i)^(?:rue|avenue|via|viale|piazza|calle|plaza|avenida|ul|al|os|rua|travessa|boulevard|all[ée]e|place|"
    r"chemin|quai|corso|largo|paseo)\b|(?:\b(?:road|street|lane|square|close|drive|avenue|gardens|place|park|row|"
    r"yard|way|terrace|crescent|hill)|stra(?:ß|ss)e|weg|platz|allee|gasse|straat|laan|plein)$"
)
"""Words of a street, which are surnames, too."""
GREETING = re.compile(
    r"(?i)^(?:dear|hello|hi|sehr geehrte[rn]?|guten tag|liebe[r]?|ch[eè]re?|bonjour|estimad[oa]|querid[oa]|"
    r"gentile|egregi[oa]|buongiorno|geachte|beste|szanown[aeiy]|dzień dobry|car[oa])\b"
)
NUMBERED = re.compile(
    r"(?i)(?:nummer|number|numero|número|numer|\bnr|\bno\b|n[°º]|konto|account|kunden?|customer|tel|"
    r"phone|client|fax|iban|code|ref|\bid\b|invoice|rechnung|facture|factura|fattura|faktura|fatura|pin|page|seite|vat|nif|nip)"
)
"""Words before a number that is no postal code."""

STRONG: dict[BillKind, frozenset[str]] = {
    BillKind.UTILITY: listed(
        """
        waterbill waterbaserate waterusage watercharge waterrates sewercharge sewer energycharge
        electriccharge gascharge kilowatthour therms usageccf totalconsumption previousreading
        currentreading dualfuel estimatedreading gassupply yourgas yourelectricity wastewater stormwater
        zahlpunkt netzentgelt netznutzung messstelle okostrom strompreis stromtarif gastarif verbrauchspreis
        trinkwasser schmutzwasser energieversorgung stromsteuer konzessionsabgabe jahresverbrauch ihrstrom
        acheminement enedis tarifbleu offreelectricite assainissement eaupotable distributiondeleau
        consommationdeau terminodeenergia terminofijo peajes lecturaactual lecturaanterior consumodeagua
        alcantarillado saneamiento suministrodeagua abastecimiento puntodesuministro comercializadora
        energiaactiva mercatolibero maggiortutela materiaenergia onerisistema oneridisistema
        potenzaimpegnata servizioelettrico consumirilevati consumifatturati gestionedelcontatore
        servizioidrico acquedotto bolletta termijnbedrag termijnnota leveringsadres energieleverancier
        netbeheer jaarafrekening stadswarmte warmtelevering energiebelasting oplatasieciowa dystrybucj
        energiaczynna energiiczynnej sprzedazenergii energiielektrycznej punktpoboru kanalizacj scieki
        paliwogazowe energiaativa termofixo eletricidade saneamento pontodeentrega tarifasocial
        acessoasredes leituraanterior leituraatual kwh meternumber meterreading meterpoint mpan mprn
        electricitybill gasbill electricsupply energybill watersupply standingcharge unitrate zahlernummer
        zahlerstand zahlernr stromrechnung gasrechnung wasserrechnung stromverbrauch arbeitspreis grundpreis
        stromlieferung marktlokation fernwarme abwasser abschlag compteur electricite consommationelectri
        facturedelectricite gaznaturel pointdelivraison heurescreuses puissancesouscrite factureeau
        abonnementelectricite facturedeau contador potenciacontratada suministroelectrico facturadelaluz
        facturadeelectricidad energiaconsumida facturadegas facturadeagua terminodepotencia contatore
        bollettaluce bollettagas fornituraluce energiaelettrica puntodifornitura gasnaturale meterstand
        elektriciteit leveringstarief energienota gasverbruik stroomverbruik eancode vastrecht licznik
        energiaelektryczna fakturazaprad energieelektryczna zuzycie gazziemny odczytlicznika numerppe
        energiaeletrica leituradocontador faturadeagua faturadeeletricidade consumodeenergia
        elektrischeenergie elektrischerenergie energiepreis netzdienstleistung energieabgabe gebrauchsabgabe
        anlageadresse anlagenadresse teilbetragsrechnung wasserzins wassergebuhr wasserpreis wasserverbrauch
        verbrauchsperiode abwassergebuhr frischwasser niederschlagswasser kanalgebuhr kanalbenutzung
        wasserwerk warmepreis warmeverbrauch gasverbrauch brennwert zustandszahl messpreis zahlergebuhr
        hochtarif niedertarif facturedegaz pointdecomptage lieudeconsommation consommationestimee ticgn
        contributiontarifaire abonnementgaz abonnementdugaz coutverite adressederaccordement
        consommationdegaz releveducompteur telereleve offregaz collecteettraitement eauxusees
        alquilerdelcontador alquilerequipos impuestoelectricidad impuestosobreelectricidad peajedeacceso
        excesodepotencia cuotadeconsumo lecturadelcontador consumoelectrico terminovariable bonosocial
        codicepod codicepdr matricolacontatore fognatura depurazione quotaenergia tipologiauso consumoannuo
        letturarilevata gestoredelservizioidrico spesaperlenergia spesaperlamateria verbruikskosten
        waterverbruik netbeheerder vastelevering variabelelevering leveringskosten enkeltarief daltarief
        normaaltarief drinkwater elektriciteitsmeter distributienettarief voorschotfactuur
        afrekeningsfactuur grupataryfowa sprzedazygazu oplatadystrybucyjna odprowadzaniesciekow zuzyciewody
        wodomierz rozliczeniesprzedazy abonamentgaz mocumowna termodeenergia termodepotencia
        consumosestimados tarifadedisponibilidade contadordeagua elforbrukning energiskatt anlaggningsid
        hulladekgazdalkodas hulladekkezel kozszolgaltatasidij uritesidij
        natavgift elavtal matarstallning fjarrvarme vattenforbrukning vattenochavlopp arsforbrukning
        effektavgift elcertifikat overforingsavgift brukningsavgift avloppsavgift elrakning elforbrug
        vandforbrug spildevand vandafledning vandafledningsbidrag malerleje malernummer malerstand
        fjernvarme elafgift nettarif elregning varmeforbrug fastbidrag forbrugssted vandafgift aftagenummer
        basiccharge globaladjustment naturalgas hydrobill electriccharges electricityuse customercharge
        distributioncharge supplycharge psolevy dayunits nightunits wastewatercharge termijnfactuur eanstroom
        eangas stroomengas termijnbedragstroom
        elektrina elektriny zemniplyn stocne odbernemisto distribuceelektr vyuctovanielektriny
        vyuctovaniplynu odbernemiesto villamosenergia foldgaz vizdij csatornadij felhasznalasihely
        rendszerhasznalati mertfogyasztas sahkolasku sahkonsiirto sahkonmyynti energiamaksu kayttopaikka
        kaukolampo vesilasku jatevesi nettleie stromforbruk stromregning energiledd malepunktid
        energieelectrica gazenaturale loculdeconsum consumfacturat apapotabila canalizare elektricnaenergija
        mrezarina opskrbaelektr omreznina merilnomesto residuosurbanos recursoshidricos leiturasdocontador
        hulladekgazdalkodas hulladekszallitas
        """
    ),
    BillKind.TELECOM: listed(
        """
        datausage gigabyte minutesused textmessages roaming unlimiteddata devicepayment internetservice
        voiceplan calldetails callsand textsand simonly verbindungsubersicht einzelverbindung dslanschluss
        allnet flatrate mobilfunkrechnung rufnummern glasfaser telefonie datenflat horsforfait numerodeligne
        abonnementsforfaits forfait telephonie consumodedatos datosmoviles fibra telefoniamovil
        numerodelinea tarifaplana trafficotelefonico contributolinea noleggiomodem lineatelefonica
        chiamateincluse navigazione adsl belkosten databundel internetenbellen glasvezel abonament
        internetdomowy pakietdanych swiatlowod uslugitelefonicz telefonemovel dadosmoveis tarifario
        comunicacoes mensalidade broadband mobilenumber phonebill callcharges dataallowance linerental
        monthlyplan mobileplan mobilfunk festnetz rufnummer telefonrechnung datenvolumen internetanschluss
        handyrechnung telefonanschluss forfaitmobile lignemobile fibreoptique abonnementinternet
        facturemobile lignefixe facturetelephone lineamovil tarifamovil fibraoptica lineafija facturamovil
        llamadas lineamobile lineafissa telefonia fibraottica offertamobile chiamate mobielnummer
        abonnementmobiel internetabonnement belminuten mobieleabonnement numertelefonu abonamenttelefoniczny
        uslugitelekomunikacyjne internetmobilny polaczenia telemovel cartaomovel pacoteinternet chamadas
        internetonbeperkt onbeperktinternet digitaletelevisie onbeperktbellen vastelijn vastetelefonie
        mobieldata internetettelevision boxinternet appelsillimites lignefibre numeromobile offreinternet
        freieinheiten inklusivminuten mobilfunknummer handynummer internetzugang grundgebuhranschluss
        kabelanschluss lineafibra serviciomovil canaltv lineeinternet offertafibra canonemensile datiinclusi
        pacotefibra canaistv internetfixa servicosdetelecom bredband mobilabonnemang mobilnummer
        samtalochsms fiberanslutning abonnemangsavgift bredbaand mobilabonnement mobiltelefoni opkald
        dataforbrug fibernet tvpakke frital internetforbindelse fullfibre anytimecalls fiberinternet
        wirelessplan internetplan homephone longdistance sansfil appelsettextos textosillimites
        fasttelefoni fastatelefoni samtaltillutlandet simkort
        mobilnisluzby internetovepripojeni datovybalicek pevnalinka mobilnesluzby internetszolgaltatas
        elofizetesidij mobiltarifa adatforgalom puhelinlasku laajakaista mobiililaajakaista puhelut
        abonamentmobil convorbiri telefoniemobila internetfix mobilnatelefonija
        gbits mbits heiminternet ombudscom fidelizacao comunicacoeseletronicas foradopacote
        donneesmobiles mobiledata mobiledaten datimobili dataverbruik internetmovel
        chamadasinternacionais
        """
    ),
    BillKind.CARD: listed(
        """
        totalminimumdue totalcreditlimit statementbalance cardmember minimumamountdue cardstatement
        annualpercentagerate purchasesinterest abrechnungkreditkarte relevedevotrecarte movimientostarjeta
        limitedecredit extractotarjeta saldocarta creditcardstatement minimumpayment creditlimit
        cardnumberending cardending cardaccount availablecredit purchasesandcash kreditkartenabrechnung
        kreditkartenkonto kartenabrechnung kartenumsatze verfugungsrahmen kartenlimit relevedecarte
        relevecarte cartebancaire encourscarte carteadebitdiffere plafonddecarte extractodetarjeta
        tarjetadecredito limitedecredito movimientosdelatarjeta estrattocontocarta cartadicredito
        limitedispesa fidodellacarta creditcardoverzicht kaartoverzicht bestedingslimiet
        rekeningoverzichtcreditcard wyciagkarty kartakredytowa kartykredytowej limitkredytowy
        extratodocartao cartaodecredito limitedecreditodocartao votrecartebancaire
        montantdebitesurvotrecompte debitdiffere kartenumsatz kreditkort kortutdrag kontokort
        disponibelkredit kreditgrans kortoversigt kreditmaksimum saldodelacarta minimumbetaling
        newbalancetotal previouspurchases cartedecredit comptecarte limitededepenses
        """
    ),
    BillKind.BANK: listed(
        """
        consolidatedstatement beginningbalance endingbalance availablebalance depositsandother withdrawals
        checkingaccount overdraft kontoubersicht sollzins habenzins dispositionskredit wertstellung
        saldovortrag endsaldo anfangssaldo kontoinhaber soldeprecedent decouvert virement relevedevoscomptes
        saldodisponible reintegro movimientosdelacuenta ingresos saldodisponibile saldocontabile bonifico
        accrediti giacenza nieuwsaldo vorigsaldo bijschrijving tegenrekening wyciag historiarachunku
        przelewwychodz saldodisponivel saldocontabilistico depositosaordem levantamento extratocombinado
        bankstatement accountstatement statementofaccount openingbalance closingbalance sortcode
        currentaccount savingsaccount kontoauszug girokonto alterkontostand neuerkontostand kontostand
        buchungstag relevedecompte comptecourant comptecheques anciensolde nouveausolde soldecrediteur
        extractodecuenta extractobancario cuentacorriente saldoanterior saldofinal estrattoconto
        contocorrente saldoiniziale saldofinale rekeningafschrift bankafschrift beginsaldo eindsaldo
        betaalrekening wyciagzrachunku wyciagbankowy saldopoczatkowe saldokoncowe rachunekbiezacy
        extratodeconta extratobancario contaaordem saldoinicial extraitdecompte soldereporte soldefinal
        soldeinitial compteprive totaldesmouvements interetscrediteurs kontostandam buchungsdatum
        girokontoprivat valutadatum rechnungsabschluss privatkonto saldoubertrag schlusssaldo
        saldodelacuenta cuentaahorro saldodapertura saldodichiusura listamovimenti movimentiediconto
        rekeninguittreksel rekeninguittreksels zichtrekening nieuwesaldo saldokonca obroty lacznieobciazenia
        rachunekoszczednosciowy saldodisponiveis movimentosdaconta contadepositos kontoutdrag ingaendesaldo
        utgaendesaldo lonekonto privatkonto sparkonto insattningar kontoudtog primosaldo ultimosaldo
        lonkonto budgetkonto indsaettelse haevning nemkonto saldoultimo checkingsummary depositsandadditions
        electronicwithdrawals paidinpaidout moneyin moneyout balancebroughtforward balancecarriedforward
        chequingaccount dailybalance
        vypiszuctu vypiszbeznehouctu beznyucet beznehouctu pocatecnizustatek konecnyzustatek pripsanonaucet
        odepsanozuctu zostatok pociatocnyzostatok konecnyzostatok szamlakivonat nyitoegyenleg zaroegyenleg
        tiliote alkusaldo loppusaldo kontoutskrift inngaendesaldo brukskonto extrasdecont soldinitial
        soldfinal contcurent izvadakporacunu pocetnostanje zavrsnostanje tekuciracun zacetnostanje
        koncnostanje
        """
    ),
    BillKind.TAX: listed(
        """
        taxyear assessedvalue parcelnumber revenueandcustoms selfassessment taxcollector amountoftax
        councilband einkommensteuerbescheid solidaritatszuschlag kirchensteuer festsetzung gewerbesteuer
        grundsteuerbescheid finanzkasse zuversteuerndes directiongeneraledesfinances financespubliques
        numerofiscal revenufiscal avisdimpots montantdevotreimpot tresorpublic impotsur delegaciondehacienda
        irpf liquidacionprovisional ministeriodehacienda personasfisicas bienesinmuebles cuotatributaria
        impuesto tassarifiuti avvisodiaccertamento ufficiotributi codicetributo agenziaentrate wozwaarde
        onroerendezaak afvalstoffenheffing waterschap inkomstenbelasting gemeentebelasting nakazplatniczy
        urzadmiasta podatekrolny podatekdochodowy sobreimoveis servicodefinancas coletas liquidacaodeirs
        counciltax propertytax taxassessment noticeofassessment taxbill taxreturn taxnotice steuerbescheid
        einkommensteuer grundsteuer abgabenbescheid grundbesitzabgaben finanzamt avisdimposition avisdimpot
        taxefonciere taxedhabitation impotsurlerevenu impuestosobrebienesinmuebles agenciatributaria
        declaraciondelarenta recibodelibi agenziadelleentrate avvisodipagamentotari impostamunicipale
        belastingaanslag aanslagbiljet belastingdienst gemeentelijkebelastingen urzadskarbowy
        podatekodnieruchomosci decyzjapodatkowa notadeliquidacao impostomunicipal autoridadetributaria
        hebesatz messbetrag kassenzeichen grundsteuermessbetrag strassenreinigung abgabenart abfallgebuhr
        mullgebuhr hundesteuer gemeindesteuer staatssteuer veranlagung steuerperiode direktebundessteuer
        abgabenkonto einkommensteuervorauszahlung precompteimmobilier avertissementextrait roledimposition
        taxecommunale orduresmenageres valorcatastral referenciacatastral impuestomunicipal tasadebasuras
        recaudacionmunicipal avvisotari renditacatastale tributocomunale rioolheffing ozbeigenaar
        watersysteemheffing zuiveringsheffing aanslagnummer belastingjaar onroerendevoorheffing
        personenbelasting gospodarowanieodpadami zaodpady podatnik matrizpredial valorpatrimonial
        cadernetapredial slutskattebesked skattekonto fastighetsavgift kommunalskatt taxeringsvarde
        inkomstskatt deklaration arsopgorelse forskudsopgorelse ejendomsskat ejendomsbidrag grundskyld
        skattekort municipaltax schooldistricttax assessmentnotice propertyassessment localpropertytax
        hmrevenue articledurole taxescommunales dechetsmenagers
        abgabepflichtig danznemovitychveci platebnivymer poplatekzaodpad
        danznehnutelnosti danovyurad epitmenyado kommunalisado adohivatal kiinteistovero verotuspaatos
        verohallinto skatteetaten skatteoppgjor eiendomsskatt kommunaleavgifter skattemelding impozit
        deciziedeimpunere taxasalubrizare poreznauprava komunalnanaknada odmeradohodnine
        """
    ),
    BillKind.INVOICE: listed(
        """
        itemdescription unitcost prixtotal designation stuckzahl positionbezeichnung importeunitario
        quantity qty unitprice itemcode itemno shipto soldto ponumber purchaseorder ordernumber salesperson
        requisitioner shippedvia subtotal lineitem sku hoursworked consulting shipping menge einzelpreis
        artikel artikelnr artikelnummer stuckpreis lieferschein bestellnummer versandkosten gesamtpreis
        zwischensumme stundensatz warenwert quantite prixunitaire bondecommande fraisdeport numerodecommande
        soustotal cantidad preciounitario articulo pedido gastosdeenvio albaran quantita prezzounitario
        codicearticolo spedizione numeroordine aantal stukprijs bestelnummer verzendkosten ilosc
        cenajednostkowa towar zamowienie wysylka quantidade precounitario artigo encomenda portes
        mnozstvi cenazajednotku jednotkovacena objednavka mennyiseg
        egysegar megrendeles yksikkohinta tilausnumero kolicina cenanaenoto cantitate pretunitar antallstk
        enhetspris ordrenummer
        """
    ),
}
"""Words on such a letter, and seldom on another."""
TITLED_KINDS: dict[BillKind, frozenset[str]] = {
    BillKind.UTILITY: listed(
        """
        stromrechnung gasrechnung wasserrechnung electricitybill waterbill gasbill energybill bolletta
        """
    ),
    BillKind.TELECOM: listed("telefonrechnung mobilfunkrechnung handyrechnung phonebill facturemobile"),
    BillKind.BANK: listed(
        """
        bankstatement kontoauszug relevedecompte extractodecuenta estrattoconto rekeningafschrift
        wyciagzrachunku extratodeconta extratocombinado statementofaccount consolidatedstatement
        vypiszuctu vypiszbeznehouctu szamlakivonat tiliote kontoutskrift extrasdecont
        """
    ),
    BillKind.CARD: listed("creditcardstatement cardstatement kreditkartenabrechnung relevedecarte"),
    BillKind.TAX: listed(
        """
        counciltaxbill steuerbescheid avisdimpot propertytaxbill grundsteuer belastingaanslag
        """
    ),
}
"""Titles of such letters: in a short line each counts twice."""
ISSUERS: dict[BillKind, frozenset[str]] = {
    BillKind.UTILITY: listed(
        """
        stadtwerke energie energy energia energias power electric electricity water gas wasser strom luz
        luce agua aguas eau eaux acque gaz gemeindewerke elektrizitatswerk
        energi forsyning elnat hydro utilities waterworks wasserwerke wodociagi energetyka prad stroom edf
        """
    ),
    BillKind.TELECOM: listed(
        """
        telecom telekom mobile mobil mobilfunk wireless broadband telefonia telefonica telefono movil mobiel
        fibre fibra internet telco telekomunikacja cable telephone telekommunikation telecomunicaciones
        telecomunicazioni bredband bredbaand
        """
    ),
    BillKind.BANK: listed(
        "bank banque banco banca sparkasse volksbank caisse caixa caja sparbank raiffeisenbank kantonalbank"
    ),
    BillKind.TAX: listed(
        """
        finanzamt tax council hacienda tributaria impots finances entrate belastingdienst skarbowy financas
        revenue
        """
    ),
}
"""Words in names of issuers, each of which counts for a kind."""
VOLUME = re.compile(r"(?i)\b\d+ ?(?:gb|mb|mbit|mbps)\b")
"""Of data, in a contract for a line."""
NO_ISSUER = listed(
    """
    statement invoice rechnung facture factura fattura factuur faktura fatura receipt bill notice avis
    releve sample page seite total ihr your votre vostra account kunden customer client date datum fecha
    welcome dear servicio servizi service contact kontakt period summary copy kopie original
    """
)
"""Parts of words in titles and headings, which no issuer's name has."""
INVOICE = listed("invoice rechnung facture factura fattura factuur faktura fatura regning szamla lasku racun")
"""Headings of a bill of any kind: alone they make no bill of a supplier."""
FRANKED = listed(
    """
    postag deutschepost posteitaliane royalmail uspostage entgeltbezahlt infomail portopaye portpaye
    portbetaald prioritaire firstclassmail presorted freepost dialogpost pressepost
    """
)
"""Parts of the line where a stamp would be: it names the post, not the issuer."""
NO_BILL = listed(
    """
    angebot angebote angebots kostenvoranschlag vertragsangebot offerte quotation estimate devis presupuesto
    preventivo orcamento wycena kosztorys offert tilbud proforma lieferschein auftragsbestatigung
    bestellbestatigung inkasso inkassoburo incassobureau deurwaarder gerechtsdeurwaarder windykacja
    windykacyjna recouvrement huissier recobro recobros morosos debtcollection collectors bailiff bailiffs
    enforcement inkassobolag inkassokrav kronofogden incassokantoor nabidka ponuka ajanlat arajanlat tarjous
    ponuda ponudba predracun inkaso exekutor exekuce perinta perintatoimisto vegrehajto
    """
)
"""Words in titles, or names of issuers, of letters that people get without a contract where they live."""
OFFERS = listed(
    """
    quote quotation offer proposal angebot kostenvoranschlag devis presupuesto preventivo offerte voorstel
    orcamento wycena offert tilbud
    """
)
TARIFFS_TOO = listed("offre proposition oferta offerta propuesta proposta aanbod")
"""Words for an offer that alone name a tariff, too."""
YOURS = listed(
    """
    your our this ihr ihre unser dein votre notre su tu nuestra nuestro il la suo sua nostra nostro uw ons
    onze je o a seu nosso nossa twoja nasza vart vores din
    """
)
FOR = listed("for of to fur zu zur pour d de di para per voor na dla pa commerciale")
_MOST_BETWEEN = 3
"""Words between *your* and *quote*."""


def is_company(text: str) -> bool:
    """Return whether *text* names a company or an office."""
    words = set(re.split(r"\W+", stripped(folded(text)).translate(_LETTERS)))
    town = re.match(r"(?i)(?:ville|ville et canton|cité) d[eu']", text) is not None
    return town or COMPANY.search(text) is not None or bool(words & TRADE)


def is_no_bill(text: str) -> bool:
    """Return whether *text* is a title or an issuer of a letter behind which is no contract for a place."""
    return not NO_BILL.isdisjoint(re.split(r"\W+", stripped(folded(text))))


def is_offer(text: str) -> bool:
    """Return whether *text* is a title such as *Your energy quote* or *Votre offre d'électricité*."""
    said = [word for word in re.split(r"\W+", stripped(folded(text))) if word]
    at = next((place for place, word in enumerate(said) if word in OFFERS | TARIFFS_TOO), None)
    owned = next((place for place, word in enumerate(said) if word not in YOURS), len(said))
    if at is None or at - owned > _MOST_BETWEEN:
        return False
    behind = said[at + 1 : at + 2]
    named = not FOR.isdisjoint(behind)
    return (
        named and (owned > 0 or at == 0) if said[at] in TARIFFS_TOO else owned > 0 and (named or not behind)
    )


def is_heading(text: str) -> bool:
    """Return whether *text* is a heading of the letter, rather than its sender or recipient."""
    plain = compact(text)
    return any(word in plain for words in (*STRONG.values(), INVOICE) for word in words)
