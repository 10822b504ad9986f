"""
Names of fields with personal data, in English, German, Spanish and French, without accents or gaps.

Many names mean several things: the detection weighs them against the values. Pure.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

_WORDS = """\
user.contact.email: email mail emailaddress mailaddress emailadresse mailadresse correo correoelectronico
    courriel adressemail eml cc bcc
user.contact.phone_number: phone phonenumber phoneno tel telephone telephonenumber telno mobile mobilephone
    mobilenumber cell cellphone msisdn whatsapp telefon telefonnummer telefonnr mobil mobilnr mobilnummer
    handy handynummer rufnummer telefono movil celular tlf tfno telefonomovil portable phn
user.contact.fax_number: fax faxnumber faxno telefax
user.contact.url: website homepage webpage profileurl
user.contact.organization: company companyname employer organisation organization firma firmenname
    arbeitgeber empresa compania societe entreprise institution
user.contact.address.street: street streetname streetaddress addressline addresslines line1 line2 address
    address1 address2 adresse anschrift strasse strassenname str hausnummer hausnr housenumber calle
    direccion domicilio rue shippingaddress billingaddress lieferadresse addr
user.contact.address.city: city cityvillage town ort stadt wohnort ciudad localidad municipio poblacion ville
user.contact.address.postal_code: zip zipcode postcode postalcode plz postleitzahl codigopostal cp codepostal
user.contact.address.state: state statename stateprovince region province county bundesland provincia
user.contact.address.country: country countrycode land pais pays staat
user.name: name fullname displayname realname personname customername contactname recipient recipientname
    patientname holder cardholder accountholder inhaber kontoinhaber kundenname nombrecompleto titular author
    requester patientenname ansprechpartner nom
user.name.first: firstname givenname forename fname vorname nombre prenom namefirst middlename nombredepila
    rufname firstnm
user.name.last: lastname surname familyname lname nachname familienname apellido apellidos primerapellido
    segundoapellido namelast maidenname geburtsname nomdefamille lastnm
user.account.username: username login loginname nickname nick handle screenname benutzername usuario
    benutzer loginid
    alias
user.demographic.date_of_birth: dob dateofbirth birthdate birthday birth born bornon birthdt geburtsdatum
    geburtstag gebdatum geboren fechanacimiento fechadenacimiento nacimiento datenaissance gebdat fnac
user.demographic.gender: gender sex geschlecht genero sexo salutation anrede sexe
user.demographic.language: language locale lang sprache idioma langue preferredlanguage
user.demographic.marital_status: maritalstatus familienstand estadocivil civilstatus
user.demographic.religious_belief: religion religious konfession confession
user.demographic.race_ethnicity: ethnicity race nationality staatsangehorigkeit nationalitat nacionalidad
user.demographic.political_opinion: political party politicalopinion partei
user.demographic.sexual_orientation: sexualorientation
user.demographic.age_range: age agerange agegroup alter edad
user.device: useragent browser device devicemodel platform agent
user.device.ip_address: ip ipaddress ipaddr ipadresse remoteip clientip remoteaddr direccionip lastip loginip
    sourceip forwardedfor
user.device.cookie_id: cookie cookieid visitorid
user.device.device_id: deviceid imei imsi mac macaddress serial serialnumber advertisingid idfa geraeteid
    seriennummer
user.financial: salary wage income balance creditlimit gehalt lohn saldo kontostand salario sueldo ingresos
    kreditlimit kreditrahmen
user.financial.bank_account: iban bic swift bankaccount accountnumber accountno routingnumber sortcode
    kontonummer bankverbindung kontonr cuentabancaria numerocuenta cuenta blz
user.financial.credit_card: card creditcard cardnumber cardno ccnumber pan last4 cvv cvc lastdigits lastfour
    kreditkarte
    kreditkartennummer kartennummer tarjeta numerotarjeta
user.government_id: governmentid taxid taxvat taxnumber vatid vat steuernummer steuerid ustid rfc
    identitydocument
user.government_id.national_identification_number: ssn socialsecuritynumber socialsecurity nationalid
    nationalinsurance nino personalid idcard idcardnumber ausweisnummer personalausweis
    sozialversicherungsnummer svnr svnummer dni nie nif cif curp documentoidentidad nss nir
user.government_id.passport_number: passport passportnumber passportno reisepass passnummer pasaporte passnr
user.government_id.drivers_license_number: driverslicense driverlicense licencenumber licensenumber
    fuhrerschein fuehrerschein carnetconducir
