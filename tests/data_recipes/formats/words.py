"""Parts of Word files that python-docx cannot write."""

from typing import Any

import pytest

docx = pytest.importorskip("docx", reason="pip install 'xinglin[documents]'")

NAMES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"'
)


def xml(text: str) -> Any:
    """An element; its outermost tag gets the names."""
    tag, rest = text.split(">", 1)
    return docx.oxml.parse_xml(f"{tag} {NAMES}>{rest}")


def run(text: str) -> str:
    """Text as it is in a paragraph."""
    return f"<w:r><w:t>{text}</w:t></w:r>"


def inserted(text: str) -> Any:
    """Text that was inserted while changes were tracked."""
    return xml(f'<w:ins w:id="1" w:author="a">{run(text)}</w:ins>')


def deleted(text: str) -> Any:
    """Text that was deleted while changes were tracked."""
    return xml(f'<w:del w:id="2" w:author="a"><w:r><w:delText>{text}</w:delText></w:r></w:del>')


def text_box(text: str) -> Any:
    """A text box as Word writes it: once for itself, and once more for its predecessors."""
    content = f"<w:txbxContent><w:p>{run(text)}</w:p></w:txbxContent>"
    choice = f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{content}</wps:txbx></w:drawing></mc:Choice>'
    fallback = f"<mc:Fallback><w:pict><v:textbox>{content}</v:textbox></w:pict></mc:Fallback>"
    return xml(f"<w:r><mc:AlternateContent>{choice}{fallback}</mc:AlternateContent></w:r>")


def content_control(text: str) -> Any:
    """A paragraph in a content control, as forms have."""
    return xml(f"<w:sdt><w:sdtContent><w:p>{run(text)}</w:p></w:sdtContent></w:sdt>")
