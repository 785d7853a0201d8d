"""Parts of skymatch for use from Python."""

import gc
from pathlib import Path

import numpy as np
import pytest

from hexcal.errors import ParameterError
from hexcal.skymatch.region import Polygon
from hexcal.skymatch.skyimage import DataAccessor, NDArrayInMemoryAccessor, NDArrayMappedAccessor
from hexcal.skymatch.skystatistics import SkyStats


@pytest.mark.req("SKYM-24")
def test_statistics_of_a_sky_with_sources():
    random = np.random.default_rng(1)
    data = random.normal(3, 0.1, (60, 70)).astype("f4")
    data[5:9, 5:9], data[0, 0] = 50, np.nan
    before = data.copy()
    for name in ("mean", "median", "midpt", "mode"):
        level, count = SkyStats(name)(data)
        assert level == pytest.approx(3, abs=0.1 if name == "mode" else 0.02) and 60 * 70 - 30 < count < 60 * 70 - 16
    np.testing.assert_array_equal(data, before)
    unclipped = SkyStats(nclip=0)
    finite = data[np.isfinite(data)]
    assert unclipped.calc_sky(data) == (pytest.approx(finite.mean(), rel=1e-6), finite.size)
    assert (unclipped.skyval, unclipped.npix) == unclipped.calc_sky(data)
    high = SkyStats(nclip=0, lower=3.0, upper=10, unknown=1)
    assert high(data)[0] == pytest.approx(data[(data >= 3) & (data <= 10)].mean(), rel=1e-6)
    assert SkyStats()(np.full(3, np.nan)) == (None, 0)
    with pytest.raises(ParameterError, match="skystat"):
        SkyStats("average")


@pytest.mark.req("SKYM-25")
def test_arrays_wait_in_memory_or_in_files(tmp_path):
    data = np.arange(12, dtype="f4").reshape(3, 4)
    mapped = NDArrayMappedAccessor(data, prefix="sky_", tmpdir=str(tmp_path))
    (path,) = tmp_path.glob("sky_*.npy")
    for accessor in (NDArrayInMemoryAccessor(data), mapped):
        assert isinstance(accessor, DataAccessor) and accessor.get_data_shape() == (3, 4)
        np.testing.assert_array_equal(accessor.get_data(), data)
        accessor.set_data(data[:2] + 1)
        np.testing.assert_array_equal(accessor.get_data(), data[:2] + 1)
        assert accessor.get_data_shape() == (2, 4)
    assert Path(path).exists()
    del mapped, accessor
    gc.collect()
    assert not Path(path).exists()
    NDArrayMappedAccessor(data, tmpfile=tmp_path / "mine.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "mine.npy"), data)


@pytest.mark.req("SKYM-26")
def test_pixels_inside_a_polygon_get_its_number():
    image = np.zeros((8, 10), int)
    square = [(2, 1), (6, 1), (6, 5), (2, 5), (2, 1)]
    expected = image.copy()
    expected[1:6, 2:7] = 7
    np.testing.assert_array_equal(Polygon(7, square).scan(image), expected)
    triangle = Polygon(9, [(0, 0), (4, 0), (0, 4), (0, 0)]).scan(np.zeros((6, 6), int))
    y, x = np.mgrid[:6, :6]
    np.testing.assert_array_equal(triangle == 9, x + y <= 4)
    for vertices in ([(0, 0), (1, 1), (0, 0)], [(0, 0), (4, 0), (4, 4), (0, 4)]):
        with pytest.raises(ParameterError, match="at least four vertices"):
            Polygon(1, vertices)
