"""assign_wcs of NIRSpec: slits by the laws of optics, boxes, open shutters, kinds of exposures, bad input."""

import logging

import asdf
import nirspec_spectra as nirspec
import numpy as np
import pytest
from spectra import made

from hexcal import datamodels
from hexcal.errors import DataUnusable, InputError, ParameterError, ReferenceError_
from hexcal.models.stored_wcs import opened, wcs_of
from hexcal.step import AssignWcsStep
from hexcal.steps.wcs import frames, nirspec_slits
from hexcal.steps.wcs.evaluate import evaluate_points, transform_points
from hexcal.steps.wcs.nirspec_open_slits import msa_slitlets
from hexcal.steps.wcs.spectral import ifu_slices
from hexcal.steps.wcs.spectral_parts import slices_of

LOG = logging.getLogger("test")
NAMES = ["detector", "sca", "gwa", "slit_frame", "msa_frame", "oteip", "v2v3", "v2v3vacorr", "world"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return nirspec.write_references(tmp_path_factory.mktemp("nirspec"))


@pytest.fixture(scope="module")
def assign(folder):
    def run(model, **parameters):
        return AssignWcsStep.call(model, **nirspec.overrides(folder), **parameters)

    return run


@pytest.fixture(scope="module")
def fixed_slits(assign):
    return assign(nirspec.exposure())


def _pixels(box):
    return np.meshgrid(*(np.arange(np.ceil(low), np.floor(high) + 1) for low, high in box))


@pytest.mark.req("AWCS-06", "AWCS-07")
def test_slits_see_what_the_laws_of_optics_say(fixed_slits):
    wcs = fixed_slits.meta.wcs
    assert list(wcs.available_frames) == NAMES and nirspec_slits.slit_numbers(wcs) == [-101, -102, -103, -104]
    pointing = frames.pointing_of(fixed_slits)
    for number, centre in zip(range(-101, -105, -1), nirspec.SLITS, strict=False):
        slit = opened(nirspec_slits.slit_wcs(wcs, number))
        x, y = _pixels(nirspec_slits.box_of_slit(wcs, number))
        slit_y, wavelength = nirspec.truth(centre, nirspec.SLIT_SIZE, x, y)
        inside = np.abs(slit_y) <= 0.55
        ra, dec, found = transform_points(slit, "detector", "world", x, y)
        assert np.array_equal(np.isfinite(found), inside) and inside.sum() > 1000
        assert np.abs(found - wavelength)[inside].max() < 1e-9
        v = (
            np.array([np.full_like(slit_y, centre[0]), centre[1] + slit_y * nirspec.SLIT_SIZE[1]])
            * nirspec.TO_SKY
            * 3600
        )
        scale = fixed_slits.get_meta("meta.velocity_aberration.scale_factor") or 1.0
        v = [pin + scale * (axis - pin) for axis, pin in zip(v, (pointing.v2, pointing.v3), strict=True)]
        sky = evaluate_points(frames.v2v3_to_sky(pointing), *v)
        assert np.abs(np.array([ra, dec]) - sky)[:, inside].max() < 1e-9
    info = fixed_slits.meta.wcsinfo
    assert (info.spectral_order, info.dispersion_direction) == (-1, 1)
    assert (info.waverange_start, info.waverange_end) == nirspec.RANGE


def test_the_way_back(fixed_slits):
    wcs = opened(nirspec_slits.slit_wcs(fixed_slits.meta.wcs, -102))
    x, y = _pixels(nirspec_slits.box_of_slit(fixed_slits.meta.wcs, -102))
    slit_x, slit_y, metres = transform_points(wcs, "detector", "slit_frame", x, y)
    sees = np.isfinite(slit_y)
    back = transform_points(wcs, "slit_frame", "detector", slit_x[sees], slit_y[sees], metres[sees])
    assert np.abs(back[0] - x[sees]).max() < 1e-3 and np.abs(back[1] - y[sees]).max() < 1e-3
    sky = transform_points(wcs, "detector", "world", x[sees], y[sees])
    back = transform_points(wcs, "world", "slit_frame", *sky)
    assert np.abs(np.array(back[:2]) - (slit_x[sees], slit_y[sees])).max() < 1e-6


def test_boxes_hold_the_slit_with_a_margin(fixed_slits):
    wcs = fixed_slits.meta.wcs
    for number, centre in zip(range(-101, -105, -1), nirspec.SLITS, strict=False):
        (x_min, x_max), (y_min, y_max) = nirspec_slits.box_of_slit(wcs, number)
        x, y = np.meshgrid(np.arange(2048.0), np.arange(96.0))
        slit_y, wavelength = nirspec.truth(centre, nirspec.SLIT_SIZE, x, y)
        low, high = (edge * 1e6 for edge in nirspec.RANGE)
        seen = (np.abs(slit_y) <= 0.55) & (wavelength >= low) & (wavelength <= high)
        assert x_min + 9 <= x[seen].min() <= x_min + 14 and x_max - 12 <= x[seen].max() <= x_max - 8
        assert y_min + 1.5 <= y[seen].min() <= y_min + 5.5 and y_max - 3.5 <= y[seen].max() <= y_max - 0.5


@pytest.mark.req("AWCS-22")
def test_edges_of_slits_are_parameters(assign):
    wide = assign(nirspec.exposure(), slit_y_low=-0.8, slit_y_high=0.6).meta.wcs
    slit = opened(nirspec_slits.slit_wcs(wide, -101))
    x, y = _pixels(nirspec_slits.box_of_slit(wide, -101))
    slit_y = transform_points(slit, "detector", "slit_frame", x, y)[1]
    row = nirspec.PIXEL * nirspec.COLLIMATOR / nirspec.CAMERA / nirspec.SLIT_SIZE[1]
    assert -0.8 <= np.nanmin(slit_y) < -0.8 + row and 0.6 - row < np.nanmax(slit_y) <= 0.6


def test_a_stored_wcs_is_the_same_and_small(assign, tmp_path):
    rows = [nirspec.shutter(number, 1 + number % 8, row=1 + 3 * number, source=number, primary=True, point=(0.5, 0.5))
            for number in range(1, 101)]  # fmt: skip
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(number) for number in range(1, 101)])
    model = assign(nirspec.mos_exposure(path))
    n_slits = len(nirspec_slits.slit_numbers(model.meta.wcs))
    assert n_slits > 40
    model.save(tmp_path / "many.fits")
    model.meta.wcs = None
    bare = model.save(tmp_path / "bare.fits") and (tmp_path / "bare.fits").stat().st_size
    assert ((tmp_path / "many.fits").stat().st_size - bare) / n_slits < 30_000
    stored = datamodels.open(tmp_path / "many.fits").meta.wcs
    number = nirspec_slits.slit_numbers(stored)[7]
    box = nirspec_slits.box_of_slit(stored, number)
    found = opened(nirspec_slits.slit_wcs(stored, number))(*(0.5 * (low + high) for low, high in box))
    assert np.isfinite(found).all()


