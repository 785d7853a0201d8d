"""calwebb_spec2 on simulated exposures: products and their kinds, spectra of a known star, what stops it."""

import json

import numpy as np
import pytest
from astropy.io import fits
from spectra import made, ratio

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import HexcalError
from hexcal.pipeline import Spec2Pipeline

LIMITS = {"miri-lrs": (6.0, 11.0), "nirspec-fs": (1.0, 4.5)}


@pytest.fixture(scope="module", params=list(LIMITS))
def calibrated(request, tmp_path_factory):
    """The first exposure of a mode, calibrated with its background; with its truth."""
    folder = tmp_path_factory.mktemp(request.param)
    exposures = made(folder, request.param)
    out = folder / "out"
    options = {"references": str(exposures.references), "output_dir": str(out), "save_results": True}
    result = Spec2Pipeline.call(str(exposures.associations[0]), save_bsub=True, **options)
    return request.param, exposures, out, result


@pytest.fixture(scope="module")
def lrs(tmp_path_factory):
    """Exposures of the low-resolution spectrometer of MIRI, as they are."""
    return made(tmp_path_factory.mktemp("lrs"), "miri-lrs")


def product(out, suffix):
    (path,) = out.glob(f"*_{suffix}.fits")
    return datamodels.open(path)


@pytest.mark.req("S2C-01", "SP2-11", "SP2-16", "SP2-18", "SP2-19", "SP2-21")
def test_products(calibrated):
    mode, _, out, result = calibrated
    suffixes = {path.stem.rpartition("_")[2] for path in out.glob("*.fits")}
    assert suffixes == {"bsub", "cal", "s2d", "x1d"}
    kinds = {"miri-lrs": "SlitModel", "nirspec-fs": "MultiSlitModel"}
    assert result.model_type == product(out, "cal").model_type == product(out, "s2d").model_type == kinds[mode]
    assert product(out, "x1d").model_type == "MultiSpecModel"
    status = product(out, "cal").meta.cal_step
    assert (status.bkg_subtract, status.flat_field, status.photom) == ("COMPLETE",) * 3
    assert status.extract_1d is None, "the calibrated exposure is not extracted"
    header = fits.getheader(next(out.glob("*_x1d.fits")))
    assert (header["S_PXREPL"], header["S_EXTR1D"], header.get("S_FRINGE")) == ("SKIPPED", "COMPLETE", None)
    subtracted = product(out, "bsub")
    assert subtracted.meta.cal_step.bkg_subtract == "COMPLETE" and subtracted.meta.cal_step.photom is None


PLANES = {"SCI": "float32", "ERR": "float32", "DQ": "uint32"}
VARIANCES = dict.fromkeys(("VAR_POISSON", "VAR_RNOISE", "VAR_FLAT"), "float32")


def planes_of(path):
    """Types of the images of a product (of its first slit), and the number of axes that they have."""
    with fits.open(path) as hdus:
        images = [hdu for hdu in hdus if hdu.is_image and hdu.data is not None and hdu.ver == 1]
        return {hdu.name: hdu.data.dtype.name for hdu in images}, {hdu.data.ndim for hdu in images}, hdus[1].name


@pytest.mark.req("HDU-05", "HDU-07", "SFX-08", "SFX-09")
def test_extensions_of_calibrated_exposures(calibrated):
    _, exposures, out, _ = calibrated
    (bsub,), (cal,) = out.glob("*_bsub.fits"), out.glob("*_cal.fits")
    rate = planes_of(exposures.exposures[0])[0]
    types, axes, first = planes_of(bsub)
    assert (axes, first) == ({2}, "SCI")
    assert types in (rate, {**rate, "WAVELENGTH": "float32"}), "LRS has its wavelengths from assign_wcs on"
    types, axes, first = planes_of(cal)
    assert {**PLANES, **VARIANCES, "WAVELENGTH": "float32"}.items() <= types.items()
    assert (axes, first) == ({2}, "SCI")
    corrections = {f"{step}_{kind}" for step in ("PATHLOSS", "FLATFIELD", "PHOTOM") for kind in ("PS", "UN")}
    assert set(types) - {*PLANES, *VARIANCES, "WAVELENGTH"} <= corrections


