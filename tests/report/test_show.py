"""`hexcal show`: what stands on the axes of the picture of each kind of product."""

import numpy as np
import pytest
from sky_projections import tangent_plane

from hexcal import datamodels
from hexcal.cli import main as cli
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.report.show.scales import norm_of, number_axis, round_steps, seen_columns
from hexcal.report.show.spectra import limits
from hexcal.report.show.view import Look
from hexcal.report.show.views import figure_of, picture, view_of

RNG = np.random.default_rng(5)
COLUMNS = [("WAVELENGTH", "f8"), ("FLUX", "f8"), ("FLUX_ERROR", "f8"), ("SURF_BRIGHT", "f8"), ("DQ", "u4")]


def axes_of(path, **look):
    """The axes of the picture of a file, colour bars left out."""
    figure = figure_of([view_of(path, Look(**look))])
    return [axes for part in figure.subfigs for axes in part.axes if axes.get_label() != "<colorbar>"]


def drawn(axes):
    """The image on some axes."""
    return np.ma.filled(axes.images[0].get_array().astype(float), np.nan)


def rate(path, shape=(30, 40), cls=datamodels.ImageModel):
    model = cls(RNG.normal(1, 0.1, shape).astype("f4"))
    model.dq = np.zeros(shape, "u4")
    model.dq[..., 3, 4] = pixel.DO_NOT_USE
    model.dq[..., 5, 6] = pixel.JUMP_DET
    meta = model.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", "NIRCAM", "NRCA1"
    meta.bunit_data = "DN/s"
    meta.subarray.xstart, meta.subarray.ystart, meta.subarray.xsize, meta.subarray.ysize = 101, 201, *shape[:-3:-1]
    model.save(path)
    return model


def test_an_image_in_pixels_of_the_detector_with_its_flags(tmp_path):
    path = tmp_path / "a_rate.fits"
    model = rate(path)
    (axes,) = axes_of(path, flags=("DO_NOT_USE",))
    np.testing.assert_array_equal(drawn(axes), model.data)
    assert axes.images[0].get_extent() == [100.5, 140.5, 200.5, 230.5]
    assert axes.get_xlabel() == "x (pixel of the detector)"
    marked = np.argwhere(axes.images[1].get_array()[..., 3] > 0)
    assert marked.tolist() == [[3, 4]]
    assert "DO_NOT_USE: 1 pixels" in axes.get_title()
    (axes,) = axes_of(path, flags=("all",))
    assert np.count_nonzero(axes.images[1].get_array()[..., 3]) == 2


def test_another_extension_and_scales(tmp_path):
    from matplotlib.colors import AsinhNorm, LogNorm, Normalize

    path = tmp_path / "a_rate.fits"
    model = rate(path)
    (axes,) = axes_of(path, extension="dq")
    np.testing.assert_array_equal(drawn(axes), model.dq)
    norms = [type(axes_of(path, scale=scale)[0].images[0].norm) for scale in (None, "log", "linear")]
    assert norms == [AsinhNorm, LogNorm, Normalize]


def test_integrations_and_ramps(tmp_path):
    path = tmp_path / "a_rateints.fits"
    model = rate(path, (3, 30, 40), datamodels.CubeModel)
    (axes,) = axes_of(path, integration=2)
    np.testing.assert_array_equal(drawn(axes), model.data[1])
    assert "integration 2 of 3" in axes.get_title()
    with pytest.raises(ParameterError, match="integrations 1 to 3, got 4"):
        view_of(path, Look(integration=4))
    ramp = datamodels.RampModel(RNG.normal(1, 0.1, (2, 4, 30, 40)).astype("f4"))
    ramp.save(tmp_path / "a_ramp.fits")
    (axes,) = axes_of(tmp_path / "a_ramp.fits")
    np.testing.assert_allclose(drawn(axes), ramp.data[0, 3] - ramp.data[0, 0], atol=1e-6)


