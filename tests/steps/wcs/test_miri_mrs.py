"""assign_wcs of MIRI MRS: each slice by the transforms it was made with, frames, way back, keywords, bad input."""

import subprocess
import sys

import asdf
import miri_spectra as miri
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.stored_wcs import wcs_of
from hexcal.step import AssignWcsStep
from hexcal.steps.wcs import frames, miri_mrs, miri_slices
from hexcal.steps.wcs.evaluate import evaluate_points
from hexcal.steps.wcs.spectral import ifu_coordinates, ifu_slices

FACTOR = 1 / (1 + 20000.0 / 299792458.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return miri.write_mrs_references(tmp_path_factory.mktemp("mrs"))


@pytest.fixture(scope="module")
def assigned(folder):
    return AssignWcsStep.call(miri.mrs_exposure(), references=str(folder))


def _truth(label, x, y):
    """RA, Dec, wavelength, beta, alpha of pixels of a slice."""
    alpha, beta = miri.mrs_alpha(label, x, y), np.full(np.shape(x), miri.mrs_beta(label))
    v2, v3 = miri.mrs_v2v3(label // 100, alpha, beta)
    pointing = frames.Pointing(120.0, -520.0, 41.0, 53.16, -27.79)
    stretched = 120.0 + 1.0001 * (v2 - 120.0), -520.0 + 1.0001 * (v3 + 520.0)
    return np.array(
        [
            *evaluate_points(frames.v2v3_to_sky(pointing), *stretched),
            FACTOR * miri.mrs_wavelength(label, x, y),
            beta,
            alpha,
        ]
    )


@pytest.mark.req("AWCS-06", "AWCS-07", "AWCS-08", "AWCS-14")
def test_each_slice_sees_what_its_transforms_say(assigned):
    labels = miri.mrs_labels()
    slices = ifu_slices(assigned)
    assert [(part.channel, part.number) for part in slices] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for part in slices:
        label = 100 * part.channel + part.number
        y, x = np.nonzero(labels == label)
        planes = [np.full(labels.shape, np.nan) for _ in range(5)]
        for plane, values in zip(planes, (part.ra, part.dec, part.wavelength, part.across, part.along), strict=True):
            plane[part.window] = values
        assert all(np.array_equal(np.isfinite(plane), labels == label) for plane in planes)
        truth = _truth(label, x.astype(float), y.astype(float))
        tolerance = np.array([1e-11, 1e-11, 1e-12, 1e-12, 1e-12])[:, None]
        assert (np.abs(np.array([plane[y, x] for plane in planes]) - truth) < tolerance).all()
    assert assigned.meta.wcsinfo.dispersion_direction == 2 and assigned.meta.cal_step.assign_wcs == "COMPLETE"
    assert assigned.meta.wcs.bounding_box is not None and assigned.model_type == "IFUImageModel"


def test_the_frame_is_put_together_from_the_slices_as_gwcs_itself_sees_it(assigned):
    ra, dec, wavelength, number = ifu_coordinates(assigned)
    y, x = np.mgrid[: ra.shape[0], : ra.shape[1]].astype(float)
    for own, slow in zip((ra, dec, wavelength), assigned.meta.wcs(x, y), strict=True):
        assert np.allclose(own, slow, rtol=0, atol=1e-12, equal_nan=True)
    labels = miri.mrs_labels()
    assert np.array_equal(number, np.where(labels > 0, labels % 100, -1))


def test_frames_and_the_way_back(assigned):
    wcs = assigned.meta.wcs
    assert wcs.available_frames == ["detector", "alpha_beta", "v2v3", "v2v3vacorr", "world"]
    for label in miri.MRS_SLICES:
        x, y = miri.centre_of_slice(label, 20.0) + 2.0, 20.0
        sky = wcs(round(x), y)
        assert wcs.invert(*sky, with_bounding_box=False) == pytest.approx((round(x), y), abs=1e-6)


def test_slices_that_the_compiler_does_not_know_are_evaluated_by_gwcs(assigned, monkeypatch):
    def unknown(*_, **__):
        raise miri_slices.NotCompilable("for this test")

    expected = miri_slices.evaluators(assigned.meta.wcs)[101](np.array([10.0]), np.array([9.0]))
    monkeypatch.setattr(miri_slices, "compiled", unknown)
    by_gwcs = miri_slices.evaluators(assigned.meta.wcs)[101](np.array([10.0]), np.array([9.0]))
    assert np.abs(by_gwcs - expected).max() < 1e-12


def test_places_in_a_slice_are_the_same_without_those_on_the_sky(assigned):
    x, y = np.meshgrid(np.arange(72.0), np.arange(-30.0, 60.0))
    for evaluate in miri_slices.evaluators(wcs_of(assigned)).values():
        whole = evaluate(x.ravel(), y.ravel())
        np.testing.assert_array_equal(evaluate(x.ravel(), y.ravel(), on_sky=False), whole[2:])
        assert np.isfinite(whole).any()


def test_wavelengths_out_of_range_have_no_place(assigned):
    wcs = assigned.meta.wcs
    far = miri_slices.evaluators(wcs)[101](np.array([10.0, 10.0]), np.array([9.0, 400.0]))
    assert np.isfinite(far[:, 0]).all() and np.isnan(far[:, 1]).all()


def test_outline_and_wavelengths_are_those_of_all_pixels(assigned):
    ra, dec, wavelength, _ = ifu_coordinates(assigned)
    region = assigned.meta.wcsinfo.s_region
    assert region.startswith("POLYGON ICRS  ")
    corners = np.array(region.split()[2:], float).reshape(4, 2)
    assert corners[:, 0] == pytest.approx([np.nanmin(ra), np.nanmax(ra), np.nanmax(ra), np.nanmin(ra)], abs=1e-9)
    assert corners[:, 1] == pytest.approx([np.nanmin(dec)] * 2 + [np.nanmax(dec)] * 2, abs=1e-9)
    assert assigned.get_meta("meta.wcsinfo.spectral_region") == [np.nanmin(wavelength), np.nanmax(wavelength)]


@pytest.mark.req("BKG-22")
@pytest.mark.parametrize("name", ["channels", "waverange_selector"])
def test_wavelength_ranges_of_the_documents_and_of_delivered_files(name, folder, tmp_path):
    miri.write_mrs_references(tmp_path)
    limits = [[7.0, 8.0], [4.5, 5.8]]
    asdf.AsdfFile({name: ["2SHORT", "1SHORT"], "wavelengthrange": limits}).write_to(tmp_path / "wavelengthrange.asdf")
    found = miri_mrs._ranges(datamodels.open(tmp_path / "wavelengthrange.asdf"), {1: "1SHORT", 2: "2SHORT"})
    assert found == {1: (4.5, 5.8), 2: (7.0, 8.0)}


def test_an_outline_across_right_ascension_0(folder):
    result = AssignWcsStep.call(miri.mrs_exposure(ra_ref=0.0001), references=str(folder))
    corners = np.array(result.meta.wcsinfo.s_region.split()[2:], float).reshape(4, 2)
    assert corners[0, 0] > 359.9 and corners[1, 0] < 0.1


def test_the_wcs_survives_its_file(assigned, tmp_path):
    again = datamodels.open(assigned.save(tmp_path / "x_assign_wcs.fits"))
    for own, former in zip(ifu_coordinates(again), ifu_coordinates(assigned), strict=True):
        assert np.array_equal(own, former, equal_nan=True)
    assert again.get_meta("meta.wcsinfo.spectral_region") == assigned.get_meta("meta.wcsinfo.spectral_region")


def test_no_velocity_leaves_wavelengths_as_they_are(folder, caplog):
    result = AssignWcsStep.call(miri.mrs_exposure(velocity=None), references=str(folder))
    assert "VELOSYS" in caplog.text
    label = 101
    x, y = 10.0, 10.0
    assert result.meta.wcs(x, y)[2] == pytest.approx(miri.mrs_wavelength(label, x, y), abs=1e-13)


def test_input_that_does_not_fit(folder, tmp_path):
    exposure = miri.mrs_exposure()
    exposure.meta.instrument.band = None
    with pytest.raises(InputError, match="BAND"):
        AssignWcsStep.call(exposure, references=str(folder))
    exposure = miri.mrs_exposure()
    exposure.meta.instrument.band = "LONG"
    with pytest.raises(ReferenceError_, match="1LONG"):
        miri_mrs._ranges(datamodels.open(folder / "wavelengthrange.asdf"), miri_mrs._bands(exposure))
    with pytest.raises(ReferenceError_, match="72 x 40 pixels"):
        AssignWcsStep.call(miri.mrs_exposure(np.zeros((30, 72), "f4")), references=str(folder))


def test_slices_that_the_distortion_does_not_know(tmp_path):
    labels = miri.mrs_labels()
    labels[labels == 202] = 317
    folder = miri.write_mrs_references(tmp_path, labels)
    with pytest.raises(ReferenceError_, match="317"):
        AssignWcsStep.call(miri.mrs_exposure(), references=str(folder))


def test_the_map_is_that_of_80_percent_transmission(folder, tmp_path):
    maps = np.repeat(miri.mrs_labels()[None], 9, axis=0)
    for number in range(9):
        maps[number, number] = 0
    asdf.AsdfFile({"regions": maps}).write_to(tmp_path / "regions.asdf")
    labels = miri_mrs.slice_map(miri.mrs_exposure(), datamodels.open(tmp_path / "regions.asdf"))
    assert np.nonzero(~labels.any(axis=1))[0].tolist() == [7]


def test_the_real_reference_files(real_data, tmp_path):
    """Both detectors: compiled slices against gwcs, and the way back, on the delivered distortion of 2025."""
    real = real_data / "references" / "miri_wcs"
    for detector, letter, channel in (("MIRIFUSHORT", "12A", "12"), ("MIRIFULONG", "34A", "34")):
        folder = tmp_path / letter
        folder.mkdir()
        for kind in ("distortion", "specwcs"):
            (folder / f"{kind}.asdf").write_bytes((real / f"jwst_miri_mrs{letter}_{kind}_flt9.asdf").read_bytes())
        (folder / "wavelengthrange.asdf").write_bytes((real / "jwst_miri_mrs_wavelengthrange_flt9.asdf").read_bytes())
        labels = np.zeros((1024, 1032), "i4")
        known = datamodels.open(folder / "distortion.asdf").slices
        for number, label in enumerate(sorted(known)):
            labels[400:420, 20 + 20 * number : 30 + 20 * number] = label
        asdf.AsdfFile({"regions": labels[None]}).write_to(folder / "regions.asdf")
        exposure = miri.mrs_exposure(np.zeros((1024, 1032), "f4"))
        exposure.meta.instrument.detector, exposure.meta.instrument.channel = detector, channel
        result = AssignWcsStep.call(exposure, references=str(folder))
        planes = ifu_coordinates(result)[:3]
        y, x = np.mgrid[400:420, :1032].astype(float)
        for own, slow in zip(planes, result.meta.wcs(x, y), strict=True):
            assert np.allclose(own[400:420], slow, rtol=0, atol=1e-12, equal_nan=True)


def test_what_is_assigned_needs_neither_astropy_nor_gwcs(folder, tmp_path):
    miri.mrs_exposure().save(tmp_path / "x_rate.fits")
    code = (
        "import sys\nfrom hexcal.step import AssignWcsStep\nfrom hexcal.steps.wcs.spectral import ifu_slices\n"
        f"from hexcal import datamodels\nmodel = AssignWcsStep.call({str(tmp_path / 'x_rate.fits')!r}, "
        f"references={str(folder)!r})\nmodel.save({str(tmp_path / 'x_assign_wcs.fits')!r})\n"
        f"assert len(ifu_slices(datamodels.open({str(tmp_path / 'x_assign_wcs.fits')!r}))) == 4\n"
        "print([name for name in ('astropy', 'gwcs', 'asdf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
