"""The worked example and the recipe of the TMT documents, on frames of IRIS with headers of FITS keywords.

No line of Hexcal knows TMT but its plug-in.
"""

import importlib
import json
import os
import sys

import numpy as np
import pytest
from astropy.io import fits
from crds_caches import make_cache, pmap
from iris_caches import fill, frames, iris_cache

import hexcal.stpipe
from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import InputError, ParameterError, ReferenceError_
from hexcal.references.cache import observatory_of_exposure
from hexcal.references.chooser import Chooser
from hexcal.references.context import open_context
from hexcal.references.mapping_file import read_mapping
from hexcal.step import Step

STEP = '''
from hexcal import datamodels
from hexcal.step import Step


class DarkCurrentStep(Step):
    """Subtract the dark current from a frame."""

    class_alias = "dark_sub"
    spec = """
        scale = float(min=0, default=1.0) # Factor of the dark current
    """
    reference_file_types = ["dark"]

    def process(self, input):
        with datamodels.IRISImageModel(input) as frame:
            self.dark_name = self.get_reference_file(frame, "dark")
            result = frame.copy()
            dark = datamodels.IRISDarkModel(self.dark_name).cutout(frame)
            result.data -= self.scale * dark.data
            result.dq |= dark.dq if dark.dq is not None else 0
            dark.close()
        return result
'''


@pytest.fixture(params=["made", "real"])
def root(request, tmp_path, monkeypatch):
    """A cache with TMT's mappings, that the environment names.

    Twice: mappings that are made here, and the real ones.
    """
    for name in [name for name in os.environ if name.startswith("CRDS_")]:
        monkeypatch.delenv(name)
    real = request.getfixturevalue("real_data") if request.param == "real" else None
    root = iris_cache(tmp_path / "crds_cache", real)
    monkeypatch.setenv("CRDS_PATH", str(root))
    monkeypatch.setenv("CRDS_CONTEXT", "tmt_0001.pmap")
    return root


@pytest.fixture
def frame(root, tmp_path):
    """Path of a raw science frame; its references are in the cache."""
    simulation, path = frames(tmp_path)
    fill(root, simulation)
    return path


@pytest.fixture
def dark_step(tmp_path, monkeypatch):
    """A step as the pipeline of IRIS has it: old-style `spec`, no line of it made for Hexcal but the imports."""
    (tmp_path / "iris_steps").mkdir()
    (tmp_path / "iris_steps" / "iris_dark_step.py").write_text(STEP)
    monkeypatch.syspath_prepend(str(tmp_path / "iris_steps"))
    yield importlib.import_module("iris_dark_step").DarkCurrentStep
    del sys.modules["iris_dark_step"]


@pytest.mark.req("TMT-01", "TMT-03", "TMT-20")
def test_the_worked_example(root, frame):
    raw_science_frame = datamodels.IRISImageModel(frame)
    name = hexcal.stpipe.Step().get_reference_file(raw_science_frame, "dark")
    assert name == str(root / "references/tmt/iris/tmt_iris_dark_0001.fits")
    assert type(datamodels.open(name)).__name__ == "IRISDarkModel"
    assert Step().get_reference_file(frame, "flat").endswith("references/tmt/iris/tmt_iris_flat_0003.fits")
    assert Step().get_reference_file(raw_science_frame, "dflat") == "N/A"


@pytest.mark.req("TMT-01", "TMT-02")
def test_best_references_by_header_keywords(root, frame, capsys):
    assert main(["crds", "bestrefs", frame, "--types", "dark,flat,mask,dflat", "--json"]) == 0
    expected = {
        "dark": "tmt_iris_dark_0001.fits",
        "flat": "tmt_iris_flat_0003.fits",
        "mask": "tmt_iris_mask_0001.fits",
        "dflat": "N/A",
    }
    assert json.loads(capsys.readouterr().out) == {frame: expected}
    chosen = Chooser(datamodels.open(frame)).choose(expected)
    assert {kind: str(choice) for kind, choice in chosen.items()} == expected
    header = fits.getheader(frame)
    assert str(open_context(observatory="tmt").choose(header, ["dark"])["dark"]) == "tmt_iris_dark_0001.fits"


@pytest.mark.req("TMT-02")
def test_explain_tells_the_keywords(root, frame, capsys):
    assert main(["crds", "explain", frame, "flat"]) == 0
    told = capsys.readouterr().out
    for line in ("META.INSTRUMENT.DETECTOR = IRIS1  (DETECTOR)", "META.INSTRUMENT.FILTER = K  (FILTER)"):
        assert line in told


def test_a_frame_that_no_rule_fits(root, tmp_path, capsys):
    _, path = frames(tmp_path / "h", filter="H")
    with pytest.raises(ReferenceError_, match=r"no flat reference: META.INSTRUMENT.FILTER is H, the rules know K"):
        Step().get_reference_file(path, "flat")
    assert main(["crds", "bestrefs", path, "--types", "flat"]) == 1
    assert "META.INSTRUMENT.FILTER is H" in capsys.readouterr().out


