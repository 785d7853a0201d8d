"""Individual files become one."""

import subprocess
import sys

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.reference import SuperBiasModel
from hexcal.reffiles.combine import CombineParameters, combined

SHAPE = (30, 40)


def files(number=20, sigma=2.0, seed=1):
    rng = np.random.default_rng(seed)
    models = []
    for _ in range(number):
        model = SuperBiasModel(rng.normal(100, sigma, SHAPE).astype("f4"))
        model.err, model.dq = np.full(SHAPE, sigma, "f4"), np.zeros(SHAPE, "u4")
        models.append(model)
    return models


@pytest.mark.req("RFF-59", "RFF-60")
@pytest.mark.parametrize("method", ["mean", "median", "clip", "weighted"])
def test_the_error_is_that_of_the_combination(method):
    result = combined(files(), CombineParameters(method=method))
    pull = (result.data - 100) / result.err
    # Of 20 values the scatter itself is uncertain: pulls by it are wider than 1.
    assert np.std(pull) == pytest.approx(np.sqrt(19 / 17) if method != "weighted" else 1.0, abs=0.07)
    assert np.mean(result.data) == pytest.approx(100, abs=0.06)


@pytest.mark.req("RFF-59")
def test_the_first_file_and_a_single_one_stay_as_they_are():
    models = files(3)
    assert np.array_equal(combined(models, CombineParameters(method="first")).data, models[0].data)
    assert np.array_equal(combined(models[:1], CombineParameters()).err, models[0].err)


@pytest.mark.req("RFF-59", "RFF-61")
def test_bad_values_do_not_enter():
    models = files(5)
    models[0].data[3, 3], models[1].data[3, 3] = 1e6, np.nan
    models[1].dq[3, 3] = pixel.DO_NOT_USE
    models[0].dq[3, 3] = pixel.DO_NOT_USE
    for model in models[:4]:
        model.dq[5, 5] = pixel.DO_NOT_USE
    result = combined(models, CombineParameters(method="mean"))
    assert result.data[3, 3] == pytest.approx(100, abs=6)
    assert result.dq[5, 5] & pixel.DO_NOT_USE and not result.dq[3, 3]


@pytest.mark.req("RFF-62")
def test_flags_by_the_share_of_the_files():
    models = files(5)
    for model in models[:3]:
        model.dq[0, 0] = pixel.HOT
    for model in models[:4]:
        model.dq[0, 1] = pixel.HOT
    dq = lambda fraction: combined(models, CombineParameters(flag_fraction=fraction)).dq[0, :2].tolist()  # noqa: E731
    assert dq(0.8) == [0, pixel.HOT] and dq(0.0) == [pixel.HOT, pixel.HOT] and dq(1.0) == [0, 0]


@pytest.mark.req("RFF-63", "RFF-64")
def test_what_cannot_be_joined_is_an_error():
    with pytest.raises(InputError, match="differ"):
        combined([files(1)[0], SuperBiasModel(np.zeros((5, 5), "f4"))], CombineParameters())
    table = datamodels.RSCDModel()
    with pytest.raises(InputError, match="cannot be averaged"):
        combined([table, table], CombineParameters())


PEAK = """
import resource, sys
from hexcal.reffiles import combine, final
combine._BAND = 1 << 20
final.write_final(final.Path(sys.argv[1]), [final.Path(path) for path in sys.argv[2:]], combine.CombineParameters())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_the_memory_does_not_grow_with_the_number_of_files(tmp_path):
    model = SuperBiasModel(np.random.default_rng(1).normal(100, 2, (400, 400)).astype("f4"))
    model.err, model.dq = np.full((400, 400), 2, "f4"), np.zeros((400, 400), "u4")
    model.dq[7, 7] = pixel.DO_NOT_USE
    model.meta.reftype = "SUPERBIAS"
    model.save(tmp_path / "one.fits")
    paths = [tmp_path / f"{number}.fits" for number in range(60)]
    for path in paths:
        path.symlink_to(tmp_path / "one.fits")
    peaks = []
    for number in (10, 60):
        words = [str(tmp_path / f"of_{number}.fits"), *map(str, paths[:number])]
        done = subprocess.run([sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    # All that a file holds is 2 MB; 50 more of them were 100.
    assert peaks[1] - peaks[0] < 40, peaks