# ---- open shutters: states, edges and sources as the original has them for the same tables


@pytest.mark.parametrize(
    ("columns", "main", "state", "edges", "shutter_id"),
    [
        ([3], 3, "x", (-1.05, 1.05), 180 + 2 * 365),
        ([3, 4], 3, "x1", (-1.05, 2.2), 180 + 2 * 365),
        ([3, 4], 4, "1x", (-2.2, 1.05), 180 + 3 * 365),
        ([5, 2, 4, 3], 4, "11x1", (-3.35, 2.2), 180 + 3 * 365),
        ([2, 4, 5], 4, "10x1", (-3.35, 2.2), 180 + 3 * 365),
    ],
)
@pytest.mark.req("AWCS-37")
def test_slitlets_of_any_length(tmp_path, columns, main, state, edges, shutter_id):
    rows = [
        nirspec.shutter(7, column, source=5 if column == main else 0, primary=column == main, point=(0.4, 0.6))
        for column in columns
    ]
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(5, 0.25)])
    (slit,) = msa_slitlets(nirspec.mos_exposure(path), (-0.55, 0.55), LOG)
    assert (slit.shutter_state, slit.shutter_id, slit.xcen, slit.ycen, slit.quadrant) == (
        state,
        shutter_id,
        180,
        main,
        3,
    )
    assert (slit.ymin, slit.ymax) == pytest.approx(edges)
    assert (slit.source_id, slit.source_name, slit.source_alias, slit.stellarity) == (5, "1234_5", "alias5", 0.25)
    assert (slit.source_xpos, slit.source_ypos) == pytest.approx((-0.1, 0.1), abs=1e-7)
    assert (slit.source_ra, slit.source_dec) == (58.0, -27.0)