def slits(path, rectified=False):
    """Two slits of different units, as extract_2d and photom leave them."""
    model = datamodels.MultiSlitModel()
    model.meta.telescope, model.meta.instrument.name = "JWST", "NIRSPEC"
    for number, (name, unit) in enumerate((("S200A1", "MJy"), ("S400A1", "MJy/sr"))):
        slit = datamodels.SlitModel(RNG.normal(1, 0.1, (8, 50)).astype("f4"))
        slit.wavelength = np.repeat(np.linspace(0.6, 5.3, 50, dtype="f4")[None], 8, axis=0)
        slit.wavelength[0] = np.nan
        slit.dq = np.zeros((8, 50), "u4")
        slit.dq[4, 7] = pixel.DO_NOT_USE
        slit.set_meta("name", name)
        slit.set_meta("xstart", 900 + 10 * number)
        slit.set_meta("ystart", 300 - 20 * number)
        slit.set_meta("source_id", 70 + number)
        slit.set_meta("source_type", "POINT")
        slit.meta.bunit_data = unit
        slit.meta.wcsinfo.dispersion_direction = 1
        model.slits.append(slit)
    if rectified:
        model.meta.cal_step.resample = "COMPLETE"
    model.save(path)
    return model


def test_slits_lie_where_they_are_on_the_detector_outlined_and_named(tmp_path):
    path = tmp_path / "a_cal.fits"
    model = slits(path)
    (axes,) = axes_of(path, flags=("DO_NOT_USE",))
    # One image for each unit.
    assert axes.images[0].get_extent() == [899.5, 959.5, 279.5, 307.5]
    first, second = (np.ma.filled(image.get_array(), np.nan) for image in axes.images[:2])
    np.testing.assert_array_equal(first[20:28, :50], model.slits[0].data)
    np.testing.assert_array_equal(second[:8, 10:60], model.slits[1].data)
    assert np.isnan(first[:20]).all() and np.isnan(second[8:]).all()
    assert [text.get_text() for text in axes.texts] == ["S200A1", "S400A1"]
    outline = axes.lines[0].get_xydata()
    # The row without wavelengths is no part of the slit.
    assert (outline.min(axis=0).tolist(), outline.max(axis=0).tolist()) == ([900, 300.5], [949, 307.5])
    assert np.argwhere(axes.images[2].get_array()[..., 3] > 0).tolist() == [[4, 17], [24, 7]]


@pytest.mark.parametrize("name", ["S400A1", "s400a1", "71", "2"])
def test_one_slit_by_its_name_source_or_number(tmp_path, name):
    path = tmp_path / "a_cal.fits"
    model = slits(path)
    (axes,) = axes_of(path, slit=name, extension="wavelength")
    np.testing.assert_array_equal(drawn(axes), model.slits[1].wavelength)
    assert axes.get_title().startswith("S400A1, WAVELENGTH, point")
    with pytest.raises(ParameterError, match="unknown slit 'S400A3'"):
        view_of(path, Look(slit="S400A3"))


def test_rectified_slits_have_wavelengths(tmp_path):
    path = tmp_path / "a_s2d.fits"
    slits(path, rectified=True)
    first, second = axes_of(path)
    assert first.get_title().startswith("S200A1") and second.get_title().startswith("S400A1")
    assert first.get_xlabel() == "wavelength (µm)"
    labels = [float(label.get_text()) for label in first.get_xticklabels()]
    place = np.interp(labels, np.linspace(0.6, 5.3, 50), np.arange(1, 51))
    np.testing.assert_allclose(first.get_xticks(), place, atol=1e-4)
    assert len(labels) > 4


def test_wavelengths_upwards_are_drawn_to_the_right(tmp_path):
    model = datamodels.SlitModel(RNG.normal(1, 0.1, (60, 9)).astype("f4"))
    model.data[:10] = np.nan
    model.wavelength = np.repeat(np.linspace(14, 5, 60, dtype="f4")[:, None], 9, axis=1)
    model.meta.telescope, model.meta.wcsinfo.dispersion_direction, model.meta.bunit_data = "JWST", 2, "MJy/sr"
    model.save(tmp_path / "lrs_s2d.fits")
    (axes,) = axes_of(tmp_path / "lrs_s2d.fits")
    np.testing.assert_array_equal(drawn(axes), model.data.T)
    # What has no values is left out.
    assert axes.get_xlim() == (10.5, 60.5)
    assert all(10.5 <= tick <= 60.5 for tick in axes.get_xticks())


