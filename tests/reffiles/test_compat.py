"""Plug-ins and options of jwst_reffiles."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.errors import ParameterError
from hexcal.reffiles import registry

OLD = """
from pathlib import Path

import numpy as np
from astropy.io import fits
from hexcal.reffiles.compat import mkrefclass_template


class mkrefclass(mkrefclass_template):
    def __init__(self, *args, **kargs):
        mkrefclass_template.__init__(self, *args, **kargs)
        self.reflabel = "old_bias"
        self.reftype = "superbias"

    def extra_optional_arguments(self, parser):
        parser.add_argument("--shift", type=float, default=0.0, help="added to the bias")
        return 0

    def callalgorithm(self):
        images = [fits.getdata(name, "SCI")[:, 0].mean(axis=0) for name in self.inputimages["output_name"]]
        assert Path(self.args.imageslist_filename).read_text().count("jw0") == 2 * len(images)
        data = np.mean(images, axis=0) + float(self.parameters["shift"])
        fits.HDUList([fits.PrimaryHDU(header=fits.getheader(self.inputimages["fitsfile"][0])),
                      fits.ImageHDU(data.astype("f4"), name="SCI")]).writeto(self.args.outputreffilename)
        return 0


if __name__ == "__main__":
    mkrefclass().make_reference_file()
"""


@pytest.fixture
def darks(tmp_path):
    for number in (1, 2):
        data = np.full((1, 4, 16, 24), 1000 + number, np.uint16)
        name = f"jw00001001001_02101_{number:05d}_nrca1_uncal.fits"
        write_uncal(tmp_path, data=data, name=name, EXP_TYPE="NRC_DARK", EXPSTART=60000.0 + number)
    write_references(tmp_path / "refs", (1, 4, 16, 24))
    (tmp_path / "mkref_old.py").write_text(OLD)
    return tmp_path


@pytest.mark.req("RFF-54", "RFF-58")
def test_an_old_plugin_runs(darks, capfd):
    words = ["reffiles", "make", "old_bias", str(darks), f"--output={darks / 'out'}", f"--references={darks / 'refs'}"]
    words += [f"--plugin={darks / 'mkref_old.py'}", "--author=A", "--shift=5"]
    assert main(words) == 0, capfd.readouterr().err
    path = darks / "out" / "run000" / "old_bias" / "old_bias_run000.superbias.fits"
    assert np.all(fits.getdata(path, "SCI") == 1006.5)
    assert fits.getheader(path)["REFTYPE"] == "SUPERBIAS" and fits.getheader(path)["AUTHOR"] == "A"


@pytest.mark.req("RFF-55")
def test_an_old_plugin_run_by_itself_does_the_same(darks, capfd):
    words = ["reffiles", "make", "old_bias", str(darks), f"--output={darks / 'out'}", f"--references={darks / 'refs'}"]
    words += [f"--plugin={darks / 'mkref_old.py'}", "--author=A", "--shift=5"]
    assert main(words) == 0, capfd.readouterr().err
    tool = darks / "out" / "run000" / "old_bias" / "old_bias_run000.superbias.fits"
    raw = sorted(darks.glob("*_uncal.fits"))
    (darks / "images.txt").write_text(
        "fitsfile output_name imtype\n" + "".join(f"{path} {path} dark\n" for path in raw)
    )
    words = [sys.executable, "mkref_old.py", "alone.fits", "images.txt", "--shift=5"]
    done = subprocess.run(words, cwd=darks, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(fits.getdata(darks / "alone.fits", "SCI"), fits.getdata(tool, "SCI"))
    words[-1] = "--shft=5"
    done = subprocess.run(words, cwd=darks, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--shft=5" in done.stderr


def test_a_plugin_without_a_label_is_an_error(darks):
    (darks / "mkref_old.py").write_text(OLD.replace('self.reflabel = "old_bias"', "pass"))
    with pytest.raises(ParameterError, match="must set reflabel and reftype"):
        registry.makers(folders=[darks])


@pytest.mark.req("RFF-76")
def test_the_options_of_mkrefs(darks, capfd):
    (darks / "c.cfg").write_text("DD:\n  max_Delta_MJD: 3\nreadnoise:\n  imtypes: DD\n")
    words = ["mkrefs", "rdnoise", str(darks), "-c", str(darks / "c.cfg"), "--outrootdir", str(darks / "out")]
    assert main([*words, "--onlyshow", "--outsubdir", "nrc", "--pp", "readnoise", "author", "B"]) == 0
    said = capfd.readouterr().out
    assert "readnoise: 1 group ->" in said and "author = B" in said
    assert str(darks / "out" / "nrc" / "run000" / "readnoise" / "readnoise_nrc_run000.readnoise.fits") in said
    assert not (darks / "out").exists()
    assert main(["mkrefs", "readnoisee", str(darks)]) == 1
    assert "did you mean" in capfd.readouterr().err
    assert main([*words, "--maxNstrun", "0", "--maxNref", "0", "--pall", "author", "B"]) == 1
    assert "left for a later run: readnoise, group 1" in capfd.readouterr().out
