"""References are delivered in the documented layouts, open in the models, and belong to the exposure."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal.errors import InputError
from hexcal.models import reference as models
from hexcal.models.dqflags import pixel
from hexcal.models.open import open as open_model
from hexcal.simulate.conditions import Conditions
from hexcal.simulate.exposure import simulate
from hexcal.simulate.mode import exposure_mode
from hexcal.simulate.reference_files import REFERENCE_TYPES, save_references
from hexcal.simulate.truth import read_truth

REQUIRED = """
    REFTYPE DESCRIP AUTHOR USEAFTER PEDIGREE HISTORY TELESCOP INSTRUME SUBARRAY SUBSTRT1 SUBSTRT2 SUBSIZE1 SUBSIZE2
    FASTAXIS SLOWAXIS
""".split()


@pytest.fixture(scope="module", params=["NIRCAM", "MIRI"])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    mode = exposure_mode(
        request.param, subarray_name={"NIRCAM": "SUB160", "MIRI": "SUB64"}[request.param], n_groups=5, n_ints=2
    )
    simulation = simulate(mode, seed=1)
    return simulation, simulation.save(folder), folder / "references"


@pytest.mark.req("REF-03", "REF-04", "REF-05", "DARK-01")
def test_every_reference_has_the_required_keywords(saved):
    simulation, _, folder = saved
    kind = "MIRI" if simulation.mode.instrument == "MIRI" else "NIR"
    assert {path.stem for path in folder.iterdir()} == set(REFERENCE_TYPES[kind])
    for path in folder.iterdir():
        with fits.open(path) as file:
            header = file[0].header
            assert file[0].data is None
            assert [name for name in REQUIRED if name not in header] == []
            assert header["REFTYPE"] == path.stem.upper()
            assert header["PEDIGREE"] == "SIMULATION"
            entries = [str(line).partition(":")[0] for line in header["HISTORY"]]
            assert entries == ["DOCUMENT", "SOFTWARE", "DATA USED", "DIFFERENCES"]
            assert (header["FASTAXIS"], header["SLOWAXIS"]) == ((1, 2) if kind == "MIRI" else (-1, 2))
            if path.stem == "dark":
                assert not file["SCI"].data[..., 0, :, :].any(), (
                    "the first group of a dark is subtracted from all its groups"
                )
            assert header["DATAMODL"] == models.BY_TYPE[path.stem].__name__ or kind == "MIRI"


def test_layouts(saved):
    simulation, _, folder = saved
    ny, nx = simulation.mode.image_shape
    miri = simulation.mode.instrument == "MIRI"
    with fits.open(folder / "dark.fits") as file:
        assert file["SCI"].shape == ((2, 5, ny, nx) if miri else (5, ny, nx))
        assert file["ERR"].shape == file["SCI"].shape
        assert file["DQ"].shape == ((2, 1, ny, nx) if miri else (ny, nx))
        assert file["SCI"].data.dtype.name == "float32"
        assert not file["SCI"].data[..., 0, :, :].any()
        assert file[0].header["NFRAMES"] == 1
    with fits.open(folder / "linearity.fits") as file:
        assert file["COEFFS"].shape == (4, ny, nx)
    with fits.open(folder / "mask.fits") as file:
        assert file["DQ"].data.dtype.name == "uint32"
        assert file["DQ_DEF"].columns.names == ["BIT", "VALUE", "NAME", "DESCRIPTION"]
    if miri:
        with fits.open(folder / "rscd.fits") as file:
            assert file["RSCD_GROUP_SKIP"].data["subarray"][0] == "SUB64"
        with fits.open(folder / "reset.fits") as file:
            assert file["SCI"].shape == (2, 5, ny, nx)
            assert (file[0].header["NINTS"], file[0].header["NGROUPS"]) == (2, 5)


def test_the_models_read_what_was_simulated(saved):
    simulation, written, folder = saved
    pixels = simulation.detector
    exposure = open_model(written["exposure"])
    found = {path.stem: open_model(path) for path in folder.iterdir()}
    for reference_type, model in found.items():
        if reference_type != "rscd":
            assert model.cutout(exposure).shape[-2:] == simulation.mode.image_shape
    assert np.array_equal(found["mask"].dq, pixels.dq)
    assert np.allclose(found["readnoise"].data, np.sqrt(2) * pixels.read_noise)
    assert np.array_equal(found["gain"].data, pixels.gain)
    assert np.array_equal(found["linearity"].coeffs, pixels.coefficients)


def test_whole_detector_references_are_cut_out(tmp_path):
    mode = exposure_mode(subarray_name="SUB160", n_groups=2)
    simulation = simulate(mode, None, Conditions(whole_detector=True), seed=1)
    references = simulation.references()
    assert references["gain"].shape == (2048, 2048)
    assert references["gain"].meta.subarray.name == "GENERIC"
    assert references["dark"].shape == (2, 160, 160)
    assert references["superbias"].meta.subarray.name == "SUB160"
    save_references({"mask": references["mask"]}, tmp_path)
    part = open_model(tmp_path / "mask.fits").cutout(simulation.exposure)
    assert np.array_equal(part.dq, simulation.truth.dq)
    assert ((part.dq & pixel.REFERENCE_PIXEL) != 0).sum() == 160**2 - 156**2


def test_the_truth_survives_its_file(saved):
    simulation, written, _ = saved
    truth = read_truth(written["truth"])
    assert np.array_equal(truth.rate, simulation.truth.rate)
    assert np.array_equal(truth.dq, simulation.truth.dq)
    assert np.array_equal(truth.cosmic_rays, simulation.truth.cosmic_rays)
    assert np.array_equal(truth.stars, simulation.truth.stars)
    assert truth.shape == simulation.mode.shape
    assert truth.seed == 1
    assert truth.cosmic_ray_mask().shape == simulation.mode.shape


def test_the_raw_file_is_that_of_an_exposure(saved):
    simulation, written, _ = saved
    mode = simulation.mode
    with fits.open(written["exposure"]) as file:
        assert file["SCI"].data.dtype.name == "uint16"
        assert np.array_equal(file["SCI"].data, simulation.exposure.data)
        assert ("REFOUT" in file) == (mode.instrument == "MIRI")
        assert len(file["INT_TIMES"].data) == 2
        header = file[0].header
    assert (header["NINTS"], header["NGROUPS"], header["NFRAMES"], header["GROUPGAP"]) == (2, 5, 1, 0)
    assert (header["SUBSTRT1"], header["SUBSTRT2"], header["SUBSIZE1"], header["SUBSIZE2"]) == (
        mode.xstart,
        mode.ystart,
        mode.xsize,
        mode.ysize,
    )
    assert header["TGROUP"] == pytest.approx(mode.group_time)
    assert open_model(written["exposure"]).model_type == "Level1bModel"


def test_files_are_not_replaced_unless_asked_for(saved):
    simulation, written, folder = saved
    with pytest.raises(InputError, match="--overwrite"):
        simulation.save(folder.parent)
    assert simulation.save(folder.parent, overwrite=True) == written
