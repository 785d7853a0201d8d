"""CUBEPAR files as the documents lay them out: tables, columns and their formats, and what is read from them."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.references.delivery.certify import certify
from hexcal.steps.spectrum.cube_bands import Band
from hexcal.steps.spectrum.cube_parameters import sampling_of, wave_table

MIRI_BANDS = [(1, "SHORT"), (1, "MEDIUM"), (4, "LONG")]
NIRSPEC_BANDS = [("PRISM", "CLEAR"), ("G140M", "F100LP"), ("G395H", "F290LP")]
SHEPARD = {
    "MSM": [("ROISPATIAL", "f4"), ("ROISPECTRAL", "f8"), ("POWER", "f8"), ("SOFTRAD", "f8")],
    "EMSM": [("ROISPATIAL", "f4"), ("ROISPECTRAL", "f8"), ("SCALERAD", "f8")],
}
SAMPLING = [("WAVEMIN", "f4"), ("WAVEMAX", "f4"), ("SPAXELSIZE", "f4"), ("SPECTRALSTEP", "f8")]
WAVES = np.arange(1.0, 3.0, 0.25)


def _by_band(keys, bands, columns, start):
    """Numbers that are other ones in each cell."""
    rows = [(*band, *(start + 10 * row + number for number in range(len(columns)))) for row, band in enumerate(bands)]
    return np.array(rows, [*keys, *columns])


def _by_wavelength(columns, kind, start):
    names = [("WAVELENGTH", kind), *((name, "f8") for name, _ in columns)]
    return np.array([(wave, *(start + number + wave for number in range(len(columns)))) for wave in WAVES], names)


def _write(path, instrument):
    if instrument == "MIRI":
        keys, bands, model = [("CHANNEL", "i2"), ("BAND", "S6")], MIRI_BANDS, "MiriIFUCubeParsModel"
        multi = {f"MULTICHANNEL_{method}": (method, "f8", 100) for method in ("MSM", "EMSM", "DRIZ")}
    else:
        keys, bands, model = [("DISPERSER", "S5"), ("FILTER", "S6")], NIRSPEC_BANDS, "NirspecIFUCubeParsModel"
        multi = {
            f"MULTICHAN_{kind}_{method}": (method, "f8" if kind == "PRISM" else "f4", 100 * (2 + number))
            for method in ("MSM", "EMSM")
            for number, kind in enumerate(("PRISM", "MED", "HIGH"))
        }
    tables = {"CUBEPAR": _by_band(keys, bands, SAMPLING, 1)}
    tables |= {f"CUBEPAR_{name}": _by_band(keys, bands, columns, 50) for name, columns in SHEPARD.items()}
    tables |= {name: _by_wavelength(SHEPARD.get(how, []), kind, start) for name, (how, kind, start) in multi.items()}
    primary = fits.PrimaryHDU()
    primary.header.update(
        TELESCOP="JWST", INSTRUME=instrument, REFTYPE="CUBEPAR", DATAMODL=model, FILENAME=path.name,
        EXP_TYPE="MIR_MRS" if instrument == "MIRI" else "NRS_IFU", AUTHOR="tests", DESCRIP="layout of the documents",
        PEDIGREE="DUMMY", USEAFTER="2022-01-01T00:00:00", DATE="2022-01-01T00:00:00", HISTORY="made by a test",
    )  # fmt: skip
    fits.HDUList([primary, *(fits.BinTableHDU(table, name=name) for name, table in tables.items())]).writeto(path)
    return model, tables


@pytest.mark.req("CUBE-46", "CUBE-47", "CUBE-48", "CUBE-49", "CUBE-50")
@pytest.mark.parametrize("instrument", ["MIRI", "NIRSPEC"])
def test_files_in_the_documented_layout_are_read_and_certified(instrument, tmp_path):
    path = tmp_path / "jwst_cubepar.fits"
    kind, tables = _write(path, instrument)
    reference = datamodels.open(path)
    assert type(reference).__name__ == kind
    assert [str(finding) for finding in certify(path, "jwst").errors] == []
    for row in tables["CUBEPAR"]:
        band = Band(*(str(np.asarray(row[name]).astype(str)).lower() for name in tables["CUBEPAR"].dtype.names[:2]))
        for method in ("drizzle", "msm", "emsm"):
            sampling = sampling_of(reference, band, method)
            values = (sampling.wave_min, sampling.wave_max, sampling.spaxel, sampling.step)
            assert values == tuple(row[name] for name, _ in SAMPLING)
            if method != "drizzle":
                other = tables[f"CUBEPAR_{method.upper()}"]
                mine = next(r for r in other if tuple(r.item()[:2]) == tuple(row.item()[:2]))
                assert sampling.weights == {name.lower(): mine[name] for name, _ in SHEPARD[method.upper()]}


@pytest.mark.req("CUBE-51")
@pytest.mark.parametrize(
    ("instrument", "bands", "name"),
    [
        ("MIRI", (Band("1", "short"), Band("2", "short")), "MULTICHANNEL"),
        ("NIRSPEC", (Band("prism", "clear"),), "MULTICHAN_PRISM"),
        ("NIRSPEC", (Band("g140m", "f100lp"), Band("g235m", "f170lp")), "MULTICHAN_MED"),
        ("NIRSPEC", (Band("g395h", "f290lp"),), "MULTICHAN_HIGH"),
    ],
)
def test_several_bands_are_laid_out_by_the_table_of_their_resolution(instrument, bands, name, tmp_path):
    _, tables = _write(tmp_path / "jwst_cubepar.fits", instrument)
    reference = datamodels.open(tmp_path / "jwst_cubepar.fits")
    for method in ("msm", "emsm"):
        table, expected = wave_table(reference, bands, method), tables[f"{name}_{method.upper()}"]
        assert [column.upper() for column in table.dtype.names] == list(expected.dtype.names)
        for column in expected.dtype.names:
            assert np.array_equal(table[column.lower()], expected[column])
    if instrument == "MIRI":
        assert np.array_equal(wave_table(reference, bands, "drizzle")["wavelength"], WAVES)


def test_a_band_or_table_that_is_not_there_is_told(tmp_path):
    _write(tmp_path / "jwst_cubepar.fits", "NIRSPEC")
    reference = datamodels.open(tmp_path / "jwst_cubepar.fits")
    with pytest.raises(ReferenceError_, match="CUBEPAR has no row for g235m, f170lp"):
        sampling_of(reference, Band("g235m", "f170lp"), "msm")
    with pytest.raises(ReferenceError_, match="no table MULTICHAN_PRISM_DRIZ"):
        wave_table(reference, (Band("prism", "clear"),), "drizzle")