@pytest.mark.parametrize(("columns", "main", "state"), [([2], 2, "x"), ([2, 3], 2, "x1"), ([2, 3, 4], 3, "1x1"),
                                                        ([2, 3, 4, 5], 3, "1x11")])  # fmt: skip
def test_slitlets_without_a_source_see_background(tmp_path, columns, main, state):
    rows = [nirspec.shutter(7, column) for column in columns]
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(1)])
    (slit,) = msa_slitlets(nirspec.mos_exposure(path), (-0.55, 0.55), LOG)
    assert (slit.ycen, slit.shutter_state, slit.source_id, slit.source_name) == (main, state, 7, "1234_BKG7")
    assert (slit.stellarity, slit.source_xpos) == (0.0, 0.0)


def test_sources_that_are_not_listed_and_fixed_slits_of_a_configuration(tmp_path, caplog):
    rows = [
        nirspec.shutter(1, 3, source=9, primary=True, point=(np.nan, np.nan)),
        nirspec.shutter(2, 0, source=2, primary=True, point=(0.45, 0.55), quadrant=0, fixed="S200A1"),
        nirspec.shutter(3, 0, quadrant=0, fixed="S400A1"),
    ]
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(2)])
    with caplog.at_level(logging.INFO):
        virtual, fixed = msa_slitlets(nirspec.mos_exposure(path), (-0.55, 0.55), LOG)
    assert (virtual.source_name, virtual.source_xpos, virtual.source_ypos) == ("1234_VRT9", 0.0, 0.0)
    assert (fixed.name, fixed.slit_id, fixed.source_id, fixed.quadrant, fixed.ymin) == ("S200A1", -101, 2, 5, -0.55)
    assert "S400A1 is open, but holds no primary source" in caplog.text


def test_only_slitlets_of_the_configuration_and_the_dither_point(tmp_path):
    rows = [
        nirspec.shutter(1, 3, source=1, primary=True),
        nirspec.shutter(2, 4, source=1, primary=True, dither=2),
        nirspec.shutter(3, 5, source=1, primary=True, identity=8),
    ]
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", rows, [nirspec.source(1)])
    assert [slit.name for slit in msa_slitlets(nirspec.mos_exposure(path), (-0.55, 0.55), LOG)] == [1]


# ---- bad input


@pytest.mark.req("AWCS-38")
def test_no_slit_on_the_detector_ends_with_status_64(assign, tmp_path):
    path = nirspec.write_msa_file(tmp_path / "x_msa.fits", [], [])
    with pytest.raises(DataUnusable, match="no slit is open") as caught:
        assign(nirspec.mos_exposure(path))
    assert caught.value.exit_status == 64
    with pytest.raises(DataUnusable, match="falls on detector NRS1, of 5 that are open"):
        assign(nirspec.exposure(start=(1, 1)))


