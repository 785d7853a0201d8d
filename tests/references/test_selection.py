"""Selection by the rules of CRDS, offline: what the operations pipeline chose, and the step that asks for it."""

import json
from pathlib import Path

import pytest
from exposures import write_uncal

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.references.cache import ReferenceCache
from hexcal.references.context import open_context
from hexcal.step import GainScaleStep, SuperBiasStep


@pytest.fixture
def mappings(real_data, monkeypatch):
    """The real mappings, without any reference file."""
    monkeypatch.setenv("CRDS_PATH", str(real_data / "crds_cache"))
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY", "HEXCAL_REFERENCES"):
        monkeypatch.delenv(name, raising=False)
    return real_data / "crds_cache"


@pytest.mark.req("CRDS-02", "CRDS-04")
def test_the_references_that_operations_chose(real_data, mappings):
    products = json.loads((real_data / "crds_truth.json").read_text())
    compared = 0
    for product in products:
        choices = open_context(product["context"], observatory="jwst").choose(
            product["header"], list(product["references"])
        )
        for kind, name in product["references"].items():
            assert (choices[kind].name or "N/A") == name, (product["product"], kind, choices[kind])
            compared += 1
    assert compared == 569


def test_every_context_is_read(mappings):
    names = sorted(path.name for path in (mappings / "mappings" / "jwst").glob("jwst_*.pmap"))
    names = [name for name in names if name.count("_") == 1]
    for name in names:
        context = open_context(name, observatory="jwst")
        assert context.instruments()
        for instrument in context.instruments():
            context.types(instrument)
    assert len(names) >= 500


@pytest.mark.req("TMT-01", "TMT-02")
@pytest.mark.parametrize("observatory", ["tmt", "ligeriri"])
def test_other_observatories_are_only_mappings(mappings, observatory):
    cache = ReferenceCache(str(mappings), observatory)
    context = open_context(
        str(sorted((mappings / "mappings" / observatory).glob("*.pmap"))[-1].name), observatory=observatory
    )
    assert context.cache.observatory == cache.observatory == observatory
    for instrument in context.instruments():
        assert context.types(instrument)


def test_a_step_asks_the_rules_and_says_which_file_is_missing(mappings, tmp_path, monkeypatch):
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0541.pmap")
    uncal = write_uncal(
        tmp_path, SUBARRAY="FULL", READPATT="RAPID", **{"DATE-OBS": "2022-09-01", "TIME-OBS": "00:00:00"}
    )
    with pytest.raises(
        ReferenceError_, match=r"superbias reference jwst_nircam_superbias_\d{4}.fits is not in the cache"
    ):
        SuperBiasStep.call(uncal)


def test_a_step_uses_the_file_in_the_cache_and_records_the_context(mappings, tmp_path, monkeypatch):
    import numpy as np
    from astropy.io import fits

    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "mappings").symlink_to(mappings / "mappings")
    (cache / "config").symlink_to(mappings / "config")
    monkeypatch.setenv("CRDS_PATH", str(cache))
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0541.pmap")
    uncal = write_uncal(tmp_path, SUBARRAY="FULL", **{"DATE-OBS": "2022-09-01", "TIME-OBS": "00:00:00"})
    with pytest.raises(ReferenceError_) as caught:
        GainScaleStep.call(_rate(uncal))
    place = Path(caught.value.where)
    place.parent.mkdir(parents=True)
    header = fits.Header(
        {"TELESCOP": "JWST", "REFTYPE": "GAIN", "INSTRUME": "NIRCAM", "DETECTOR": "NRCA1", "GAINFACT": 2.0}
    )
    fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(np.ones((16, 24), "f4"), name="SCI")]).writeto(place)
    scaled = GainScaleStep.call(_rate(uncal))
    assert scaled.meta.cal_step.gain_scale == "COMPLETE" and (scaled.data == 2).all()
    assert scaled.meta.ref_file.crds.context_used == "jwst_0541.pmap"
    assert scaled.meta.ref_file.gain.name == f"crds://{place.name}"


def _rate(uncal):
    import numpy as np

    ramp = datamodels.open(uncal)
    image = datamodels.ImageModel(np.ones(ramp.shape[-2:], "f4"))
    image.update(ramp)
    image.var_poisson = image.var_rnoise = np.ones(image.shape, "f4")
    return image


@pytest.mark.parametrize("content", ["import os\n", "header = open('x')\nselector = {}\n", "selector = {\n"])
def test_a_mapping_with_code_or_faults_is_refused(tmp_path, content):
    folder = tmp_path / "mappings" / "jwst"
    folder.mkdir(parents=True)
    (folder / "jwst_0001.pmap").write_text(content)
    with pytest.raises(ReferenceError_, match=r"jwst_0001\.pmap"):
        open_context("jwst_0001.pmap", observatory="jwst", root=str(tmp_path)).types("NIRCAM")


def test_a_name_that_leads_out_of_the_cache_is_refused(mappings):
    with pytest.raises(ReferenceError_):
        open_context("../jwst_0541.pmap", observatory="jwst").instruments()
