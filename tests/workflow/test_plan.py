"""What has to be made of exposures, from their headers alone."""

import json

import pytest
from astropy.io import fits
from exposures import primary

from hexcal.core import registry
from hexcal.errors import InputError
from hexcal.workflow.exposures import collect, split
from hexcal.workflow.plan import as_json, pipeline_of, plan_of


def write_header(folder, number, level="uncal", observation="001", **keywords):
    """An exposure that is nothing but its header."""
    folder.mkdir(exist_ok=True)
    path = folder / f"jw00042{observation}001_02101_{number:05d}_nrca1_{level}.fits"
    header = primary(
        {
            "INSTRUME": "NIRCAM",
            "DETECTOR": "NRCA1",
            "CHANNEL": "SHORT",
            "MODULE": "A",
            "FILTER": "F200W",
            "PUPIL": "CLEAR",
        },
        (1, 5, 64, 64),
        PROGRAM="00042",
        OBSERVTN=observation,
        VISIT="001",
        VISITGRP="02",
        SEQ_ID="1",
        ACT_ID="01",
        TARGPROP="STAR",
        TARGTYPE="FIXED",
        **keywords,
    )
    fits.PrimaryHDU(header=header).writeto(path)
    return path


def keys(plan):
    return list(plan.jobs)


@pytest.mark.req("ASN-13")
def test_the_pipeline_of_every_type_of_associations():
    types = {
        "ami3": "ami3", "coron3": "coron3", "image2": "image2", "tso-image2": "image2", "wfs-image2": "image2",
        "image3": "image3", "spec2": "spec2", "tso-spec2": "spec2", "nrslamp-spec2": "spec2", "spec3": "spec3",
        "tso3": "tso3", "wfs-image3": "wfs-image3",
    }  # fmt: skip
    assert {name: pipeline_of(name) for name in types} == {name: f"calwebb_{part}" for name, part in types.items()}


@pytest.mark.req("ASN-14")
def test_the_type_of_an_association_chooses_its_pipeline(tmp_path):
    """Of the same exposures: images, and images of wavefront sensing, which have another type."""
    for folder, keywords in (("one", {}), ("two", {"VISITYPE": "PRIME_WFSC_SENSING_CONTROL"})):
        write_header(tmp_path / folder, 1, **keywords)
        exposures, _ = collect([tmp_path / folder])
        plan = plan_of(exposures, tmp_path / "out")
        for name, text in plan.associations.items():
            kind = json.loads(text)["asn_type"]
            (job,) = (job for job in plan.jobs.values() if job.source.name == name)
            assert job.pipeline == pipeline_of(kind) and f"_{kind}_" in name


@pytest.mark.req("ARCH-01")
def test_stages_of_a_dithered_observation_follow_one_another(tmp_path):
    for number in (1, 2, 3):
        write_header(tmp_path / "raw", number)
    exposures, rejected = collect([tmp_path / "raw"])
    plan = plan_of(exposures, tmp_path / "out")
    assert not rejected and not plan.rejected
    assert [job.pipeline for job in plan.jobs.values()] == [
        *["calwebb_detector1"] * 3,
        *["calwebb_image2"] * 3,
        "calwebb_image3",
    ]
    mosaic = plan.jobs[keys(plan)[-1]]
    assert mosaic.needs == tuple(keys(plan)[3:6])
    for position, job in enumerate(plan.jobs.values()):
        assert set(job.needs) <= set(keys(plan)[:position])
    assert json.loads(plan.associations[mosaic.source.name])["products"][0]["members"][0]["expname"].endswith(
        "_cal.fits"
    )


def test_the_plan_as_json_says_all_of_it(tmp_path):
    write_header(tmp_path / "raw", 1)
    plan = plan_of(collect([tmp_path / "raw"])[0], tmp_path / "out")
    jobs = json.loads(as_json(plan))["jobs"]
    assert [job["key"] for job in jobs] == keys(plan)
    assert jobs[0]["reason"] == "raw exposure of type NRC_IMAGE" and jobs[0]["memory_mb"] > 100


def test_rates_that_are_there_are_not_made_again(tmp_path):
    write_header(tmp_path / "raw", 1, "rate")
    plan = plan_of(collect([tmp_path / "raw"])[0], tmp_path / "out")
    (job, *_) = plan.jobs.values()
    assert job.pipeline == "calwebb_image2" and job.needs == ()
    assert (tmp_path / "out" / job.members[0][0]).resolve() == next((tmp_path / "raw").iterdir())


def test_of_an_exposure_at_two_levels_the_earlier_counts(tmp_path):
    write_header(tmp_path / "raw", 1, "uncal")
    write_header(tmp_path / "raw", 1, "rate")
    exposures, _ = collect([tmp_path / "raw"])
    assert [exposure.level for exposure in exposures] == ["uncal"]


def test_what_cannot_be_used_is_named_and_the_rest_planned(tmp_path):
    write_header(tmp_path / "raw", 1)
    write_header(tmp_path / "raw", 2, EXP_TYPE="NRC_MAGIC")
    (tmp_path / "raw" / "jw00042001001_02101_00003_nrca1_uncal.fits").write_bytes(b"not FITS")
    exposures, rejected = collect([tmp_path / "raw"])
    plan = plan_of(exposures, tmp_path / "out")
    assert [item.path.name[-20:] for item in rejected] == ["0003_nrca1_uncal.fits"[-20:]]
    assert "NRC_MAGIC" in plan.rejected[0].reason
    assert "calwebb_detector1 jw00042001001_02101_00001_nrca1" in plan.jobs


def test_pipelines_that_are_not_built_are_notes(tmp_path, monkeypatch):
    built = {name: place for name, place in registry.aliases().items() if name != "calwebb_image3"}
    monkeypatch.setattr(registry, "aliases", lambda: built)
    for number in (1, 2):
        write_header(tmp_path / "raw", number)
    plan = plan_of(collect([tmp_path / "raw"])[0], tmp_path / "out")
    assert {job.pipeline for job in plan.jobs.values()} == {"calwebb_detector1", "calwebb_image2"}
    assert any("this version has no calwebb_image3" in note for note in plan.notes)


def test_the_folder_of_products_is_not_searched(tmp_path):
    write_header(tmp_path / "raw", 1)
    write_header(tmp_path / "raw" / "out", 2)
    exposures, _ = collect([tmp_path / "raw"], but=tmp_path / "raw" / "out")
    assert len(exposures) == 1


def test_exposures_are_known_by_whole_paths_however_they_are_named(tmp_path, monkeypatch):
    path = write_header(tmp_path / "raw", 1)
    monkeypatch.chdir(tmp_path)
    for sources in (["raw"], ["raw/" + path.name], [tmp_path / "raw"], [path, "raw"]):
        exposures, _ = collect(sources)
        assert [exposure.path for exposure in exposures] == [path]


def test_a_link_keeps_its_own_name(tmp_path):
    path = write_header(tmp_path / "raw", 1)
    stored = path.rename(tmp_path / "0815.bin")
    path.symlink_to(stored)
    (exposure,) = collect([path])[0]
    assert exposure.path == path and exposure.level == "uncal"


def test_a_folder_without_exposures_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no exposures"):
        collect([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        collect([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jw1_x_nrca1_uncal.fits", ("jw1_x_nrca1", "uncal")),
        ("jw1_x_nrca1_rateints.fits.gz", ("jw1_x_nrca1", "rateints")),
        ("jw1_x_nrca1_x1d.fits", ("jw1_x_nrca1_x1d", "")),
        ("notes.txt", ("notes", "")),
    ],
)
def test_names_say_the_level(name, expected):
    assert split(name) == expected