user.government_id.vehicle_registration: licenseplate numberplate platenumber kennzeichen matricula
user.health_and_medical: diagnosis diagnoses diagnose medication medications bloodtype bloodgroup allergies
    allergy allergen allergens allergystatus symptom symptoms treatment treatments illness disease diseases
    prescription prescriptions vaccination vaccinations disability disabilities chiefcomplaint anamnesis
    medicalhistory medicalnotes healthnotes healthissues dietaryrequirements sickleave impfung impfungen
    krankheit krankheiten anamnese diagnosen verordnung vacunas enfermedad sintomas maladie symptomes
    ordonnance antecedents icd icd10 blutgruppe allergien medikation befund behandlung diagnostico medicacion
    gruposanguineo alergias heartrate bloodpressure
user.health_and_medical.record_id: mrn medicalrecordnumber patientennummer historiaclinica
user.health_and_medical.insurance_beneficiary_id: insurancenumber insuranceid krankenversicherungsnummer kvnr
    versichertennummer policynumber
user.job_title: jobtitle contacttitle job position occupation beruf puesto cargo profesion funktion
user.location.precise: lat latitude lng lon longitude location geolocation geo coordinates coords gps
    position point latlng koordinaten standort breitengrad langengrad ubicacion latitud longitud
user.authorization.password: password passwd pwd pass passwordhash pwdhash hashedpassword encryptedpassword
    passwort passworthash kennwort contrasena clave passphrase pin salt motdepasse pw pwh
user.authorization.credentials: token accesstoken refreshtoken apikey secret clientsecret jwt authtoken
    sessiontoken resettoken otp totpsecret privatekey publickey securityanswer authorization bearer
    hashedkey keyhash tokenhash backupcode backupcodes recoverycodes
user.content.private: msg note notes notiz notizen bemerkung bemerkungen comment comments kommentar message
    cancellationreason specialinstructions fullmessage messages body text remark remarks feedback review bio
    biography about aboutme nachricht
    mensaje comentario comentarios observaciones nota notas content subject betreff asunto
    signature memo
user.content.self_image: avatar photo picture portrait selfie foto bild profilepicture profileimage
    avatarurl avatarimage photourl pictureurl profilbild imagen
user.privacy_preferences: consent optin optout subscribed newsletter marketing einwilligung consentimiento
    unsubscribed gdprconsent
