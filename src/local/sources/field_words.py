"""What people call the fields of payment files, in several languages: by contract column, without signs and accents."""

from collections.abc import Mapping

_CUSTOMER = (
    "customerid customer customerno customernumber clientid client userid user payer payerid cardholder cardholderid "
    "accountholder ccnum nameorig kunde kundeid kundenid kundennr kundennummer kundenummer karteninhaber cliente "
    "idcliente clienteid numerocliente codcliente numeroclient idclient klant klantnr klantnummer klantid titolare"
)
_ACCOUNT = (
    "accountid account accountno accountnumber cardid card cardno cardnumber pan iban konto kontonr kontonummer "
    "karte karteid kartennr kartennummer cuenta numerocuenta tarjeta numerotarjeta compte numerocompte carte "
    "numerocarte conto numeroconto carta rekening rekeningnummer kaart kaartnummer"
)
_MERCHANT = (
    "merchantid merchant merchantno merchantname shop shopid store storeid vendor vendorid payee "
    "seller haendler handler "
    "haendlerid handlerid haendlernr empfaenger empfanger comercio idcomercio comercioid establecimiento marchand "
    "idmarchand commercant beneficiaire esercente negozio winkel verkoper lojista namedest"
)
_TERMINAL = "terminalid terminal terminalno terminalnr pos posid tid terminalnummer idterminal kasse cajero caisse"
_CURRENCY = "currency currencycode ccy curr cur waehrung wahrung moneda divisa devise monnaie valuta moeda munt"
_COUNTRY = "country countrycode land pais pays paese staat landcode codigopais codepays"
_CITY = "city town ort stadt ciudad ville citta plaats stad cidade"
_CHANGED = (
    "changedat updatedat modifiedat lastmodified lastupdate updated changed createdat created geaendertam geandertam "
    "stand aktualisiertam actualizado fechaactualizacion modifiele datemodification aggiornatoil gewijzigd"
)
_NAMES: Mapping[str, Mapping[str, str]] = {
    "transactions": {
        "transaction_id": "transactionid transaction txid txnid trxid transid transnum transactionno transactionnumber "
        "paymentid paymentno operationid id uuid guid reference referenceno ref transaktionsid transaktionsnr "
        "transaktionsnummer buchungsnr buchungsnummer umsatzid vorgangsnr zahlungsid idtransaccion transaccionid "
        "idoperacion numerooperacion referencia idpago idtransaction numerotransaction idoperation idpaiement "
        "idtransazione riferimento idpagamento transactienummer transactieid betalingsid",
        "event_time": "eventtime timestamp ts datetime transactiontime transactiondate transactiondatetime txdatetime "
        "txtime "
        "transdatetranstime paidat createdat bookedat date time bookingdate valuedate datum zeitpunkt zeitstempel zeit "
        "datumzeit buchungstag buchungsdatum transaktionsdatum wertstellung valutadatum fecha fechahora fechaoperacion "
        "fechatransaccion dateheure dateoperation datetransaction datedoperation horodatage data dataora "
        "dataoperazione "
        "datatransazione tijdstip boekdatum transactiedatum",
        "customer_id": _CUSTOMER,
        "account_id": _ACCOUNT,
        "merchant_id": _MERCHANT,
        "terminal_id": _TERMINAL,
        "amount": "amount amt value total price sum transactionamount transactionamt txamount paymentamount betrag "
        "umsatz "
        "summe buchungsbetrag transaktionsbetrag importe monto cantidad montant somme importo ammontare valor bedrag",
        "currency": _CURRENCY,
        "channel": "channel kanal canal canale kanaal",
        "country": _COUNTRY,
    },
    "fraud_reports": {
        "transaction_id": "transactionid transaction txid txnid paymentid transaktionsid transaktionsnr idtransaccion "
        "idtransaction idtransazione transactieid id",
        "is_fraud": "isfraud fraud fraudulent fraudflag fraudlabel txfraud label class betrug istbetrug fraude "
        "esfraude "
        "estfraude frode fraudulento fraudulenta",
        "reported_at": "reportedat reporttime reportdate reported date timestamp gemeldetam meldedatum fechareporte "
        "reportadoel signalele datesignalement segnalatoil gemeldop",
    },
    "customers": {
        "customer_id": f"{_CUSTOMER} id",
        "full_name": "fullname name customername kundenname nombre nombrecompleto nom nomcomplet nome nomecompleto "
        "naam",
        "first_name": "firstname first givenname forename vorname nombres prenom primernombre nomeproprio voornaam",
        "last_name": "lastname last surname familyname nachname familienname apellido apellidos nomdefamille cognome "
        "achternaam sobrenome",
        "email": "email mail emailaddress mailadresse correo correoelectronico courriel postaelettronica",
        "phone": "phone phonenumber telephone mobile tel telefon telefonnummer handy telefono movil portable cellulare "
        "telefoon telefone",
        "birth_date": "birthdate dateofbirth dob birthday geburtsdatum geburtstag fechanacimiento datenaissance "
        "datadinascita geboortedatum",
        "street": "street address streetaddress strasse adresse anschrift calle direccion rue via indirizzo straat",
        "city": _CITY,
        "postal_code": "postalcode postcode zip zipcode plz postleitzahl codigopostal codepostal cap",
        "country": _COUNTRY,
        "changed_at": _CHANGED,
    },
    "accounts": {
        "account_id": f"{_ACCOUNT} id",
        "customer_id": _CUSTOMER,
        "currency": _CURRENCY,
        "credit_limit": "creditlimit limit kreditlimit kreditrahmen limite limitecredito plafond fido",
        "balance": "balance saldo kontostand solde bilancio",
        "changed_at": _CHANGED,
    },
    "merchants": {
        "merchant_id": f"{_MERCHANT} id",
        "name": "name tradename merchantname shopname haendlername firma nombre nom nome naam razonsocial",
        "category_code": "mcc categorycode merchantcategorycode merchantcategory",
        "country": _COUNTRY,
        "risk_rating": "risk riskrating risiko riesgo risque rischio",
        "is_watchlisted": "watchlist watchlisted iswatchlisted",
        "changed_at": _CHANGED,
    },
    "terminals": {
        "terminal_id": f"{_TERMINAL} id",
        "merchant_id": _MERCHANT,
        "latitude": "latitude lat breitengrad breite latitud latitudine",
        "longitude": "longitude lon lng long laengengrad lange longitud longitudine",
        "city": _CITY,
        "country": _COUNTRY,
        "changed_at": _CHANGED,
    },
}

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    target: {column: tuple(words.split()) for column, words in columns.items()} for target, columns in _NAMES.items()
}
"""By target and column, the likeliest name first."""
