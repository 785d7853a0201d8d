"""skymatch: statistics, methods, the worked examples of the documents, groups, overlaps, bad input."""

import numpy as np
import pytest
from star_fields import SCALE, exposure

from hexcal.core import registry
from hexcal.errors import InputError, ParameterError
from hexcal.models.dqflags import pixel
from hexcal.step import SkyMatchStep
from hexcal.steps.image import sky_polygons
from hexcal.steps.image.sky_levels import Overlap, SkyMeasurements
from hexcal.steps.image.sky_statistics import SkyStatistics, midpoint_bin, mode_bin

SHAPE = (60, 60)
STEP = 50 * SCALE
"""Dither of neighbours: they overlap by 10 pixels."""


def flat(level, column, row, number, shape=SHAPE):
    """An image of one value at a place of a mosaic."""
    # The axes of the image are turned by half and by the roll against east and north.
    angle = np.radians(41.0)
    x, y = column * STEP, row * STEP
    east, north = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    return exposure(dither=(east, north), number=number, shape=shape, level=level, noise=0.0)


def levels_of(result):
    return [image.meta.background.level for image in result]


def statuses(result):
    return [image.meta.cal_step.skymatch for image in result]


def run(images, **parameters):
    return SkyMatchStep.call(list(images), **parameters)


FIRST = [(100, 0, 0), (120, 1, 0), (105, 0, 1), (110, 1, 1), (105, 0, 2), (115, 1, 2)]
SECOND = [(100, 0, 0), (120, 1, 0), (105, 0, 1), (110, 1, 1), (95, 9, 0), (90, 10, 0), (100, 11, 0)]


@pytest.mark.req("SKYM-04", "SKYM-05", "SKYM-06", "SKYM-08", "SKYM-09", "SKYM-13")
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("local", [100, 120, 105, 110, 105, 115]),
        ("global", [100] * 6),
        ("match", [0, 20, 5, 10, 5, 15]),
        ("global+match", [100, 120, 105, 110, 105, 115]),
    ],
)
def test_first_example_of_the_documents(method, expected):
    result = run([flat(*row, number) for number, row in enumerate(FIRST, 1)], skymethod=method)
    assert np.allclose(levels_of(result), expected, atol=1e-4)
    assert {image.meta.background.method for image in result} == {method}
    assert not any(image.meta.background.subtracted for image in result)


@pytest.mark.req("SKYM-07", "SKYM-08", "SKYM-10", "SKYM-11")
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("global", [90] * 7),
        ("match", [0, 20, 5, 10, 8.75, 3.75, 13.75]),
        ("global+match", [86.25, 106.25, 91.25, 96.25, 95, 90, 100]),
    ],
)
def test_second_example_of_the_documents(method, expected):
    result = run([flat(*row, number) for number, row in enumerate(SECOND, 1)], skymethod=method)
    assert np.allclose(levels_of(result), expected, atol=1e-4)


@pytest.mark.req("SKYM-14")
def test_the_highest_sky_is_the_reference_if_asked_for():
    result = run([flat(*row, number) for number, row in enumerate(FIRST, 1)], match_down=False)
    assert np.allclose(levels_of(result), [-20, 0, -15, -10, -15, -5], atol=1e-4)


@pytest.mark.req("SKYM-02", "SKYM-15")
def test_the_sky_is_subtracted_if_asked_for_and_the_keywords_say_so():
    images = [flat(3, 0, 0, 1), flat(4, 1, 0, 2)]
    result = run(images, subtract=True)
    assert [float(np.median(image.data)) for image in result] == pytest.approx([3, 3])
    assert [image.meta.background.instance for image in result] == [
        {"method": "match", "level": pytest.approx(level), "subtracted": True} for level in (0, 1)
    ]
    again = run(result, subtract=True, skymethod="global")
    assert np.allclose(levels_of(again), [3, 4])
    with pytest.raises(InputError, match="contradicts"):
        run(result)
    assert float(np.median(images[1].data)) == 4


@pytest.mark.req("SKYM-03")
def test_images_of_one_exposure_share_one_level():
    images = [flat(1, 0, 0, 1), flat(3, 3, 0, 1), flat(5, 1, 0, 2), flat(5, 2, 0, 2)]
    for image, name in zip(images, "abab", strict=True):
        image.meta.filename = f"{image.meta.filename[:-9]}{name}_cal.fits"
    assert np.allclose(levels_of(run(images)), [0, 0, 3, 3], atol=1e-4)
    assert levels_of(run(images, skymethod="local")) == pytest.approx([1, 1, 5, 5])
    for number, image in enumerate(images):
        image.meta.group_id = f"own {number}"
    assert np.allclose(levels_of(run(images)), [0, 2, 4, 4], atol=1e-4)


@pytest.mark.parametrize("skystat", ["mean", "median", "midpt", "mode"])
@pytest.mark.req("SKYM-17")
def test_statistics_find_the_sky_below_sources(skystat):
    rng = np.random.default_rng(2)
    values = rng.normal(2.0, 0.1, 200_000).astype("f4")
    values[::50] += rng.exponential(5, 4000).astype("f4")
    level, count = SkyStatistics(skystat).level(values)
    assert level == pytest.approx(2.0, abs=0.02) and 195_500 < count < 196_800