user.behavior.search_history: searchquery searchterm searches suchbegriff busqueda
user.behavior.browsing_history: referrer referer pageview visitedurl
user.social: facebook twitter linkedin instagram mastodon
"""

MEANINGS: Mapping[str, str] = {
    word: category.rstrip(":")
    for category, *words in map(str.split, re.split(r"\n(?=user\.)", _WORDS))
    for word in words
}

_AMBIGUOUS = """
name nombre nom mail recipient cc bcc address address1 addr adresse direccion holder author requester state
region country countrycode land city ort position location point device agent platform serial
text body content subject card pan pass pin clave alter age race message messages comment comments
party handle alias company geo cell mobile portable str line1 line2 tel about signature language locale lang
cif rfc cp born birth movil titular balance saldo vat picture bild foto photo review token secret salt
browser treatment treatments ordonnance antecedents verordnung cityvillage statename stateprovince
job puesto cargo organization organisation empresa firma cuenta pw staat seriennummer
serialnumber gps standort ubicacion coordinates coords
"""
AMBIGUOUS = frozenset(_AMBIGUOUS.split())
"""Words that name things as often as people: alone they mean less."""

_ABOUT = """
verified enabled disabled count type status at on date sent template templates provider domain format kind
required valid changed updated reset expires expiry attempts total sum amount max min limit flag color size
width height version url path file host hint policy code codes hostname category tax verifiziert datum anzahl
typ am fecha tipo estado
"""
ABOUT = frozenset(_ABOUT.split())
"""Last words by which a name is about the thing, not the thing itself: ``email_verified``."""

_GIVEN_NAMES = """
aaron abdul abigail ada adam adrian ahmed aiko aisha alan albert alejandro alessandro alex alexander
alexandra alfred ali alice alicia alina amanda amelie amina amy ana anastasia andre andrea andreas andrew
angel angela anita anja anna anne anneliese anthony antonio anton ariana arthur arturo astrid austin barbara
beatriz ben benjamin bernd bernhard bettina birgit bob brandon brian brigitte bruno camila camille carla
carlos carmen carol caroline catherine cecilia charles charlotte chen chiara chloe chris christian christina
christine christoph christopher clara claudia claus clemens cristina daniel daniela dave david deborah dennis
diana diego dieter dirk dmitri dominik donald donna dora doris dorothea douglas eduardo edward elena eleni
elias elisabeth elizabeth ella ellen elsa emil emilia emily emma enrique eric erik erika esra esther eva
evelyn fabian fatima felix fernando finn florian frances francesca francisco frank franz fred frederik frieda
friedrich gabriel gabriela george georg gerd gerhard giulia gloria grace greta guido gunter gustav hanna
hannah hannes hans harald harry hassan heather heidi heike heinrich heinz helen helena helga helmut henry
herbert hiroshi holger horst hugo ian ibrahim igor ines ingrid irene irina isaac isabel isabella ivan jack
jacob jakob james jan jana jane janet jasmin jason javier jean jeffrey jennifer jens jeremy jessica joachim
joan joao johan johanna johannes john jon jonas jonathan jorge jose josef joseph joshua juan judith julia
julian juliane juliana julie julio jurgen justin karen karin karl karsten kate katharina katherine kathleen
katja katrin keith kelly kenneth kevin kim klaus kurt kyle lara larry lars laura lauren lea leah leila lena
leo leon leonie leticia liam lilly lina linda lisa lola lorenzo lothar louis louise luca lucas lucia ludwig
luis luisa lukas luke luna lydia magdalena maja manfred manuel manuela marc marcel marco marcos marcus
margaret margarita maria mariam marie marina mario marion mark marko markus marlene marta martha martin
martina mary mateo mathias matteo matthew matthias max maximilian maya megan mehmet melanie melissa mia
michael michaela michelle miguel mila milan mohamed mohammed monica monika muhammad nadia nadine nancy
natalia natalie nathan nele nicholas nico nicole niklas nikolai nina noah nora norbert nour olaf olga oliver
olivia omar oscar oskar otto owen pablo paola pascal patricia patrick paul paula pauline pedro peter petra
philip philipp pia pierre priya rachel rafael rainer ralf ramon raquel raul rebecca regina reinhard renate
ricardo richard rita robert roberto rodrigo roger roland roman ronald rosa rosemarie roy ruben rudolf ruth
ryan sabine sabrina said sam samantha samira samuel sandra santiago sara sarah sascha scott sean sebastian
sergio sharon silke silvia simon simone sofia sonja sophia sophie stefan stefanie stephanie stephen steve
steven susan susanne svenja sven sylvia tamara tanja tatiana teresa theo theodor theresa thomas tim timo
timothy tina tobias tom tomas torsten tyler udo ulrich ulrike ursula uwe valentina valeria vanessa vera
veronica victor victoria viktor vincent volker walter waltraud wei werner wilhelm william wolfgang xavier yan
yasmin yuki yusuf yvonne zoe
"""
GIVEN_NAMES = frozenset(_GIVEN_NAMES.split())
"""Given names that are common in Europe and the Americas: a list of names holds many of them."""

_PERSON_WORDS = """
user users owner author creator created createdby updatedby assignee assigned member members account customer
client buyer seller sender recipient receiver person people contact subscriber holder employee student
patient guest manager moderator moderators participant participants borrower borrowers attendee attendees
follower followers requester reporter reviewer approver by uploader verfasser besitzer ersteller kunde
benutzer nutzer empfaenger absender teilnehmer mitglied autor usuario cliente titular propietario remitente
destinatario participantes miembro miembros host driver rider passenger donor volunteer applicant candidate
pupil trainer coach agent rep staff worker technician viewer player voter alumno paciente empleado huesped
donante mitarbeiter patienten schueler lehrer gast spender
"""
PERSON_WORDS = frozenset(_PERSON_WORDS.split())
"""Names of people by their role."""


def plain(word: str) -> str:
    """Return *word* in lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", word.replace("ß", "ss"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a field's name: ``customerEmail``, ``customer_email`` → customer, email."""
    spaced = re.sub(r"([a-zà-ÿ0-9])([A-ZÀ-Þ])|([A-Z])(?=[A-Z][a-z])", r"\1\3 \2", name)
    return tuple(plain(word) for word in re.findall(r"[^\W_]+", spaced))


def runs(words: Sequence[str]) -> list[tuple[str, int]]:
    """Return every run of neighbouring *words* as one word, with its length; the longest first."""
    return [
        ("".join(words[start : start + length]), length)
        for length in range(len(words), 0, -1)
        for start in range(len(words) - length, -1, -1)
    ]
