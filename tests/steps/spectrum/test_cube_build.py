"""cube_build: scenes of known brightness come back, grids, names, coordinate systems, bad input."""

import dataclasses
import json
import warnings

import asdf
import cubes
import miri_spectra as miri
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError, ReferenceError_, ResourceError
from hexcal.step import CubeBuildStep
from hexcal.steps.spectrum import cube_filling, ifu_planes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cubes.write_references(tmp_path_factory.mktemp("cubes"))


@pytest.fixture(scope="module")
def sloped(folder):
    """Brightness that is linear in RA, Dec and wavelength."""
    return cubes.exposure(folder, _slope)


def _slope(ra, dec, wavelength):
    return 10 + 3600 * (0.3 * (ra - 53.16) - 0.2 * (dec + 27.79)) + wavelength


def build(model, folder, **parameters):
    return CubeBuildStep.call(model, references=str(folder), **parameters)


def _coordinates(cube):
    nz, ny, nx = cube.data.shape
    z, y, x = np.mgrid[:nz, :ny, :nx].astype(float)
    return cube.meta.wcs(x, y, z, with_bounding_box=False)


@pytest.mark.req("CUBE-03", "CUBE-08", "CUBE-12", "CUBE-15", "CUBE-16")
def test_a_cube_for_each_band_with_the_brightness_of_the_scene(sloped, folder):
    one, two = build(sloped, folder)
    for cube, channel in ((one, 1), (two, 2)):
        ra, dec, wavelength = _coordinates(cube)
        filled = np.isfinite(cube.data)
        assert filled.sum() > 300 and np.array_equal(filled, cube.dq == 0)
        assert set(np.unique(cube.dq)) <= {0, 1, 513} and np.isnan(cube.err[~filled]).all()
        # Voxels that pixels fill from all sides: the mean place of what fills them is their middle.
        inner = filled & (cube.weightmap >= 6)
        assert inner.any()
        off = (cube.data - _slope(ra, dec, wavelength))[inner]
        assert np.abs(np.median(off)) < 0.02
        assert cube.meta.wcsinfo.cdelt1 * 3600 == pytest.approx(cubes.SPAXEL[channel])
        assert cube.meta.wcsinfo.cdelt3 == pytest.approx(cubes.STEP[channel])
        assert cube.meta.instrument.channel == str(channel)
        # As in release 3.0.0, which opens no other one.
        assert cube.wavetable.dtype.names == ("wavelength",)


@pytest.mark.req("CUBE-01")
def test_a_file_a_model_an_association_and_a_container_give_the_same_cube(sloped, folder, tmp_path):
    path = tmp_path / sloped.meta.filename
    sloped.save(path)
    members = [{"expname": path.name, "exptype": "science"}]
    table = {"asn_type": "spec3", "asn_rule": "none", "asn_id": "a3001", "asn_pool": "none", "program": "1"}
    asn = tmp_path / "asn.json"
    asn.write_text(json.dumps({**table, "products": [{"name": "product", "members": members}]}))
    kinds = (str(path), sloped, str(asn), datamodels.ModelContainer([sloped]))
    one, *others = (build(given, folder, channel="1") for given in kinds)
    for other in others:
        assert other.data.tobytes() == one.data.tobytes() and other.err.tobytes() == one.err.tobytes()


@pytest.mark.req("CUBE-02")
def test_exposures_that_are_not_calibrated_are_told(folder, caplog):
    model = cubes.exposure(folder, _slope)
    assert build(model, folder, channel="1").meta.bunit_data == "MJy/sr"
    assert "photom" not in caplog.text
    model.meta.bunit_data = "DN/s"
    assert build(model, folder, channel="1").meta.bunit_data == "DN/s"
    assert "is in DN/s, not in MJy/sr: has it been through photom?" in caplog.text
    with pytest.raises(InputError, match="assign_wcs"):
        build(miri.mrs_exposure(), folder)
    model.meta.exposure.type, model.meta.instrument.name = "NIS_WFSS", "NIRISS"
    with pytest.raises(InputError, match="integral-field"):
        build(model, folder, override_cubepar=str(folder / "cubepar.fits"))