def cube(path):
    model = datamodels.IFUCubeModel(np.ones((20, 11, 13), "f4"))
    model.data *= np.arange(1, 21, dtype="f4")[:, None, None]
    model.data[:, 5, 9] += 100
    model.weightmap = np.ones(model.data.shape, "f4")
    model.weightmap[:, 0] = 0
    info = model.meta.wcsinfo
    model.meta.telescope, model.meta.bunit_data = "JWST", "MJy/sr"
    info.crval1, info.crval2, info.crval3, info.crpix1, info.crpix2, info.crpix3 = 10.0, 0.0, 5.0, 7, 6, 1
    info.cdelt1 = info.cdelt2 = 0.1 / 3600
    info.cdelt3, info.pc1_1, info.pc1_2 = 0.01, -1.0, 0.0
    # Three elements to the west of the middle: right ascension falls to the right.
    model.meta.target.ra, model.meta.target.dec = 10.0 - 0.3 / 3600, 0.0
    model.save(path)
    return model


def test_a_cube_is_its_mean_and_the_spectrum_of_the_target(tmp_path):
    path = tmp_path / "a_s3d.fits"
    model = cube(path)
    image, line = axes_of(path)
    seen = drawn(image)
    assert np.isnan(seen[0]).all()
    np.testing.assert_allclose(seen[1:], model.data[:, 1:].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(image.images[0].get_extent(), [0.65, -0.65, -0.55, 0.55])
    assert (image.get_xlabel(), image.get_ylabel()) == ("offset in RA (arcsec)", "offset in Dec (arcsec)")
    circle = image.lines[0].get_xydata().mean(axis=0)
    np.testing.assert_allclose(circle, [-0.3, 0], atol=0.01)
    x, y = line.lines[0].get_xydata().T
    np.testing.assert_allclose(x, 5 + 0.01 * np.arange(20), rtol=1e-6)
    rows, columns = np.indices((11, 13))
    inside = np.hypot(columns - 9, rows - 5) <= 3
    np.testing.assert_allclose(y, model.data[:, inside].mean(axis=1), rtol=1e-6)
    assert line.get_ylabel() == "mean (MJy/sr)" and line.get_xlabel() == "wavelength (µm)"


def test_a_cube_of_several_bands_has_the_wavelengths_of_its_table(tmp_path):
    path, wavelengths = tmp_path / "a_s3d.fits", np.geomspace(5.0, 8.0, 20).astype("f4")
    model = cube(path)
    table = np.zeros(1, [("nelem", "i2"), ("wavelength", "f4", (20, 1))])
    table["nelem"], table["wavelength"][0, :, 0] = 20, wavelengths
    model.wavetable = table
    model.save(path)
    image, line = axes_of(path)
    np.testing.assert_allclose(line.lines[0].get_xdata(), wavelengths, rtol=1e-6)
    assert image.get_title() == "SCI: mean of 20 planes, 5 to 8 µm"


def spectra(path, count=2, cls=datamodels.MultiSpecModel):
    from astropy.io import fits

    model = cls()
    model.meta.telescope = "JWST"
    for number in range(count):
        table = np.zeros(30, COLUMNS)
        table["WAVELENGTH"], table["FLUX"] = np.linspace(1, 5, 30), 2.0 + number
        table["FLUX"][12], table["FLUX_ERROR"], table["DQ"][[12, 20]] = 999, 0.1, pixel.DO_NOT_USE
        table["FLUX"][20] = np.nan
        columns = fits.ColDefs(table)
        columns["FLUX"].unit = "Jy"
        spec = datamodels.SpecModel()
        spec.spec_table = fits.FITS_rec.from_columns(columns)
        spec.set_meta("name", f"S{number}")
        model.spec.append(spec)
    model.save(path)


def test_spectra_have_their_errors_and_the_points_that_are_flagged(tmp_path):
    path = tmp_path / "a_x1d.fits"
    spectra(path)
    first, second = axes_of(path)
    wavelength, flux = first.lines[0].get_xydata().T
    np.testing.assert_allclose(wavelength, np.linspace(1, 5, 30))
    assert np.isnan(flux[[12, 20]]).all() and np.nanmax(flux) == 2
    assert first.lines[1].get_xydata().tolist() == [[wavelength[12], 999]]
    assert first.lines[2].get_xdata().tolist() == [wavelength[20]]
    band = first.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.9, 2.1)
    # A flagged point does not set the limits.
    assert first.get_ylim()[1] < 3
    assert (first.get_xlabel(), first.get_ylabel()) == ("wavelength (µm)", "FLUX (Jy)")
    assert (first.get_title(), second.get_title()) == ("S0", "S1")
    (axes,) = axes_of(path, slit="S1", scale="log")
    assert axes.get_title() == "S1" and axes.get_yscale() == "log"
    # Without any positive value there is no logarithmic axis.
    (axes,) = axes_of(path, slit="S1", extension="surf_bright", scale="log")
    assert axes.get_ylabel() == "SURF_BRIGHT (MJy/sr)" and axes.get_yscale() == "linear"
    with pytest.raises(ParameterError, match=r"unknown column 'FLUXX'"):
        view_of(path, Look(extension="fluxx"))


