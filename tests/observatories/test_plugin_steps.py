"""Steps and pipelines of a plug-in: found by alias, class name and the names of the original; run by the commands.

Given inputs of all forms.
"""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import hexcal.step
from hexcal import datamodels
from hexcal.cli.main import strun
from hexcal.core import Pipeline, Role, Step, StepTable, registry
from hexcal.errors import ParameterError

FRAME = np.arange(12, dtype="f4").reshape(3, 4)


class DarkSubStep(Step):
    """Subtract a dark rate."""

    alias = "dark_sub"
    reference_types = ("dark",)
    input_model = "IRISImageModel"

    def process(self, image, references):
        image.data -= references.dark.data
        return image


class FlatFieldStep(Step):
    """Divide by a flat field."""

    alias = "flat_field"
    reference_types = ("flat",)

    def process(self, image, references):
        image.data /= references.flat.data
        return image


class ImagePipeline(Pipeline):
    """Dark, flat and sky of an exposure."""

    alias = "image_of_test"
    step_defs = {"dark_sub": DarkSubStep, "flat_field": FlatFieldStep}
    roles = (Role("science", other_names=("sci",)), Role("sky", many=True, required=False, other_names=("background",)))
    prefetch_references = False

    def process(self, science, sky):
        result = self.flat_field.run(self.dark_sub.run(science))
        for frame in sky.each():
            calibrated = self.flat_field.run(self.dark_sub.run(frame))
            result.data -= calibrated.data / len(sky)
        return [result]


class OtherDarkSubStep(Step):
    """Of another observatory."""

    alias = "dark_sub"

    def process(self, image):
        image.data += 100
        return image


TABLE = StepTable(
    "tmt",
    {
        "dark_sub": f"{__name__}:DarkSubStep",
        "flat_field_of_test": f"{__name__}:FlatFieldStep",
        "image_of_test": f"{__name__}:ImagePipeline",
    },
    originals=("liger_iris_pipeline", "iris_pipeline"),
    class_names={"ImagerStage2Pipeline": "image_of_test", "ProcessImagerL2Pipeline": "image_of_test"},
)
OTHER = StepTable("exo", {"dark_sub": f"{__name__}:OtherDarkSubStep"})


@pytest.fixture
def installed(monkeypatch):
    """Install tables of steps for one test: a function that takes them by name."""
    sys.modules.setdefault(__name__, sys.modules[DarkSubStep.__module__])

    def install(**tables):
        monkeypatch.setattr(registry, "plugin_tables", lambda: tables)

    install(iris=TABLE)
    return install


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A science frame, two sky frames, a dark and a flat, in the present folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CRDS_")]:
        monkeypatch.delenv(name)
    for name, data in (("sci", 3 * FRAME + 2), ("sky1", 0 * FRAME + 4), ("sky2", 0 * FRAME + 8), ("star", FRAME)):
        datamodels.IRISImageModel(data).save(f"{name}.fits")
    datamodels.IRISDarkModel(np.full((3, 4), 2, "f4")).save("dark.fits")
    datamodels.IRISFlatModel(np.full((3, 4), 0.5, "f4")).save("flat.fits")
    return tmp_path


STEPS = {"dark_sub": {"dark": "dark.fits"}, "flat_field": {"override_flat": "flat.fits"}}


