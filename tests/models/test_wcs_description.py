"""Descriptions of transforms: they compute, are written and are read as the transforms of astropy and gwcs."""

import subprocess
import sys

import gwcs
import numpy as np
import pytest
from astropy.modeling import models as of_astropy

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models import asdf_stored, asdf_tree, stored_wcs
from hexcal.models.stored_wcs import library_objects, opened, stored, wcs_of, written
from hexcal.models.wcs import models as described
from hexcal.models.wcs.description import Choice, Wcs
from hexcal.models.wcs.frames import composite_frame, cube_frame, plane_frame, sky_frame, spectral_frame
from hexcal.models.wcs.reading import NotDescribed
from hexcal.steps.wcs.evaluate import box_of, to_pixels, to_world
from hexcal.steps.wcs.program import compiled

POINTS = np.arange(5.0)
GLASS = {
    "kcoef": (0.58339748, 0.46085267, 3.8915394),
    "lcoef": (0.00252643, 0.010078333, 1200.556),
    "tcoef": (-2.66e-05, 0.0, 0.0, 0.0, 0.0, 0.0),
}
COEFFICIENTS = [[1.0, 2.0, 3.0], [4.0, 5.0, 0.0], [6.0, 0.0, 0.0]]
KINDS = {
    "shift": described.Shift(2.0),
    "scale": described.Scale(3.0),
    "multiply": described.Multiply(2.0),
    "line": described.Linear1D(2.0, 3.0),
    "constant": described.Const1D(4.0),
    "identity": described.Identity(2),
    "mapping": described.Mapping((1, 0, 1)),
    "mapping, inputs left out": described.Mapping((1,), n_inputs=3),
    "polynomial": described.Polynomial1D([1.0, 2.0, 3.0], (0, 4), (-1, 1)),
    "polynomial of two": described.Polynomial2D(COEFFICIENTS, ((0, 2), (0, 3)), ((-1, 1), (-1, 1))),
    "table": described.Tabular1D(POINTS, POINTS**2, bounds_error=False),
    "table that goes on": described.Tabular1D(POINTS, POINTS**2, bounds_error=False, fill_value=None),
    "table that falls": described.Tabular1D(POINTS[::-1], POINTS**2, bounds_error=False, fill_value=2.5),
    "affine": described.AffineTransformation2D([[1.0, 2.0], [3.0, 5.0]], [1.0, 2.0]),
    "turn of a plane": described.Rotation2D(30.0),
    "turns of space": described.RotationSequence3D([10.0, 20.0, 30.0], "zyx"),
    "turns of the sphere": described.SphericalRotationSequence([10.0, 20.0, 30.0], "zyx"),
    "native to celestial": described.RotateNative2Celestial(10.0, 20.0, 170.0),
    "tangent plane": described.Pix2Sky_Gnomonic(),
    "to a vector": described.SphericalToCartesian(),
    "from a vector": described.CartesianToSpherical(180),
    "direction cosines": described.Unitless2DirCos(),
    "to the wheel": described.Rotation3DToGWA([1.0, 2.0, 3.0, 4.0], "xyzy"),
    "refraction": described.RefractionIndexFromPrism(-16.5),
    "prism": described.Snell(-16.5, **GLASS, ref_temp=35.0, ref_pressure=0.0, temp=37.0, pressure=0.0),
    "grating": described.WavelengthFromGratingEquation(1e5, -1),
    "grating, back": described.AngleFromGratingEquation(1e5, -1),
    "condition": described.Logical("GT", 0.5, np.nan),
    "product": described.Identity(1) * described.Const1D(2.0),
    "difference": described.Mapping((0,), n_inputs=2) - (described.Mapping((1,)) | described.Shift(1.0)),
    "fixed": described.Compound("fix_inputs", described.Shift(1.0) & described.Scale(2.0), {"x0": 3.0}),
}


def _values(transform, points):
    found = transform(*points)
    return found if isinstance(found, tuple) else (found,)


