"""Images and groups of images whose skies are matched from Python, as the documents describe it."""

from typing import Any

import numpy as np

from hexcal.errors import ParameterError
from hexcal.steps.image.sky_interface import DataAccessor, NDArrayInMemoryAccessor, NDArrayMappedAccessor, SkyStats
from hexcal.steps.image.sky_levels import Overlap, SkyMeasurements
from hexcal.steps.image.sky_polygons import boundary, directions, intersection, unit_vectors

_METHODS = ("local", "global", "match", "global+match")


class SkyImage:
    """An image, where it lies on the sky, and the level of its sky.

    Parameters
    ----------
    image : array (ny, nx) or DataAccessor
        The image.
    wcs_fwd, wcs_inv : callable
        From pixels to RA and Dec (degrees), and back.
    pix_area : float
        Mean area of a pixel on the sky.
    convf : float
        Kept, and not used, as documented.
    mask : array (ny, nx) or DataAccessor, optional
        1 where a pixel counts.
    id : object
        Kept.
    skystat : callable, optional
        Statistics: of values, returns level and number of values. Default: `SkyStats`, the median.
    stepsize : int, optional
        Distance of vertices of the outline, in pixels. Default: the corners only.
    meta : dict, optional
        Kept.
    reduce_memory_usage : bool
        Whether arrays wait in files.

    Attributes
    ----------
    sky : float
        Level of the sky.
    is_sky_valid : bool
        Whether it is known; set by who computes it.
    polygon : float64 array (n, 3)
        Outline, as unit vectors.
    poly_area : float
        Its area, sr.
    radec : float64 array (n + 1, 2)
        Its vertices, the first again at the end, degrees.
    """

    def __init__(
        self,
        image,
        wcs_fwd,
        wcs_inv,
        pix_area=1.0,
        convf=1.0,
        mask=None,
        id=None,
        skystat=None,
        stepsize=None,
        meta=None,
        reduce_memory_usage=True,
    ):
        self._kind = NDArrayMappedAccessor if reduce_memory_usage else NDArrayInMemoryAccessor
        self._image, self._mask = self._kept(image), self._kept(mask)
        self.wcs_fwd, self.wcs_inv, self.pix_area, self.convf = wcs_fwd, wcs_inv, pix_area, convf
        self.id, self.meta, self.sky, self.is_sky_valid = id, meta, 0.0, False
        self.skystat: Any = skystat
        if skystat is None:
            self.set_builtin_skystat()
        self.calc_bounding_polygon(stepsize)

    def _kept(self, array) -> Any:
        return array if array is None or isinstance(array, DataAccessor) else self._kind(np.asarray(array))

    @property
    def image(self):
        """The image (array (ny, nx))."""
        return self._image.get_data()

    @image.setter
    def image(self, image):
        self._image = self._kept(image)

    @property
    def mask(self):
        """Where pixels count, or None."""
        return None if self._mask is None else self._mask.get_data()

    @mask.setter
    def mask(self, mask):
        self._mask = self._kept(mask)

    @property
    def image_shape(self):
        """Its shape."""
        return tuple(self._image.get_data_shape())

    def set_builtin_skystat(
        self, skystat="median", lower=None, upper=None, nclip=5, lsigma=4.0, usigma=4.0, binwidth=0.1
    ):
        """Take `SkyStats` with these parameters for the statistics."""
        self.skystat = SkyStats(skystat, lower, upper, nclip, lsigma, usigma, binwidth)

    def calc_bounding_polygon(self, stepsize=None):
        """Compute the outline, with vertices so many pixels apart."""
        ra, dec = self.wcs_fwd(*boundary(self.image_shape, stepsize))
        self.polygon = unit_vectors(np.asarray(ra, float), np.asarray(dec, float))

    @property
    def poly_area(self):
        """Area of the outline, sr."""
        return area_of(self.polygon)

    @property
    def radec(self):
        """Vertices of the outline, the first again at the end."""
        return np.stack(directions(np.concatenate([self.polygon, self.polygon[:1]])), axis=1)

    def intersection(self, skyimage):
        """Return where the image and another one, a group, or a list of (RA, Dec) overlap.

        Returns
        -------
        list of float64 array (n, 3)
            Polygons; empty if they do not overlap.
        """
        common = (intersection(other, self.polygon) for other in outlines_of(skyimage))
        return [polygon for polygon in common if polygon is not None]

    def calc_sky(self, overlap=None, delta=True):
        """Return the level of the sky.

        Parameters
        ----------
        overlap : SkyImage, SkyGroup or list of (RA, Dec), optional
            Only where this and the image overlap.
        delta : bool
            Less `sky`.

        Returns
        -------
        float or None, int, float
            The level, None if nothing counts; the number of values; the area that they come from, sr.
        """
        counts = np.isfinite(self.image)
        if self._mask is not None:
            counts &= np.asarray(self.mask) != 0
        area = self.poly_area
        if overlap is not None:
            polygons = self.intersection(overlap)
            area = float(sum(area_of(polygon) for polygon in polygons))
            counts &= self._filled(polygons)
        level, number = self.skystat(self.image[counts])
        if level is None or not number:
            return None, 0, 0.0
        return level - (self.sky if delta else 0.0), number, area

    def _filled(self, polygons):
        from hexcal.kernels import sky

        mask = np.zeros(self.image_shape, np.uint8)
        for polygon in polygons:
            x, y = self.wcs_inv(*directions(polygon))
            if np.isfinite(x).all() and np.isfinite(y).all():
                sky.fill_polygon(np.rint(x).astype(np.int64), np.rint(y).astype(np.int64), mask)
        return mask != 0

    def copy(self):
        """Return a copy that shares the arrays."""
        import copy

        return copy.copy(self)


