"""The stars of images: of one image, of a group of images that share a correction, and of a catalogue."""

from dataclasses import dataclass, field

import numpy as np

from hexcal.steps.image.tangent_planes import TangentPlane


@dataclass(eq=False)
class StarField:
    """The stars of one image.

    Attributes
    ----------
    name : str
        Of the image.
    plane : TangentPlane
        Of its WCS.
    ra, dec : float64 array (n,)
        Positions of its stars as its WCS was at first, in degrees.
    weight : float64 array (n,) or None
        Of the stars in the fit; where they come from noise, in arcsec to the power of -2.
    pixel_scale : float
        In arcsec.
    corners : tuple of float64 array
        Right ascension and declination of the corners of the image, in degrees.
    """

    name: str
    plane: TangentPlane
    ra: np.ndarray
    dec: np.ndarray
    weight: np.ndarray | None
    pixel_scale: float
    corners: tuple = ()


@dataclass(eq=False)
class Group:
    """Images that share one correction.

    Attributes
    ----------
    fields : list of StarField
    ra, dec : float64 array (n,)
        Present positions of all their stars, in degrees.
    status : str
        What became of it: "", "reference", "aligned", or the reason why it is not aligned.
    means : float64 array (m,) or None
        Weights, if its positions are means over images.
    """

    fields: list[StarField]
    ra: np.ndarray = field(init=False)
    dec: np.ndarray = field(init=False)
    status: str = ""
    means: np.ndarray | None = None

    def __post_init__(self):
        self.ra = np.concatenate([part.ra for part in self.fields])
        self.dec = np.concatenate([part.dec for part in self.fields])

    @property
    def name(self):
        """Name of its first image."""
        return self.fields[0].name + (f" (and {len(self.fields) - 1} more)" if len(self.fields) > 1 else "")

    @property
    def weight(self):
        """Weights of the stars, or None."""
        if self.means is not None:
            return self.means
        weights = [part.weight for part in self.fields]
        if all(weight is None for weight in weights):
            return None
        return np.concatenate(
            [
                np.ones(len(part.ra)) if weight is None else weight
                for part, weight in zip(self.fields, weights, strict=True)
            ]
        )

    @property
    def is_aligned(self):
        """Whether its positions are those of the others."""
        return self.status in ("reference", "aligned")

    def stars_of_fields(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the present positions of the stars of each image."""
        ends = np.cumsum([len(part.ra) for part in self.fields])[:-1]
        return list(zip(np.split(self.ra, ends), np.split(self.dec, ends), strict=True))

    def correct(self, plane: TangentPlane, matrix: np.ndarray, shift: np.ndarray) -> None:
        """Correct all its images as was found in one plane, and move its stars."""
        points = plane.from_sky(self.ra, self.dec)
        self.ra, self.dec = plane.to_sky(points @ matrix.T + shift)
        for part in self.fields:
            part.plane.correct_as(plane, matrix, shift)


@dataclass(eq=False)
class Catalogue:
    """Positions to align to: right ascension and declination (degrees), and weights (None: equal)."""

    name: str
    ra: np.ndarray
    dec: np.ndarray
    weight: np.ndarray | None = None

    def extend(self, ra, dec, weight):
        """Add stars."""
        if weight is not None or self.weight is not None:
            own = np.ones(len(self.ra)) if self.weight is None else self.weight
            self.weight = np.concatenate([own, np.ones(len(ra)) if weight is None else weight])
        self.ra, self.dec = np.concatenate([self.ra, ra]), np.concatenate([self.dec, dec])
