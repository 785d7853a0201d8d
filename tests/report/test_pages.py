"""Pages of products and programmes."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hexcal.cli.main import main
from hexcal.models.science import ImageModel
from hexcal.report.pages import facts, pages


class Reader(HTMLParser):
    """What a page refers to, and what its elements have."""

    def __init__(self):
        super().__init__()
        self.links, self.images, self.headings, self.lang = [], [], [], None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.lang = attrs.get("lang", self.lang)
        self.links += [attrs["href"]] if "href" in attrs else []
        self.images += [attrs] if tag == "img" else []
        self.headings += [tag] if re.fullmatch("h[1-6]", tag) else []


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


@pytest.fixture
def product(tmp_path):
    """A calibrated image with a hole, flags, and a footprint."""
    image = ImageModel(np.random.default_rng(1).normal(5, 0.5, (40, 50)).astype("f4"))
    image.dq = np.zeros((40, 50), "u4")
    image.data[3, 4] = np.nan
    image.dq[3, 4] = 1
    image.dq[5:7, 5] = 4
    image.meta.telescope = "JWST"
    image.meta.instrument.name = "NIRCAM"
    image.meta.wcsinfo.s_region = "POLYGON ICRS 10 1 10.1 1 10.1 1.1 10 1.1"
    path = tmp_path / "x_<b>_cal.fits"
    image.save(path)
    return path


def test_statistics_and_flags_of_an_image(product):
    model = facts.can_open(product)
    (row, *_) = facts.statistics(model)
    assert float(row["median"]) == pytest.approx(5, abs=0.05) and float(row["scatter"]) == pytest.approx(0.5, abs=0.05)
    assert row["bad"] == "0.05 %"
    assert facts.flag_counts(model) == [
        {"flag": "JUMP_DET", "count": "2", "share": "0.1 %"},
        {"flag": "DO_NOT_USE", "count": "1", "share": "0.05 %"},
    ]
    assert facts.footprint(model) == [(10, 1), (10.1, 1), (10.1, 1.1), (10, 1.1)]


def test_a_page_holds_all_that_it_shows(product, tmp_path):
    told = pages.write_product(product, tmp_path)
    page = read(tmp_path / told["page"])
    assert page.lang == "en" and page.headings[0] == "h1"
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in page.images)
    assert all(link.startswith(("#", "data:")) or link == "index.html" for link in page.links)
    # Names come from files: they are shown, not obeyed.
    assert "<b>" not in (tmp_path / told["page"]).read_text(encoding="utf-8")


def test_the_page_of_a_programme_has_what_failed_first(product, tmp_path):
    done = {
        "key": "calwebb_image2 x", "state": "done", "why": "new", "seconds": 1.0, "peak_memory_mb": 300.0,
        "error": None, "products": [{"path": str(product)}, {"path": str(tmp_path / "gone.fits")}],
    }  # fmt: skip
    failed = {**done, "key": "calwebb_image2 y", "state": "failed", "error": "the file is cut", "products": None}
    path = pages.write_programme(tmp_path, [done, failed], "Programme", ["z_uncal.fits: not FITS"])
    text = Path(path).read_text(encoding="utf-8")
    assert text.index("the file is cut") < text.index("Products") and "z_uncal.fits: not FITS" in text
    page = read(tmp_path / "report" / "index.html")
    assert all((tmp_path / "report" / link).is_file() for link in page.links if link.endswith(".html"))


def test_the_command_writes_pages(product, tmp_path, capfd):
    assert main(["report", str(product), "--output", str(tmp_path / "pages")]) == 0
    assert (tmp_path / "pages" / f"{product.name}.html").is_file()
    assert main(["report", str(tmp_path)]) == 1
    assert "no ledger" in capfd.readouterr().err
