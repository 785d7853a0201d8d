"""The WCS of a model: kept as it stands until it is asked for, read, assigned, written, copied."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from astropy.io import fits
from sky_projections import tangent_plane

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.models import asdf_tree

_NODE = b"wcs: !<tag:stsci.edu:gwcs"


def _image(path, wcs=None):
    model = datamodels.ImageModel((16, 24))
    model.meta.telescope = "JWST"
    model.meta.wcs = tangent_plane() if wcs is None else wcs
    model.save(path)
    return path


def _sky(model):
    return np.array(model.meta.wcs(np.array([0.0, 5.5, 23.0]), np.array([0.0, 9.25, 15.0])))


def _asdf(path):
    with fits.open(path) as hdus:
        return bytes(hdus["ASDF"].data[0][0])


def _text_of_wcs(path):
    """The lines of the (last) WCS in the ASDF extension."""
    text = _asdf(path).partition(b"\n...\n")[0]
    start = text.rindex(b"\n", 0, text.rindex(_NODE)) + 1
    indent = text.rindex(_NODE) - start
    lines = text[start:].splitlines()
    inside = [line.startswith((b" " * (indent + 1), b" " * indent + b"- ")) for line in lines[1:]]
    return lines[: 1 + (inside.index(False) if False in inside else len(inside))]


@pytest.mark.req("ARCH-08")
@pytest.mark.parametrize("name", ["a_cal.fits", "a_cal.fits.gz", "a_cal.asdf"])
def test_an_assigned_wcs_is_written_and_read(tmp_path, name):
    path = _image(tmp_path / name)
    again = datamodels.open(path)
    expected = np.array(tangent_plane()(np.array([0.0, 5.5, 23.0]), np.array([0.0, 9.25, 15.0])))
    assert np.abs(_sky(again) - expected).max() < 1e-12
    assert again.meta.wcs.bounding_box == tangent_plane().bounding_box
    assert again.meta.wcs is again.meta.wcs
    assert "meta.wcs" in again and again.hasattr("meta.wcs")


def test_a_model_without_wcs_has_none(tmp_path):
    model = datamodels.ImageModel((4, 4))
    assert model.meta.wcs is None and "meta.wcs" not in model
    model.meta.wcs = tangent_plane()
    del model.meta.wcs
    assert model.meta.wcs is None
    model.save(tmp_path / "a.fits")
    assert _NODE not in _asdf(tmp_path / "a.fits") and datamodels.open(tmp_path / "a.fits").meta.wcs is None


def test_a_removed_wcs_does_not_come_back(tmp_path):
    model = datamodels.open(_image(tmp_path / "a.fits"))
    model.meta.wcs = None
    assert model.meta.wcs is None
    model.save(tmp_path / "b.fits")
    assert datamodels.open(tmp_path / "b.fits").meta.wcs is None


def test_only_a_gwcs_can_be_assigned():
    with pytest.raises(ParameterError, match=r"must be an object of gwcs \(gwcs\.WCS\), got str"):
        datamodels.ImageModel((4, 4)).meta.wcs = "TAN"


def test_only_the_wcs_changed(tmp_path):
    model = datamodels.open(_image(tmp_path / "a.fits"))
    model.meta.wcs = tangent_plane(ra=77.0)
    model.save(tmp_path / "a.fits")
    assert datamodels.open(tmp_path / "a.fits").meta.wcs(11.5, 7.5)[0] == pytest.approx(77.0, abs=1e-12)


def test_a_wcs_that_was_changed_in_place_is_written(tmp_path):
    model = datamodels.open(_image(tmp_path / "a.fits"))
    model.meta.wcs.bounding_box = ((1, 5), (2, 6))
    model.save(tmp_path / "b.fits")
    assert datamodels.open(tmp_path / "b.fits").meta.wcs.bounding_box == model.meta.wcs.bounding_box


def test_a_wcs_that_nobody_asks_for_is_kept_byte_for_byte(tmp_path):
    model = datamodels.open(_image(tmp_path / "a.fits"))
    model.meta.target.proposer_name = "changed"
    model.copy().save(tmp_path / "b.fits")
    lines = _text_of_wcs(tmp_path / "a.fits")
    assert len(lines) > 20 and _text_of_wcs(tmp_path / "b.fits") == lines


def test_neither_opening_nor_saving_loads_gwcs(tmp_path):
    _image(tmp_path / "a.fits")
    script = (
        "import sys; from hexcal import datamodels; model = datamodels.open('a.fits'); model.meta.origin = 'here';"
        "model.copy().save('b.fits'); assert not {'gwcs', 'asdf'} & set(sys.modules), 'loaded'"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_copy_has_a_wcs_of_its_own(tmp_path):
    model = datamodels.open(_image(tmp_path / "a.fits"))
    unread = model.copy()
    assert model.meta.wcs is not unread.meta.wcs
    read = model.copy()
    read.meta.wcs.bounding_box = ((1, 5), (2, 6))
    assert model.meta.wcs.bounding_box == unread.meta.wcs.bounding_box == tangent_plane().bounding_box


def test_metadata_are_taken_over_with_the_wcs(tmp_path):
    other = datamodels.ImageModel((16, 24))
    other.update(datamodels.open(_image(tmp_path / "a.fits")))
    assert other.meta.wcs(11.5, 7.5) == pytest.approx((10.0, -20.0), abs=1e-12)


def test_each_slit_has_its_wcs(tmp_path):
    model = datamodels.MultiSlitModel()
    model.slits = [datamodels.SlitModel((16, 24)) for _ in range(3)]
    for number, slit in enumerate(model.slits):
        slit.meta.wcs = tangent_plane(ra=10.0 + number)
    model.save(tmp_path / "a.fits")
    again = datamodels.open(tmp_path / "a.fits")
    again[1].meta.wcs = tangent_plane(ra=99.0)
    again.copy().save(tmp_path / "b.fits")
    found = [slit.meta.wcs(11.5, 7.5)[0] for slit in datamodels.open(tmp_path / "b.fits").slits]
    assert found == pytest.approx([10.0, 99.0, 12.0], abs=1e-12)
    assert _text_of_wcs(tmp_path / "a.fits") == _text_of_wcs(tmp_path / "b.fits")


def test_the_wcs_of_many_slits_are_read_together(tmp_path, monkeypatch):
    model = datamodels.MultiSlitModel()
    model.slits = [datamodels.SlitModel((16, 24)) for _ in range(8)]
    for number, slit in enumerate(model.slits):
        slit.meta.wcs = tangent_plane(ra=10.0 + number)
        slit.meta.wcs.bounding_box = ((-0.5, 20.5), (-0.5, 2.5 + number))
    model.save(tmp_path / "a.fits")
    times, read = [], asdf_tree.from_bytes_with_library
    monkeypatch.setattr(asdf_tree, "from_bytes_with_library", lambda *args: times.append(1) or read(*args))
    slits = datamodels.open(tmp_path / "a.fits").slits
    wcses = [slit.meta.wcs for slit in slits]
    # Three by themselves, and the others at once.
    assert len(times) == 4
    assert [wcs(11.5, 2.0)[0] for wcs in wcses] == pytest.approx([10.0 + number for number in range(8)], abs=1e-3)
    assert [wcs.bounding_box.bounding_box()[1][1] for wcs in wcses] == [2.5 + number for number in range(8)]
    # What one changes is its own.
    wcses[5].bounding_box = ((0.0, 1.0), (0.0, 1.0))
    assert wcses[6].bounding_box.bounding_box()[1][1] == 8.5 and slits[5].meta.wcs is wcses[5]


def test_one_wcs_that_cannot_be_read_does_not_spoil_the_others(tmp_path):
    model = datamodels.MultiSlitModel()
    model.slits = [datamodels.SlitModel((16, 24)) for _ in range(6)]
    for number, slit in enumerate(model.slits):
        slit.meta.wcs = tangent_plane(ra=10.0 + number)
    model.save(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    place = content.rindex(b"transform/shift-")
    (tmp_path / "a.fits").write_bytes(content[:place] + b"transform/shaft-" + content[place + 16 :])
    slits = datamodels.open(tmp_path / "a.fits").slits
    places = []
    for slit in slits:
        try:
            places.append(round(slit.meta.wcs(11.5, 7.5)[0]))
        except InputError:
            places.append(None)
    assert places == [10, 11, 12, 13, 14, None]


def test_the_wcs_beside_an_array_of_the_user(tmp_path):
    model = datamodels.ImageModel((16, 24))
    model.meta.wcs, model.my_mask = tangent_plane(), np.arange(5.0)
    model.save(tmp_path / "a.fits")
    again = datamodels.open(tmp_path / "a.fits")
    assert np.array_equal(again.my_mask, np.arange(5.0))
    assert again.meta.wcs(11.5, 7.5) == pytest.approx((10.0, -20.0), abs=1e-12)


def test_a_wcs_that_the_libraries_do_not_know_is_kept_and_refused_when_asked_for(real_data, tmp_path):
    path = real_data / "products" / "mrs" / "template_12A.fits.gz"
    model = datamodels.open(path)
    model.save(tmp_path / "a.fits")
    assert _text_of_wcs(tmp_path / "a.fits") == _text_of_wcs(path)
    # Its arrays lie behind the tree: they are the same blocks in the same order.
    former, now = (_asdf(file).partition(b"\n...\n")[2] for file in (path, tmp_path / "a.fits"))
    assert former.startswith(now.rstrip(b"\0")) and len(now) > 1 << 20
    with pytest.raises(InputError, match="the installed libraries cannot read"):
        _ = datamodels.open(tmp_path / "a.fits").meta.wcs


def _stored_wcses(folder):
    for path in sorted(
        [*folder.glob("wcs/*.asdf"), *folder.glob("products/[!m]*/*.fits*"), *folder.glob("products/mos/*")]
    ):
        model = datamodels.open(path)
        if getattr(model, "wcs", None) is not None if path.suffix == ".asdf" else model.meta.wcs is not None:
            yield path, model


def test_real_products_open_and_evaluate_as_the_libraries_do_and_after_a_round_trip_too(real_data, tmp_path):
    import asdf

    count = 0
    for path, model in _stored_wcses(real_data):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.suffix == ".asdf":
                with asdf.open(path, lazy_load=False, memmap=False) as content:
                    expected = content["wcs"]
                image = datamodels.ImageModel((4, 4))
                image.meta.wcs = model.wcs
            else:
                expected = asdf_tree.from_bytes_with_library(_asdf(path), "")["meta"]["wcs"]
                image = model
            image.save(tmp_path / "again.fits")
            found = datamodels.open(tmp_path / "again.fits").meta.wcs
            x, y = np.meshgrid(np.linspace(0, 400, 9), np.linspace(0, 700, 29))
            for wcs in (model.wcs if path.suffix == ".asdf" else model.meta.wcs, found):
                values = zip(wcs(x, y, with_bounding_box=False), expected(x, y, with_bounding_box=False), strict=True)
                for value, truth in values:
                    assert np.allclose(value, truth, rtol=0, atol=1e-12, equal_nan=True), path.name
        count += 1
    assert count == 38


def test_a_wcs_whose_transforms_are_the_inverse_of_their_inverse_is_read_and_written(tmp_path):
    # As the original stores those of rectified spectra.
    wcs = tangent_plane()
    forward = wcs.pipeline[0].transform
    back = forward.inverse
    forward.inverse, back.inverse = back, forward
    path = tmp_path / "a_s2d.fits"
    _image(tmp_path / "plain_s2d.fits")
    with fits.open(tmp_path / "plain_s2d.fits") as hdus:
        tree = {"meta": {"telescope": "JWST", "wcs": wcs}}
        content = np.frombuffer(asdf_tree.to_bytes_with_library(tree), np.uint8)
        column = fits.Column("ASDF_METADATA", f"{content.size}B", array=content[None])
        hdus["ASDF"] = fits.BinTableHDU.from_columns([column], name="ASDF")
        hdus.writeto(path)
    assert b"inverse: *id" in _asdf(path)
    datamodels.open(path).save(tmp_path / "b_s2d.fits")
    again = datamodels.open(tmp_path / "b_s2d.fits")
    assert b"inverse: *id" in _asdf(tmp_path / "b_s2d.fits")
    assert np.abs(_sky(again) - _sky(datamodels.open(tmp_path / "plain_s2d.fits"))).max() < 1e-12


def test_a_model_whose_wcs_was_used_can_be_pickled(tmp_path):
    model = datamodels.open(_image(tmp_path / "a_cal.fits"))
    expected = _sky(model)
    # The transforms of NIRSpec hold functions that were made at run time, which pickle does not take.
    model.meta.wcs.made_at_run_time = lambda: None
    again = pickle.loads(pickle.dumps(model))
    assert np.abs(_sky(again) - expected).max() < 1e-12 and again.meta.telescope == "JWST"
    assert _sky(model).tobytes() == expected.tobytes()
