"""The files of simulated spectra: exposures, references, associations, and tables of what is true."""

import json

from hexcal.models import association_file
from hexcal.simulate.output import make_folder, planned
from hexcal.simulate.reference_files import ending, save_references


def write(series, folder, overwrite=False):
    """Write a series into a folder (see `hexcal.simulate.spectra.series.Series.save`)."""
    references, tables = series.references(), truth_tables(series)
    associations = series.associations()
    _plan(series, folder, references, tables, overwrite)
    save_references(references, folder / "references", overwrite)
    files = []
    for exposure in series.exposures():
        exposure.model.save(folder / exposure.file)
        files.append(str(folder / exposure.file))
    for name, content in associations.items():
        association_file.write_association(folder / name, content)
    if series.hits:
        tables["hits"] = series.hits_table()
    for name, columns in tables.items():
        _write_table(folder / "truth" / f"{name}.ecsv", columns)
    series.write_extra(folder)
    third = [str(folder / name) for name in associations if "spec3" in name or "tso3" in name]
    return {
        "exposures": files,
        "references": str(folder / "references"),
        "associations": [str(folder / name) for name in associations if "spec2" in name],
        "stage3": third,
        "truth": str(folder / "truth"),
    }


def _plan(series, folder, references, tables, overwrite):
    """Refuse to replace files, before anything is made."""
    exposures = [f"{name}_{series.suffix}.fits" for name in series.names()]
    planned(folder, [*exposures, *series.associations(), *series.extra_names()], overwrite)
    planned(folder / "references", [f"{kind}{ending(model)}" for kind, model in references.items()], overwrite)
    hits = ["hits"] if series.hits else []
    planned(folder / "truth", [f"{name}.ecsv" for name in [*tables, *hits]], overwrite)
    for place in (folder, folder / "references", folder / "truth"):
        make_folder(place)


def truth_tables(series):
    """Return the tables of the truth: name -> dict of columns.

    ``sources``: what there is. ``spectra``: the flux density of each source at many wavelengths.
    """
    sources = series.sources()
    grid = series.wavelengths
    return {
        "sources": {
            "number": [source.number for source in sources],
            "name": [source.name for source in sources],
            "kind": [source.kind for source in sources],
            "place": [source.place for source in sources],
            "ra": [float("nan") if source.ra is None else source.ra for source in sources],
            "dec": [float("nan") if source.dec is None else source.dec for source in sources],
            "sigma_arcsec": [source.sigma for source in sources],
            "unit": [source.unit for source in sources],
            "level": [source.light.level for source in sources],
            "slope": [source.light.slope for source in sources],
            "pivot_um": [source.light.pivot for source in sources],
            "lines": [json.dumps(source.light.lines) for source in sources],
        },
        "spectra": {"wavelength": (grid, "um")}
        | {f"source_{source.number}": (source.light(grid), source.unit) for source in sources},
        **series.tables(),
    }


def _write_table(path, columns):
    import io

    from astropy.table import Column, Table

    table = Table()
    for name, column in columns.items():
        values, unit = column if isinstance(column, tuple) else (column, None)
        table[name] = Column(values, unit=unit)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    association_file.write_text(path, text.getvalue())