@pytest.mark.req("SKYM-17", "SKYM-20")
def test_statistics_against_plain_formulas():
    values = np.array([1, 2, 3, 4, 10], "f4")
    sigma = values.std(ddof=1)
    counts = np.histogram(values, int((values.max() - values.min()) / (0.1 * sigma)))[0]
    expected = {"mean": 4, "median": 3, "mode": 1 + 0.1 * sigma * mode_bin(counts)}
    expected["midpt"] = 1 + 0.1 * sigma * midpoint_bin(counts)
    for name, value in expected.items():
        assert SkyStatistics(name).level(values.copy()) == (pytest.approx(value), 5)
    assert mode_bin(np.array([1, 6, 3])) == pytest.approx(1.5 + 0.5 * (5 - 3) / 8)
    assert midpoint_bin(np.array([1, 2, 3, 4])) == pytest.approx(2 + 2 / 3)


def test_bins_that_are_too_narrow_to_count_are_refused():
    with pytest.raises(ParameterError, match="bins of 1e-300 standard deviations"):
        SkyStatistics(binwidth=1e-300).level(np.array([1, 2, 3, 4, 10], "f4"))


@pytest.mark.req("SKYM-20")
def test_clipping_is_about_the_mean_until_nothing_changes():
    values = np.r_[np.zeros(1000), 1.0, 50.0].astype("f4")
    assert SkyStatistics("mean", nclip=0).level(values.copy())[1] == 1002
    assert SkyStatistics("mean", nclip=1).level(values.copy())[1] == 1001
    assert SkyStatistics("mean").level(values.copy()) == (0.0, 1000)
    assert SkyStatistics("mean", usigma=1e3).level(values.copy())[1] == 1002
    assert SkyStatistics("mean", lsigma=1e3, usigma=2.0).level(-values)[1] == 1002


def test_statistics_of_nothing_and_of_one_value():
    assert SkyStatistics("mode").level(np.array([], "f4")) == (None, 0)
    for name in ("mean", "median", "midpt", "mode"):
        assert SkyStatistics(name).level(np.full(7, 3, "f4")) == (3.0, 7)


@pytest.mark.req("SKYM-18", "SKYM-19")
def test_flags_and_limits_leave_pixels_out():
    image = flat(1, 0, 0, 1)
    image.data[:20] = 7
    image.dq[:20] = pixel.DO_NOT_USE
    image.data[20] = np.nan
    image.data[21:40] = 9
    image.dq[21:40] = pixel.JUMP_DET
    assert levels_of(run([image], skymethod="local", skystat="mean", nclip=0)) == [pytest.approx((20 + 9 * 19) / 39)]
    mean = {"skymethod": "local", "skystat": "mean", "nclip": 0}
    assert levels_of(run([image], dqbits="0", **mean)) == [pytest.approx(1)]
    assert levels_of(run([image], dqbits="~JUMP_DET", **mean)) == [pytest.approx((20 * 7 + 20) / 40)]
    assert levels_of(run([image], upper=5.0, **mean)) == [pytest.approx(1)]
    assert levels_of(run([image], lower=5.0, **mean)) == [pytest.approx(9)]


@pytest.mark.req("SKYM-11")
def test_an_image_without_overlap_has_no_level_and_is_skipped(caplog):
    result = run([flat(3, 0, 0, 1), flat(4, 1, 0, 2), flat(9, 7, 0, 3)])
    assert levels_of(result) == [0, pytest.approx(1), None] and statuses(result) == ["COMPLETE", "COMPLETE", "SKIPPED"]
    both = run([flat(3, 0, 0, 1), flat(4, 1, 0, 2), flat(9, 7, 0, 3)], skymethod="global+match")
    assert levels_of(both) == pytest.approx([3, 4, 3]) and set(statuses(both)) == {"COMPLETE"}
    for images in ([flat(3, 0, 0, 1), flat(9, 7, 0, 2)], [flat(3, 0, 0, 1)]):
        assert statuses(run(images)) == ["SKIPPED"] * len(images)


def test_flagged_images():
    images = [flat(3, 0, 0, 1), flat(4, 1, 0, 2)]
    images[1].dq[...] = pixel.DO_NOT_USE
    local = run(images, skymethod="local")
    assert levels_of(local) == [3, None] and statuses(local) == ["COMPLETE", "SKIPPED"]
    assert levels_of(run(images, skymethod="global")) == [3, 3]
    assert statuses(run(images)) == ["SKIPPED", "SKIPPED"]


@pytest.mark.req("SKYM-01", "SKYM-12", "SKYM-16")
@pytest.mark.parametrize("stepsize", [None, 7])
def test_only_what_both_images_see_is_compared(stepsize):
    first, second = flat(1, 0, 0, 1), flat(1, 1, 0, 2)
    # Outside of the overlap the images differ.
    for image, other in ((first, second), (second, first)):
        rows, columns = np.indices(SHAPE)
        x, y = other.meta.wcs.invert(*image.meta.wcs(columns, rows), with_bounding_box=False)
        outside = (x < -1.5) | (x > SHAPE[1] + 0.5) | (y < -1.5) | (y > SHAPE[0] + 0.5)
        assert 0.1 < 1 - outside.mean() < 0.3
        image.data[outside] += 100 * image.meta.wcs(columns, rows)[0][outside]
    second.data += 0.5
    result = run([first, second], skystat="mean", nclip=0, stepsize=stepsize)
    assert levels_of(result) == [0, pytest.approx(0.5, abs=1e-5)]