@pytest.mark.req("CUBE-24")
def test_a_pixel_covers_its_length_along_the_slice_times_the_width_of_the_slice(folder):
    """Which voxels a single pixel reaches, by corners on the sky that are taken from the coordinates of its slice."""
    from hexcal.steps.wcs.spectral import ifu_slices

    model = cubes.exposure(folder, lambda ra, dec, w: 5 + 0 * ra)
    parts = {part.number: part for part in ifu_slices(model) if part.channel == 1}
    part, beside = parts[1], parts[2]
    row, column = (length // 2 for length in part.ra.shape)
    keep = model.data[part.window][row, column]
    model.dq[...] |= 1
    model.dq[part.window][row, column] = 0
    cube = build(model, folder, channel="1", scalexy=0.07, scalew=0.01)
    sky = np.array([part.ra[row, column], part.dec[row, column]])

    def direction(of, along, across):
        """Change of RA and Dec for each arcsec along the slices, or across them."""
        change = np.array([of.ra[along], of.dec[along]]) - sky
        return change / across

    by_along = direction(part, (row, column + 1), part.along[row, column + 1] - part.along[row, column])
    off = beside.along - part.along[row, column], beside.wavelength - part.wavelength[row, column]
    nearest = np.unravel_index(np.nanargmin(np.hypot(off[0], 9 * off[1])), beside.ra.shape)
    step = beside.along[nearest] - part.along[row, column]
    width = beside.across[nearest] - part.across[row, column]
    by_across = (np.array([beside.ra[nearest], beside.dec[nearest]]) - sky - step * by_along) / width
    length = abs(part.along[row, column + 1] - part.along[row, column - 1]) / 2
    corners = [
        sky + s * length / 2 * by_along + t * abs(width) / 2 * by_across
        for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    low, high = sorted(0.5 * (part.wavelength[row, column] + part.wavelength[row + side, column]) for side in (-1, 1))
    x, y, z = cube.meta.wcs.invert(
        *np.transpose([*corners, *corners]), np.repeat([low, high], 4), with_bounding_box=False
    )
    covered = _covered(np.stack([x[:4], y[:4]], axis=1), cube.data.shape[1:])
    seen = cube.weightmap > 0
    assert np.array_equal(np.unique(np.nonzero(seen)[0]), np.arange(round(float(z[0])), round(float(z[4])) + 1))
    plane = seen.any(axis=0)
    assert (plane[covered > 0.02]).all() and not plane[covered == 0].any() and plane.sum() > 6
    assert np.allclose(cube.data[seen], keep)


def _covered(corners, shape, fine=40):
    """Which part of each spaxel lies in a quadrilateral, by counting points."""
    y, x = (np.mgrid[: shape[0] * fine, : shape[1] * fine] + 0.5) / fine - 0.5
    inside = np.ones(y.shape, bool)
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    turn = np.sign(first[0] * second[1] - first[1] * second[0])
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside &= turn * ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) >= 0
    return inside.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3))


@pytest.mark.req("CUBE-44")
def test_what_the_user_says_goes_before_the_reference_file(sloped, folder):
    step = CubeBuildStep(channel="1, 2", band="short", grating="G140M", filter="all")
    assert step.read_user_input() == {"channel": ("1", "2"), "band": ("short",), "grating": ("g140m",), "filter": None}
    cube = build(sloped, folder, channel="1", scalexy=0.31)
    scales = cube.meta.wcsinfo.cdelt1 * 3600, cube.meta.wcsinfo.cdelt3
    assert scales == pytest.approx((0.31, cubes.STEP[1]))
    assert cube.meta.instrument.channel == "1" and cube.meta.cal_step.cube_build == "COMPLETE"
    # The coordinates are those of the grid into which the pixels were laid.
    ra, dec, wavelength = _coordinates(cube)
    inner = np.isfinite(cube.data) & (cube.weightmap >= 6)
    assert abs(np.median((cube.data - _slope(ra, dec, wavelength))[inner])) < 0.02


