"""Images whose skies are matched from Python: SkyImage, SkyGroup, match."""

import numpy as np
import pytest
from sky_projections import tangent_plane

from hexcal.errors import ParameterError
from hexcal.skymatch.skyimage import NDArrayInMemoryAccessor, NDArrayMappedAccessor, SkyGroup, SkyImage
from hexcal.skymatch.skymatch import match
from hexcal.skymatch.skystatistics import SkyStats
from hexcal.steps.image.sky_images import area_of
from hexcal.steps.image.sky_polygons import unit_vectors
from hexcal.steps.wcs.evaluate import pixel_to_sky, sky_to_pixel

SHAPE, SCALE = (40, 50), 1e-4


def image(level, dx=0.0, **details):
    """An image of a level, its centre `dx` pixels to the East of RA 10, Dec 0."""
    wcs = tangent_plane(10.0 + dx * SCALE, 0.0, SCALE, ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2), SHAPE)
    data = np.full(SHAPE, level, np.float32) if np.ndim(level) == 0 else level
    return SkyImage(data, lambda x, y: pixel_to_sky(wcs, x, y), lambda ra, dec: sky_to_pixel(wcs, ra, dec), **details)


@pytest.mark.req("SKYM-22")
@pytest.mark.parametrize("in_files", [True, False])
def test_an_image_knows_its_outline_and_its_sky(in_files):
    random = np.random.default_rng(2)
    data = random.normal(5.0, 0.1, SHAPE).astype("f4")
    data[:, :25] += 100
    mask = np.ones(SHAPE, np.uint8)
    mask[:, :25] = 0
    sky = image(data, mask=mask, id="a", pix_area=2.0, meta={"k": 1}, reduce_memory_usage=in_files)
    assert isinstance(sky._image, NDArrayMappedAccessor if in_files else NDArrayInMemoryAccessor)
    assert (sky.id, sky.pix_area, sky.meta, sky.sky, sky.is_sky_valid) == ("a", 2.0, {"k": 1}, 0.0, False)
    assert sky.image_shape == SHAPE and np.array_equal(sky.image, data) and np.array_equal(sky.mask, mask)
    area = SHAPE[0] * SHAPE[1] * np.radians(SCALE) ** 2
    assert sky.poly_area == pytest.approx(area, rel=1e-6)
    assert sky.radec.shape == (5, 2) and np.array_equal(sky.radec[0], sky.radec[-1])
    level, number, seen = sky.calc_sky()
    assert level == pytest.approx(5.0, abs=0.01) and 990 < number <= 1000 and seen == sky.poly_area
    sky.sky = 4.0
    assert sky.calc_sky()[0] == pytest.approx(1.0, abs=0.01)
    assert sky.calc_sky(delta=False)[0] == pytest.approx(5.0, abs=0.01)
    sky.calc_bounding_polygon(stepsize=10)
    assert len(sky.polygon) == 18 and sky.poly_area == pytest.approx(area, rel=1e-6)
    twin = sky.copy()
    twin.sky = 9.0
    assert sky.sky == 4.0 and np.array_equal(twin.image, data)
    sky.set_builtin_skystat("mean", upper=50.0)
    sky.mask = None
    assert isinstance(sky.skystat, SkyStats) and sky.calc_sky(delta=False)[0] == pytest.approx(5.0, abs=0.01)
    given = image(data, skystat=lambda values: (float(values.max()), values.size))
    assert given.calc_sky()[:2] == (float(data.max()), data.size)


@pytest.mark.req("SKYM-22")
def test_the_sky_of_an_overlap():
    data = np.full(SHAPE, 1.0, np.float32)
    data[:, :20] = 3.0  # East is to the left: what the other image sees.
    sky, other = image(data), image(0.0, dx=30.0)
    level, number, area = sky.calc_sky(other)
    assert level == 3.0 and number == pytest.approx(20 * 40, rel=0.1)
    assert area == pytest.approx(20 * 40 * np.radians(SCALE) ** 2, rel=1e-3)
    assert area == pytest.approx(sum(map(area_of, sky.intersection(other))), rel=1e-12)
    assert sky.calc_sky([tuple(place) for place in other.radec])[:2] == (level, number)
    assert sky.calc_sky(image(0.0, dx=500.0)) == (None, 0, 0.0)
    empty = image(np.full(SHAPE, np.nan, np.float32))
    assert empty.calc_sky() == (None, 0, 0.0)


def test_area_of_an_octant():
    assert area_of(unit_vectors(np.array([0.0, 90.0, 0.0]), np.array([0.0, 0.0, 90.0]))) == pytest.approx(np.pi / 2)


@pytest.mark.req("SKYM-23")
def test_images_of_a_group_share_a_sky():
    first, second, third = image(1.0), image(4.0, dx=100.0), image(7.0, dx=200.0)
    group = SkyGroup([first], id=7, sky=0.5)
    group.append(third)
    group.insert(1, second)
    assert [group[0], group[1], group[2]] == [first, second, third] and len(group) == 3 and group.id == 7
    level, number, area = group.calc_sky(delta=False)
    assert level == pytest.approx(4.0) and number == 3 * 2000
    assert area == pytest.approx(3 * first.poly_area, rel=1e-6)
    assert len(group.polygon) == len(group.radec) == 3
    seen = image(0.0, dx=100.0)
    assert group.calc_sky(seen, delta=False)[0] == pytest.approx(4.0)
    assert len(group.intersection(seen)) == 1 and len(seen.intersection(group)) == 1
    assert group.calc_sky(image(0.0, dx=900.0)) == (None, 0, 0.0)
    before = first.sky
    group.sky = 2.5
    assert first.sky == before + 2.0 and group.sky == 2.5


@pytest.mark.req("SKYM-21")
@pytest.mark.parametrize(
    ("method", "down", "expected"),
    [
        ("local", True, [10, 7, 12]),
        ("global", True, [7, 7, 7]),
        ("match", True, [3, 0, 5]),
        ("match", False, [-2, -5, 0]),
        ("global+match", True, [10, 7, 12]),
    ],
)
def test_levels_are_computed_and_subtracted(method, down, expected):
    images = [image(10.0), image(7.0, dx=25.0), SkyGroup([image(12.0, dx=-25.0)])]
    match(images, skymethod=method, match_down=down)
    assert [each.sky for each in images] == pytest.approx(expected) and all(each.is_sky_valid for each in images)
    assert (images[0].image == 10).all()
    images = [image(10.0), image(7.0, dx=25.0), SkyGroup([image(12.0, dx=-25.0)])]
    match(images, method, down, subtract=True)
    left = [images[0].image[0, 0], images[1].image[0, 0], images[2][0].image[0, 0]]
    assert left == pytest.approx(np.array([10.0, 7.0, 12.0]) - expected)


@pytest.mark.req("SKYM-21")
def test_what_is_not_matched():
    images = [image(1.0), image(2.0, dx=25.0), image(5.0, dx=900.0)]
    match(images, "match")
    assert [each.is_sky_valid for each in images] == [True, True, False]
    with pytest.raises(TypeError):
        match(tuple(images))
    with pytest.raises(TypeError):
        match([images[0], np.ones(SHAPE)])
    with pytest.raises(ParameterError, match="skymethod"):
        match(images, "median")
