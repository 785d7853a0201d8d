"""Fringes that are left in the spectra of detector columns: a smooth continuum, and sine waves in wavenumber on it."""

import numpy as np

from hexcal.kernels.compiled import helper, kernel

_ROUNDS = 6
_BIWEIGHT = 4.685
"""Residuals of so many robust standard deviations lose all weight (Beaton & Tukey 1974)."""
_TO_SIGMA = 1.4826


@helper
def _basis(t, values):
    """The four cubic B-splines that are not 0 at a place `t` between two knots, 0 to 1."""
    u = 1.0 - t
    values[0] = u * u * u / 6.0
    values[1] = (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0
    values[2] = (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0
    values[3] = t * t * t / 6.0


@helper
def _fit_spline(values, weights, spacing, n_knots, matrix, right, fit):
    """Fit a cubic spline of equally spaced knots by weighted least squares (banded normal equations, Cholesky)."""
    n_coeffs = n_knots + 3
    basis = np.empty(4)
    matrix[:, :] = 0.0
    right[:] = 0.0
    for y in range(values.size):
        if weights[y] == 0.0:
            continue
        place = y / spacing
        first = min(int(place), n_knots - 1)
        _basis(place - first, basis)
        for i in range(4):
            right[first + i] += weights[y] * basis[i] * values[y]
            for j in range(i + 1):
                matrix[first + i, i - j] += weights[y] * basis[i] * basis[j]
    trace = 0.0
    for i in range(n_coeffs):
        trace += matrix[i, 0]
    # A weak wish for smoothness carries the spline over gaps.
    ridge = 1e-6 * trace / n_coeffs + 1e-300
    for i in range(n_coeffs - 2):
        for a, ca in ((0, 1.0), (1, -2.0), (2, 1.0)):
            for b, cb in ((0, 1.0), (1, -2.0), (2, 1.0)):
                if b <= a:
                    matrix[i + a, a - b] += ridge * ca * cb
    for i in range(n_coeffs):
        matrix[i, 0] += 1e-9 * ridge
    for i in range(n_coeffs):
        for k in range(min(3, i), -1, -1):
            j = i - k
            total = matrix[i, k]
            for m in range(max(i - 3, j - 3, 0), j):
                total -= matrix[i, i - m] * matrix[j, j - m]
            matrix[i, k] = np.sqrt(max(total, 1e-300)) if k == 0 else total / matrix[j, 0]
    for i in range(n_coeffs):
        total = right[i]
        for k in range(1, min(3, i) + 1):
            total -= matrix[i, k] * right[i - k]
        right[i] = total / matrix[i, 0]
    for i in range(n_coeffs - 1, -1, -1):
        total = right[i]
        for k in range(1, min(3, n_coeffs - 1 - i) + 1):
            total -= matrix[i + k, k] * right[i + k]
        right[i] = total / matrix[i, 0]
    for y in range(values.size):
        place = y / spacing
        first = min(int(place), n_knots - 1)
        _basis(place - first, basis)
        fit[y] = (
            basis[0] * right[first]
            + basis[1] * right[first + 1]
            + basis[2] * right[first + 2]
            + basis[3] * right[first + 3]
        )


@helper
def _scatter(residuals, weights, room):
    """Robust standard deviation of the residuals that count."""
    n = 0
    for y in range(residuals.size):
        if weights[y] > 0.0:
            room[n] = abs(residuals[y])
            n += 1
    return _TO_SIGMA * np.median(room[:n]) if n > 0 else 0.0


@helper
def _continuum(values, weights, spacing, n_knots, matrix, right, fit, robust, room):
    """Spline through the spectrum; lines lose their weight round by round. `robust` are the weights of the last one."""
    robust[:] = weights
    for round_ in range(_ROUNDS):
        _fit_spline(values, robust, spacing, n_knots, matrix, right, fit)
        if round_ == _ROUNDS - 1:
            break
        scatter = _scatter(values - fit, weights, room)
        if scatter == 0.0:
            break
        for y in range(values.size):
            u = (values[y] - fit[y]) / (_BIWEIGHT * scatter)
            robust[y] = weights[y] * (1.0 - u * u) ** 2 if abs(u) < 1.0 else 0.0


@helper
def _solve(gram, right, n, solution, factor):
    """Solve symmetric equations by Cholesky; False where they have no unique solution."""
    for i in range(n):
        for j in range(i + 1):
            total = gram[i, j]
            for m in range(j):
                total -= factor[i, m] * factor[j, m]
            if i == j:
                if total <= 1e-9 * gram[i, i]:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(n):
        total = right[i]
        for m in range(i):
            total -= factor[i, m] * solution[m]
        solution[i] = total / factor[i, i]
    for i in range(n - 1, -1, -1):
        total = solution[i]
        for m in range(i + 1, n):
            total -= factor[m, i] * solution[m]
        solution[i] = total / factor[i, i]
    return True


@helper
def _strongest(residuals, weights, waves):
    """The pair of waves (cosine, sine) that takes most of the weighted squares of the residuals."""
    best, best_power = 0, -1.0
    for f in range(waves.shape[0] // 2):
        cc, cs, ss, rc, rs = 0.0, 0.0, 0.0, 0.0, 0.0
        for y in range(residuals.size):
            w = weights[y]
            c, s = waves[2 * f, y], waves[2 * f + 1, y]
            cc += w * c * c
            cs += w * c * s
            ss += w * s * s
            rc += w * c * residuals[y]
            rs += w * s * residuals[y]
        determinant = cc * ss - cs * cs
        if determinant > 0.0:
            power = (ss * rc * rc - 2.0 * cs * rc * rs + cc * rs * rs) / determinant
            if power > best_power:
                best, best_power = f, power
    return best


@helper
def _fit_waves(values, weights, waves, fewest, most, gain):
    """Add waves one by one, all fitted together, and keep the number with the best evidence; returns that number."""
    n = values.size
    chosen = np.empty(most, np.int64)
    gram, factor = np.zeros((2 * most, 2 * most)), np.zeros((2 * most, 2 * most))
    right, solution, best = np.zeros(2 * most), np.zeros(2 * most), np.zeros(2 * most)
    residuals = values.copy()
    count = 0
    squares = 0.0
    for y in range(n):
        if weights[y] > 0.0:
            count += 1
        squares += weights[y] * values[y] ** 2
    best_number, best_evidence = 0, count * np.log(max(squares, 1e-300))
    for number in range(most):
        chosen[number] = _strongest(residuals, weights, waves)
        for a in range(2):
            i = 2 * number + a
            wave = waves[2 * chosen[number] + a]
            total = 0.0
            for y in range(n):
                total += weights[y] * wave[y] * values[y]
            right[i] = total
            for j in range(i + 1):
                other = waves[2 * chosen[j // 2] + j % 2]
                total = 0.0
                for y in range(n):
                    total += weights[y] * wave[y] * other[y]
                gram[i, j] = total
        if not _solve(gram, right, 2 * number + 2, solution, factor):
            break
        residuals[:] = values
        for i in range(2 * number + 2):
            wave = waves[2 * chosen[i // 2] + i % 2]
            for y in range(n):
                residuals[y] -= solution[i] * wave[y]
        squares = 0.0
        for y in range(n):
            squares += weights[y] * residuals[y] ** 2
        # Schwarz 1978: two amplitudes and a period for each wave.
        evidence = count * np.log(max(squares, 1e-300)) + 3.0 * (number + 1) * np.log(count)
        if evidence < best_evidence:
            best_number, best_evidence = number + 1, evidence
            best[: 2 * number + 2] = solution[: 2 * number + 2]
        elif number + 1 >= max(fewest, best_number + 2):
            break
    gain[:] = 0.0
    for i in range(2 * best_number):
        wave = waves[2 * chosen[i // 2] + i % 2]
        for y in range(n):
            gain[y] += best[i] * wave[y]
    return best_number


@kernel
def fit_fringes(
    first_column,
    last_column,
    spectra,
    weights,
    wavenumber,
    spacing,
    lowest,
    step,
    n_waves,
    fewest,
    most,
    rounds,
    gain,
    number,
):
    """Fit the fringes of columns.

    Parameters
    ----------
    first_column, last_column : int
        Columns ``first_column <= c < last_column`` are worked on.
    spectra : float64 array (ncolumns, n)
        Signals along each column.
    weights : float64 array (ncolumns, n)
        Inverse variances; 0 for what does not count.
    wavenumber : float64 array (ncolumns, n)
        cm^-1; finite everywhere.
    spacing : float64 array (ncolumns,)
        Pixels between the knots of the continuum: several periods of the fringes.
    lowest, step : float64 array (ncolumns,)
        Waves per cm^-1: the first one that is tried, and the distance to the next.
    n_waves : int64 array (ncolumns,)
        How many are tried.
    fewest, most : int64 array (ncolumns,)
        Waves that are added before the evidence may end the search, and at most.
    rounds : int
        How often the continuum and the waves are fitted, each to what the other leaves.
    gain : float64 array (ncolumns, n)
        Result: what the spectrum is to be divided by, less 1.
    number : int64 array (ncolumns,)
        Result: number of waves; 0: no fringes found.
    """
    n = spectra.shape[1]
    fit, robust, room, ratio, both = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for c in range(first_column, last_column):
        gain[c, :] = 0.0
        number[c] = 0
        n_knots = max(2, int(np.ceil((n - 1) / spacing[c])))
        matrix, right = np.empty((n_knots + 3, 4)), np.empty(n_knots + 3)
        waves = np.empty((2 * n_waves[c], n))
        middle = wavenumber[c, n // 2]
        for y in range(n):
            angle = 2.0 * np.pi * (wavenumber[c, y] - middle)
            cosine, sine = np.cos(lowest[c] * angle), np.sin(lowest[c] * angle)
            cos_step, sin_step = np.cos(step[c] * angle), np.sin(step[c] * angle)
            for f in range(n_waves[c]):
                waves[2 * f, y], waves[2 * f + 1, y] = cosine, sine
                cosine, sine = cosine * cos_step - sine * sin_step, sine * cos_step + cosine * sin_step
        for _ in range(rounds):
            flattened = spectra[c] / (1.0 + gain[c])
            _continuum(flattened, weights[c], spacing[c], n_knots, matrix, right, fit, robust, room)
            for y in range(n):
                usable = robust[y] > 0.0 and fit[y] > 0.0
                ratio[y] = spectra[c, y] / fit[y] - 1.0 if usable else 0.0
                both[y] = robust[y] * fit[y] ** 2 if usable else 0.0
            number[c] = _fit_waves(ratio, both, waves, fewest[c], most[c], gain[c])
            if number[c] == 0:
                break