def test_the_msa_file_is_missing_or_contradicts_itself(assign, tmp_path):
    with pytest.raises(InputError, match="MSAMETFL"):
        assign(nirspec.exposure("NRS_MSASPEC"))
    with pytest.raises(InputError, match="is not there"):
        assign(nirspec.mos_exposure(tmp_path / "nothing_msa.fits"))
    nirspec.exposure().save(tmp_path / "image_msa.fits")
    with pytest.raises(InputError, match="not an MSA metadata file"):
        assign(nirspec.mos_exposure(tmp_path / "image_msa.fits"))
    other = [nirspec.shutter(1, 3, source=1, primary=True, dither=5)]
    of_another = nirspec.write_msa_file(tmp_path / "other_msa.fits", other, [nirspec.source(1)])
    with pytest.raises(InputError, match=r"no slitlet of MSAMETID 1, dither point 1; it has \(1, 5\)"):
        assign(nirspec.mos_exposure(of_another))
    rows = [nirspec.shutter(1, column, source=column, primary=True) for column in (3, 4)]
    twice = nirspec.write_msa_file(tmp_path / "twice_msa.fits", rows, [])
    with pytest.raises(InputError, match="2 shutters with a primary source"):
        assign(nirspec.mos_exposure(twice))
    model = nirspec.mos_exposure(twice)
    model.meta.dither.position_number = None
    with pytest.raises(InputError, match="PATT_NUM not in the header"):
        assign(model)


def test_keywords_of_the_grating_wheel(assign):
    model = nirspec.exposure()
    model.meta.instrument.gwa_xtilt = None
    with pytest.raises(InputError, match="GWA_XTIL not in the primary"):
        assign(model)
    model = nirspec.exposure()
    model.meta.instrument.grating = "G140M"
    with pytest.raises(ReferenceError_, match="wavelengths of grating G140M are needed"):
        assign(model)
    model = nirspec.exposure()
    model.meta.instrument.grating = None
    with pytest.raises(InputError, match="the header names none"):
        assign(model)


@pytest.mark.req("BKG-23")
def test_ranges_in_the_layout_of_the_documents(folder, tmp_path):
    with asdf.open(folder / "wavelengthrange.asdf") as file:
        tree = {"meta": dict(file.tree["meta"])}
    low, high = nirspec.RANGE
    tree["FLAT3_G395M"] = {"order": 2, "range": [low / 2, high / 2]}
    tree["CLEAR_G395M"] = {"order": nirspec.ORDER, "range": [low, high]}
    path = tmp_path / "wavelengthrange.asdf"
    asdf.AsdfFile(tree).write_to(path)
    model = AssignWcsStep.call(nirspec.exposure(), **nirspec.overrides(folder, override_wavelengthrange=str(path)))
    info = model.meta.wcsinfo
    assert (info.spectral_order, info.waverange_start, info.waverange_end) == (nirspec.ORDER, low, high)
    tree["CLEAR_G395M"].pop("range")
    tree.pop("FLAT3_G395M")
    asdf.AsdfFile(tree).write_to(path)
    with pytest.raises(ReferenceError_, match="is missing"):
        AssignWcsStep.call(nirspec.exposure(), **nirspec.overrides(folder, override_wavelengthrange=str(path)))


def test_the_tilt_of_the_wheel_moves_spectra(assign, fixed_slits):
    model = nirspec.exposure()
    model.meta.instrument.gwa_xtilt = 0.331
    moved, still = (
        opened(nirspec_slits.slit_wcs(m.meta.wcs, -101))(1000.0, 34.0) for m in (assign(model), fixed_slits)
    )
    # 0.001 x 7200 arcsec of the sensor, half of it as the angle of the disperser: it acts on both directions.
    change = np.radians(0.5 * 7.2 / 3600) * 2 * np.cos(np.radians(11.0)) / nirspec.GROOVES * 1e6
    assert abs(moved[2] - still[2]) == pytest.approx(change, rel=0.02)


