"""What is loaded without the parts that Hexcal does not use works as when it is loaded whole."""

import subprocess
import sys

_PHOTUTILS = """
import importlib.metadata
from hexcal import quick_imports
search = importlib.metadata.packages_distributions
with quick_imports.for_photutils():
    from photutils.segmentation import SegmentationImage
assert importlib.metadata.packages_distributions is search
from photutils.utils import _optional_deps
assert "HAS_SHAPELY" in _optional_deps.__all__
import numpy as np
import sys
assert not {"scipy.signal", "matplotlib"} & set(sys.modules)
from photutils.utils import _misc
quick = dict(_misc._get_version_info())
assert not {"scipy.signal", "matplotlib"} & set(sys.modules)
import importlib
assert quick == importlib.reload(_misc)._get_version_info()
labels = SegmentationImage(np.eye(5, dtype=int))
assert labels.make_source_mask(footprint=np.ones((3, 3))).sum() == 19
mask = labels.make_source_mask(footprint=np.ones((25, 25)))
assert mask.all()
from scipy.signal import fftconvolve, find_peaks
"""

_ASDF = """
import sys, yaml
import asdf
from hexcal import quick_imports
slow = yaml.safe_load
if sys.argv[1] == "quick":
    with quick_imports.for_asdf():
        asdf.get_config().extensions
assert yaml.safe_load is slow
for extension in asdf.get_config().extensions:
    tags = [tag if isinstance(tag, str) else (tag.tag_uri, tag.schema_uris, tag.title) for tag in extension.tags]
    print(extension, tags)
"""


_SCIPY = """
from hexcal import quick_imports
with quick_imports.for_scipy():
    from scipy import ndimage, optimize, spatial
from scipy._lib import _array_api, _docscrape, _util, deprecation
for module in (_array_api, _docscrape, _util, deprecation):
    assert module.FunctionDoc.__module__ == "scipy._lib._docscrape", module
assert "zoom" in ndimage.zoom.__doc__.lower() and len(ndimage.zoom.__doc__) > 500
assert ndimage.zoom([[1.0, 2.0]], (1, 2)).shape == (1, 4)
assert spatial.KDTree([[0.0], [2.0]]).query([1.5])[1] == 1
import sys
import numpy
assert not {"f2py", "testing"} & (vars(numpy).keys() | {name.removeprefix("numpy.") for name in sys.modules})
from scipy._lib.array_api_compat import numpy as names
names.testing.assert_allclose(1.0, 1.0)
numpy.testing.assert_allclose(1.0, 1.0)
assert numpy.f2py.__name__ == "numpy.f2py"
"""

_TWEAKWCS = """
import sys
from hexcal import quick_imports
with quick_imports.for_tweakwcs():
    from tweakwcs.linearfit import iter_linear_fit
    from tweakwcs.matchutils import XYXYMatch
assert not {"gwcs", "tweakwcs"} & set(sys.modules)
import tweakwcs
assert tweakwcs.XYXYMatch is XYXYMatch and tweakwcs.iter_linear_fit is iter_linear_fit
assert tweakwcs.__version__ and tweakwcs.align_wcs and tweakwcs.JWSTWCSCorrector
"""


def _run(program, *words):
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_photutils_works_after_its_quick_loading():
    _run(_PHOTUTILS)


def test_scipy_works_after_its_quick_loading():
    _run(_SCIPY)


def test_tweakwcs_is_whole_for_others_after_parts_of_it_were_loaded():
    _run(_TWEAKWCS)


def test_extensions_of_asdf_are_those_that_the_library_reads_by_itself():
    assert _run(_ASDF, "quick") == _run(_ASDF, "slow")


def test_a_distribution_with_another_name_is_searched():
    from hexcal.quick_imports import _Distributions

    distributions = _Distributions(lambda: {"yaml": ["PyYAML"], "numpy": ["numpy"]})
    assert distributions["yaml"] == ["PyYAML"]
    assert distributions["numpy"] == ["numpy"]
    assert distributions.get("no_such_package", ["x"]) == ["x"]
    assert list(distributions) == ["yaml", "numpy"]
