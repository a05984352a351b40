"""docs/troubleshooting.md: each of its symptoms is produced, told in the page's words, and mended by the page's means."""

import re

import pages
import troubleshooting_cluster_test
import troubleshooting_host_test
import troubleshooting_start_test
from symptoms import PAGE, symptoms_of

# In the page's order.
PARTS = (troubleshooting_start_test, troubleshooting_cluster_test, troubleshooting_host_test)


def troubleshooting_page(world):
    """Each section of the page has its scenario, and each exit code that is no success leads to one."""
    headings = list(pages.sections(PAGE, "### "))
    produced = [heading for part in PARTS for heading in symptoms_of(part)]
    assert headings == produced, (headings, produced)
    text = (pages.DOCS / PAGE).read_text()
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in produced}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links == anchors, links ^ anchors
    told = (pages.DOCS / "architecture.md").read_text().split("## Exit codes")[1].split("## ")[0]
    codes = set(re.findall(r"^\| (\d+) \|", told, re.MULTILINE)) - {"0"}
    assert codes == set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE)), codes