@pytest.mark.req("HDU-09", "HDU-13", "SFX-13", "SFX-15")
def test_extensions_of_resampled_and_extracted_spectra(calibrated):
    _, _, out, _ = calibrated
    (s2d,), (x1d,) = out.glob("*_s2d.fits"), out.glob("*_x1d.fits")
    types, _, first = planes_of(s2d)
    assert {"SCI": "float32", "ERR": "float32", "CON": "int32", "WHT": "float32", **VARIANCES}.items() <= types.items()
    assert first == "SCI" and "DQ" not in types
    with fits.open(s2d) as resampled, fits.open(x1d) as extracted:
        assert resampled["CON"].data.ndim == 3
        tables = [hdu for hdu in extracted if hdu.name == "EXTRACT1D"]
        assert [hdu.ver for hdu in tables] == list(range(1, len(tables) + 1))
        assert len(tables) == sum(hdu.name == "SCI" for hdu in resampled)
        assert len(tables[0].data) == max(resampled["SCI"].shape)


@pytest.mark.req("SP2-07")
def test_spectrum_of_the_star(calibrated):
    mode, exposures, out, _ = calibrated
    star = exposures.series.sources()[0]
    found, pull = ratio(product(out, "x1d").spec[0].spec_table, star.light, LIMITS[mode])
    assert len(found) > 50
    assert abs(np.median(found) - 1) < 0.01
    assert 0.7 < 1.4826 * np.median(np.abs(pull - np.median(pull))) < 1.5


@pytest.mark.req("SP2-01")
def test_one_exposure_or_an_association_and_parameters_of_the_reference_system(lrs, tmp_path):
    """What a `pars-spec2pipeline` file says of this type of exposure is what the pipeline does."""
    assert Spec2Pipeline().get_config_reftype() == "pars-spec2pipeline"
    options = {"references": str(lrs.references), "output_dir": str(tmp_path)}
    pars = tmp_path / "pars.asdf"
    Spec2Pipeline(save_bsub=True, steps={"photom": {"skip": True}}).export_config(pars)
    alone = Spec2Pipeline.call(str(lrs.exposures[0]), **options)
    together = Spec2Pipeline.call(str(lrs.associations[0]), config_file=str(pars), **options)
    assert (alone.meta.cal_step.bkg_subtract, alone.meta.cal_step.photom) == (None, "COMPLETE")
    assert (together.meta.cal_step.bkg_subtract, together.meta.cal_step.photom) == ("COMPLETE", "SKIPPED")
    assert list(tmp_path.glob("*_bsub.fits"))


@pytest.mark.req("SP2-20")
@pytest.mark.parametrize("mode", ["nirspec-ifu", "miri-mrs"])
def test_integral_fields_give_a_cube_for_a_quick_look(mode, tmp_path):
    exposures = made(tmp_path, mode)
    options = {"references": str(exposures.references), "output_dir": str(tmp_path / "out"), "save_results": True}
    Spec2Pipeline.call(str(exposures.exposures[0]), **options)
    assert product(tmp_path / "out", "s3d").model_type == "IFUCubeModel"