def _check(mine, other):
    """A description computes what a model of astropy does, and calls its coordinates the same."""
    points = np.random.default_rng(1).uniform(0.1, 0.9, (mine.n_inputs, 50))
    if mine.n_inputs == 4:
        points[0] *= 1e-6
    with np.errstate(invalid="ignore"):
        for found, true in zip(compiled(mine)(*points), _values(other, points), strict=True):
            np.testing.assert_allclose(found, np.asarray(true), rtol=1e-12, atol=1e-13)
    assert (tuple(mine.inputs), tuple(mine.outputs)) == (tuple(other.inputs), tuple(other.outputs))


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_astropy_does(kind):
    mine = KINDS[kind]
    (other,) = library_objects([mine])
    _check(mine, other)
    if kind == "native to celestial":
        return
    assert mine.has_inverse == other.has_inverse()
    if mine.has_inverse:
        _check(mine.inverse, other.inverse)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_written_as_the_library_writes_it_and_read_again(kind):
    mine = KINDS[kind]
    wcs = Wcs([(plane_frame("detector", ("x", "y"), "pix"), mine), (sky_frame("world"), None)])
    (own,) = written([wcs])
    content = asdf_tree.to_bytes_with_library({"transform": library_objects([mine])[0]}, version="1.6.0")
    text = content[content.index(b"transform:") : content.index(b"\n...")].decode()
    tree = asdf_stored.described({"transform": library_objects([mine])[0]}, "a test")
    (again,) = written([Wcs([(wcs.pipeline[0].frame, tree["transform"]), wcs.pipeline[1]])])
    assert _same(own.node, again.node, own.source.blocks, again.source.blocks)
    assert mine.tag.partition("/")[2] in text and mine.tag == tree["transform"].tag


def _is_number(node):
    return node.tag.endswith((":int", ":float")) and not node.value.startswith(".")


def _same(node, other, blocks, other_blocks):
    if _is_number(node) and _is_number(other):
        # astropy turns angles into radians and back.
        return float(node.value) == pytest.approx(float(other.value), rel=1e-14, nan_ok=True)
    if node.tag != other.tag or isinstance(node.value, str) != isinstance(other.value, str):
        return False
    if isinstance(node.value, str):
        return node.value == other.value
    if len(node.value) != len(other.value):
        return False
    for item, another in zip(node.value, other.value, strict=True):
        pair = (item, another) if isinstance(item, tuple) else ((None, item), (None, another))
        (key, value), (_, other_value) = pair
        if key is not None and key.value == "source":
            if blocks[int(value.value)] != other_blocks[int(other_value.value)]:
                return False
        elif not _same(value, other_value, blocks, other_blocks):
            return False
    return True


def _wcs(offset=3.0, shared=None):
    """Of a slit: pixels, sky and wavelength."""
    table = described.Tabular1D(POINTS, 1.0 + POINTS, bounds_error=False)
    first = described.Mapping((0, 1, 0)) | described.Shift(offset) & described.Shift(1.0) & table
    first.inverse = described.Mapping((0, 1), n_inputs=3) | described.Shift(-offset) & described.Shift(-1.0)
    spectral = spectral_frame()
    steps = shared or [
        (
            composite_frame("slit", [plane_frame("plane", ("a", "b"), "deg"), spectral]),
            described.RotateNative2Celestial(20.0, 30.0, 180.0) & described.Identity(1),
        ),
        (composite_frame("world", [sky_frame("sky"), spectral]), None),
    ]
    wcs = Wcs([(plane_frame("detector", ("x", "y"), "pix"), first), *steps])
    wcs.bounding_box = ((-0.5, 3.5), (-0.5, 7.5))
    return wcs


def _model(*wcses):
    model = datamodels.MultiSlitModel()
    for wcs in wcses:
        slit = datamodels.SlitModel((8, 4))
        slit.meta.wcs = wcs
        model.slits.append(slit)
    return model


X, Y = np.array([0.0, 1.0, 3.0]), np.array([2.0, 0.0, 7.0])


@pytest.mark.req("ARCH-08")
def test_gwcs_reads_what_is_written(tmp_path):
    mine = _wcs()
    model = _model(mine)
    model.save(tmp_path / "a.fits")
    slit = datamodels.open(tmp_path / "a.fits").slits[0]
    known = wcs_of(slit)
    assert isinstance(known, Wcs) and box_of(known) == (-0.5, 3.5, -0.5, 7.5)
    found = slit.meta.wcs
    assert isinstance(found, gwcs.WCS) and list(found.available_frames) == ["detector", "slit", "world"]
    for wcs in (mine, known):
        np.testing.assert_allclose(to_world(wcs, X, Y), found(X, Y), rtol=0, atol=1e-12)
        np.testing.assert_allclose(to_pixels(wcs, *found(X, Y)), found.invert(*found(X, Y)), rtol=0, atol=1e-10)
    assert np.isnan(found(4.0, 0.0)).all()