@pytest.mark.req("TMT-13")
def test_an_alias_of_a_plug_in_is_listed_and_runs(installed, night, capsys):
    from hexcal.cli.main import main

    assert main(["steps"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("image_of_test"))
    assert "ImagePipeline" in line and "(tmt)" in line
    words = [
        "image_of_test",
        "sci.fits",
        "--steps.dark_sub.override_dark=dark.fits",
        "--steps.flat_field.flat=flat.fits",
    ]
    assert strun([*words[:-1], "--steps.flat_field.override_flat=flat.fits", "--save_results=true"]) == 0
    product = datamodels.open("sci_image_of_test.fits")
    np.testing.assert_array_equal(product.data, 6 * FRAME)
    assert product.meta.drs_step.dark_sub == "COMPLETE"
    assert product.get_meta("provenance").instance["run"]["target"] == "image_of_test"


@pytest.mark.req("TMT-13")
def test_an_alias_of_two_observatories_is_decided_by_the_input(installed, night):
    installed(iris=TABLE, exo=OTHER)
    assert registry.find("dark_sub", inputs=["--x=1", "sci.fits"]) is DarkSubStep
    with pytest.raises(
        ParameterError, match=r"(?s)'dark_sub'.*plug-in 'iris' and the plug-in 'exo'.*no known observatory"
    ):
        registry.find("dark_sub")
    datamodels.ImageModel(FRAME).save("jwst.fits")
    with pytest.raises(ParameterError, match=r"it is of the observatory 'jwst'"):
        registry.find("dark_sub", inputs=["jwst.fits"])


@pytest.mark.req("TMT-13")
def test_a_clash_of_aliases_is_an_error_that_names_both(installed):
    installed(iris=TABLE, again=StepTable("tmt", {"dark_sub": f"{__name__}:OtherDarkSubStep"}))
    with pytest.raises(ParameterError, match=r"'dark_sub'.*the plug-in 'iris' and the plug-in 'again'"):
        registry.find("dark_sub")
    installed(thief=StepTable("tmt", {"jump": f"{__name__}:OtherDarkSubStep"}))
    with pytest.raises(ParameterError, match=r"'jump'.*Hexcal and the plug-in 'thief'"):
        registry.find("jump")


@pytest.mark.parametrize(
    "name",
    [
        "liger_iris_pipeline.ImagerStage2Pipeline",
        "liger_iris_pipeline.pipeline.ImagerStage2Pipeline",
        "liger_iris_pipeline.pipeline.ProcessImagerL2Pipeline",
        "iris_pipeline.pipeline.ProcessImagerL2Pipeline",
        "ImagePipeline",
    ],
)
def test_classes_of_the_original_are_those_of_the_plug_in(installed, name):
    assert registry.find(name) is ImagePipeline
    assert registry.find("liger_iris_pipeline.flatfield.FlatFieldStep") is FlatFieldStep
    # Hexcal has a class of this name, and none of that.
    assert registry.find("jwst.flatfield.FlatFieldStep") is registry.find("FlatFieldStep") is hexcal.step.FlatFieldStep
    assert registry.find("jwst.pipeline.ImagePipeline") is ImagePipeline
    with pytest.raises(ParameterError, match=r"ImagerStage3Pipeline"):
        registry.find("liger_iris_pipeline.ImagerStage3Pipeline")


CONFIGURATION = """
name = "ProcessImagerL2Pipeline"
class = "liger_iris_pipeline.pipeline.ProcessImagerL2Pipeline"
save_results = True

    [steps]
      [[dark_sub]]
        override_dark = "dark.fits"
      [[flat_field]]
        config_file = flat_field.cfg
"""
FLAT = """
name = "flat_field"
class = "jwst.flatfield.FlatFieldStep"
override_flat = 'flat.fits'
"""


def associate(**members):
    listed = [{"expname": name, "exptype": kind} for kind, names in members.items() for name in names]
    content = {"asn_id": "o001", "asn_pool": "none", "products": [{"name": "science_product", "members": listed}]}
    Path("x_asn.json").write_text(json.dumps(content))
    return "x_asn.json"


@pytest.mark.req("TMT-15")
def test_a_parameter_file_of_the_original_runs_on_an_association(installed, night):
    Path("image2.cfg").write_text(CONFIGURATION)
    Path("flat_field.cfg").write_text(FLAT)
    scripts = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["tmtrun"] == scripts["lirun"] == scripts["strun"]
    assert strun(["image2.cfg", associate(sci=["sci.fits"], background=["sky1.fits", "sky2.fits"])]) == 0
    product = next(iter(night.glob("science_product*.fits")))
    np.testing.assert_array_equal(datamodels.open(product).data, 6 * FRAME - 8)


@pytest.mark.req("TMT-16")
def test_references_are_looked_up_for_each_exposure_of_an_association(installed, night, monkeypatch, caplog):
    asked = []
    from hexcal.core import run_references

    real = run_references._reference_source

    def noted(step, model, reference_type, name):
        asked.append((reference_type, Path(name).name))
        return real(step, model, reference_type, name)

    monkeypatch.setattr(run_references, "_reference_source", noted)
    Path("references").mkdir()
    for name in ("dark.fits", "flat.fits"):
        Path(name).rename(Path("references", name))
    name = associate(science=["sci.fits"], sky=["sky1.fits"])
    ImagePipeline.call(name, references="references", save_results=True)
    assert sorted(set(asked)) == sorted(
        (kind, exposure) for kind in ("dark", "flat") for exposure in ("sci.fits", "sky1.fits")
    )
    assert list(night.glob("science_product*.fits"))


@pytest.mark.req("TMT-17")
def test_a_dict_a_list_and_one_file_give_the_same(installed, night):
    expected = ImagePipeline.call("sci.fits", steps=STEPS)[0].data
    np.testing.assert_array_equal(expected, 6 * FRAME)
    for given in ({"SCI": ["sci.fits"]}, ["sci.fits"], {"science": "sci.fits"}):
        pipeline = ImagePipeline(steps=STEPS)
        results = pipeline.run(given)
        assert isinstance(results, list) and len(results) == 1
        np.testing.assert_array_equal(results[0].data, expected)
        np.testing.assert_array_equal(ImagePipeline.call(given, steps=STEPS)[0].data, expected)
    results = ImagePipeline(steps=STEPS).run({"SCI": ["sci.fits", "star.fits"], "SKY": ["sky1.fits", "sky2.fits"]})
    np.testing.assert_array_equal(results[0].data, 6 * FRAME - 8)
    np.testing.assert_array_equal(results[1].data, 2 * (FRAME - 2) - 8)
    with pytest.raises(ParameterError, match=r"unknown input 'flats'"):
        ImagePipeline(steps=STEPS).run({"SCI": ["sci.fits"], "FLATS": ["flat.fits"]})


@pytest.mark.req("TMT-17")
def test_a_list_for_a_step_of_single_exposures(night):
    result = DarkSubStep.call(["sci.fits", "star.fits"], override_dark="dark.fits")
    np.testing.assert_array_equal([model.data for model in result], [3 * FRAME, FRAME - 2])


PLUGIN = '''
from hexcal.core import Step, StepTable


class BlinkStep(Step):
    """Blink."""

    alias = "blink"

    def process(self, image):
        image.data += 1
        return image


steps = StepTable("tmt", {"blink": "blink_plugin:BlinkStep"})
'''


def with_package(night, text, entry_points="[hexcal.steps]\nblink = blink_plugin:steps\n"):
    """Install a package as a user does, where Python finds it; returns a function that runs a command with it."""
    info = night / "blink_plugin-1.0.dist-info"
    info.mkdir()
    (night / "blink_plugin.py").write_text(text)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: blink-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    (night / "work").mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(night), os.environ.get("PYTHONPATH", "")])}

    def hexcal(*words):
        code = "import sys; from hexcal.cli.main import main; sys.exit(main(sys.argv[1:]))"
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            env=environment,
            cwd=night / "work",
            capture_output=True,
            text=True,
            check=False,
        )

    return hexcal