def test_a_uniform_scene_stays_uniform_with_the_errors_of_the_mean(folder):
    for weighting in ("drizzle", "emsm", "msm"):
        cube = build(cubes.exposure(folder, lambda ra, dec, w: 7 + 0 * ra), folder, weighting=weighting, channel="1")
        filled = np.isfinite(cube.data)
        assert np.allclose(cube.data[filled], 7, atol=1e-5)
        assert (cube.err[filled] <= 0.1001).all() and cube.err[filled].min() < 0.07


def test_the_error_of_a_voxel_is_that_of_the_weighted_mean(folder):
    model = cubes.exposure(folder, lambda ra, dec, w: 0 * ra)
    rng, values = np.random.default_rng(1), []
    for _ in range(40):
        model.data[...] = rng.normal(0, 0.1, model.data.shape)
        cube = build(model, folder, channel="1")
        values.append(cube.data / cube.err)
    pulls = np.array(values)[:, np.isfinite(values[0])]
    assert 0.97 < pulls.std() < 1.03 and abs(pulls.mean()) < 0.02


@pytest.mark.req("CUBE-09", "HDU-12")
def test_one_cube_of_both_channels_has_the_wavelengths_of_the_table(sloped, folder, tmp_path):
    cube = build(sloped, folder, output_type="multi")
    waves = np.arange(4.9, 8.8, 0.06)
    assert cube.data.shape[0] == len(waves) - 1 or cube.data.shape[0] == len(waves)
    assert cube.meta.wcsinfo.cdelt1 * 3600 == pytest.approx(0.2)
    path = tmp_path / "multi_s3d.fits"
    cube.save(path)
    with fits.open(path) as hdus:
        header = hdus["SCI"].header
        assert (header["PS3_0"], header["PS3_1"], header["CTYPE3"]) == ("WCS-TABLE", "wavelength", "WAVE-TAB")
        table = hdus["WCS-TABLE"].data
        assert table["nelem"][0] == cube.data.shape[0]
        assert np.allclose(np.ravel(table["wavelength"][0]), waves[: cube.data.shape[0]], rtol=1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header, hdus)
            ra, dec, wave = wcs.all_pix2world(2.0, 3.0, 5.0, 0)
    own = cube.meta.wcs(2.0, 3.0, 5.0)
    # Astropy leaves wavelengths of a table in their unit.
    assert (float(ra), float(dec), float(wave)) == pytest.approx(tuple(map(float, own)), rel=1e-7)


@pytest.mark.req("CUBE-13", "CUBE-14")
def test_the_file_and_its_coordinates_are_read_by_astropy(sloped, folder, tmp_path):
    cube = build(sloped, folder, channel="1", cube_pa=35.0)
    cube.save(tmp_path / "cube.fits")
    with fits.open(tmp_path / "cube.fits") as hdus:
        assert [hdu.name for hdu in hdus][:5] == ["PRIMARY", "SCI", "ERR", "DQ", "WMAP"]
        assert all(hdus[name].data.ndim == 3 for name in ("SCI", "ERR", "DQ", "WMAP"))
        primary = hdus[0].header
        assert [primary[key] for key in ("FLUXEXT", "ERREXT", "MASKEXT")] == ["SCI", "ERR", "DQ"]
        assert hdus["ERR"].header["ERRTYPE"] == "ERR"
        wcs = WCS(hdus["SCI"].header)
        ra, dec, wave = wcs.all_pix2world(3.0, 1.0, 4.0, 0)
    own = cube.meta.wcs(3.0, 1.0, 4.0)
    assert (float(ra), float(dec), float(wave) * 1e6) == pytest.approx(tuple(map(float, own)), rel=1e-9)


@pytest.mark.req("CUBE-38", "CUBE-39", "CUBE-40")
def test_center_angle_size_and_limits_are_those_asked_for(sloped, folder):
    cube = build(
        sloped,
        folder,
        channel="1",
        ra_center=53.1601,
        dec_center=-27.7899,
        cube_pa=20.0,
        nspax_x=9,
        nspax_y=11,
        wavemin=5.0,
        wavemax=5.6,
    )
    assert cube.data.shape == (12, 11, 9)
    ra, dec, wavelength = cube.meta.wcs(4.0, 5.0, 0.0)
    assert (ra, dec, wavelength) == pytest.approx((53.1601, -27.7899, 5.025))
    up = cube.meta.wcs(4.0, 6.0, 0.0)
    angle = np.degrees(np.arctan2((up[0] - ra) * np.cos(np.radians(dec)), up[1] - dec))
    assert angle == pytest.approx(20.0, abs=1e-3)


