"""The XML attacks that are known, at the reader, at sheets and at schemas: none opens a file or a socket, and each is real.

Every attack is run twice. Behind our guard the bait must lie untouched; the second time the guard is taken away, and the attack must
succeed: a test that could not fail would prove nothing. The web is a listener that counts; where libxml2 itself speaks no HTTP, what is
asked of it without the guard is caught by a resolver.
"""

from __future__ import annotations

import codecs
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree

from siphub.contract.xml import MAX_DEPTH, MAX_PARTS, hardened_parser, parse_xml
from siphub.errors import MappingError, Refused
from siphub.mappings import Manifest, Pack, compiled
from siphub.testing.watching import watched

XSL, XSD = "http://www.w3.org/1999/XSL/Transform", "http://www.w3.org/2001/XMLSchema"
SECRET = "<s>hemligt</s>"
OTHER_SHEET = f'<xsl:stylesheet version="1.0" xmlns:xsl="{XSL}"><xsl:template match="/"><s>hemligt</s></xsl:template></xsl:stylesheet>'
OTHER_SCHEMA = f'<xs:schema xmlns:xs="{XSD}" targetNamespace="{{namespace}}"><xs:element name="s"/></xs:schema>'
SCHEMA = f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:b"><xs:element name="b"/></xs:schema>'
CODES = b"table,canonical,partner\na,b,c\n"


@dataclass
class Bait:
    """A file that notices whoever opens it, and a place on the web that notices whoever connects."""

    folder: Path
    content: str
    taken: bool = False
    _over: bool = False
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _writer: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        os.mkfifo(self.pipe)
        self._writer = threading.Thread(target=self._offer, daemon=True)
        self._writer.start()

    @property
    def pipe(self) -> Path:
        return self.folder / "bait.xml"

    @property
    def file(self) -> str:
        return self.pipe.as_uri()

    @property
    def plain(self) -> str:
        """The same content as an ordinary file: libxml2 looks at some files twice, and a pipe gives its content once."""
        file = self.folder / "plain.xml"
        file.write_text(self.content)
        return file.as_uri()

    @property
    def written(self) -> Path:
        return self.folder / "written.xml"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/x.xml"

    def _offer(self) -> None:
        with self.pipe.open("w") as end:  # waits for whoever opens the other one
            if not self._over:
                self.taken = True
                end.write(self.content)

    def untouched(self) -> bool:
        """Say whether nobody opened, connected or wrote; asked once, at the end."""
        self._listener.settimeout(0)
        with suppress(BlockingIOError):
            self._listener.accept()[0].close()
            return False
        return not (self.taken or self.written.exists())

    def close(self) -> None:
        self._over = True
        reading = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)  # kept open, for the writer may not have come to it yet
        self._writer.join(5)
        os.close(reading)
        self._listener.close()


@pytest.fixture
def bait(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bait]:
    """Lay the bait; a test may say what is in it."""
    made = Bait(tmp_path, getattr(request, "param", SECRET))
    yield made
    made.close()


