"""The four parameter files of the IRIS documents, word for word, on simulated inputs; tmtrun as it is installed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import hexcal.iris
from hexcal import datamodels
from hexcal.cli.main import strun
from hexcal.core import StepTable, registry

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

STAGE2_IMAGER = """class = "liger_iris_pipeline.ImagerStage2Pipeline"
save_results = True

[steps]
    [[dark_sub]]
        skip = False
    [[flat_field]]
        skip = False
    [[sky_sub]]
    [[assign_wcs]]
        skip = False
"""
CREATE_FLAT = """
class = "liger_iris_pipeline.CreateFlatfield"
save_results = True

[steps]
    [[dark_sub]]
    [[normalize]]
        method = "median"
"""
IMAGE2_IRIS = """
name = "ProcessImagerL2Pipeline"
class = "liger_iris_pipeline.pipeline.ProcessImagerL2Pipeline"
save_results = True

    [steps]
      [[bkg_subtract]]
      [[assign_wcs]]
        skip = True
      [[dark_current]]
      [[flat_field]]
        config_file = flat_field.cfg
      [[photom]]
        skip = True
      [[resample]]
        skip = True
"""
IMAGE2_OF_2019 = """
   name = "Image2Pipeline"
   class = "iris_pipeline.pipeline.Image2Pipeline"
   save_results = True
       [steps]
         [[bkg_subtract]]
         [[assign_wcs]]
           skip = True
         [[flat_field]]
           config_file = flat_field.cfg
         [[photom]]
           skip = True
         [[resample]]
           skip = True
"""
FLAT_FIELD = """
   name = "flat_field"\x20
   class = "jwst.flatfield.FlatFieldStep"
   # Optional filename suffix for output flats (only for MOS data).
   flat_suffix = None
   override_flat = 'flat.fits'
"""
SAMPLING = """
name = "rop"
class = "iris_pipeline.pipeline.ROPPipeline"
save_results = True

    [steps]
      [[nonlincorr]]
      [[readoutsamp]]
       mode='mcds'
        \x20
"""
ASSOCIATION = """
   {
       "asn_rule": "Asn_Lv2Image",
       "asn_pool": "pool",
       "asn_type": "image2",
       "products": [
           {
               "name": "test_iris_subtract_bg_flat",
               "members": [
                   {
                       "expname": "raw_science_frame_sci.fits",
                       "exptype": "science"
                   },
                   {
                       "expname": "raw_background_frame_cal.fits",
                       "exptype": "background"
                   }
               ]
           }
       ]
   }