def test_what_is_shared_is_written_and_read_once(tmp_path):
    one = _wcs()
    many = [_wcs(float(number), one.pipeline[1:]) for number in range(40)]
    _model(one).save(tmp_path / "one.fits")
    _model(*many).save(tmp_path / "many.fits")
    texts = [asdf_tree.to_bytes({"wcs": [opened(wcs) and wcs for wcs in wcses]}) for wcses in ([one], many[:2], many)]
    lengths = [text.count(b"tag:stsci.edu:gwcs/celestial_frame") for text in texts]
    assert lengths == [1, 1, 1] and len(texts[2]) < 40 * (len(texts[1]) - len(texts[0])) + len(texts[0]) + 4000
    read = [wcs_of(slit) for slit in datamodels.open(tmp_path / "many.fits").slits]
    assert len({id(wcs.pipeline[1].transform) for wcs in read}) == 1
    np.testing.assert_allclose(to_world(read[7], X, Y), to_world(many[7], X, Y), atol=1e-12)


def test_frames_and_boxes_of_all_kinds_are_read_by_gwcs():
    cube = described.Shift(1.0) & described.Shift(2.0) & described.Scale(2.0)
    wcs = Wcs([(cube_frame("detector"), cube), (composite_frame("world", [sky_frame("s"), spectral_frame()]), None)])
    wcs.bounding_box = ((-0.5, 3.5), (-0.5, 4.5), (0, 9))
    found = opened(wcs)
    assert found(1.0, 1.0, 1.0) == (2.0, 3.0, 2.0)
    box = {name: (float(found.bounding_box[name].lower), float(found.bounding_box[name].upper)) for name in cube.inputs}
    assert box == {"x0": (-0.5, 3.5), "x1": (-0.5, 4.5), "x": (0.0, 9.0)}
    slits = described.Identity(2) & described.Identity(1)
    slits.inputs = ("x", "y", "name")
    several = Wcs([(plane_frame("detector", ("x", "y"), "pix"), slits), (sky_frame("world"), None)])
    several.bounding_box = Choice({7: {"x": (0.5, 2.5), "y": (1.5, 3.5)}})
    again = stored([opened(several)], b"1.6.0")[0].described()
    assert again.bounding_box == {7: {"x": (0.5, 2.5), "y": (1.5, 3.5)}} and isinstance(again.bounding_box, Choice)


def test_transforms_that_are_the_inverse_of_their_inverse():
    forward, back = described.Shift(1.0) | described.Scale(2.0), described.Scale(0.5) | described.Shift(-1.0)
    forward.inverse, back.inverse = back, forward
    both = forward & described.Identity(1)
    wcs = Wcs([(plane_frame("detector", ("x", "y"), "pix"), both), (plane_frame("world", ("a", "b")), None)])
    again = stored_wcs.described(stored([opened(wcs)], b"1.6.0")[0])
    left = again.pipeline[0].transform.left
    assert left.inverse.inverse is left
    assert opened(again)(1.0, 5.0) == (4.0, 5.0)


def test_what_has_no_description_stays_an_object_of_gwcs(tmp_path):
    bent = of_astropy.Gaussian2D() & of_astropy.Identity(1)
    wcs = gwcs.WCS([("detector", of_astropy.Mapping((0, 1, 0)) | bent), ("world", None)])
    model = datamodels.ImageModel((4, 4))
    model.meta.wcs = wcs
    model.save(tmp_path / "a.fits")
    again = datamodels.open(tmp_path / "a.fits")
    assert isinstance(wcs_of(again), gwcs.WCS)
    assert stored_wcs.described(again.meta.wcs) is None
    with pytest.raises(NotDescribed, match="gaussian"):
        asdf_stored.described({"model": bent}, "a test")


def test_what_a_user_changes_is_computed_with(tmp_path):
    model = _model(_wcs()).slits[0]
    assert isinstance(wcs_of(model), Wcs)
    model.meta.wcs.bounding_box = ((0.5, 1.5), (0.5, 1.5))
    assert box_of(wcs_of(model)) == (0.5, 1.5, 0.5, 1.5)
    assert box_of(stored_wcs.described(model.meta.wcs)) == (0.5, 1.5, 0.5, 1.5)