@pytest.mark.req("CUBE-35")
def test_scale_of_spaxels_and_steps(sloped, folder):
    cube = build(sloped, folder, channel="1", scalexy=0.31, scalew=0.1)
    assert (cube.meta.wcsinfo.cdelt1 * 3600, cube.meta.wcsinfo.cdelt3) == pytest.approx((0.31, 0.1))


def test_along_the_slices(sloped, folder):
    cube = build(sloped, folder, channel="1", coord_system="ifualign")
    plain = build(sloped, folder, channel="1")
    assert cube.data[0].size < plain.data[0].size
    assert np.isfinite(cube.data).mean() > np.isfinite(plain.data).mean()


def test_world_is_another_name_of_skyalign(sloped, folder):
    one, two = (build(sloped, folder, channel="1", coord_system=name) for name in ("world", "skyalign"))
    assert one.data.tobytes() == two.data.tobytes()


def _cut_slices(model, channels=None):
    """The slices, which end at the middle of their outermost pixels, as the bounding boxes of NIRSpec do."""
    for plane in ifu_planes.slice_planes(model, channels):
        farthest = np.abs(plane.locate(plane.columns + 0.0, plane.rows + 0.0)[0]).max()

        def locate(x, y, plane=plane, farthest=farthest):
            along, across, wavelength = plane.locate(x, y)
            return np.where(np.abs(along) <= farthest, along, np.nan), across, wavelength

        yield dataclasses.replace(plane, locate=locate)


@pytest.mark.parametrize(("weighting", "counts"), [("drizzle", False), ("emsm", True), ("msm", True)])
def test_a_pixel_that_its_slice_cuts_counts_as_a_point_but_not_as_a_volume(folder, weighting, counts, monkeypatch):
    model = cubes.exposure(folder, lambda ra, dec, w: 7 + 0 * ra)
    plane = next(_cut_slices(model, (1,)))
    along = np.abs(plane.locate(plane.columns + 0.0, plane.rows + 0.0)[0])
    outermost = plane.rows[along.argmax()], plane.columns[along.argmax()]
    model.dq[...] = 1
    model.dq[outermost] = 0
    monkeypatch.setattr(cube_filling, "slice_planes", _cut_slices)
    cube = build(model, folder, weighting=weighting, channel="1")
    assert np.isfinite(cube.data).any() == counts
    if counts:
        assert np.nanmax(np.abs(cube.data - 7)) < 1e-6 and cube.weightmap.max() == 1


@pytest.mark.req("CUBE-36")
def test_a_wider_region_of_influence_holds_more_pixels(sloped, folder):
    default = build(sloped, folder, channel="1", weighting="msm")
    wide = build(sloped, folder, channel="1", weighting="msm", rois=1.2, roiw=0.3)
    assert wide.weightmap.sum() > 2 * default.weightmap.sum()
    assert (wide.meta.ifu.roi_spatial, wide.meta.ifu.roi_wave) == pytest.approx((1.2, 0.3))
    steep = build(sloped, folder, channel="1", weighting="msm", weight_power=6.0)
    assert not np.allclose(steep.data, default.data, equal_nan=True)


def test_each_exposure_adds_to_the_cube(folder):
    scene = lambda ra, dec, w: 5 + 0 * ra  # noqa: E731
    one, two = cubes.exposure(folder, scene), cubes.exposure(folder, scene)
    single = build(one, folder, channel="1")
    both = build([one, two], folder, channel="1")
    assert np.array_equal(both.weightmap, 2 * single.weightmap)
    filled = np.isfinite(single.data)
    assert np.allclose(both.err[filled] * np.sqrt(2), single.err[filled], rtol=1e-5)
    each = build([one, two], folder, channel="1", single=True)
    assert len(each) == 2 and each[0].data.tobytes() == each[1].data.tobytes()