@pytest.mark.req("TMT-13")
def test_a_package_with_steps_is_installed(night):
    """The product can be made again."""
    hexcal = with_package(night, PLUGIN)
    assert "blink" in hexcal("steps").stdout
    done = hexcal("run", "blink", "../sci.fits", "--save_results=true")
    assert done.returncode == 0, done.stderr
    made = next(iter((night / "work").glob("*blink.fits")))
    np.testing.assert_array_equal(datamodels.open(made).data, 3 * FRAME + 3)
    (night / "again").mkdir()
    done = hexcal("rerun", str(made), "--output_dir=../again")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(datamodels.open(next(iter((night / "again").glob("*.fits")))).data, 3 * FRAME + 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("steps = observatory = maker = 1", "must provide a hexcal.core.StepTable, not int"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_stops_only_those_who_ask_for_it(night, text, reason):
    groups = {"steps": "steps", "observatories": "observatory", "reffiles": "maker"}
    hexcal = with_package(
        night, text, "".join(f"[hexcal.{group}]\nblink = blink_plugin:{name}\n" for group, name in groups.items())
    )
    image = datamodels.ImageModel(FRAME)
    image.meta.exposure.gain_factor = 2.0
    image.save("jwst.fits")
    done = hexcal("run", "gain_scale", "../jwst.fits", "--save_results=true")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("plug-in 'blink'") == 1 and reason in done.stderr
    np.testing.assert_array_equal(datamodels.open(next(iter((night / "work").glob("*.fits")))).data, 2 * FRAME)
    listed = hexcal("steps")
    assert listed.returncode == 0 and "gain_scale" in listed.stdout and reason in listed.stderr
    assert hexcal("reffiles", "makers").returncode == 0
    assert hexcal("steps", "--profile").returncode == 0
    for asked in (["run", "blink", "../jwst.fits"], ["run", "blink_package.BlinkStep", "../jwst.fits"]):
        done = hexcal(*asked)
        error = done.stderr[done.stderr.index("ERROR") if "ERROR" in done.stderr else 0 :]
        assert done.returncode and reason in error and "install" in error, done.stderr
