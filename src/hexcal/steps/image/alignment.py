"""Alignment of images by the stars that they share, and to a catalogue."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from hexcal import quick_imports
from hexcal.errors import ParameterError
from hexcal.steps.image.sky_polygons import clip_convex, hull_of
from hexcal.steps.image.star_groups import Catalogue, Group

_LOG = logging.getLogger("hexcal.tweakreg")
_LARGEST_ERROR = 1.0
"""Scatter of matched stars, in pixels, above which a fit is doubtful."""
_CLOSER = 2.5
"""Pixels within which stars are matched again then."""
_LARGEST_RADIUS = 10_000
"""Pixels within which the first shift may be searched."""
_CATALOGUE_ERROR = 0.001
"""Of positions in a catalogue, in arcsec, beside which the noise of well measured stars does not count."""


@dataclass(frozen=True)
class Matching:
    """How stars are matched and the correction is fitted.

    Lengths in arcsec, meaning as of the parameters of the step.
    """

    searchrad: float
    use2dhist: bool
    separation: float
    tolerance: float
    xoffset: float
    yoffset: float
    minobj: int
    fitgeometry: str
    nclip: int
    sigma: float


def align_to(group: Group, catalogue: Catalogue, matching: Matching) -> np.ndarray:
    """Align a group to a catalogue; its status says how it went.

    Parameters
    ----------
    group : Group
        Its planes and positions are corrected.
    catalogue : Catalogue
    matching : Matching

    Returns
    -------
    int array (n,)
        The stars of the group that were matched.

    Notes
    -----
    Stars are matched by ``XYXYMatch`` and fitted by ``iter_linear_fit`` of tweakwcs, in the tangent plane of the first
    image of the group. Where they then agree to more than a pixel only, most matches are chance (cosmic rays within the
    tolerance): they are matched again, within a few pixels of the first shift. If too few do, the group is not aligned.
    """
    plane, pixel = group.fields[0].plane, group.fields[0].pixel_scale
    result = _solution(group, catalogue, matching, plane)
    if not isinstance(result, str) and result.rmse > _LARGEST_ERROR * pixel:
        result = _closer(group, catalogue, matching, plane, result)
    if isinstance(result, str):
        group.status = result
        return np.array([], int)
    group.correct(plane, result.matrix, result.shift)
    group.status = "aligned"
    _tell(group, catalogue, result)
    if result.rmse > _LARGEST_ERROR * pixel:
        _LOG.warning("%s: the stars agree to %.3f arcsec only, more than a pixel", group.name, result.rmse)
    return result.matched


def _closer(group, catalogue, matching, plane, first):
    """The better solution of stars within a few pixels of the first shift, or the reason why the first is none."""
    closer = replace(matching, tolerance=min(matching.tolerance, _CLOSER * group.fields[0].pixel_scale))
    again = _solution(group, catalogue, closer, plane)
    if isinstance(again, str):
        text = "{} stars agree with {} to {:.3f} arcsec only, more than a pixel, as by chance; within {:.3f} arcsec {}"
        return text.format(len(first.matched), catalogue.name, first.rmse, closer.tolerance, again)
    if again.rmse >= first.rmse:
        return first
    _LOG.info(
        "%s: the stars agree to %.3f arcsec only: they are matched within %.3f arcsec",
        *(group.name, first.rmse, closer.tolerance),
    )
    return again


@dataclass(frozen=True)
class _Solution:
    """A correction in the tangent plane: ``p -> matrix p + shift`` (arcsec).

    Stars of the group that matched, scatter, and number of stars used.
    """

    matrix: np.ndarray
    shift: np.ndarray
    matched: np.ndarray
    rmse: float
    n_used: int


def _solution(group, catalogue, matching, plane):
    """A `_Solution`, or the reason why there is none."""
    image_xy, reference_xy = plane.from_sky(group.ra, group.dec), plane.from_sky(catalogue.ra, catalogue.dec)
    names = catalogue.name, group.name
    pairs = _matched(reference_xy, image_xy, matching, group.fields[0].pixel_scale, names)
    if pairs is None:
        return (
            f"stars match several of {catalogue.name}: lower the tolerance ({matching.tolerance} arcsec) "
            f"or raise the separation ({matching.separation} arcsec)"
        )
    reference, image = pairs
    if len(image) < matching.minobj:
        return f"{len(image)} stars match {catalogue.name}, {matching.minobj} are required"
    weights = [
        None if weight is None else weight[index]
        for weight, index in ((catalogue.weight, reference), (group.weight, image))
    ]
    fit = _fit(reference_xy[reference], image_xy[image], weights, matching)
    return fit if isinstance(fit, str) else _Solution(fit[0], fit[1], image, *fit[2:])


def _tell(group, catalogue, result):
    matrix = result.matrix
    turn = np.degrees(np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1]))
    _LOG.info(
        '%s: aligned to %s: shift (%.5f", %.5f"), rotation %.6f deg, scale %.8f; %d matches, %d used, rms %.5f"',
        *(group.name, catalogue.name, *result.shift, turn, np.sqrt(abs(np.linalg.det(matrix)))),
        *(len(result.matched), result.n_used, result.rmse),
    )


def _matched(reference_xy, image_xy, matching, pixel_scale, names):
    """Indices of matching stars; None if they match several."""
    from astropy.table import Table

    with quick_imports.for_tweakwcs():
        from tweakwcs.matchutils import MatchSourceConfusionError, XYXYMatch

    if not len(reference_xy) or not len(image_xy):
        return np.array([], int), np.array([], int)
    _require_small_histogram(matching, pixel_scale)
    match = XYXYMatch(
        searchrad=matching.searchrad,
        separation=matching.separation,
        use2dhist=matching.use2dhist,
        xoffset=matching.xoffset,
        yoffset=matching.yoffset,
        tolerance=matching.tolerance,
    )
    tables = [
        Table({"TPx": points[:, 0], "TPy": points[:, 1]}, meta={"name": name})
        for points, name in zip((reference_xy, image_xy), names, strict=True)
    ]
    try:
        reference, image = match(*tables, tp_pscale=pixel_scale, tp_units="arcsec")
    except MatchSourceConfusionError:
        return None
    return np.asarray(reference, int), np.asarray(image, int)


def _require_small_histogram(matching, pixel_scale):
    """The first shift is the peak of a histogram of all differences, one bin for each pixel within the radius."""
    pixels = matching.searchrad / pixel_scale
    if matching.use2dhist and pixels > _LARGEST_RADIUS:
        raise ParameterError(
            f"the first shift is searched within {matching.searchrad:g} arcsec, which are {pixels:.3g} pixels; "
            f"{_LARGEST_RADIUS} are the most",
            where="searchrad, abs_searchrad",
            hint=f"{_LARGEST_RADIUS * pixel_scale:.0f} arcsec or less",
        )


def _fit(reference_xy, image_xy, weights, matching):
    """Matrix, shift (about the tangent point), rms and number of stars; or the reason why there is none."""
    with quick_imports.for_tweakwcs():
        from tweakwcs.linearfit import NotEnoughPointsError, SingularMatrixError, iter_linear_fit

    try:
        fit = iter_linear_fit(
            reference_xy,
            image_xy,
            *weights,
            fitgeom=matching.fitgeometry,
            nclip=matching.nclip,
            sigma=(matching.sigma, "rmse"),
        )
    except (NotEnoughPointsError, SingularMatrixError) as error:
        return f"the correction cannot be fitted: {error}"
    matrix = np.asarray(fit["matrix_ld"])
    shift = np.asarray(fit["shift_ld"]) + fit["center_ld"] - fit["center_ld"] @ matrix.T
    return matrix.astype(float), shift.astype(float), float(fit["rmse"]), int(np.count_nonzero(fit["fitmask"]))


def align_relative(groups: list[Group], matching: Matching, in_order: bool, expand: bool) -> None:
    """Align groups to one another: the first becomes the reference, the others follow, each added to it.

    Parameters
    ----------
    groups : list of Group
        At least two.
    matching : Matching
    in_order : bool
        Take them in their order; otherwise begin with the two that overlap most, and go on with what overlaps most with
        what is aligned.
    expand : bool
        Add the stars of each aligned group to those that the next is aligned to.
    """
    waiting = list(groups)
    reference, current = _first_pair(waiting, in_order)
    reference.status = "reference"
    _LOG.info("%s: the reference that others are aligned to", reference.name)
    catalogue = Catalogue(reference.fields[0].name, reference.ra, reference.dec, reference.weight)
    while current is not None:
        matched = align_to(current, catalogue, matching)
        if current.status == "aligned" and expand:
            is_new = np.ones(len(current.ra), bool)
            is_new[matched] = False
            weight = current.weight
            catalogue.extend(current.ra[is_new], current.dec[is_new], None if weight is None else weight[is_new])
        current = _next(waiting, catalogue, in_order)


def _first_pair(waiting, in_order):
    """Take the reference and the group to be aligned first out of those that wait.

    The rest is sorted by overlap with the reference.
    """
    if len(waiting) == 2 or in_order:
        return waiting.pop(0), waiting.pop(0)
    overlap = np.zeros((len(waiting), len(waiting)))
    for i, group in enumerate(waiting):
        for j in range(i + 1, len(waiting)):
            overlap[i, j] = overlap[j, i] = _common_area(group, waiting[j])
    i, j = np.unravel_index(overlap.argmax(), overlap.shape)
    if overlap[i].sum() < overlap[:, j].sum():
        i, j = j, i
    reference, current = waiting[i], waiting[j]
    order = np.argsort(overlap[i])[::-1]
    waiting[:] = [waiting[k] for k in order if k not in (i, j)]
    return reference, current


def _next(waiting, catalogue, in_order):
    if not waiting:
        return None
    if in_order:
        return waiting.pop(0)
    areas = []
    for group in waiting:
        plane = group.fields[0].plane
        area = hull_of(plane.from_sky(catalogue.ra, catalogue.dec))
        areas.append(sum(_area(hull_of(plane.from_sky(*stars)), area) for stars in group.stars_of_fields()))
    return waiting.pop(int(np.argmax(areas)))


def _common_area(group, other):
    """Area that the stars of two groups have in common: that of the convex hulls of the stars of their images."""
    plane = group.fields[0].plane
    windows = [hull_of(plane.from_sky(*stars)) for stars in other.stars_of_fields()]
    return sum(
        _area(hull_of(plane.from_sky(*stars)), window) for stars in group.stars_of_fields() for window in windows
    )


def _area(polygon, window):
    """Area that a polygon has in a convex window, in square arcsec."""
    if len(polygon) < 3 or len(window) < 3:
        return 0.0
    common = clip_convex(polygon, window)
    x, y = common[:, 0], common[:, 1]
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


def align_absolute(groups: list[Group], catalogue: Catalogue, matching: Matching, average: bool = False) -> str:
    """Align all groups that are aligned to one another together to a catalogue, by one correction.

    Parameters
    ----------
    groups : list of Group
        Corrected in place.
    catalogue : Catalogue
    matching : Matching
    average : bool
        Align the mean positions of the stars over all images; otherwise those of single images, as they match.

    Returns
    -------
    str
        "aligned", or the reason why not.
    """
    fields = []
    for group in groups:
        for part, stars in zip(group.fields, group.stars_of_fields(), strict=True):
            part.ra, part.dec = stars
            fields.append(part)
    together = Group(fields)
    if average:
        together.ra, together.dec, together.means = mean_positions(together)
    align_to(together, catalogue, matching)
    return together.status


def mean_positions(group: Group) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the stars of all images of a group, each once at its weighted mean position.

    Stars of several images that are closer than half a pixel are one.

    Parameters
    ----------
    group : Group

    Returns
    -------
    ra, dec : float64 array (m,)
        Degrees.
    weight : float64 array (m,)
        One over the variance (arcsec) of mean and catalogue together, where an error of 1 mas is taken for the
        catalogue; 1 without weights.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    plane = group.fields[0].plane
    points = plane.from_sky(group.ra, group.dec)
    pairs = KDTree(points).query_pairs(group.fields[0].pixel_scale / 2, output_type="ndarray")
    n = len(points)
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, star = connected_components(links, directed=False)
    weight = np.ones(n) if group.weight is None else group.weight
    total = np.bincount(star, weight, count)
    mean = np.stack([np.bincount(star, weight * axis, count) / total for axis in points.T], axis=-1)
    combined = np.ones(count) if group.weight is None else 1 / (1 / total + _CATALOGUE_ERROR**2)
    return *plane.to_sky(mean), combined
