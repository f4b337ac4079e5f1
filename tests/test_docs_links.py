"""The documents lead somewhere: every relative link has a file, every page is on the list."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """The Markdown files that the repository holds, or will hold once they are added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which pages belong to the repository")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def links(text: str) -> list[str]:
    """The targets of a page's links and pictures, without those to other sites."""
    return [target for target in LINK.findall(FENCED.sub("", text)) if not ELSEWHERE.match(target)]


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be reached, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The links of one page that lead nowhere."""
    text = page.read_text()
    found = []
    for link in links(text):
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name) if name else page
        there = target.exists() and target.resolve().is_relative_to(ROOT)
        if there and anchor and target.suffix == ".md":
            there = anchor in anchors(target.read_text())
        if not there:
            found.append(link)
    return found


def test_every_relative_link_leads_to_something_in_the_repository() -> None:
    found = {str(page.relative_to(ROOT)): wrong for page in pages() if (wrong := broken(page))}
    assert not found


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading: one\n[a](gone.md) [b](#a-heading-one) [c](#gone) [d](https://x)")
    assert links(page.read_text()) == ["gone.md", "#a-heading-one", "#gone"]
    assert anchors(page.read_text()) == {"a-heading-one"}


def test_the_list_of_pages_is_whole() -> None:
    listed = {link.partition("#")[0] for link in links((ROOT / "docs" / "README.md").read_text())}
    there = {page.name for page in pages() if page.parent == ROOT / "docs"} - {"README.md"}
    assert not there - listed, "docs/README.md does not lead to these pages"
