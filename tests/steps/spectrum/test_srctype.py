"""srctype: each rule of the documents, and which goes before which."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import ParameterError
from hexcal.step import SourceTypeStep

DEFAULTS = {
    "MIR_LRS-FIXEDSLIT": "POINT",
    "MIR_LRS-SLITLESS": "POINT",
    "MIR_MRS": "EXTENDED",
    "NIS_SOSS": "POINT",
    "NRS_FIXEDSLIT": "POINT",
    "NRS_BRIGHTOBJ": "POINT",
    "NRS_IFU": "EXTENDED",
}
INSTRUMENTS = {"MIR": "MIRI", "NRS": "NIRSPEC", "NRC": "NIRCAM", "NIS": "NIRISS"}


def exposure(exposure_type, model=None, **meta):
    if model is None:
        kind = datamodels.IFUImageModel if exposure_type in ("MIR_MRS", "NRS_IFU") else datamodels.ImageModel
        model = kind(np.ones((4, 4), "f4"))
    model.meta.telescope, model.meta.instrument.name = "JWST", INSTRUMENTS[exposure_type[:3]]
    model.meta.exposure.type = exposure_type
    for path, value in meta.items():
        model.set_meta(f"meta.{path.replace('__', '.')}", value)
    return model


def type_of(exposure_type, source_type=None, **meta):
    return SourceTypeStep.call(exposure(exposure_type, **meta), source_type=source_type).meta.target.source_type


@pytest.mark.req("SRCT-01", "SRCT-07", "SRCT-11")
def test_the_default_of_each_exposure_type():
    for exposure_type, expected in DEFAULTS.items():
        result = SourceTypeStep.call(exposure(exposure_type))
        assert result.meta.target.source_type == expected and result.meta.cal_step.srctype == "COMPLETE"
    assert type_of("NRS_LAMP") == "UNKNOWN"
    with pytest.raises(ParameterError, match="source_type"):
        type_of("MIR_MRS", source_type="STAR")


@pytest.mark.req("SRCT-02")
def test_the_proposal_goes_before_dithers_and_defaults():
    assert type_of("MIR_MRS", target__source_type_apt="POINT") == "POINT"
    assert type_of("MIR_LRS-FIXEDSLIT", target__source_type_apt="EXTENDED") == "EXTENDED"
    assert type_of("NRS_IFU", target__source_type_apt="EXTENDED", dither__primary_type="4-POINT-NOD") == "EXTENDED"
    assert type_of("MIR_MRS", target__source_type_apt="UNKNOWN") == "EXTENDED"


@pytest.mark.req("SRCT-03")
def test_the_user_goes_before_all_but_only_for_exposures_of_one_target():
    assert type_of("MIR_MRS", "POINT", target__source_type_apt="EXTENDED", observation__bkgdtarg=True) == "POINT"
    assert type_of("NRS_BRIGHTOBJ", "EXTENDED") == "EXTENDED"
    assert type_of("NRC_TSGRISM", "EXTENDED") == "EXTENDED"
    assert type_of("NIS_SOSS", "EXTENDED") == "POINT"


@pytest.mark.req("SRCT-04", "SRCT-05")
def test_backgrounds_then_time_series():
    assert type_of("MIR_LRS-FIXEDSLIT", observation__bkgdtarg=True, target__source_type_apt="POINT") == "EXTENDED"
    assert type_of("NRS_BRIGHTOBJ", observation__bkgdtarg=True) == "EXTENDED"
    assert type_of("MIR_MRS", visit__tsovisit=True, target__source_type_apt="EXTENDED") == "POINT"
    assert type_of("NRC_TSGRISM") == "POINT" and type_of("NRS_LAMP", visit__tsovisit=True) == "POINT"


@pytest.mark.req("SRCT-06")
def test_nodded_exposures(tmp_path):
    assert type_of("NRS_IFU", dither__primary_type="2-POINT-NOD") == "POINT"
    assert type_of("MIR_MRS", dither__primary_type="2-POINT-NOD") == "EXTENDED"
    assert type_of("MIR_MRS", dither__optimized_for="POINT-SOURCE") == "POINT"
    assert type_of("MIR_MRS", dither__optimized_for="EXTENDED-SOURCE") == "EXTENDED"
    from astropy.io import fits

    path = exposure("NRS_IFU").save(tmp_path / "x_rate.fits")
    fits.setval(path, "PATTTYPE", value="POINT-SOURCE")
    assert SourceTypeStep.call(path).meta.target.source_type == "POINT"


def slits(exposure_type, names, stellarity=None, **meta):
    model = exposure(exposure_type, datamodels.MultiSlitModel(), **meta)
    for number, name in enumerate(names):
        slit = datamodels.SlitModel(np.ones((3, 5), "f4"))
        slit.name = name
        if stellarity is not None:
            slit.stellarity = stellarity[number]
        model.slits.append(slit)
    return model


def types_of(model, **parameters):
    return [slit.source_type for slit in SourceTypeStep.call(model, **parameters).slits]


@pytest.mark.req("SRCT-08")
def test_only_the_slit_of_the_target_may_hold_a_point():
    names = ["S200A1", "S200A2", "S1600A1"]
    fixed = {"instrument__fixed_slit": "S200A2"}
    assert types_of(slits("NRS_FIXEDSLIT", names, **fixed)) == ["EXTENDED", "POINT", "EXTENDED"]
    assert types_of(slits("NRS_FIXEDSLIT", names, **fixed), source_type="EXTENDED") == ["EXTENDED"] * 3
    point = {**fixed, "target__source_type_apt": "EXTENDED"}
    assert types_of(slits("NRS_FIXEDSLIT", names, **point), source_type="POINT") == ["EXTENDED", "POINT", "EXTENDED"]


def test_a_header_that_does_not_name_the_slit_of_the_target_is_told(caplog):
    model = slits("NRS_FIXEDSLIT", ["S200A1", "S200A2"], target__source_type_apt="POINT")
    assert types_of(model) == ["EXTENDED", "EXTENDED"]
    assert "There is no FXD_SLIT" in caplog.text
    caplog.clear()
    model.meta.instrument.fixed_slit = "S200A2"
    assert types_of(model) == ["EXTENDED", "POINT"] and "FXD_SLIT" not in caplog.text


def test_an_extended_source_has_no_place_in_its_slit():
    model = slits("NRS_FIXEDSLIT", ["S200A1", "S200A2"], instrument__fixed_slit="S200A1")
    for slit in model.slits:
        slit.source_xpos, slit.source_ypos = 0.1, -0.2
    places = lambda result: [(slit.source_xpos, slit.source_ypos) for slit in result.slits]  # noqa: E731
    assert places(SourceTypeStep.call(model)) == [(0.1, -0.2), (0.0, 0.0)]
    assert places(SourceTypeStep.call(model, source_type="EXTENDED")) == [(0.0, 0.0), (0.0, 0.0)]


@pytest.mark.req("SRCT-09")
def test_sources_of_the_micro_shutters_by_their_stellarity():
    stellarity = [-1.0, 0.0, 0.5, 0.75, 0.76, 1.0, None]
    model = slits("NRS_MSASPEC", "1234567", stellarity)
    expected = ["POINT", "EXTENDED", "EXTENDED", "EXTENDED", "POINT", "POINT", "UNKNOWN"]
    assert types_of(model) == expected
    assert types_of(model, source_type="POINT") == expected


def test_slitless_sources_keep_what_the_catalog_said():
    model = slits("NIS_WFSS", "ab")
    model.slits[0].source_type = "EXTENDED"
    assert types_of(model) == ["EXTENDED", "UNKNOWN"]


def test_without_an_exposure_type_the_step_is_skipped():
    model = datamodels.ImageModel(np.ones((4, 4), "f4"))
    assert SourceTypeStep.call(model).meta.cal_step.srctype == "SKIPPED"