class Asked(etree.Resolver):
    """Hears what libxml2 wants to open, and leaves it to libxml2."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def resolve(self, system_url: str, public_id: str, context: object) -> None:  # type: ignore[override]  # it decides nothing
        self.urls.append(system_url)


def unguarded() -> tuple[etree.XMLParser, Asked]:
    """Return a parser as whoever does not think of it makes one, and what is asked of it."""
    parser = etree.XMLParser(resolve_entities=True, no_network=False, load_dtd=True, huge_tree=True, remove_pis=False)
    asked = Asked()
    parser.resolvers.add(asked)
    return parser, asked


def pack_of(**files: str) -> Pack:
    """Return a pack with a sheet and a schema, unless others are given."""
    manifest = Manifest.model_validate(
        {"id": "a", "version": "1.0", "kinds": ("nack",), "owner": "x", "status": "draft", "valid_from": "2026-01-01"}, strict=False
    )
    found = {"out.xsl": OTHER_SHEET, "schema/b.xsd": SCHEMA} | files
    return Pack(manifest, Path(), {name: text.encode() for name, text in found.items()} | {"codes.csv": CODES})


# ── documents ──

ENTITY = '<!DOCTYPE a [<!ENTITY e SYSTEM "{target}">]><a>&e;</a>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % e SYSTEM "{target}"> %e;]><a/>'
SUBSET = '<!DOCTYPE a SYSTEM "{target}"><a/>'
PUBLIC = '<!DOCTYPE a PUBLIC "-//X//Y" "{target}"><a/>'


@pytest.mark.parametrize("document", [ENTITY, PARAMETER, SUBSET, PUBLIC])
@pytest.mark.parametrize("where", ["file", "web"])
class TestEntities:
    """External entities, general and parameter, and external subsets."""

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_the_reader_opens_nothing(self, bait: Bait, document: str, where: str, encoding: str) -> None:
        """Behind the guard the document is refused before any parser sees its declaration, whatever its encoding."""
        body = document.format(target=getattr(bait, where)).encode(encoding)
        codecs.lookup("utf-16-le")  # a codec is a module, which is opened when it is first used
        with watched() as opened, pytest.raises(Refused) as caught:
            parse_xml(body)
        assert caught.value.code == "xml.doctype"
        assert opened == []
        assert bait.untouched()

    def test_the_parser_by_itself_opens_nothing(self, bait: Bait, document: str, where: str) -> None:
        """The hardened parser alone, were the declaration ever let through, opens nothing either."""
        with suppress(etree.XMLSyntaxError):
            etree.fromstring(document.format(target=getattr(bait, where)).encode(), hardened_parser())
        assert bait.untouched()

    def test_it_is_real(self, bait: Bait, document: str, where: str) -> None:
        """Without the guard the file is opened, and the web asked for."""
        parser, asked = unguarded()
        target = getattr(bait, where)
        with suppress(etree.XMLSyntaxError):
            etree.fromstring(document.format(target=target).encode(), parser)
        assert asked.urls == [target]
        assert where == "web" or bait.taken


LAUGHS = (
    "<!DOCTYPE a [<!ENTITY l0 'hahahahaha'>"
    + "".join(f"<!ENTITY l{level} '{f'&l{level - 1};' * 10}'>" for level in range(1, 5))
    + "]><a>&l4;</a>"
)
QUADRATIC = f"<!DOCTYPE a [<!ENTITY q '{'x' * 1_000}'>]><a>{'&q;' * 500}</a>"
DEEP = "<a>" * 2_000 + "</a>" * 2_000
MANY = f"<a>{'<b/>' * MAX_PARTS}</a>"
ATTRIBUTES = "<a " + " ".join(f"b{number}=''" for number in range(MAX_PARTS)) + "/>"


class TestSize:
    """Documents that grow, nest or never end."""

    @pytest.mark.parametrize(
        ("document", "code"),
        [
            (LAUGHS, "xml.doctype"),
            (QUADRATIC, "xml.doctype"),
            (DEEP, "xml.not_well_formed"),
            ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), "xml.too_deep"),
            (MANY, "xml.too_many_parts"),
            (ATTRIBUTES, "xml.too_many_parts"),
            (f"<a>{' ' * 9_000_000}</a>", "body.too_large"),
        ],
        ids=["laughs", "quadratic", "deeper than the parser goes", "too deep", "many elements", "many attributes", "large"],
    )
    def test_the_reader_refuses_it(self, document: str, code: str) -> None:
        """Behind the guard each is refused with its code."""
        with pytest.raises(Refused) as caught:
            parse_xml(document.encode())
        assert caught.value.code == code

    @pytest.mark.parametrize(("document", "size"), [(LAUGHS, 100_000), (QUADRATIC, 500_000)], ids=["laughs", "quadratic"])
    def test_growing_is_real(self, document: str, size: int) -> None:
        """Without the guard a document grows a hundredfold in memory."""
        root = etree.fromstring(document.encode(), unguarded()[0])
        assert len("".join(root.itertext())) == size > 99 * len(document)

    @pytest.mark.parametrize("document", [DEEP, MANY, ATTRIBUTES], ids=["deep", "many elements", "many attributes"])
    def test_nesting_and_numbers_are_real(self, document: str) -> None:
        """Without the guard they are parsed: two thousand deep, a hundred thousand wide."""
        root = etree.fromstring(document.encode(), unguarded()[0])
        assert max(len(root.attrib), sum(1 for _ in root.iter())) >= 2_000


@pytest.mark.parametrize("where", ["file", "web"])
class TestInclusion:
    """XInclude: nothing of ours ever includes."""

    DOCUMENT = '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{target}"/></a>'

    def test_nothing_is_included(self, bait: Bait, where: str) -> None:
        """Parsed, validated and translated, the element is an element like any other."""
        body, pack = self.DOCUMENT.format(target=getattr(bait, where)).encode(), pack_of()
        with watched() as opened:
            assert etree.QName(parse_xml(body)[0]).localname == "include"
            assert pack.problems(body)
            pack.transform("out", body)
        assert opened == []
        assert bait.untouched()

    def test_it_is_real(self, bait: Bait, where: str) -> None:
        """Whoever includes opens it."""
        parser, asked = unguarded()
        root = etree.fromstring(self.DOCUMENT.format(target=getattr(bait, where)).encode(), parser)
        with suppress(etree.XIncludeError):
            root.getroottree().xinclude()
        assert bait.taken if where == "file" else asked.urls == [bait.web]


@pytest.mark.parametrize("where", ["file", "web"])
@pytest.mark.parametrize("hint", ["schemaLocation", "noNamespaceSchemaLocation"])
def test_a_hint_to_a_schema_is_no_order(bait: Bait, where: str, hint: str) -> None:
    """A document that says where its schema lies is validated by ours, and its hint opened by nobody."""
    target = getattr(bait, where)
    said = f"urn:o {target} urn:b {target}" if hint == "schemaLocation" else target
    body = f'<b xmlns="urn:b" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:{hint}="{said}"><o xmlns="urn:o"/></b>'
    pack_of().problems(body.encode())
    assert bait.untouched()


# ── sheets ──


def sheet(content: str) -> str:
    """Write a sheet that knows the extensions of libxslt."""
    more = 'xmlns:x="http://exslt.org/common" xmlns:n="http://icl.com/saxon"'
    return f'<xsl:stylesheet version="1.0" xmlns:xsl="{XSL}" {more} extension-element-prefixes="x n">{content}</xsl:stylesheet>'


def template(content: str) -> str:
    """Write a sheet with one template."""
    return sheet(f'<xsl:template match="/"><b>{content}</b></xsl:template>')


READS = {
    "import": sheet('<xsl:import href="{target}"/>'),
    "include": sheet('<xsl:include href="{target}"/>'),
    "document": template("<xsl:copy-of select=\"document('{target}')\"/>"),
    "document in a value": template("<c d=\"{{document('{target}')}}\"/>"),
    "document in a key": sheet(
        '<xsl:key name="k" match="document(\'{target}\')" use="."/><xsl:template match="/"><b><xsl:value-of select="key(\'k\', 1)"/></b></xsl:template>'
    ),
    "document put together": template(
        "<xsl:copy-of xmlns:d=\"http://exslt.org/dynamic\" select=\"d:evaluate(concat('docu', 'ment(&quot;{target}&quot;)'))\"/>"
    ),
}
LOADING = ("import", "include")
WRITES = {
    "exsl:document": template('<x:document href="{written}"><b/></x:document>'),
    "xsl:document": template('<xsl:document href="{written}"><b/></xsl:document>'),
    "saxon:output": template('<n:output href="{written}"><b/></n:output>'),
}


def filled(text: str, bait: Bait, where: str = "file") -> str:
    """Put the bait's addresses into a sheet."""
    return text.replace("{target}", getattr(bait, where)).replace("{written}", str(bait.written)).replace("{{", "{").replace("}}", "}")