def test_overlaps_are_intersections_on_the_sphere():
    def square(east, north, size=1.0, dec=80.0):
        ra = np.array([-1, 1, 1, -1]) * size / np.cos(np.radians(dec)) + east
        return sky_polygons.unit_vectors(ra, np.array([-1, -1, 1, 1]) * size + dec + north)

    common = sky_polygons.intersection(square(359.5, 0), square(0, 0.3))
    assert common is not None
    _ra, dec = sky_polygons.directions(common)
    for inside in (square(359.5, 0), square(0, 0.3)):
        for a, b in zip(inside, np.roll(inside, -1, axis=0), strict=True):
            assert (common @ np.cross(a, b) >= -1e-12).all()
    assert len(common) >= 4 and dec.max() < 81.4
    assert sky_polygons.intersection(square(30, 0), square(0, 0)) is None
    assert sky_polygons.intersection(square(180, 0, dec=-80.0), square(0, 0)) is None


def test_inconsistent_pairs_are_solved_by_weighted_least_squares():
    measured = SkyMeasurements([0.0, 0.0, 0.0])
    for pair, level, count in (((0, 1), 1.0, 100), ((0, 2), 0.0, 300), ((1, 2), 0.0, 200)):
        measured.overlaps[pair], measured.overlaps[pair[::-1]] = Overlap(), Overlap()
        measured.overlaps[pair].add(level, count)
        measured.overlaps[pair[::-1]].add(0.0, count)
    offsets = np.array(measured.offsets())
    weights = np.array([100.0**2, 300.0**2, 200.0**2])
    # Of a loop of three pairs each takes a part of the contradiction as 1 / weight.
    residual = offsets[0] - offsets[1] - 1
    assert residual == pytest.approx(-(1 / weights[0]) / (1 / weights).sum())
    assert offsets.min() == 0


@pytest.fixture
def two():
    return [flat(3, 0, 0, 1), flat(4, 1, 0, 2)]


def test_levels_of_the_user(two, tmp_path):
    names = [image.meta.filename for image in two]
    path = tmp_path / "sky.txt"
    path.write_text(f"# image level\n{names[0]} 1.5\n\n{names[1]}, 2.5  # from a map\n")
    result = run(two, skymethod="user", skylist=str(path), subtract=True)
    assert levels_of(result) == [1.5, 2.5] and {image.meta.background.method for image in result} == {"user"}
    assert [float(np.median(image.data)) for image in result] == pytest.approx([1.5, 1.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{0} 1.5\n", "no line for"),
        ("{0} 1\n{0} 2\n", "occurs twice"),
        ("{0} one\n{1} 2\n", "a name and a number"),
        ("{0} 1 2\n{1} 2\n", "a name and a number"),
        ("{0} nan\n{1} 2\n", "a name and a number"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_list_of_levels_is_refused(two, tmp_path, text, message):
    path = tmp_path / "sky.txt"
    if text is not None:
        path.write_text(text.format(*(image.meta.filename for image in two)))
    with pytest.raises(InputError, match=message):
        run(two, skymethod="user", skylist=str(path))


def test_a_list_of_levels_is_needed_for_the_method_user(two):
    with pytest.raises(ParameterError, match="needs a list"):
        run(two, skymethod="user")


def test_images_need_a_wcs(two):
    two[1].meta.wcs = None
    with pytest.raises(InputError, match="needs the WCS"):
        run(two)


@pytest.mark.req("SKYM-13", "SKYM-14", "SKYM-15", "SKYM-16", "SKYM-17", "SKYM-18", "SKYM-19", "SKYM-20")
def test_documented_defaults():
    values = registry.find("skymatch")().get_pars()
    expected = {"skymethod": "match", "match_down": True, "subtract": False, "stepsize": None, "skystat": "mode"}
    expected |= {"dqbits": "~DO_NOT_USE+NON_SCIENCE", "lower": None, "upper": None, "nclip": 5}
    expected |= {"lsigma": 4.0, "usigma": 4.0, "binwidth": 0.1}
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize("method", ["match", "global", "local"])
def test_images_in_different_units_are_refused(method):
    images = [flat(100, 0, 0, 1), flat(120, 1, 0, 2), flat(105, 0, 1, 3)]
    images[1].meta.bunit_data, images[2].meta.bunit_data = "DN/s", "MJy / sr"
    with pytest.raises(InputError, match=r"different units .* MJy/sr \(jw.*\), DN/s \(jw.*00002_nrca1_cal.fits\)"):
        run(images, skymethod=method)
    images[1].meta.bunit_data = None
    assert statuses(run(images, skymethod=method)) == ["COMPLETE"] * 3