def test_nothing_is_written_that_nobody_asked_for(lrs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Spec2Pipeline.call(str(lrs.exposures[0]), references=str(lrs.references))
    assert not list(tmp_path.iterdir())


@pytest.mark.req("SP2-07")
def test_without_resample_spec_the_exposure_itself_is_extracted(lrs, tmp_path):
    mode, exposures = "miri-lrs", lrs
    Spec2Pipeline.call(
        str(exposures.associations[0]),
        references=str(exposures.references),
        output_dir=str(tmp_path),
        steps={"resample_spec": {"skip": True}},
    )
    assert {path.stem.rpartition("_")[2] for path in tmp_path.glob("*.fits")} == {"cal", "x1d"}
    star = exposures.series.sources()[0]
    found, _ = ratio(product(tmp_path, "x1d").spec[0].spec_table, star.light, LIMITS[mode])
    assert abs(np.median(found) - 1) < 0.03


@pytest.mark.req("SP2-13", "SP2-14")
@pytest.mark.parametrize("goes_on", [False, True])
def test_products_one_after_the_other(lrs, tmp_path, goes_on):
    first = json.loads(lrs.associations[0].read_text())
    for path in lrs.exposures:
        (tmp_path / path.name).symlink_to(path)
    model = datamodels.open(lrs.exposures[0])
    model.meta.exposure.type = "NIS_SOSS"
    model.save(tmp_path / "bad_rate.fits")
    broken = {"name": "broken", "members": [{"expname": "bad_rate.fits", "exptype": "science"}]}
    asn = tmp_path / "asn.json"
    asn.write_text(json.dumps({**first, "products": [broken, {**first["products"][0], "name": "good"}]}))
    options = {"references": str(lrs.references), "output_dir": str(tmp_path / "out")}
    if not goes_on:
        with pytest.raises(HexcalError, match="without slits"):
            Spec2Pipeline.call(str(asn), fail_on_exception=True, **options)
        assert not (tmp_path / "out" / "good_cal.fits").exists()
        return
    Spec2Pipeline.call(str(asn), fail_on_exception=False, **options)
    assert (tmp_path / "out" / "good_cal.fits").exists()
    assert not (tmp_path / "out" / "broken_cal.fits").exists()


def test_the_noise_of_a_background_is_in_the_errors_of_the_product(lrs, tmp_path):
    errors = []
    for wanted in (False, True):
        steps = {name: {"skip": True} for name in ("resample_spec", "extract_1d")}
        steps["bkg_subtract"] = {"add_errors": wanted}
        result = Spec2Pipeline.call(str(lrs.associations[0]), references=str(lrs.references), steps=steps)
        errors.append(result.err[np.isfinite(result.wavelength) & (result.dq == 0)])
    ratios = errors[1] / errors[0]
    assert np.median(ratios) == pytest.approx(np.sqrt(2), rel=0.01), "one background, mostly as noisy as the target"


BROKEN = {
    "cut.json": ('{"apertures": [', "not readable as JSON"),
    "wrong.json": ('{"apertures": [{"id": "MIR_LRS-FIXEDSLIT", "xstart": "abc"}]}', "xstart must be a number"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_calibrated_is_delivered_where_spectra_cannot_be_made(lrs, tmp_path, capsys, name):
    text, reason = BROKEN[name]
    (tmp_path / name).write_text(text)
    words = ["run", "calwebb_spec2", str(lrs.exposures[0]), f"--references={lrs.references}"]
    words += [f"--output_dir={tmp_path / 'out'}", f"--steps.extract_1d.override_extract1d={tmp_path / name}"]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert reason in said and name in said
    assert {path.stem.rpartition("_")[2] for path in (tmp_path / "out").glob("*.fits")} == {"cal", "s2d"}
    status = product(tmp_path / "out", "cal").meta.cal_step
    assert (status.photom, status.extract_1d) == ("COMPLETE", None)


@pytest.mark.req("SP2-24")
def test_process_exposure_product(lrs, monkeypatch):
    monkeypatch.chdir(lrs.associations[0].parent)
    entry = json.loads(lrs.associations[0].read_text())["products"][0]
    pipeline = Spec2Pipeline(references=str(lrs.references))
    result = pipeline.process_exposure_product(entry, "the_pool.csv", "the_asn.json")
    assert (result.meta.asn.pool_name, result.meta.asn.table_name) == ("the_pool.csv", "the_asn.json")


@pytest.mark.req("AWCS-38", "CLI-03")
def test_no_slit_on_the_detector_ends_with_status_64(tmp_path, capsys):
    exposures = made(tmp_path / "fs", "nirspec-fs")
    model = datamodels.open(exposures.exposures[0])
    # Rows at the other end of the detector, where none of the fixed slits is seen.
    model.meta.subarray.ystart = 1
    model.meta.filename = "beside_rate.fits"
    path = model.save(tmp_path / "beside_rate.fits")
    words = ["run", "calwebb_spec2", str(path), f"--references={exposures.references}", f"--output_dir={tmp_path}"]
    assert main(words) == 64
    assert "detector" in capsys.readouterr().err