def run_unguarded(text: str) -> tuple[Asked, str]:
    """Compile and run a sheet as whoever does not think of it does; return what was asked for, and the result."""
    parser, asked = unguarded()
    try:
        return asked, str(etree.XSLT(etree.fromstring(text.encode(), parser))(etree.XML("<a/>")))
    except etree.XSLTError:
        return asked, ""


class TestSheets:
    @pytest.mark.parametrize("where", ["file", "web"])
    @pytest.mark.parametrize("name", [name for name in READS if name != "document in a key"])
    def test_a_pack_with_it_does_not_load(self, bait: Bait, name: str, where: str) -> None:
        """A sheet that reads anything else is refused when the pack is loaded, before it is compiled."""
        with watched() as opened, pytest.raises(MappingError) as caught:
            pack_of(**{"out.xsl": filled(READS[name], bait, where)}).check()
        assert caught.value.code == "mapping.unsafe"
        assert opened == []
        assert bait.untouched()

    @pytest.mark.parametrize("name", [name for name in READS if name not in LOADING])
    def test_a_sheet_that_slips_through_reads_nothing(self, bait: Bait, name: str) -> None:
        """Compiled round the check that refuses it, a sheet may still read nothing at run time."""
        with suppress(etree.XSLTError):
            compiled(parse_xml(filled(READS[name], bait).encode()))(etree.XML("<a/>"))
        assert bait.untouched()

    @pytest.mark.parametrize("name", WRITES)
    def test_a_sheet_writes_nothing(self, bait: Bait, name: str) -> None:
        """A sheet that writes to a file is stopped when it tries, and no file is there."""
        with pytest.raises(MappingError) as caught:
            pack_of(**{"out.xsl": filled(WRITES[name], bait)}).transform("out", b"<a/>")
        assert caught.value.code == "mapping.transform_failed"
        assert bait.untouched()

    @pytest.mark.parametrize("bait", [OTHER_SHEET], indirect=True)
    @pytest.mark.parametrize("where", ["plain", "web"])
    @pytest.mark.parametrize("name", [name for name in READS if name != "document in a key"])
    def test_reading_is_real(self, bait: Bait, name: str, where: str) -> None:
        """Without the guards the web is asked for, and what is in the file comes out."""
        asked, result = run_unguarded(filled(READS[name], bait, where))
        assert getattr(bait, where) in asked.urls
        assert where == "web" or "hemligt" in result

    @pytest.mark.parametrize("name", WRITES)
    def test_writing_is_real(self, bait: Bait, name: str) -> None:
        """Without the guard the file is there."""
        run_unguarded(filled(WRITES[name], bait))
        assert bait.written.exists()

    def test_an_entity_in_a_sheet(self, bait: Bait) -> None:
        """A sheet with a document type is refused like any document."""
        text = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{bait.file}">]>' + template("&e;")
        with pytest.raises(MappingError) as caught:
            pack_of(**{"out.xsl": text}).check()
        assert caught.value.code == "mapping.broken"
        assert bait.untouched()
        assert run_unguarded(text)[0].urls == [bait.file]