"""


def pulls_of(product, simulation, window=(slice(None), slice(None))):
    """(result - truth) / error of the good pixels, without those where the sky frame has a source."""
    good = simulation.references["mask"].dq[window] == 0
    return ((product.data - simulation.truth) / product.err)[good]


@pytest.mark.req("TMT-14")
def test_create_flat_cfg(night):
    simulation = night(256)
    Path("create_flat.cfg").write_text(CREATE_FLAT)
    assert strun(["create_flat.cfg", "raw_flat_frame_cal.fits"]) == 0
    flat = datamodels.open("raw_flat_frame_flat.fits")
    assert type(flat) is datamodels.IRISFlatModel and flat.meta.reftype == "FLAT"
    good = simulation.references["mask"].dq == 0
    expected = simulation.references["flat"].data / np.median(simulation.references["flat"].data[good])
    error = (flat.data / expected - 1)[good]
    # 2000 electrons per second for a minute.
    assert abs(np.median(error)) < 3e-4 and error.std() == pytest.approx(1 / np.sqrt(120000), rel=0.05)
    assert (flat.meta.cal_step.dark_sub, flat.meta.cal_step.normalize) == ("COMPLETE", "COMPLETE")


@pytest.mark.req("TMT-14")
def test_stage2_imager_cfg(night):
    """A frame without sky frames: less its own background."""
    simulation = night(256)
    Path("stage2_imager.cfg").write_text(STAGE2_IMAGER)
    assert strun(["stage2_imager.cfg", "raw_science_frame_sci.fits"]) == 0
    product = datamodels.open("raw_science_frame_sci_cal.fits")
    pulls = pulls_of(product, simulation)
    # The scene has a sky of 2 electrons per second, which is taken away.
    assert np.median(pulls * product.err[simulation.references["mask"].dq == 0]) == pytest.approx(-2, abs=0.02)
    assert product.meta.wcs is not None and product.meta.data_level == 2
    steps = product.meta.cal_step
    assert {steps.dark_sub, steps.flat_field, steps.sky_sub, steps.assign_wcs} == {"COMPLETE"}


def sky_and_science(simulation):
    """What is left of a frame without its dark and flat field, less those of the sky frame, and its error."""
    references = simulation.references
    frames = [datamodels.open(f"raw_{name}.fits") for name in ("science_frame_sci", "background_frame_cal")]
    flat = datamodels.open("flat.fits")
    rates = [(frame.data - references["dark"].data) / flat.data for frame in frames]
    errors = [np.hypot(frame.err, references["dark"].err) / flat.data for frame in frames]
    errors = [np.hypot(err, np.abs(rate) * flat.err / flat.data) for err, rate in zip(errors, rates, strict=True)]
    return rates[0] - rates[1], np.hypot(*errors)


@pytest.mark.req("TMT-14")
@pytest.mark.parametrize("configuration", [IMAGE2_IRIS, IMAGE2_OF_2019], ids=["2020", "2019"])
def test_image2_iris_cfg(night, configuration):
    """Science less sky, each with its dark and flat field; the flat is the one that create_flat.cfg made."""
    simulation = night(96)
    for name, text in (
        ("create_flat.cfg", CREATE_FLAT),
        ("image2_iris.cfg", configuration),
        ("flat_field.cfg", FLAT_FIELD),
        ("asn_subtract_bg_flat.json", ASSOCIATION),
    ):
        Path(name).write_text(text)
    assert strun(["create_flat.cfg", "raw_flat_frame_cal.fits"]) == 0
    Path("raw_flat_frame_flat.fits").rename("flat.fits")
    assert strun(["image2_iris.cfg", "asn_subtract_bg_flat.json"]) == 0
    product = datamodels.open("test_iris_subtract_bg_flat_cal.fits")
    data, err = sky_and_science(simulation)
    np.testing.assert_allclose(product.data, data, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(product.err, err, rtol=1e-4)
    steps = product.meta.cal_step
    assert (steps.dark_sub, steps.flat_field, steps.sky_sub) == ("COMPLETE",) * 3
    assert steps.assign_wcs == "SKIPPED" and product.meta.ref_file.flat.name == "flat.fits"


@pytest.mark.req("TMT-14")
def test_sampling_cfg(ramps):
    simulation = ramps()
    Path("sampling.cfg").write_text(SAMPLING)
    assert strun(["sampling.cfg", "sample_ramp.fits"]) == 0
    product = datamodels.open("sample_ramp_rop.fits")
    steps = product.meta.cal_step
    assert (steps.nonlincorr, steps.ramp_fit) == ("COMPLETE", "COMPLETE")
    assert product.get_meta("provenance").instance["run"]["parameters"]["steps"]["ramp_fit"]["method"] == "MCDS"
    flat, dark = simulation.references["flat"].data, simulation.references["dark"].data
    good = simulation.references["mask"].dq == 0
    pulls = ((product.data - simulation.truth * flat - dark) / product.err)[good]
    assert abs(pulls.mean()) < 0.06 and pulls.std() == pytest.approx(1, abs=0.05)


@pytest.mark.req("TMT-14")
@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("liger_iris_pipeline.ImagerStage2Pipeline", "iris_image2"),
        ("liger_iris_pipeline.pipeline.ProcessImagerL2Pipeline", "iris_image2"),
        ("iris_pipeline.pipeline.ProcessImagerL2Pipeline", "iris_image2"),
        ("iris_pipeline.pipeline.Image2Pipeline", "iris_image2"),
        ("liger_iris_pipeline.CreateFlatfield", "iris_create_flat"),
        ("iris_pipeline.pipeline.PreprocessFlatfield", "iris_create_flat"),
        ("iris_pipeline.pipeline.ROPPipeline", "iris_stage1"),
        ("liger_iris_pipeline.Stage1Pipeline", "iris_stage1"),
        ("liger_iris_pipeline.flatfield.FlatFieldStep", "iris_flat_field"),
        ("liger_iris_pipeline.dark_subtraction.dark_step.DarkSubtractionStep", "dark_sub"),
    ],
)
def test_classes_of_the_original(name, alias):
    assert registry.find(name).alias == alias


def test_classes_of_jwst_stay_those_of_hexcal():
    assert registry.find("jwst.flatfield.FlatFieldStep").alias == "flat_field"
    assert registry.find("jwst.pipeline.Image2Pipeline").alias == "calwebb_image2"


def installed_beside(folder):
    """An environment for commands in which this Hexcal is installed: what `pip install` writes of its entry points."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    info = folder / "installed" / "hexcal-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hexcal\nVersion: 0.1.0\n")
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    lines = [
        line for group, points in groups.items() for line in (f"[{group}]", *(f"{n} = {o}" for n, o in points.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    source = str(Path(hexcal.iris.__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(info.parent), source, os.environ.get("PYTHONPATH", "")])}


@pytest.mark.req("TMT-15")
@pytest.mark.parametrize("command", ["tmtrun", "lirun"])
def test_the_commands_are_installed_and_run_the_documented_example(night, tmp_path, command):
    night(32)
    Path("references/flat.fits").rename("flat.fits")
    for name, text in (
        ("image2_iris.cfg", IMAGE2_IRIS),
        ("flat_field.cfg", FLAT_FIELD),
        ("asn_subtract_bg_flat.json", ASSOCIATION),
    ):
        Path(name).write_text(text)
    code = (
        "import sys; from importlib.metadata import entry_points; "
        f"(point,) = entry_points(group='console_scripts', name='{command}'); sys.exit(point.load()())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "image2_iris.cfg", "asn_subtract_bg_flat.json"],
        env=installed_beside(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path("test_iris_subtract_bg_flat_cal.fits").is_file()


@pytest.mark.req("TMT-15")
def test_the_plug_in_brings_its_steps_and_commands_by_entry_points():
    project = tomllib.loads(PROJECT.read_text())["project"]
    assert project["scripts"]["tmtrun"] == project["scripts"]["lirun"] == project["scripts"]["strun"]
    assert project["entry-points"][registry.GROUP] == {"tmt": "hexcal.iris:table"}
    assert isinstance(hexcal.iris.table, StepTable)
    for offer in hexcal.iris.table.offers("test"):
        cls = offer.load()
        assert cls.alias == offer.alias and cls.__doc__
        assert offer.alias not in registry.aliases()
