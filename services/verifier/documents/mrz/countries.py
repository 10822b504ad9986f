"""Codes of issuers and nationalities that may stand in a zone (ICAO Doc 9303-3, section 5). Pure."""

_STATES = frozenset(
    """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR
    BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL
    COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK
    FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV
    HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO
    LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG
    MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN
    PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE
    SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO
    TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
    """.split()  # noqa: SIM905 - a table of 249 codes, not a list to edit
)
"""ISO 3166-1 alpha-3."""

_OTHERS = frozenset(
    """
    D EUE GBD GBN GBO GBP GBS RKS IAO UNA UNK UNO XAA XBA XCC XCE XCO XCT XDC XEC XES XIM XMP XOM XPO
    XXA XXB XXC XXX
    """.split()  # noqa: SIM905 - as above
)
"""Germany, the European Union, kinds of British nationals, Kosovo, organisations, stateless and refugees."""

_FORMER = frozenset(("ANT", "CSK", "DDR", "NTZ", "ROM", "SCG", "SUN", "TMP", "YUG", "ZAR"))
"""In documents of states that were renamed or are no more."""

SPECIMENS = frozenset(("UTO", "BDR"))
"""Utopia of the standard's examples, and the printer that stands for a state in samples of Germany's."""

CODES = _STATES | _OTHERS | _FORMER | SPECIMENS


def known(code: str) -> bool:
    """Return whether *code*, without its fillers, may stand in a zone."""
    return code in CODES
