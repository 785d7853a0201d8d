"""Cases of parity/imaging.py.

One module per group of steps, each with a function ``cases(folder)`` that makes the inputs and returns a list of
`Case`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes
    ----------
    name : str
        Shown, and chosen by.
    job : dict
        ``target``, ``input``, ``refs``, and where wanted ``params`` and ``steps``, as for parity/peer.py.
    rtol, floor : float
        What is tolerated: a share of the value, and of ERR.
    known : dict
        Plane, or suffix of a product and plane (``i2d:SCI``) -> (number of values that may differ, why).
    ignored : tuple of str
        Planes that are not compared.
    names : dict
        Suffix of a product of the reference implementation -> that of Hexcal, where they differ.
    planes : bool
        Whether planes and keywords of products are compared.
    check : callable, optional
        ``check(own, peer)``, with the folders of products, yields (what, number that differ, size, worst as a multiple
        of what is tolerated): what is no plane.
    """

    name: str
    job: dict
    rtol: float = 1e-5
    floor: float = 1e-6
    known: dict = field(default_factory=dict)
    ignored: tuple = ("ASDF",)
    names: dict = field(default_factory=dict)
    check: Callable | None = None
    planes: bool = True