def test_of_many_spectra_the_first_are_drawn_and_the_rest_is_told(tmp_path):
    spectra(tmp_path / "a_x1d.fits", count=15)
    view = view_of(tmp_path / "a_x1d.fits", Look())
    assert len(view.panels) == 12 and view.note == "3 more spectra: --slit NAME"


def test_a_time_series_is_white_light_and_spectra(tmp_path):
    n, bad = 5, 3
    kinds = [
        ("INT_NUM", "i4"), ("WAVELENGTH", "f8", (20,)), ("FLUX", "f8", (20,)), ("FLUX_ERROR", "f8", (20,)),
        ("DQ", "u4", (20,)), ("MJD-AVG", "f8"),
    ]  # fmt: skip
    table = np.zeros(n, kinds)
    table["INT_NUM"], table["WAVELENGTH"] = np.arange(1, n + 1), np.linspace(5, 12, 20)
    table["FLUX"] = np.array([1, 1, 0.9, 1, 1])[:, None]
    table["FLUX"][2, bad], table["DQ"][2, bad] = 50, pixel.DO_NOT_USE
    table["FLUX_ERROR"], table["MJD-AVG"] = 0.01, 60000.1 + 0.001 * np.arange(n)
    model, spec = datamodels.TSOMultiSpecModel(), datamodels.TSOSpecModel()
    spec.spec_table = table
    model.spec.append(spec)
    model.meta.telescope = "JWST"
    model.save(tmp_path / "a_x1dints.fits")
    white, dynamic, mean = axes_of(tmp_path / "a_x1dints.fits")
    x, y = white.lines[0].get_xydata().T
    np.testing.assert_allclose(x, 0.1 + 0.001 * np.arange(n), rtol=1e-6)
    np.testing.assert_allclose(y, [1, 1, 0.9, 1, 1])
    assert white.get_xlabel() == "MJD − 60000 (days)"
    assert drawn(dynamic).shape == (n, 20)
    np.testing.assert_allclose(mean.lines[0].get_ydata()[bad], 1)
    np.testing.assert_allclose(mean.lines[0].get_ydata()[0], 0.98)
    (axes,) = axes_of(tmp_path / "a_x1dints.fits", integration=3)
    assert np.isnan(axes.lines[0].get_ydata()[bad])


