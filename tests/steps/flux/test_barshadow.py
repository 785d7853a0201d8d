"""Shadows of the bars between the shutters."""

import numpy as np
import pytest
from slits import ROWS_PER_SLIT, SHAPE, make_slits, wavelengths

from hexcal import datamodels
from hexcal.errors import ReferenceError_
from hexcal.steps.flux.barshadow import BarShadowStep, Shadows

Y = np.linspace(-1, 1, 1001)


def reference():
    """Of one shutter: light within its half, with a slope in wavelength; of two: a dip between them."""
    model = datamodels.BarshadowModel()
    slope = 1 + 0.001 * np.arange(101)
    model.data1x1 = np.float32(np.clip(1.5 - abs(Y) * 2, 0.05, 1)[:, None] * slope)
    model.data1x3 = np.float32((1 - 0.4 * np.exp(-(((abs(Y) - 0.5) / 0.1) ** 2)))[:, None] * slope)
    model.crval1, model.cdelt1, model.crval2, model.cdelt2 = 0.6e-6, 4.7e-8, -1.0, 0.002
    return model


def slope_at(wave):
    return 1 + 0.001 * np.clip((wave - 0.6) / 0.047, 0, 100)


def slitlet(state="1x1", source_type="EXTENDED"):
    slits = make_slits(("1",), "NRS_MSASPEC", source_type)
    slits.slits[0].shutter_state = state
    slits.slits[0].set_meta("slit_yscale", 1.2)
    return slits


def places():
    """Of the rows, in shutter spacings from the shutter of the source."""
    return (np.arange(SHAPE[0]) - (SHAPE[0] - 1) / 2) / ROWS_PER_SLIT / 1.2


def single(y):
    return np.clip(1.5 - abs(y) * 2, 0.05, 1)


def pair(y):
    return 1 - 0.4 * np.exp(-(((abs(y) - 0.5) / 0.1) ** 2))


@pytest.mark.req("BAR-01", "BAR-02", "BAR-03", "BAR-04", "BAR-05", "BAR-06", "BAR-10", "BAR-11", "ERR-08")
@pytest.mark.parametrize("source_type", ["EXTENDED", "UNKNOWN", None])
@pytest.mark.parametrize(
    ("state", "below", "above"),
    [("1x1", pair, pair), ("x", single, single), ("1x", pair, single), ("x1", single, pair)],
)
def test_the_shadow_is_put_together_by_the_shutters(state, below, above, source_type):
    slits = slitlet(state, source_type)
    slits.slits[0].var_flat = np.full(SHAPE, 4, "f4")
    slit = BarShadowStep.call(slits, override_barshadow=reference()).slits[0]
    y = places()
    shadow = np.where(y < 0, below(y), above(y))[:, None] * slope_at(wavelengths())
    np.testing.assert_allclose(slit.barshadow, shadow, atol=5e-3)  # a row of the reference: 0.002 of a slope of 2
    np.testing.assert_allclose(slit.data, 12 / slit.barshadow, rtol=1e-6)
    np.testing.assert_allclose(slit.err, 5 / slit.barshadow, rtol=1e-6)
    for name, value in (("var_poisson", 9), ("var_rnoise", 16), ("var_flat", 4)):
        np.testing.assert_allclose(getattr(slit, name), value / slit.barshadow**2, rtol=1e-6)
    assert slit.barshadow_corrected is True


@pytest.mark.req("BAR-03")
def test_pieces_of_a_slitlet():
    shadows = Shadows(reference())
    shadow, start = shadows.of("1x01")
    assert start == -2 and len(shadow) == 5 * 500
    rows = {
        place: shadow[round((place - start) * 500), 0] for place in (-1.5, -0.9, -0.5, 0.4, 0.6, 1.4, 1.6, 2.4, 2.9)
    }
    expected = [single(0.5), pair(-0.9), pair(-0.5), single(0.4), single(0.6), single(-0.6), single(-0.4), single(0.4)]
    np.testing.assert_allclose(list(rows.values()), [*expected, single(0.9)], atol=5e-3)
    assert shadows.of("11")[1] == -2  # without a source: from the middle
    dark, _ = shadows.of("1x001")
    assert (dark[1505:1995] == dark[1505]).all()


@pytest.mark.req("BAR-02")
def test_point_sources_are_not_corrected():
    slit = BarShadowStep.call(slitlet(source_type="POINT"), override_barshadow=reference()).slits[0]
    assert (slit.data == 12).all() and (slit.barshadow == 1).all() and slit.barshadow_corrected is False


@pytest.mark.req("BAR-08")
@pytest.mark.parametrize(("stored", "forced"), [("POINT", "EXTENDED"), ("EXTENDED", "POINT")])
def test_the_source_type_can_be_forced(stored, forced):
    slits = slitlet(source_type=stored)
    slit = BarShadowStep.call(slits, override_barshadow=reference(), source_type=forced).slits[0]
    assert slit.barshadow_corrected is (forced == "EXTENDED")


@pytest.mark.req("BAR-07")
def test_inverse_takes_it_back():
    given = {"override_barshadow": reference()}
    back = BarShadowStep.call(BarShadowStep.call(slitlet(), **given), inverse=True, **given).slits[0]
    for name, value in (("data", 12), ("err", 5), ("var_poisson", 9)):
        np.testing.assert_allclose(getattr(back, name), value, rtol=1e-6)


@pytest.mark.req("BAR-12")
def test_only_slitlets_have_bars():
    assert BarShadowStep.call(slitlet(), override_barshadow=reference()).meta.cal_step.barshadow == "COMPLETE"
    result = BarShadowStep.call(make_slits(), override_barshadow=reference())
    assert result.meta.cal_step.barshadow == "SKIPPED"


def test_a_slitlet_without_shutter_states_is_left(caplog):
    slits = make_slits(("1", "2"), "NRS_MSASPEC")
    slits.slits[1].shutter_state = None
    result = BarShadowStep.call(slits, override_barshadow=reference())
    assert "slitlet 2 (source 2): the states of its shutters are not known" in caplog.text
    assert (result.slits[1].data == 12).all() and (result.slits[0].data != 12).any()


def test_a_reference_needs_its_images():
    with pytest.raises(ReferenceError_, match="DATA1X1"):
        BarShadowStep.call(slitlet(), override_barshadow=datamodels.BarshadowModel())