@pytest.mark.req("TMT-03", "CRDS-04")
@pytest.mark.parametrize("window", [None, (33, 21, 40, 24)])
def test_a_step_of_the_pipeline_of_iris(root, tmp_path, dark_step, window):
    simulation, path = frames(tmp_path / "frame", subarray=window)
    fill(root, simulation)
    before = datamodels.IRISImageModel(path)
    result = dark_step.call(path)
    rows, columns = (slice(20, 44), slice(32, 72)) if window else (slice(None), slice(None))
    expected = simulation.frame.data - simulation.references["dark"].data[rows, columns]
    np.testing.assert_array_equal(result.data, expected)
    assert result.meta.cal_step.dark_sub == "COMPLETE"
    assert result.meta.ref_file.dark.name == "crds://tmt_iris_dark_0001.fits"
    assert result.meta.ref_file.crds.context_used == "tmt_0001.pmap"
    # An open model serves as well, and stays as it was.
    np.testing.assert_array_equal(dark_step(scale=0.0).run(before).data, simulation.frame.data)
    np.testing.assert_array_equal(before.data, simulation.frame.data)
    # It may note what it likes on itself while it runs; from outside a wrong name is still refused.
    with pytest.raises(ParameterError, match="did you mean 'scale'"):
        dark_step().scal = 2.0


@pytest.mark.req("TMT-04")
def test_the_step_on_the_command_line_with_an_override(root, frame, tmp_path, dark_step):
    other = datamodels.IRISDarkModel(np.full((96, 96), 3, "f4"))
    other.meta.instrument.detector = "IRIS1"
    other.save(tmp_path / "other.fits")
    words = ["run", "iris_dark_step.DarkCurrentStep", frame, f"--output_dir={tmp_path / 'out'}"]
    assert main([*words, f"--override_dark={tmp_path / 'other.fits'}"]) == 0
    made = tmp_path / "out" / "raw_science_frame_sci_dark_sub.fits"
    with fits.open(made) as product, fits.open(frame) as raw:
        np.testing.assert_array_equal(product["SCI"].data, raw["SCI"].data - np.float32(3))
        header = product[0].header
        assert (header["DATAMODL"], header["S_DARK"], header["DATE"]) == (
            "IRISImageModel",
            "COMPLETE",
            raw[0].header["DATE"],
        )
        assert header["R_DARK"].endswith("other.fits")
    # The suffix of the step is known: the next product does not carry it along.
    assert main([*words[:2], str(made), f"--output_dir={tmp_path / 'next'}", "--suffix=flat_field"]) == 0
    assert (tmp_path / "next" / "raw_science_frame_sci_flat_field.fits").exists()


def test_a_step_of_hexcal_gets_the_models_of_the_observatory(root, frame):
    class FlatStep(Step):
        """Divide by the flat field."""

        alias = "flat_field"
        reference_types = ("flat",)
        input_model = "IRISImageModel"

        def process(self, frame, references):
            assert type(references.flat).__name__ == "IRISFlatModel"
            frame.data /= references.flat.cutout(frame).data
            return frame

    result = FlatStep.call(frame)
    flat = datamodels.open(root / "references/tmt/iris/tmt_iris_flat_0003.fits").data
    np.testing.assert_array_equal(result.data, datamodels.open(frame).data / flat)
    with pytest.raises(InputError, match=r"IRISImageModel, the input is a \w+"):
        FlatStep.call(datamodels.open(np.zeros((2, 3, 4), "f4")))


@pytest.mark.req("TMT-04")
def test_the_recipe_for_a_new_reference_file(root, frame, tmp_path, capsys, monkeypatch):
    """Steps 1 to 6 of the recipe, in one command; then the new file is chosen, and by the old context the old one."""
    flat = datamodels.IRISFlatModel(np.ones((96, 96), "f4"))
    flat.meta.instrument.detector, flat.meta.instrument.filter, flat.meta.instrument.pupil = "IRIS1", "K", "CLEAR"
    new = tmp_path / "path" / "tmt_iris_flat_0004.fits"
    new.parent.mkdir()
    flat.save(new)
    old = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert main(["crds", "insert", "tmt_iris_flat_0003.rmap", str(new)]) == 1
    assert "USEAFTER" in capsys.readouterr().err
    assert {path for path in root.rglob("*") if path.is_file()} == set(old)
    flat.meta.useafter = "2019-06-01 00:00:00"
    flat.save(new)
    assert main(["crds", "insert", "tmt_iris_flat_0003.rmap", str(new)]) == 0
    folder = root / "mappings" / "tmt"
    rmap, imap, pmap = (
        read_mapping(folder / name) for name in ("tmt_iris_flat_0004.rmap", "tmt_iris_0004.imap", "tmt_0002.pmap")
    )
    assert rmap.header["derived_from"] == "tmt_iris_flat_0003.rmap"
    assert imap.selector["FLAT"] == "tmt_iris_flat_0004.rmap"
    assert pmap.selector["IRIS"] == "tmt_iris_0004.imap"
    assert (root / "references/tmt/iris/tmt_iris_flat_0004.fits").read_bytes() == new.read_bytes()
    assert all(path.read_bytes() == content for path, content in old.items())
    assert (
        main(["crds", "checksum", *(str(folder / f"tmt_iris_{name}") for name in ("flat_0004.rmap", "0004.imap"))]) == 0
    )
    for context, name in (("tmt_0001.pmap", "tmt_iris_flat_0003.fits"), ("tmt_0002.pmap", "tmt_iris_flat_0004.fits")):
        monkeypatch.setenv("CRDS_CONTEXT", context)
        assert os.path.basename(Step().get_reference_file(frame, "flat")) == name
    # An exposure before the new file still gets the old one.
    _, earlier = frames(tmp_path / "earlier", start="2019-05-31T23:59:59.000")
    assert os.path.basename(Step().get_reference_file(earlier, "flat")) == "tmt_iris_flat_0003.fits"