def test_offsets_of_a_file_shift_exposures(folder, tmp_path):
    model = cubes.exposure(folder, _slope)
    name = model.meta.filename
    path = tmp_path / "offsets.asdf"
    tree = {"units": "arcsec", "filename": [name], "raoffset": [3.0], "decoffset": [-2.0]}
    asdf.AsdfFile(tree).write_to(path)
    plain = build(model, folder, channel="1", cube_pa=0.1)
    moved = build(model, folder, channel="1", cube_pa=0.1, offset_file=str(path))
    east = (moved.meta.wcsinfo.crval1 - plain.meta.wcsinfo.crval1) * np.cos(np.radians(-27.79)) * 3600
    assert (east, (moved.meta.wcsinfo.crval2 - plain.meta.wcsinfo.crval2) * 3600) == pytest.approx((3, -2), abs=1e-3)
    asdf.AsdfFile({**tree, "filename": ["other_cal.fits"]}).write_to(path)
    with pytest.raises(InputError, match="has none for"):
        build(model, folder, channel="1", offset_file=str(path))
    asdf.AsdfFile({**tree, "units": "deg"}).write_to(path)
    with pytest.raises(InputError, match="arcsec"):
        build(model, folder, channel="1", offset_file=str(path))


def test_flagged_pixels_and_nan_do_not_count(folder):
    model = cubes.exposure(folder, lambda ra, dec, w: 5 + 0 * ra)
    clean = build(model, folder, channel="1")
    model.data[10, 8], model.dq[10, 8] = 1e6, 1
    model.data[20, 22] = np.nan
    cube = build(model, folder, channel="1")
    assert np.nanmax(cube.data) == pytest.approx(5, abs=1e-4)
    assert cube.weightmap.sum() < clean.weightmap.sum()


@pytest.mark.req("CUBE-43")
def test_the_pixels_of_a_voxel_are_told(sloped, folder, caplog):
    cube = build(sloped, folder, channel="1")
    z, y, x = (int(index) for index in np.argwhere(cube.weightmap == cube.weightmap.max())[0])
    caplog.clear()
    with caplog.at_level("INFO"):
        build(sloped, folder, channel="1", debug_spaxel=f"{x} {y} {z}")
    told = [record.message for record in caplog.records if record.message.startswith("Voxel")]
    assert len(told) == cube.weightmap.max()
    for text in ("1 2", "900 0 0"):
        with pytest.raises(ParameterError, match="debug_spaxel"):
            build(sloped, folder, channel="1", debug_spaxel=text)
    with pytest.raises(ParameterError, match="drizzle"):
        build(sloped, folder, channel="1", debug_spaxel="1 1 1", weighting="emsm")


