"""PDFs with Chinese text, written by hand: a CID font that is not embedded, as Chinese Word and WPS write it."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest


class At(NamedTuple):
    """Text at a place, in a text object of its own."""

    text: str
    x: float
    y: float
    size: float = 12


def pdf(pages: Sequence[Sequence[str | At]], outline: Mapping[str, int | tuple[int, int]] | None = None) -> bytes:
    """A PDF of these lines, one below the other where they have no place, and of an outline: titles and places."""
    pypdf = pytest.importorskip("pypdf")
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"",
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[4 0 R]>>",
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>",
    ]
    kids = []
    for lines in pages:
        placed = [line if isinstance(line, At) else At(line, 50, 800 - 20 * row) for row, line in enumerate(lines)]
        stream = "\n".join(map(_drawn, placed)).encode()
        parts.append(b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream))
        parts.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % len(parts)
        )
        kids.append(len(parts))
    parts[1] = b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    content, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    content += b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(parts) + 1, table, len(parts) + 1, len(content),
    )  # fmt: skip
    writer = pypdf.PdfWriter(io.BytesIO(content))
    for title, place in (outline or {}).items():
        page, top = place if isinstance(place, tuple) else (place, None)
        fit = pypdf.generic.Fit.xyz(top=top) if top is not None else pypdf.generic.Fit.fit()
        writer.add_outline_item(title, page - 1, fit=fit)
    return written(writer)


def locked(content: bytes, password: str) -> bytes:
    """The same PDF, which opens with a password; with an empty one it only says what readers may do."""
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(io.BytesIO(content))
    writer.encrypt(password, "the owner's", algorithm="RC4-128")
    return written(writer)


def written(writer: object) -> bytes:
    """What a writer of pypdf writes."""
    out = io.BytesIO()
    writer.write(out)  # type: ignore[attr-defined]
    return out.getvalue()


def _drawn(line: At) -> str:
    return f"BT /F1 {line.size} Tf 1 0 0 1 {line.x} {line.y} Tm <{line.text.encode('utf-16-be').hex()}> Tj ET"
