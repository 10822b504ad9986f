"""Nicknames, beside the names in papers: a doubt, never a match. Pure."""

from types import MappingProxyType

_TABLE = """
alexander: alex al sandy sasha aleks xander lex
alexandra: alex sandra sandy sasha ola lexi
alfonso: alonso poncho
andreas: andi
andrew: andy drew
anna: annie anni ania anja anya anika
anthony: tony
antonio: tony toni toño
barbara: barb babs basia
benjamin: ben benny benji
catherine: cathy kate katie kitty cat
charles: charlie chuck chas
christian: chris
christina: chris tina chrissy christel
christopher: chris kit topher
daniel: dan danny
david: dave davy
deborah: deb debbie
dmitrii: dima mitya
dorothy: dot dottie dolly
edward: ed eddie ted ned
elena: lena
elisabeth: lisa lisbeth elsa else liesel betty
elizabeth: liz lizzie beth betty eliza libby
ernest: ernie
eugene: gene
evgenii: zhenya
ewa: ewka
florian: flo
francesca: franca
francesco: franco cecco
francis: frank fran
francisco: paco pancho curro
franciszek: franek
franz: franzl
frederick: fred freddie
friedrich: fritz
gabriele: gabi
georg: schorsch
georgios: giorgos yorgos
gerald: gerry jerry
gertrud: trudi
giovanna: gianna
giovanni: gianni vanni
giuseppe: beppe peppe pino
gregory: greg
guadalupe: lupe
guillermo: memo
hans: hansi
helen: nell nellie
henry: harry hank hal
ignacio: nacho
ioannis: giannis yannis
isabel: isa
ivan: vanya
jacob: jake
jacqueline: jackie
james: jim jimmy jamie
jan: janek
jennifer: jen jenny
jesus: chucho
jerzy: jurek
joanna: asia
johann: hans hannes
johannes: hans hannes jan
john: jack johnny jon
jose: pepe
josef: sepp jupp
joseph: joe joey
juergen: jogi
juliusz: julek
karl: kalle
katarzyna: kasia
katharina: kathi kaethe katja
katherine: kate katie kathy kitty
klaus: klausi
konstantinos: kostas
krzysztof: krzysiek
lawrence: larry
leonard: leo lenny
louis: lou
luigi: gigi
magdalena: lena magda
malgorzata: gosia
manfred: manni
manuel: manolo
margaret: maggie meg peg peggy greta
margarete: grete greta gretel
maria: mia marie mitzi maryla
matthew: matt
maximilian: max
mercedes: merche
michael: mike mick mickey michi
mikhail: misha
nathaniel: nate nat
nicholas: nick nicky
nikolai: kolya
nikolaos: nikos
nikolaus: klaus nick niko
olga: olya
pamela: pam
patricia: pat patty trish tricia
patrick: pat paddy
peter: pete petey
philip: phil pip
pilar: pili
raymond: ray
rebecca: becky
reinhard: reini
richard: dick rick ricky rich
robert: bob bobby rob robbie bert
roland: rolli
ronald: ron ronnie
rosario: charo
salvatore: toto turi
samantha: sam
samuel: sam sammy
sergio: checo
stanislaw: staszek
stefan: steffen
stephen: steve
steven: steve
susan: sue susie suzy
theodor: theo
theodore: ted teddy theo
theresa: terry tess resi
thomas: tom tommy
timothy: tim
tomasz: tomek
ulrich: uli
victoria: vicky tori
vincent: vince vinny
vladimir: vova volodya
volodymyr: vova volodia
walter: walt wally
wilhelm: willi willy helmut
william: bill billy will willie liam
wojciech: wojtek
wolfgang: wolf wolfi
yekaterina: katya
zbigniew: zbyszek
zuzanna: zuzia
"""
"""Name in the papers → nicknames."""


def _read(table: str) -> dict[str, frozenset[str]]:
    """Return each name of *table* with the names it may stand for, itself among them."""
    meant: dict[str, set[str]] = {}
    for line in table.split("\n"):
        name, _, short = line.partition(":")
        for one in (name, *short.split()):
            meant.setdefault(one, {one}).add(name)
    return {one: frozenset(names) - {""} for one, names in meant.items()}


_MEANT = MappingProxyType(_read(_TABLE))


def names_meant(word: str) -> frozenset[str]:
    """Return the names that *word*, in small letters a to z, may stand for; itself among them."""
    return _MEANT.get(word, frozenset({word}))