def test_a_mosaic_with_its_catalogue(tmp_path):
    from astropy.table import Table

    model = datamodels.ImageModel(RNG.normal(1, 0.1, (30, 40)).astype("f4"))
    model.meta.telescope, model.meta.cal_step.resample, model.meta.wcs = "JWST", "COMPLETE", tangent_plane()
    model.save(tmp_path / "a_i2d.fits")
    assert not axes_of(tmp_path / "a_i2d.fits")[0].collections
    table = Table({"label": [1, 2, 3], "xcentroid": [3.0, 20.5, 99.0], "ycentroid": [4.0, 10.0, 4.0]})
    table.write(tmp_path / "a_cat.ecsv", format="ascii.ecsv")
    (axes,) = axes_of(tmp_path / "a_i2d.fits")
    assert axes.collections[0].get_offsets().tolist() == [[4, 5], [21.5, 11]]


@pytest.mark.parametrize(
    ("make", "look", "message"),
    [
        (rate, {"slit": "1"}, "--slit is for files of slits"),
        (rate, {"integration": 2}, "one image, not one for each integration"),
        (rate, {"extension": "SC"}, "unknown extension 'SC'"),
        (rate, {"flags": ("HOTT",)}, "unknown DQ flag 'HOTT'"),
        (cube, {"flags": ("HOT",)}, "--flags is for images and slits"),
        (spectra, {"integration": 1}, "--integration is for"),
    ],
)
def test_an_option_that_a_file_cannot_follow_is_refused(tmp_path, make, look, message):
    make(tmp_path / "a.fits")
    with pytest.raises((ParameterError, InputError), match=message) as caught:
        view_of(tmp_path / "a.fits", Look(**look))
    assert "did you mean" in str(caught.value) or str(tmp_path) in str(caught.value)


def test_the_command_writes_pictures_side_by_side_and_never_over_its_input(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rate(tmp_path / "a_rate.fits")
    slits(tmp_path / "b_cal.fits")
    before = (tmp_path / "a_rate.fits").read_bytes()
    assert cli.main(["show", "a_rate.fits"]) == 0
    assert capsys.readouterr().out == "written: a_rate.png\n"
    assert (tmp_path / "a_rate.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["show", "a_rate.fits", "b_cal.fits", "--log", "-o", "both.svg"]) == 0
    assert b"<svg" in (tmp_path / "both.svg").read_bytes()
    (tmp_path / "link.png").symlink_to("a_rate.fits")
    assert cli.main(["show", "a_rate.fits", "-o", "link.png"]) == 1
    assert "overwrite what this run reads" in capsys.readouterr().err
    assert (tmp_path / "a_rate.fits").read_bytes() == before
    assert cli.main(["show", "a_rate.fits", "-o", "a_rate.fits"]) == 1
    assert "a picture ends with .png" in capsys.readouterr().err


def test_a_file_without_anything_to_draw(tmp_path):
    model = datamodels.NrcImgPhotomModel(phot_table=np.zeros(1, [("filter", "S12"), ("photmjsr", "f4")]))
    model.save(tmp_path / "photom.fits")
    with pytest.raises(InputError, match="holds no image or spectrum"):
        picture([tmp_path / "photom.fits"], tmp_path / "a.png", Look())


def test_values_of_an_image_without_any_good_pixel():
    for scale in (None, "log", "linear"):
        norm = norm_of(np.full((3, 3), np.nan), scale)
        assert norm.vmin < norm.vmax
        assert norm_of(np.zeros((3, 3)), scale).vmin < norm_of(np.zeros((3, 3)), scale).vmax
    assert seen_columns(np.full((2, 5), np.nan)) == (0.5, 5.5)


def test_round_steps_and_limits():
    assert round_steps(0.6, 5.3, 10).tolist() == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert round_steps(-1.7, 1.6, 6).tolist() == [-1, 0, 1]
    low, high = limits(np.r_[np.linspace(0, 1, 1000), 50])
    assert low < 0 and 1 < high < 2


def test_an_axis_of_constant_or_unknown_values_keeps_its_pixels():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.set_xlim(0.5, 4.5)
    number_axis(axes.xaxis, np.full(4, np.nan), "wavelength (µm)")
    assert axes.get_xlabel() == "wavelength (µm)"