@pytest.mark.req("TMT-02")
def test_what_is_said_explicitly_decides_whose_rules_hold(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("CRDS_")]:
        monkeypatch.delenv(name)
    for name in ("tmt", "ligeriri"):
        make_cache(tmp_path, {f"{name}_0001.pmap": pmap({}, observatory=name.upper())}, name)
    assert observatory_of_exposure(tmp_path, "TMT") == "tmt"
    assert observatory_of_exposure(tmp_path, "TMT", "newest") == "tmt"
    assert observatory_of_exposure(tmp_path, "TMT", "ligeriri_0001.pmap") == "ligeriri"
    assert observatory_of_exposure(tmp_path, "", "ligeriri_0001.pmap") == "ligeriri"
    with pytest.raises(
        InputError, match="does not name its telescope, and the cache has rules of several: ligeriri, tmt"
    ):
        observatory_of_exposure(tmp_path, "")
    monkeypatch.setenv("CRDS_OBSERVATORY", "ligeriri")
    assert observatory_of_exposure(tmp_path, "TMT") == "ligeriri"
    assert observatory_of_exposure(tmp_path, "TMT", "tmt_0001.pmap") == "tmt"
    monkeypatch.setenv("CRDS_CONTEXT", "tmt_0001.pmap")
    assert observatory_of_exposure(tmp_path, "TMT") == "tmt"


@pytest.fixture
def liger(tmp_path, monkeypatch, real_data):
    """A cache with the mappings of both observatories, and a frame that those of ligeriri know."""
    for name in [name for name in os.environ if name.startswith("CRDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRDS_PATH", str(iris_cache(tmp_path / "cache", real_data)))
    return frames(tmp_path / "liger", detector="IMG1", filter="Y")[1]


@pytest.mark.req("TMT-02")
def test_the_context_decides_between_two_observatories_of_one_telescope(liger, capsys, monkeypatch):
    expected = {
        "dark": "IRIS_IMG1_DARK_20240924T000000_0.0.1.fits",
        "drizpars": "liger_iris_iris_drizpars_0001.fits",
        "flat": "IRIS_IMG1_FLAT_20240924T000000_0.0.1.fits",
        "dq": "IRIS_DQ.fits",
        "nonlincoeff": "IRIS_IMG1_NONLINCOEFF_20240924T000000_0.0.1.fits",
    }
    assert main(["crds", "bestrefs", liger, "--context", "ligeriri_0001.pmap", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {liger: expected}
    model = datamodels.open(liger)
    for name, value in (("CRDS_CONTEXT", "ligeriri_0001.pmap"), ("CRDS_OBSERVATORY", "ligeriri")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            chosen = Chooser(model, "newest" if name == "CRDS_OBSERVATORY" else None)
            assert chosen.context.name == "ligeriri_0001.pmap"
            assert {kind: str(choice) for kind, choice in chosen.choose(expected).items()} == expected
    # Without either, TELESCOP decides.
    assert Chooser(model).context.name == "tmt_0001.pmap"


@pytest.mark.req("TMT-04")
def test_a_new_reference_of_ligeriri(liger, tmp_path, capsys):
    _, first = frames(tmp_path / "more", detector="IMG1", filter="Y")
    new = tmp_path / "IRIS_IMG1_FLAT_20250501T000000_0.0.1.fits"
    flat = datamodels.open(os.path.join(os.path.dirname(first), "references", "flat.fits"))
    flat.meta.useafter = "2025-05-01 00:00:00"
    flat.save(new)
    assert main(["crds", "insert", "ligeriri_0001.pmap", str(new)]) == 0
    assert main(["crds", "bestrefs", liger, "--context", "ligeriri_0002.pmap", "--types", "flat"]) == 0
    assert new.name in capsys.readouterr().out.splitlines()[-1]