def test_frames_that_are_not_there():
    with pytest.raises(InputError, match="detector, slit, world, not nowhere"):
        _wcs().get_transform("detector", "nowhere")


_RUN = """
import sys
from hexcal import datamodels
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs.evaluate import to_world
model = datamodels.open(sys.argv[1])
assert to_world(wcs_of(model.slits[0]), 1.0, 1.0)[2] == 2.0
model.save(sys.argv[2])
loaded = [name for name in ("gwcs", "asdf", "astropy.modeling", "astropy.units") if name in sys.modules]
assert not loaded, loaded
"""


def test_no_library_is_loaded_to_compute_with_a_wcs_and_to_write_it(tmp_path):
    _model(_wcs(), _wcs(1.0)).save(tmp_path / "a.fits")
    done = subprocess.run(
        [sys.executable, "-c", _RUN, tmp_path / "a.fits", tmp_path / "b.fits"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b.fits").stat().st_size == (tmp_path / "a.fits").stat().st_size


def _selector(by="range"):
    """Two regions of two pixels, and their way back, which tells them apart by wavelength and place."""
    inputs = ("x0", "x1", "x2")
    regions = {
        label: described.Mapping((0, 1, 0)) | described.Identity(2) & described.Shift(10.0 * label) for label in (1, 2)
    }
    for transform in regions.values():
        transform.inverse = described.Mapping((0, 1), n_inputs=3)
    mapper = described.LabelMapperArray(np.array([[1, 1, 0, 2, 2]] * 3, np.int16))
    of_place = described.LabelMapper(inputs, described.MIRI_AB2Slice(200.0, 1.0, 1), np.nan, described.Mapping((1,), 3))
    if by == "range":
        mapper.inverse = described.LabelMapperRange(inputs, {(10.0, 15.5): of_place}, described.Mapping((2,)))
    else:
        mapper.inverse = described.LabelMapperDict(inputs, {12.0: of_place}, described.Mapping((2,)), 1e-4)
    return described.RegionsSelector(("x", "y"), inputs, regions, mapper, name="regions")


def test_selectors_of_regions_are_those_of_gwcs():
    mine = _selector()
    (other,) = library_objects([mine])
    x, y = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.ones(5)
    with np.errstate(invalid="ignore"):
        found = other(x, y)
    np.testing.assert_array_equal(found, [[0, 1, np.nan, 3, 4], [1, 1, np.nan, 1, 1], [10, 11, np.nan, 23, 24]])
    assert other.undefined_transform_value is not None and np.isnan(other.undefined_transform_value)
    back, own = other.label_mapper.inverse, mine.label_mapper.inverse
    assert list(back.mapper) == list(own.mapper) == [(10.0, 15.5)]
    assert back(0.0, 102.0, 12.0) == 3 and (back.n_inputs, own.n_inputs) == (3, 3)
    assert mine.has_inverse and mine.inverse.inputs == ("x0", "x1", "x2")
    assert mine.inverse.label_mapper is own and list(mine.inverse.selector) == [1, 2]


def test_regions_told_apart_by_a_value_are_those_of_gwcs():
    mine = _selector("value")
    (other,) = library_objects([mine])
    back, own = other.label_mapper.inverse, mine.label_mapper.inverse
    assert list(back.mapper) == list(own.mapper) == [12.0] and back.atol == own.atol == 1e-4
    assert back(0.0, 102.0, 12.00005) == 3


@pytest.mark.parametrize("by", ["range", "value"])
def test_selectors_of_regions_are_read_as_gwcs_writes_them(by):
    mine = _selector(by)
    again = asdf_stored.described({"transform": library_objects([mine])[0]}, "a test")["transform"]
    assert isinstance(again, described.RegionsSelector) and again.name == "regions"
    assert np.array_equal(again.label_mapper.mapper, mine.label_mapper.mapper)
    (own,), (other,) = (
        written([Wcs([(plane_frame("detector", ("x", "y"), "pix"), one), (sky_frame("world"), None)])])
        for one in (mine.inverse, again.inverse)
    )
    assert _same(own.node, other.node, own.source.blocks, other.source.blocks)