def test_bright_objects_and_lamps(assign):
    bright = assign(nirspec.exposure("NRS_BRIGHTOBJ"))
    assert nirspec_slits.slit_numbers(bright.meta.wcs) == [-104]
    lamp = nirspec.exposure("NRS_LAMP")
    lamp.meta.instrument.lamp_mode, lamp.meta.instrument.lamp_state = "FIXEDSLIT", "FLAT3"
    lamp = assign(lamp)
    assert list(lamp.meta.wcs.available_frames) == NAMES[:5]
    _, _, wavelength = opened(nirspec_slits.slit_wcs(lamp.meta.wcs, -101))(1000.0, 34.0)
    assert wavelength == pytest.approx(nirspec.truth(nirspec.SLITS[0], nirspec.SLIT_SIZE, 1000.0, 34.0)[1], abs=1e-9)
    image = nirspec.exposure("NRS_LAMP")
    image.meta.instrument.lamp_mode = "IMAGE"
    assert assign(image).meta.cal_step.assign_wcs == "SKIPPED"


@pytest.mark.req("AWCS-40")
def test_the_slices_of_the_integral_field_unit_one_by_one(tmp_path):
    from hexcal.assign_wcs.nirspec import nrs_ifu_wcs

    exposures = made(tmp_path, "nirspec-ifu")
    given = {"references": str(exposures.references)}
    assigned = AssignWcsStep.call(str(exposures.exposures[0]), nrs_ifu_slice_wcs=True, **given)
    slices, parts = nrs_ifu_wcs(assigned), ifu_slices(assigned)
    assert len(slices) == 30 and {part.number for part in parts} <= set(range(30))
    for part in parts[::5]:
        row, column = (int(indices.mean()) for indices in np.nonzero(np.isfinite(part.ra)))
        found = slices[part.number](float(column + part.col0), float(row + part.row0))
        expected = [plane[row, column] for plane in (part.ra, part.dec, part.wavelength)]
        assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("one_by_one", [True, False])
def test_places_in_a_slice_are_the_same_without_those_on_the_sky(tmp_path, one_by_one):
    exposures = made(tmp_path, "nirspec-ifu")
    given = {"references": str(exposures.references), "nrs_ifu_slice_wcs": one_by_one}
    assigned = AssignWcsStep.call(str(exposures.exposures[0]), **given)
    parts = list(slices_of(wcs_of(assigned), assigned))
    for part in parts[::9]:
        rows, columns = np.nonzero(part.member)
        places = columns[::7] + float(part.col0), rows[::7] + float(part.row0)
        whole = part.evaluate(*places)
        assert whole.shape[0] == 5 and np.isfinite(whole).any()
        np.testing.assert_array_equal(part.evaluate(*places, on_sky=False), whole[2:])


@pytest.mark.req("AWCS-39", "AWCS-41", "AWCS-46")
def test_documented_functions(assign, folder, fixed_slits):
    from hexcal.assign_wcs.nirspec import get_open_slits, get_spectral_order_wrange, nrs_ifu_wcs, nrs_wcs_set_input

    by_name, by_number = (nrs_wcs_set_input(fixed_slits, name)(1000.0, 34.0) for name in ("S200A1", -101))
    assert by_name == by_number and np.isfinite(by_name).all()
    with pytest.raises(InputError, match="unknown slit"):
        nrs_wcs_set_input(fixed_slits, "S9")
    slits = get_open_slits(nirspec.exposure())
    assert [slit.name for slit in slits] == ["S200A1", "S200A2", "S400A1", "S1600A1", "S200B1"]
    assert [slit.source_id for slit in slits] == [1, 12, 13, 14, 15]
    order, wavelength_range = get_spectral_order_wrange(nirspec.exposure(), folder / "wavelengthrange.asdf")
    assert (order, tuple(wavelength_range)) == (-1, nirspec.RANGE)
    with pytest.raises(InputError, match="holds slices one by one"):
        nrs_ifu_wcs(nirspec.exposure())


@pytest.mark.parametrize("edges", [(0.55, -0.55), (1e6, 2e6), (-0.5, np.inf)])
def test_edges_that_are_none_of_a_slit_are_refused(edges):
    low, high = edges
    with pytest.raises(ParameterError, match="slit_y_low must be less than slit_y_high"):
        AssignWcsStep(slit_y_low=low, slit_y_high=high).require_parameters()
