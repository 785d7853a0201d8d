"""Cases of parity/spectra.py.

One module per group of steps, each with a function ``cases()`` that returns a list of `Case`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One comparison: a step that starts from a product of the reference implementation, or a whole pipeline.

    Attributes
    ----------
    name : str
        Shown, and chosen by: ``"fs: flat_field"``.
    run : str
        Name in `spectra_harness.RUNS`.
    target : str
        Alias of the step or pipeline of Hexcal.
    before : str, optional
        Suffix of the product of the run from which the step starts; None: the input of the run itself.
    after : str or tuple of str, optional
        Suffix, or suffixes, of the products of the run that must come out (one for each result); None: of a pipeline,
        all that it saves.
    params, steps : dict
        Parameters, and those of steps; texts that start with ``{inputs}`` or ``{products}`` are paths in the folder of
        inputs or products of the run.
    given : callable, optional
        ``given(inputs, products)``, with these folders, returns what the step is given instead of the product `before`:
        a path, or roles by name (``{"science": path, "background": [path]}``).
    alone : str, optional
        Class or alias of the step in the reference implementation, which is then run on the same input with the same
        parameters: for parameters that the run does not have.
    rtol, floor : float
        What is tolerated: a share of the value, and of ERR.
    rtols : dict
        Plane or column -> share of the value, where it is another.
    known : dict
        Plane or column, keyword (``"key SRCTYPE"``), each also with the suffix of the product before it (``"s2d:SCI"``)
        -> (number of values that may differ, why).
    ignored : tuple of str
        Planes and keywords that are not compared.
    rename : callable, optional
        Of a pipeline: name of a product of the reference implementation -> that of Hexcal.
    wcs : bool
        Whether the stored WCS of all slits are evaluated and compared.
    check : callable, optional
        ``check(own, peer)``, with the paths of products, yields (what, number that differ, size, worst as a multiple of
        what is tolerated): what is no plane.
    """

    name: str
    run: str
    target: str
    before: str | None = None
    after: str | tuple | None = None
    params: dict = field(default_factory=dict)
    steps: dict = field(default_factory=dict)
    given: Callable[..., Any] | None = None
    alone: str | None = None
    rtol: float = 1e-5
    floor: float = 1e-6
    rtols: dict = field(default_factory=dict)
    known: dict = field(default_factory=dict)
    ignored: tuple = ()
    rename: Callable[[str], str] | None = None
    wcs: bool = False
    check: Callable[..., Any] | None = None
