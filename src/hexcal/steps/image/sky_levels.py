"""From the sky of images and of their overlaps to one level for each of them."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Overlap:
    """The sky of one group of images where it overlaps with another: means over its images, by number of pixels."""

    total: float = 0.0
    n_pixels: int = 0

    def add(self, level: float | None, n_pixels: int) -> None:
        """Add the overlap of one image of the group; None for one without usable pixels."""
        if level is not None:
            self.total += level * n_pixels
            self.n_pixels += n_pixels

    @property
    def level(self) -> float:
        """Mean level."""
        return self.total / self.n_pixels


@dataclass
class SkyMeasurements:
    """What was measured of n groups of images.

    Attributes
    ----------
    local : list of float or None
        Sky of each group; None without usable pixels.
    overlaps : dict
        (i, j) -> the sky of group i where it overlaps with group j.
    """

    local: list = field(default_factory=list)
    overlaps: dict = field(default_factory=dict)

    def levels(self, method: str, match_down: bool = True) -> list[float | None]:
        """Return the level of each group.

        Parameters
        ----------
        method : str
            "local", "global", "match" or "global+match".
        match_down : bool
            For the last two: match to the lowest sky, else to the highest.

        Returns
        -------
        list of float or None
            None where there is none: no usable pixels, or for "match" no overlap with any other.

        Notes
        -----
        JWST pipeline documentation 1.13.5, section SkyMatch; its two worked examples fix the arithmetic.
        """
        if method == "local":
            return list(self.local)
        known = [level for level in self.local if level is not None]
        if method == "global":
            return [min(known) if known else None for _ in self.local]
        offsets = self.offsets(match_down)
        if method == "match":
            return offsets
        shifted = [offset or 0.0 for offset in offsets]
        net = [level - offset for level, offset in zip(self.local, shifted, strict=True) if level is not None]
        return [min(net) + offset if net else None for offset in shifted]

    def offsets(self, match_down: bool = True) -> list[float | None]:
        """Return the additive corrections that make overlaps equal in the least-squares sense.

        None for a group that overlaps with no other.

        Each pair weighs as the product of its numbers of pixels. Of the solutions that with the smallest norm is taken:
        each connected set has a mean of zero.
        """
        n = len(self.local)
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if self._is_usable(i, j)]
        if not pairs:
            return [None] * n
        rows, differences = np.zeros((len(pairs), n)), np.zeros(len(pairs))
        for k, (i, j) in enumerate(pairs):
            overlap, other = self.overlaps[i, j], self.overlaps[j, i]
            weight = np.sqrt(float(overlap.n_pixels) * float(other.n_pixels))
            rows[k, i], rows[k, j] = weight, -weight
            differences[k] = weight * (overlap.level - other.level)
        scale = np.abs(rows).max()
        solution = np.linalg.lstsq(rows / scale, differences / scale, rcond=None)[0]
        matched = sorted({index for pair in pairs for index in pair})
        solution -= (min if match_down else max)(solution[matched])
        return [float(solution[index]) if index in matched else None for index in range(n)]

    def _is_usable(self, i, j):
        return all(key in self.overlaps and self.overlaps[key].n_pixels for key in ((i, j), (j, i)))