class SkyGroup:
    """Images whose skies are changed together.

    Parameters
    ----------
    images : list of SkyImage
        They.
    id : object
        Kept.
    sky : float
        Level of their sky.
    """

    def __init__(self, images, id=None, sky=0.0):
        self._images, self.id, self.is_sky_valid = list(images), id, False
        self.sky = sky

    def __iter__(self):
        return iter(self._images)

    def __len__(self):
        return len(self._images)

    def __getitem__(self, index):
        return self._images[index]

    def append(self, value):
        """Add an image."""
        self._images.append(value)

    def insert(self, idx, value):
        """Add an image before the one of this number."""
        self._images.insert(idx, value)

    @property
    def sky(self):
        """Level of the sky of all of them."""
        return self._sky

    @sky.setter
    def sky(self, level):
        for image in self._images:
            image.sky += level - getattr(self, "_sky", 0.0)
        self._sky = level

    @property
    def polygon(self):
        """Outlines of the images (list of float64 array (n, 3))."""
        return [image.polygon for image in self._images]

    @property
    def radec(self):
        """Vertices of the outlines (list of float64 array (n + 1, 2))."""
        return [image.radec for image in self._images]

    def intersection(self, skyimage):
        """Return where the images and another one overlap: a list of polygons."""
        return [polygon for image in self._images for polygon in image.intersection(skyimage)]

    def calc_sky(self, overlap=None, delta=True):
        """Return the mean of the levels of the images by their numbers of values, that number, and the area."""
        levels = [image.calc_sky(overlap, delta) for image in self._images]
        levels = [each for each in levels if each[0] is not None]
        number = sum(each[1] for each in levels)
        if not number:
            return None, 0, 0.0
        return sum(each[0] * each[1] for each in levels) / number, number, float(sum(each[2] for each in levels))


def match(images, skymethod="global+match", match_down=True, subtract=False):
    """Compute the levels of the sky of images, or make them equal.

    Parameters
    ----------
    images : list of SkyImage and SkyGroup
        `sky` of each gets its level added, and `is_sky_valid` is set.
    skymethod : str
        "local", "global", "match" or "global+match".
    match_down : bool
        Match to the lowest sky, else to the highest.
    subtract : bool
        Subtract the levels from the images.

    Raises
    ------
    TypeError
        If it is not a list of these.
    """
    if not isinstance(images, list) or not all(isinstance(image, SkyImage | SkyGroup) for image in images):
        raise TypeError("match needs a list of SkyImage and SkyGroup")
    if skymethod not in _METHODS:
        raise ParameterError(f"skymethod must be one of {', '.join(_METHODS)}, got {skymethod!r}", where="skymethod")
    measured = SkyMeasurements([image.calc_sky()[0] for image in images])
    if "match" in skymethod:
        for i, image in enumerate(images):
            for j, other in enumerate(images):
                if i != j and image.intersection(other):
                    level, number, _ = image.calc_sky(other)
                    measured.overlaps.setdefault((i, j), Overlap()).add(level, number)
    for image, level in zip(images, measured.levels(skymethod, match_down), strict=True):
        image.is_sky_valid = level is not None
        if level is None:
            continue
        image.sky += level
        for each in [image] if isinstance(image, SkyImage) else list(image):
            if subtract:
                each.image = each.image - np.asarray(level, each.image.dtype)


def outlines_of(overlap):
    """Return the outlines (list of float64 array (n, 3)) of an image, a group, or a list of (RA, Dec)."""
    if isinstance(overlap, SkyGroup):
        return overlap.polygon
    if isinstance(overlap, SkyImage):
        return [overlap.polygon]
    ra, dec = np.asarray(overlap, float).reshape(-1, 2).T
    return [unit_vectors(ra, dec)]


def area_of(polygon):
    """Return the area of a convex polygon on the sphere, sr.

    Parameters
    ----------
    polygon : float64 array (n, 3)
        Its vertices, of any length.

    Notes
    -----
    Van Oosterom & Strackee 1983 (IEEE Trans. Biomed. Eng. 30, 125), for the triangles of a fan.
    """
    unit = polygon / np.linalg.norm(polygon, axis=1, keepdims=True)
    a, b, c = unit[0], unit[1:-1], unit[2:]
    volume = np.cross(b, c) @ a
    return float(abs(np.sum(2 * np.arctan2(volume, 1 + b @ a + c @ a + np.sum(b * c, axis=1)))))