# ── schemas ──

SCHEMAS = {
    "import": f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:b"><xs:import namespace="urn:o" schemaLocation="{{target}}"/><xs:element name="b"/></xs:schema>',
    "include": f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:b"><xs:include schemaLocation="{{target}}"/><xs:element name="b"/></xs:schema>',
    "redefine": f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:b"><xs:redefine schemaLocation="{{target}}"/><xs:element name="b"/></xs:schema>',
}


class TestSchemas:
    @pytest.mark.parametrize("where", ["file", "web"])
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_a_pack_with_it_does_not_load(self, bait: Bait, name: str, where: str) -> None:
        """A schema that loads another is refused before it is compiled."""
        pack = pack_of(**{"schema/b.xsd": filled(SCHEMAS[name], bait, where)})
        with watched() as opened:
            for attempt in (pack.check, lambda: pack.problems(b"<b/>")):
                with pytest.raises(MappingError) as caught:
                    attempt()
                assert caught.value.code == "mapping.unsafe"
        assert opened == []
        assert bait.untouched()

    @pytest.mark.parametrize("bait", [OTHER_SCHEMA.format(namespace="urn:b")], indirect=True)
    @pytest.mark.parametrize("where", ["plain", "web"])
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_loading_is_real(self, bait: Bait, name: str, where: str) -> None:
        """Without the guard the file is read, and the web asked for."""
        parser, asked = unguarded()
        target = getattr(bait, where)
        with suppress(etree.XMLSchemaParseError):
            etree.XMLSchema(etree.fromstring(filled(SCHEMAS[name], bait, where).encode(), parser))
        assert set(asked.urls) == {target}


@pytest.mark.parametrize("attack", ["file", "web"])
def test_the_bait_notices(bait: Bait, attack: str) -> None:
    """Whoever opens the file or connects is noticed: what every test above rests on."""
    look: dict[str, Callable[[], object]] = {
        "file": bait.pipe.read_text,
        "web": lambda: socket.create_connection(("127.0.0.1", int(bait.web.split(":")[2].split("/")[0]))).close(),
    }
    look[attack]()
    assert not bait.untouched()
