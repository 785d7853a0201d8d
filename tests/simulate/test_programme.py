"""A simulated programme: observations of several instruments in one folder, one cache of references for all."""

import itertools

import pytest
from astropy.io import fits

from hexcal.cli.main import main
from hexcal.errors import InputError, ParameterError
from hexcal.references.cache import ReferenceCache
from hexcal.references.context import Context
from hexcal.simulate import programme
from hexcal.workflow.exposures import collect
from hexcal.workflow.plan import plan_of


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programme")
    return folder, *programme.write(folder, "small")


def test_each_exposure_says_which_observation_of_which_target_it_is(written):
    folder, exposures, _ = written
    assert len(exposures) == 5
    for path in exposures:
        header = fits.getheader(path)
        assert header["FILENAME"] == path.rpartition("/")[2] and (folder / header["FILENAME"]).is_file()
        assert header["FILENAME"][7:10] == header["OBSERVTN"] == header["VISIT_ID"][5:8]
        assert header["TARGPROP"] == ("STAR-3" if header["INSTRUME"] == "NIRSPEC" else "FIELD")


def test_the_rules_choose_for_each_exposure_what_was_made_for_it(written):
    _, exposures, cache = written
    context = Context(ReferenceCache(cache, "jwst"), None)
    chosen = [context.choose(fits.getheader(path), ["flat", "photom", "dark", "distortion"]) for path in exposures]
    filters = [str(choices["photom"]) for choices in chosen[:4:2]]
    assert filters[0] != filters[1], "one flux calibration for two filters"
    for path, choices in zip(exposures, chosen, strict=True):
        header = fits.getheader(path)
        photom = context.cache.reference_path(str(choices["photom"]), header["INSTRUME"])
        assert fits.getheader(photom)["EXP_TYPE"] == header["EXP_TYPE"]
    assert str(chosen[0]["distortion"]).endswith(".asdf")


def test_the_plan_has_all_stages(written, tmp_path):
    folder, *_ = written
    plan = plan_of(collect([folder])[0], tmp_path)
    pipelines = [job.pipeline for job in plan.jobs.values()]
    assert pipelines.count("calwebb_detector1") == 4 and pipelines.count("calwebb_image3") == 2
    assert "calwebb_spec2" in pipelines and not plan.rejected


def test_numbers_of_observations_keep_blank_sky_apart():
    assert programme.numbered("jw00042001001_02101_00001_mirimage", 15) == "jw00042015001_02101_00001_mirimage"
    assert programme.numbered("jw00042002001_02101_00001_mirimage", 15) == "jw00042016001_02101_00001_mirimage"
    assert programme.numbered("jw00042001001_02101_00001-seg001_nrs1", 3) == "jw00042003001_02101_00001-seg001_nrs1"


def test_every_mode_of_spectroscopy_is_in_the_full_one():
    labels = " ".join(each.label for each in programme.SIZES["full"])
    assert all(word in labels for word in ("F150W", "F200W", "F770W", "fixed slits", "shutters", "integral-field unit"))
    numbers = [each.number for each in programme.SIZES["full"]]
    assert all(after >= before + 2 for before, after in itertools.pairwise(numbers))


def test_files_are_not_replaced_unasked(written):
    folder, *_ = written
    with pytest.raises(InputError, match="exist already"):
        programme.write(folder, "small")
    with pytest.raises(ParameterError, match="unknown size"):
        programme.write(folder, "smal")


def test_the_command_lists_the_sizes(capfd):
    assert main(["simulate", "programme", "--help"]) == 0
    assert "CRDS_PATH=raw/crds hexcal process raw --out products" in capfd.readouterr().out
