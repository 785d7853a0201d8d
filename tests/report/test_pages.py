"""Pages of products and programmes."""

import itertools
import os
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
        self.links, self.images, self.headings, self.lang, self.meta, self.sources = [], [], [], None, {}, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.sources += [attrs["src"]] if "src" in attrs else []
        if tag == "meta" and "name" in attrs:
            self.meta[attrs["name"]] = attrs["content"]
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
        "key": "calwebb_image2 x", "pipeline": "calwebb_image2", "state": "done", "why": "new", "seconds": 1.0,
        "peak_memory_mb": 300.0, "error": None,
        "products": [{"path": str(product)}, {"path": str(tmp_path / "gone.fits")}],
    }  # fmt: skip
    failed = {**done, "key": "calwebb_image2 y", "state": "failed", "error": "the file is cut", "products": None}
    path = pages.write_programme(tmp_path, [done, failed], "Programme", ["z_uncal.fits: not FITS"])
    text = Path(path).read_text(encoding="utf-8")
    assert (
        text.index("the file is cut") < text.index("Stage 2: calibrated exposures") and "z_uncal.fits: not FITS" in text
    )
    page = read(tmp_path / "report" / "index.html")
    assert all((tmp_path / "report" / link).is_file() for link in page.links if link.endswith(".html"))


def test_the_command_writes_pages(product, tmp_path, capfd):
    assert main(["report", str(product), "--output", str(tmp_path / "pages")]) == 0
    assert (tmp_path / "pages" / f"{product.name}.html").is_file()
    assert main(["report", str(tmp_path)]) == 1
    assert "no ledger" in capfd.readouterr().err


def job_of(*paths, warnings=()):
    return {
        "key": "calwebb_image2 x", "pipeline": "calwebb_image2", "state": "done", "why": "new", "seconds": 1.0,
        "peak_memory_mb": 300.0, "error": None, "products": [{"path": str(path)} for path in paths],
    }  # fmt: skip


def test_pages_are_readable_on_a_phone_without_a_network_and_by_a_screen_reader(product, tmp_path):
    pages.write_programme(tmp_path, [job_of(product)], "Programme", ["z_uncal.fits: not FITS"])
    for path in (tmp_path / "report").glob("*.html"):
        page, text = read(path), re.sub('data:[^"]*', "", path.read_text(encoding="utf-8"))
        assert page.meta["viewport"] == "width=device-width, initial-scale=1"
        assert not re.search(r"(https?:)?//[a-z]|@import|url\(", text), "it asks for something beside itself"
        assert all(source.startswith("data:image/") for source in page.sources)
        assert page.images and all(image["alt"].strip() for image in page.images)
        levels = [int(heading[1]) for heading in page.headings]
        assert levels.count(1) == 1 and levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def luminance(colour):
    """Relative luminance of ``#rrggbb`` (WCAG 2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("scheme", "canvas", "soft"), [("light", "#ffffff", "#eeeeee"), ("dark", "#121212", "#222222")]
)
def test_colours_stand_out_from_the_ground_in_light_and_in_dark(scheme, canvas, soft):
    style = (Path(pages.__file__).parent / "style.css").read_text(encoding="utf-8")
    assert "color-scheme: light dark" in style
    light, dark = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", line)) for line in style.splitlines()[:2])
    assert set(light) == set(dark) == {"warn", "bad", "good", "link"}
    for name, colour in (light if scheme == "light" else dark).items():
        for ground in (canvas, soft):
            low, high = sorted((luminance(colour), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on {ground}"


def test_a_warning_of_many_products_stands_once(tmp_path):
    told = [{"name": f"{name}.fits", "page": f"{name}.html", "warnings": ["jump: few groups"]} for name in "ab"]
    assert pages._by_text(told) == {"jump: few groups": [("a.fits", "a.html"), ("b.fits", "b.html")]}
    line = "2026-11-28 01:02:03,004 - hexcal.calwebb_detector1.jump - WARNING - few groups"
    assert facts._message(line) == "jump: few groups"


def test_pages_of_products_that_did_not_change_are_kept(product, tmp_path):
    pages.write_programme(tmp_path, [job_of(product)], "Programme")
    page = tmp_path / "report" / f"{product.name}.html"
    index = (tmp_path / "report" / "index.html").read_bytes()
    page.write_text("kept")
    pages.write_programme(tmp_path, [job_of(product)], "Programme")
    assert page.read_text() == "kept" and (tmp_path / "report" / "index.html").read_bytes() == index
    os.utime(product, (1.2e9, 1.2e9))
    pages.write_programme(tmp_path, [job_of(product)], "Programme")
    assert page.read_text() != "kept"
