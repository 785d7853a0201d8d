"""Aperture correction: rows of the tables, and interpolation between wavelengths, sizes and phases."""

import logging

import numpy as np
import pytest
from slits import make_slits

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.steps.spectrum.aperture_correction import apply_correction, find_correction

LOG = logging.getLogger("hexcal.tests.apcorr")
WAVES = np.linspace(1, 5, 9)


def lrs_table(transposed=False):
    sizes = np.array([3, 5, 9], "i4")
    factors = 1 + 0.1 * sizes[None, :] + 0.01 * WAVES[:, None]
    factors = factors.T if transposed else factors
    row = ("FULL", np.r_[WAVES, 0], len(WAVES), sizes, 3, np.pad(factors, ((0, 1), (0, 0))))
    kinds = [("subarray", "S15"), ("wavelength", "f4", (10,)), ("nelem_wl", "i2"), ("size", "i2", (3,))]
    table = np.array([row], [*kinds, ("nelem_size", "i2"), ("apcorr", "f4", (10, 3))])
    return datamodels.MirLrsApcorrModel(apcorr_table=table)


def nirspec_table():
    sizes = np.tile([0.2, 0.6, 1.2], (2, 1))
    phases = np.array([0.0, 0.5])
    factors = 1 + 0.1 * sizes[:, :, None] + 0.2 * phases[:, None, None] + 0.01 * WAVES
    kinds = [("filter", "S12"), ("grating", "S15"), ("slit", "S15"), ("wavelength", "f4", (9,)), ("nelem_wl", "i2")]
    kinds += [("size", "f4", (2, 3)), ("nelem_size", "i2"), ("pixphase", "f4", (2,)), ("apcorr", "f4", (2, 3, 9))]
    rows = [
        ("CLEAR", "PRISM", name, WAVES, 9, sizes, 3, phases, factors * k) for name, k in (("S400A1", 1), ("S200A1", 2))
    ]
    return datamodels.NrsFsApcorrModel(apcorr_table=np.array(rows, kinds))


def lrs_exposure(subarray="FULL"):
    model = datamodels.ImageModel(np.zeros((4, 4), np.float32))
    model.meta.telescope, model.meta.instrument.name = "JWST", "MIRI"
    model.meta.exposure.type, model.meta.subarray.name = "MIR_LRS-FIXEDSLIT", subarray
    return model


@pytest.mark.req("X1D-56")
def test_sizes_and_wavelengths_of_lrs_are_interpolated_in_the_filled_part_of_the_table():
    correction = find_correction(lrs_table(), lrs_exposure(), None, LOG)
    factor = correction.at(np.array([1.25, 3.0]), 7.0)
    assert np.allclose(factor, [1 + 0.7 + 0.0125, 1 + 0.7 + 0.03])
    assert np.allclose(correction.at(np.array([9.0]), 20.0), 1 + 0.9 + 0.05)
    assert np.allclose(correction.at(np.array([2.0, 2.0]), np.array([3.0, 5.0])), [1.32, 1.52])


@pytest.mark.req("X1D-58")
def test_the_row_of_a_slit_of_nirspec_has_sizes_in_arcsec_and_phases():
    correction = find_correction(nirspec_table(), make_slits(), "S400A1", LOG)
    assert correction.in_arcsec
    assert np.allclose(correction.at(np.array([2.0]), 0.4, 0.25), 1 + 0.04 + 0.05 + 0.02, rtol=1e-6)
    assert np.allclose(find_correction(nirspec_table(), make_slits(), "S200A1", LOG).at(np.array([2.0]), 0.4), 2 * 1.06)


@pytest.mark.req("X1D-59")
def test_without_a_row_there_is_a_warning_and_no_correction(caplog):
    assert find_correction(lrs_table(), lrs_exposure("SUB64"), None, LOG) is None
    assert "no row for subarray SUB64" in caplog.text


def test_a_file_without_a_table_is_an_error():
    with pytest.raises(ReferenceError_, match="table of aperture corrections"):
        find_correction(datamodels.ImageModel(np.zeros((3, 3), np.float32)), lrs_exposure(), None, LOG)


@pytest.mark.req("X1D-37")
def test_fluxes_errors_and_variances_are_multiplied_the_background_is_not():
    names = ("FLUX", "FLUX_ERROR", "SURF_BRIGHT", "SB_ERROR", "FLUX_VAR_FLAT", "SB_VAR_RNOISE", "BACKGROUND", "NPIXELS")
    columns = {name: np.ones(3) for name in names}
    apply_correction(columns, np.array([1.0, 2.0, 3.0]))
    assert list(columns["FLUX"]) == list(columns["SB_ERROR"]) == [1, 2, 3]
    assert list(columns["FLUX_VAR_FLAT"]) == list(columns["SB_VAR_RNOISE"]) == [1, 4, 9]
    assert (columns["BACKGROUND"] == 1).all() and (columns["NPIXELS"] == 1).all()


@pytest.mark.req("X1D-57")
@pytest.mark.parametrize(("kind", "cls"), [("NRC_WFSS", "NrcWfssApcorrModel"), ("NIS_WFSS", "NisWfssApcorrModel")])
def test_the_row_of_spectra_without_slits_is_that_of_filter_and_pupil(kind, cls):
    sizes = np.array([3, 5, 0], "i4")
    kinds = [("filter", "S12"), ("pupil", "S15"), ("wavelength", "f4", (10,)), ("nelem_wl", "i2"), ("size", "i4", (3,))]
    kinds += [("nelem_size", "i2"), ("apcorr", "f4", (10, 3)), ("apcorr_err", "f4", (10, 3))]
    factors = np.pad(1 + 0.1 * sizes[:2] + 0.01 * WAVES[:, None], ((0, 1), (0, 1)))
    rows = [
        (name, pupil, np.r_[WAVES, 0], len(WAVES), sizes, 2, factors * factor, 0 * factors)
        for name, pupil, factor in (("F322W2", "GRISMR", 3), ("F444W", "GRISMC", 2), ("F444W", "GRISMR", 1))
    ]
    model = datamodels.ImageModel(np.zeros((4, 4), np.float32))
    model.meta.telescope, model.meta.instrument.name = "JWST", "NIRCAM" if kind == "NRC_WFSS" else "NIRISS"
    model.meta.exposure.type = kind
    model.meta.instrument.filter, model.meta.instrument.pupil = "F444W", "GRISMR"
    table = getattr(datamodels, cls)(apcorr_table=np.array(rows, kinds))
    correction = find_correction(table, model, None, LOG)
    assert not correction.in_arcsec
    assert np.allclose(correction.at(np.array([2.0]), 4.0), 1 + 0.4 + 0.02)
