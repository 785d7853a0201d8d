"""calwebb_spec2: which steps, in which order, what it takes and what it refuses."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.observatories.jwst import observatory
from hexcal.observatories.jwst.exposure_types import exposure_type as facts_of
from hexcal.pipeline import Spec2Pipeline
from hexcal.pipelines.spec2_modes import mode_of, steps_of

# Columns of the table of science exposures; those without slits are refused.
COLUMNS = {
    "fs": "NRS_FIXEDSLIT",
    "mos": "NRS_MSASPEC",
    "ifu": "NRS_IFU",
    "lrs": "MIR_LRS-FIXEDSLIT",
    "lrs_slitless": "MIR_LRS-SLITLESS",
    "mrs": "MIR_MRS",
}
TABLE = {
    "assign_wcs": "fs mos ifu lrs lrs_slitless mrs",
    "msa_flagging": "mos ifu",
    "nsclean": "fs mos ifu",
    "imprint_subtract": "mos ifu",
    "bkg_subtract": "fs mos ifu lrs mrs",
    "extract_2d": "fs mos",
    "srctype": "fs mos ifu lrs lrs_slitless mrs",
    "master_background_mos": "mos",
    "wavecorr": "fs mos",
    "straylight": "mrs",
    "flat_field": "fs mos ifu lrs lrs_slitless mrs",
    "fringe": "mrs",
    "pathloss": "fs mos ifu lrs",
    "barshadow": "mos",
    "photom": "fs mos ifu lrs lrs_slitless mrs",
    "residual_fringe": "mrs",
    "resample_spec": "fs mos lrs",
    "cube_build": "ifu mrs",
    "extract_1d": "fs mos ifu lrs lrs_slitless mrs",
}
OF_NEWER_RELEASES = {"badpix_selfcal", "clean_flicker_noise", "targ_centroid", "adaptive_trace_model"}
SWITCHED_ON_BY_USERS = {"pixel_replace"}
REFUSED = ["NIS_SOSS", "NIS_WFSS", "NRC_WFSS", "NRC_TSGRISM"]


def exposure(exposure_type, shape=(4, 4), tso=False, **instrument):
    """An exposure of a type, with nothing in it."""
    model = (datamodels.ImageModel if len(shape) == 2 else datamodels.CubeModel)(np.zeros(shape, "f4"))
    model.meta.telescope, model.meta.exposure.type = "JWST", exposure_type
    model.meta.instrument.name = {"NRS": "NIRSPEC", "MIR": "MIRI", "NIS": "NIRISS", "NRC": "NIRCAM"}[exposure_type[:3]]
    model.meta.visit.tsovisit = tso
    for name, value in instrument.items():
        model.set_meta(f"meta.instrument.{name}", value)
    return model


def documented(names):
    """The steps that the documents know, of those of an exposure."""
    return [name for name in names if name not in OF_NEWER_RELEASES]


@pytest.mark.req("SP2-02", "SP2-03")
@pytest.mark.parametrize("column", COLUMNS)
def test_steps_of_science_exposures(column):
    expected = [name for name, columns in TABLE.items() if column in columns.split()]
    names = documented(steps_of(exposure(COLUMNS[column])))
    assert [name for name in names if name not in SWITCHED_ON_BY_USERS] == expected
    assert set(names) - set(expected) <= SWITCHED_ON_BY_USERS


@pytest.mark.parametrize("exposure_type", ["NRS_BRIGHTOBJ", "MIR_LRS-SLITLESS"])
def test_steps_of_time_series(exposure_type):
    names = documented(steps_of(exposure(exposure_type, (3, 4, 4), tso=True)))
    assert not {"bkg_subtract", "imprint_subtract", "pathloss", "resample_spec", "nsclean", "fringe"} & set(names)
    assert ("extract_2d" in names) is ("wavecorr" in names) is (exposure_type == "NRS_BRIGHTOBJ")
    order = ["assign_wcs", "srctype", "flat_field", "photom", "extract_1d"]
    assert [name for name in names if name in order] == order


LAMP_ROWS = {
    # step: of a line lamp, of a flat lamp, NRS_AUTOWAVE, NRS_AUTOFLAT
    "assign_wcs": ("fs mos ifu", "fs mos ifu", "fs mos ifu", "mos"),
    "msa_flagging": ("mos ifu", "mos ifu", "mos ifu", "mos"),
    "imprint_subtract": ("", "ifu", "", ""),
    "extract_2d": ("fs mos", "fs mos", "fs mos", "mos"),
    "wavecorr": ("fs mos ifu", "fs mos ifu", "fs mos ifu", "mos"),
    "flat_field": ("fs mos ifu", "fs mos ifu", "fs mos ifu", ""),
    "resample_spec": ("fs mos", "", "fs mos", ""),
    "cube_build": ("ifu", "", "ifu", ""),
    "extract_1d": ("fs mos ifu", "", "fs mos ifu", ""),
}
LAMP_COLUMNS = [("NRS_LAMP", "LINE2"), ("NRS_LAMP", "FLAT3"), ("NRS_AUTOWAVE", "LINE4"), ("NRS_AUTOFLAT", "FLAT5")]


@pytest.mark.req("SP2-08", "SP2-09", "SP2-10")
@pytest.mark.parametrize(("column", "opmode"), [(c, o) for c in range(4) for o in ("FIXEDSLIT", "MSASPEC", "IFU")])
def test_steps_of_lamp_exposures(column, opmode):
    exposure_type, lamp = LAMP_COLUMNS[column]
    model = exposure(exposure_type, lamp_mode=opmode, lamp_state=lamp)
    mode = {"FIXEDSLIT": "fs", "MSASPEC": "mos", "IFU": "ifu"}[opmode]
    if exposure_type == "NRS_AUTOFLAT" and mode != "mos":
        with pytest.raises(InputError, match="microshutters"):
            steps_of(model)
        return
    assert steps_of(model) == [name for name, columns in LAMP_ROWS.items() if mode in columns[column].split()]


@pytest.mark.req("SP2-08")
@pytest.mark.parametrize("opmode", ["GRATING-ONLY", "NONE", "IMAGE", None])
def test_lamp_exposures_that_are_not_calibrated(opmode):
    with pytest.raises(InputError, match="OPMODE"):
        steps_of(exposure("NRS_LAMP", lamp_mode=opmode, lamp_state="LINE1"))


@pytest.mark.req("SP2-15")
def test_fixed_slits_of_several_integrations_are_not_extracted():
    names = steps_of(exposure("NRS_FIXEDSLIT", (2, 4, 4)))
    assert "photom" in names
    assert not {"resample_spec", "extract_1d"} & set(names)
    assert {"resample_spec", "extract_1d"} <= set(steps_of(exposure("NRS_FIXEDSLIT")))


@pytest.mark.parametrize("exposure_type", REFUSED)
def test_spectra_without_slits_are_refused(exposure_type):
    assert observatory.exposure_fact(exposure_type, "stage2") == "spec2"
    with pytest.raises(InputError, match="without slits") as refused:
        Spec2Pipeline().run(exposure(exposure_type))
    assert "NRS_FIXEDSLIT" in str(refused.value)


def test_images_are_sent_to_their_pipeline():
    with pytest.raises(InputError, match="calwebb_image2 is for this type"):
        Spec2Pipeline().run(exposure("NRC_IMAGE"))


def test_every_documented_type_has_a_mode():
    of_spectra = [row for row in observatory.exposure_types if observatory.exposure_fact(row, "stage2") == "spec2"]
    for exposure_type in of_spectra:
        if exposure_type not in (*REFUSED, "MIR_WFSS"):
            assert mode_of(exposure(exposure_type, lamp_mode="MSASPEC", lamp_state="LINE1"))


def test_slitless_product_is_refused():
    with pytest.raises(ParameterError, match="save_wfss_esec"):
        Spec2Pipeline(save_wfss_esec=True).run(exposure("MIR_MRS"))


@pytest.mark.req("SP2-04")
def test_steps_that_are_skipped_by_default():
    steps = Spec2Pipeline().steps
    for name in ("residual_fringe", "pixel_replace", "clean_flicker_noise"):
        if name in steps:
            assert steps[name].parameters.skip, name


ROUTED = {
    "MIR_LRS-FIXEDSLIT": ("spec3", None), "MIR_LRS-SLITLESS": (None, "tso3"), "MIR_MRS": ("spec3", None),
    "NRC_WFSS": ("spec3", None), "NRC_TSGRISM": (None, "tso3"), "NIS_WFSS": ("spec3", None),
    "NIS_SOSS": ("spec3", "tso3"), "NRS_AUTOWAVE": (None, None), "NRS_AUTOFLAT": (None, None),
    "NRS_LAMP": (None, None), "NRS_FIXEDSLIT": ("spec3", None), "NRS_IFU": ("spec3", None),
    "NRS_MSASPEC": ("spec3", None), "NRS_BRIGHTOBJ": (None, "tso3"),
}  # fmt: skip
"""Type of an exposure: its pipeline of stage 3, without and with TSOVISIT."""


@pytest.mark.req("SP2-25", "SP2-26")
def test_types_that_belong_here_and_what_follows():
    for name, (stage3, of_series) in ROUTED.items():
        fact = facts_of(name)
        assert fact.stage2 == "spec2", name
        assert (fact.stage3 or None, fact.stage3_tso or None) == (stage3, of_series), name
        if of_series and not stage3:
            assert fact.tso in ("visit", "always")
