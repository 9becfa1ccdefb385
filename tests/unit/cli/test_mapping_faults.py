"""`mappings try`, `diff` and `check` on a draft with a fault: what is wrong, in which file and line, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from siphub.mappings import confined
from tests.unit.cli.drafts import replaced

if TYPE_CHECKING:
    from tests.conftest import Done

Run = Callable[..., "Done"]
OWN = "municipal-sip@1.0"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)


DAY_OUT, DAY_BACK = (
    "<utvarderas><xsl:apply-templates/></utvarderas>",
    '<evaluation_on><xsl:value-of select="normalize-space()"/></evaluation_on>',
)
AGAIN = """<xsl:template name="again"><xsl:param name="n"/><xsl:if test="$n &gt; 0">
<xsl:call-template name="again"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template>
<xsl:call-template name="again"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:if></xsl:template></xsl:stylesheet>"""
WITHOUT_END = '<xsl:call-template name="again"><xsl:with-param name="n" select="60"/></xsl:call-template>'
LONGER = """<xsl:template name="longer"><xsl:param name="s"/><xsl:param name="n"/><xsl:choose>
<xsl:when test="$n = 0"><xsl:value-of select="$s"/></xsl:when><xsl:otherwise><xsl:call-template name="longer">
<xsl:with-param name="s" select="concat($s, $s)"/><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:otherwise>
</xsl:choose></xsl:template></xsl:stylesheet>"""
HUGE = """<xsl:call-template name="longer"><xsl:with-param name="s" select="'12345678'"/><xsl:with-param name="n" select="21"/></xsl:call-template>"""
WORD, END = "place-kind,other,annan plats\n", "</xsl:stylesheet>"


def out(what: str) -> tuple[str, str, str]:
    """Say that the sheet that writes puts something else in the place of a day."""
    return "out.xsl", DAY_OUT, f"<utvarderas>{what}</utvarderas>"


class TestFaults:
    """A draft with a fault: `try` and `diff` each say in one place what is wrong: the code, the file, the line where it is known, and what to do."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            pytest.param([("codes.csv", WORD, "")], "mapping.unmapped: PACK has no row in the table place-kind for this code of ours: add it to codes.csv", id="a row that is missing"),
            pytest.param([("codes.csv", "annan plats", "annan lokal")], "mapping.invalid_output: out.xsl line LINE: SCHEMAV_CVC_ENUMERATION_VALID at /sipMeddelande/kallelse/mote/plats/slag: the word is not in the schema's list: add it there, or change it in codes.csv", id="a word that the schema has not"),
            pytest.param([out("""<xsl:value-of select="translate(., '-', '')"/>""")], "mapping.invalid_output: out.xsl line LINE: SCHEMAV_CVC_DATATYPE_VALID_1_2_1 at /sipMeddelande/kallelse/utvarderas: the value is none of the schema's type there, such as a day that is not written YYYY-MM-DD", id="a bad day"),
            pytest.param([("in.xsl", DAY_BACK, "<evaluation_on>2001-01-01</evaluation_on>")], "mapping.loss: /content/evaluation_on is changed", id="a bad day on the way back"),
            pytest.param([("out.xsl", DAY_OUT, DAY_OUT.replace("ras>", "rad>"))], "mapping.invalid_output: out.xsl line LINE: SCHEMAV_ELEMENT_CONTENT at /sipMeddelande/kallelse/*: the schema does not have this element there, or one that it wants is missing", id="an element that the schema has not"),
            pytest.param([("out.xsl", 'match="c:agenda"', 'match="c:nothing"')], "mapping.transform_failed: out.xsl has no template for the field agenda", id="no template to write by"),
            pytest.param([("in.xsl", 'match="m:utvarderas"', 'match="m:nothing"')], "mapping.transform_failed: in.xsl has no template for the element utvarderas", id="no template to read by"),
            pytest.param([out('<xsl:call-template name="nobody"/>')], "mapping.transform_failed: out.xsl line LINE: The called template 'nobody' was not found.", id="a template by name that is not there"),
            pytest.param([out('<xsl:value-of select="$nobody"/>')], "mapping.transform_failed: out.xsl line LINE: Variable 'nobody' has not been declared.", id="an unknown variable"),
            pytest.param([out('<xsl:value-of select="format-date(., 1)"/>')], "mapping.transform_failed: out.xsl line LINE: it calls a function that XSLT 1.0 has not", id="a function of a later XSLT"),
            pytest.param([out('<xsl:call-template name="deep"/>'), ("out.xsl", END, f'<xsl:template name="deep"><xsl:call-template name="deep"/></xsl:template>{END}')], "its templates call themselves without end", id="a template in itself"),
            pytest.param([out(WITHOUT_END), ("out.xsl", END, AGAIN)], "mapping.too_costly: PACK needs more processor time for this than a mapping pack may: out.xsl or its schema repeats too much", id="without end"),
            pytest.param([("in.xsl", DAY_BACK, f"<evaluation_on>{WITHOUT_END}</evaluation_on>"), ("in.xsl", END, AGAIN)], "mapping.too_costly: PACK needs more processor time for this than a mapping pack may: in.xsl repeats too much", id="without end on the way back"),
            pytest.param([out(HUGE), ("out.xsl", END, LONGER)], "mapping.too_large: what out.xsl of PACK makes of this document is larger than 8388608 bytes", id="a huge result"),
            pytest.param([("out.xsl", END, f'<xsl:template match="/">text</xsl:template>{END}')], "mapping.transform_failed: the sheet out of PACK makes no element of this document: what it makes is text, or nothing", id="no XML"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_what_it_makes(
        self, run: Run, draft: Path, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, str, str]], said: str
    ) -> None:
        """Given a draft that loads and has a fault, then both commands say what and where, exit 1, and each thing is said once by `try`."""
        monkeypatch.setattr(confined, "WRITING", 0.2)
        monkeypatch.setattr(confined, "SECONDS", 1.0)
        for name, before, after in changes:
            replaced(draft / name, before, after)
        found = run("mappings", "try", draft, "--sample", "meeting.summoned", "--maximal")
        compared = run("mappings", "diff", OWN, draft, "--type", "meeting.summoned")
        assert (found.status, compared.status) == (1, 1)
        told = re.sub(r"line \d+", "line LINE", found.out.rpartition("── ")[2].replace("norrby-sip@1.0", "PACK"))
        assert told.count(said) == 1
        assert len([line for line in told.splitlines() if line.startswith("  mapping.")]) <= 2
        again = re.sub(r"line \d+", "line LINE", compared.out)
        assert said.replace("PACK", "this pack") in again

    @pytest.mark.parametrize(
        ("name", "before", "after", "said"),
        [
            ("out.xsl", DAY_OUT, "<utvarderas><xsl:value-of/></utvarderas>", r"out.xsl of PACK is no XSLT 1.0 sheet: out.xsl line \d+: xsl:value-of : select is missing"),
            ("out.xsl", END, "", r"out.xsl of PACK cannot be read: the document is not well-formed XML \(ERR_TAG_NOT_FINISHED\) at line \d+ column 1"),
            ("schema/municipal-sip.xsd", 'name="utvarderas" type="sip:Datum"', 'name="utvarderas" type="sip:Dattum"', r"the schema of PACK is no XML schema: line \d+: element decl. .*Dattum' does not resolve"),
            ("schema/municipal-sip.xsd", "</xs:schema>", "", r"municipal-sip.xsd of PACK cannot be read: .* at line \d+ column 1"),
            ("codes.csv", WORD, 'place-kind,other,"annan plats\n', r"line \d+ of codes.csv in PACK has a quotation mark that does not end"),
            ("codes.csv", WORD, WORD * 2, r"line \d+ of codes.csv in PACK is incomplete or there twice"),
            ("mapping.toml", 'status = "draft"', "status = draft", r"the manifest of norrby-sip/1.0 cannot be read: .*at line \d+"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_loaded(self, run: Run, draft: Path, *, name: str, before: str, after: str, said: str) -> None:
        """Given a draft with a file that is none of its kind, then both commands say which, where in it and why, in one line."""
        replaced(draft / name, before, after)
        for command in (("try", draft, "--sample", "nack"), ("diff", OWN, draft)):
            done = run("mappings", *command)
            assert (done.status, done.out) == (1, "")
            [line] = done.err.strip().replace("norrby-sip@1.0", "PACK").splitlines()
            assert re.match(f"siphub: mapping.broken: {said}", line)

    def test_the_line_of_a_quotation_mark_that_does_not_end_is_its_own(self, run: Run, draft: Path) -> None:
        """Given one in the middle of the code tables, then its own line is named and not the last."""
        lines = (draft / "codes.csv").read_text("utf-8").splitlines()
        number = lines.index(WORD.strip()) + 1
        replaced(draft / "codes.csv", WORD, 'place-kind,other,"annan plats\n')
        assert f"line {number} of codes.csv" in run("mappings", "check", draft).out
        assert number < len(lines)