@pytest.mark.req("CUBE-17", "CUBE-18")
def test_products_are_named_after_exposure_and_band(sloped, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / sloped.meta.filename
    sloped.save(path)
    CubeBuildStep.call(path, references=str(folder), save_results=True)
    root = "jw00001001001_02101_00001_mirifushort"
    assert {f"{root}_ch1-short_s3d.fits", f"{root}_ch2-short_s3d.fits"} <= {file.name for file in tmp_path.iterdir()}
    CubeBuildStep.call(path, references=str(folder), save_results=True, output_type="multi")
    assert (tmp_path / f"{root}_ch1-2-short_s3d.fits").exists()


def test_bad_input(sloped, folder, tmp_path):
    for parameters, words in (
        ({"channel": "3"}, "there are 1-short, 2-short"),
        ({"band": "long"}, "there are 1-short, 2-short"),
    ):
        with pytest.raises(InputError, match=words):
            build(sloped, folder, **parameters)
    for parameters, words in (
        ({"channel": "5"}, "channel must be"),
        ({"nspax_x": 8}, "odd"),
        ({"ra_center": 53.1}, "belong together"),
        ({"cube_pa": np.inf}, "finite number"),
        ({"wavemax": np.inf}, "finite number"),
        ({"wavemin": 6.0, "wavemax": 5.0}, "wavemin"),
        ({"channel": "1", "wavemin": 9.0}, "no wavelength is left"),
    ):
        with pytest.raises(ParameterError, match=words):
            build(sloped, folder, **parameters)
    with pytest.raises(ResourceError, match="voxels"):
        build(sloped, folder, channel="1", scalexy=1e-4)
    other = cubes.write_cubepar(tmp_path, channels=(2,))
    with pytest.raises(ReferenceError_, match="no row for 1, short"):
        build(sloped, other, channel="1")
    image = datamodels.IFUImageModel(np.zeros((4, 4), "f4"))
    image.update({"meta": {"telescope": "JWST", "instrument": {"name": "NIRCAM"}, "exposure": {"type": "NRC_IMAGE"}}})
    with pytest.raises(InputError, match="integral-field"):
        build(image, folder, override_cubepar=str(folder / "cubepar.fits"))
    bare = miri.mrs_exposure()
    with pytest.raises(InputError, match="assign_wcs"):
        build(bare, folder)


def test_exposures_that_point_elsewhere_are_refused_before_memory_is_taken(folder):
    near = cubes.exposure(folder)
    far = cubes.exposure(folder, ra_ref=100.0)
    with pytest.raises(ResourceError, match="do all exposures point at one target"):
        build([near, far], folder, channel="1")


@pytest.mark.req("CUBE-37")
def test_the_plane_of_the_slices_has_a_column_for_each_slice(folder):
    model = cubes.exposure(folder)
    labels = miri.mrs_labels()
    for number in (1, 2):
        model.data[labels == 100 + number] = 10.0 * number
    cube = build(model, folder, channel="1", coord_system="internal_cal")
    assert cube.data.shape[2] == 2 and cube.meta.filename.endswith("_ch1-short_internal_s3d.fits")
    for column in (0, 1):
        plane = cube.data[:, :, column]
        assert np.allclose(plane[np.isfinite(plane)], 10.0 * (column + 1), rtol=1e-5) and np.isfinite(plane).sum() > 50
    across, along, wavelength = (float(value) for value in cube.meta.wcs(1.0, (cube.data.shape[1] - 1) / 2, 0.0))
    assert (across, along, wavelength) == pytest.approx((miri.mrs_beta(102), 0.0, miri.MRS_RANGES[1][0]), abs=1e-6)
    assert cube.meta.wcsinfo.ctype1 == "MRSBE1"
    shifted = build(model, folder, channel="1", coord_system="internal_cal", pixel_origin="corner")
    assert not np.array_equal(np.isfinite(shifted.data), np.isfinite(cube.data))
    with pytest.raises(ParameterError, match="cube_pa, weighting: not for cubes in the plane"):
        build(model, folder, channel="1", coord_system="internal_cal", cube_pa=3.0, weighting="emsm")
    with pytest.raises(InputError, match="one band of one exposure"):
        build(model, folder, output_type="multi", coord_system="internal_cal")


def test_a_slope_along_the_slices_is_found_at_its_place(folder):
    from hexcal.steps.wcs.spectral import ifu_slices

    model = cubes.exposure(folder)
    for part in ifu_slices(model):
        seen = np.isfinite(part.along)
        model.data[part.window][seen] = 5 + part.along[seen] + 3 * part.wavelength[seen]
    cube = build(model, folder, channel="1", coord_system="internal_cal", scalew=0.2)
    _, along, wavelength = _coordinates(cube)
    inner = np.isfinite(cube.data) & (cube.weightmap > 6)
    off = (cube.data - (5 + along + 3 * wavelength))[inner]
    assert inner.sum() > 10 and abs(np.median(off)) < 0.02


@pytest.mark.parametrize("weighting", ["drizzle", "emsm"])
def test_the_same_bits_for_any_number_of_threads_and_an_untouched_input(sloped, folder, weighting, monkeypatch):
    results, before = [], (sloped.data.tobytes(), sloped.dq.tobytes())
    for threads in ("1", "3"):
        monkeypatch.setenv("HEXCAL_THREADS", threads)
        cube = build(sloped, folder, channel="1", weighting=weighting)
        results.append(b"".join(getattr(cube, name).tobytes() for name in ("data", "err", "dq", "weightmap")))
    assert results[0] == results[1] and (sloped.data.tobytes(), sloped.dq.tobytes()) == before
    assert cube.meta.cal_step.cube_build == "COMPLETE"


def test_input_without_a_usable_pixel_gives_an_empty_cube(folder, caplog):
    model = cubes.exposure(folder)
    model.data[...] = np.nan
    cube = build(model, folder, channel="1")
    assert np.isnan(cube.data).all() and (cube.dq == 513).all() and "no pixel" in caplog.text.lower()
    skipped = build(model, folder, channel="1", skip=True)
    assert skipped[0].meta.cal_step.cube_build == "SKIPPED"


@pytest.mark.req("CUBE-20")
def test_north_is_up_and_east_is_left_and_all_pixels_are_inside(sloped, folder):
    from hexcal.steps.wcs.spectral import ifu_coordinates

    cube = build(sloped, folder, output_type="multi")
    ra, dec, _ = (float(value) for value in cube.meta.wcs(3.0, 3.0, 2.0))
    right, up = cube.meta.wcs(4.0, 3.0, 2.0), cube.meta.wcs(3.0, 4.0, 2.0)
    assert right[0] < ra and right[1] == pytest.approx(dec, abs=1e-8)
    assert up[1] > dec and up[0] == pytest.approx(ra, abs=1e-8)
    sky = ifu_coordinates(sloped)
    seen = np.isfinite(sky[0])
    x, y, _ = cube.meta.wcs.invert(sky[0][seen], sky[1][seen], np.full(seen.sum(), 6.0), with_bounding_box=False)
    assert x.min() > -0.5 and y.min() > -0.5
    assert x.max() < cube.data.shape[2] - 0.5 and y.max() < cube.data.shape[1] - 0.5


def test_a_band_that_the_reference_file_lacks_does_not_stop_the_others(sloped, folder, tmp_path, caplog):
    one = build(sloped, cubes.write_cubepar(tmp_path, channels=(1,)))
    assert one.meta.instrument.channel == "1" and "Cube ch2-short cannot be made" in caplog.text
    with pytest.raises(ReferenceError_, match="no row for 2, short"):
        build(sloped, tmp_path, channel="2")


def test_wavelengths_that_no_band_has_are_refused(sloped, folder):
    with pytest.raises(ParameterError, match="no voxel is left: wavelengths from 20 to 21 micron"):
        build(sloped, folder, wavemin=20.0, wavemax=21.0)


@pytest.mark.parametrize(
    "parameters",
    [
        {"ra_center": 10.0, "dec_center": 10.0, "nspax_x": 5, "nspax_y": 5},
        {"weighting": "msm", "rois": 1e-9, "roiw": 1e-9},
    ],
)
def test_a_cube_beside_all_pixels_is_refused(sloped, folder, parameters):
    with pytest.raises(ParameterError, match="no pixel of the exposures lies in the cube ch1-short"):
        build(sloped, folder, channel="1", **parameters)


@pytest.mark.req("CUBE-13")
def test_a_cube_of_several_exposures_has_their_headers_and_its_wavelengths(sloped, folder, tmp_path):
    sloped.save(tmp_path / "a_cal.fits")
    sloped.save(tmp_path / "b_cal.fits")
    cube = build([str(tmp_path / "a_cal.fits"), str(tmp_path / "b_cal.fits")], folder, channel="1")
    cube.save(tmp_path / "s3d.fits")
    with fits.open(tmp_path / "s3d.fits") as hdus:
        assert len(hdus["HDRTAB"].data) == 2 and {"FILENAME", "CHANNEL"} <= set(hdus["HDRTAB"].columns.names)
        assert hdus["WCS-TABLE"].data["wavelength"].size == cube.data.shape[0]
        kinds = {name: hdus[name].data.dtype.newbyteorder("=") for name in ("SCI", "ERR", "DQ", "WMAP")}
        assert kinds == {"SCI": "f4", "ERR": "f4", "DQ": "u4", "WMAP": "f4"}
        assert {hdus[name].data.shape for name in kinds} == {cube.data.shape}
    assert not build(sloped, folder, channel="1").has("hdrtab")
