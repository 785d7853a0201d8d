"""Made by tools/type_doors.py (make format)."""

from hexcal.models import dqflags as dqflags
from hexcal.models.catalogue import CatalogModel as CatalogModel
from hexcal.models.container import ModelContainer as ModelContainer
from hexcal.models.datamodel import DataModel as DataModel
from hexcal.models.datamodel import DataModel as JwstDataModel
from hexcal.models.exp_to_source import SourceModelContainer as SourceModelContainer
from hexcal.models.open import open as open
from hexcal.models.reference import DarkMIRIModel as DarkMIRIModel
from hexcal.models.reference import DarkModel as DarkModel
from hexcal.models.reference import GainModel as GainModel
from hexcal.models.reference import IPCModel as IPCModel
from hexcal.models.reference import LinearityModel as LinearityModel
from hexcal.models.reference import MaskModel as MaskModel
from hexcal.models.reference import RSCDModel as RSCDModel
from hexcal.models.reference import ReadnoiseModel as ReadnoiseModel
from hexcal.models.reference import ReferenceFileModel as ReferenceFileModel
from hexcal.models.reference import ReferenceModel as ReferenceModel
from hexcal.models.reference import ReferencePartsModel
from hexcal.models.reference import ResetModel as ResetModel
from hexcal.models.reference import SaturationModel as SaturationModel
from hexcal.models.reference import SuperBiasModel as SuperBiasModel
from hexcal.models.science import CubeModel as CubeModel
from hexcal.models.science import ExposureModel
from hexcal.models.science import GuiderCalModel as GuiderCalModel
from hexcal.models.science import GuiderRawModel as GuiderRawModel
from hexcal.models.science import IFUImageModel as IFUImageModel
from hexcal.models.science import ImageModel as ImageModel
from hexcal.models.science import Level1bModel as Level1bModel
from hexcal.models.science import MultiExposureModel as MultiExposureModel
from hexcal.models.science import MultiSlitModel as MultiSlitModel
from hexcal.models.science import PartsModel
from hexcal.models.science import RampFitOutputModel as RampFitOutputModel
from hexcal.models.science import RampModel as MIRIRampModel
from hexcal.models.science import RampModel as RampModel
from hexcal.models.science import SlitModel as SlitModel
from hexcal.models.single import TreeModel as TreeModel
from hexcal.models.superstripes import SuperstripeRampModel as SuperstripeRampModel
from numpy import ndarray
from typing import Any

__all__ = [
    "ABVegaOffsetModel",
    "AmiLgFitModel",
    "AmiLgModel",
    "AmiOIModel",
    "BarshadowModel",
    "CameraModel",
    "CatalogModel",
    "ChromCorrModel",
    "CollimatorModel",
    "CombinedSpecModel",
    "ContrastModel",
    "CubeModel",
    "DarkMIRIModel",
    "DarkModel",
    "DarkNirspecModel",
    "DataModel",
    "DisperserModel",
    "DistortionMRSModel",
    "DistortionModel",
    "DrizParsModel",
    "DrizProductModel",
    "EmiModel",
    "Extract1dIFUModel",
    "Extract1dImageModel",
    "FOREModel",
    "FPAModel",
    "FgsImgApcorrModel",
    "FgsImgPhotomModel",
    "FilteroffsetModel",
    "FlatModel",
    "FringeFreqModel",
    "FringeModel",
    "GLS_RampFitModel",
    "GainModel",
    "GuiderCalModel",
    "GuiderRawModel",
    "IFUCubeModel",
    "IFUFOREModel",
    "IFUImageModel",
    "IFUPostModel",
    "IFUSlicerModel",
    "IPCModel",
    "IRISBiasModel",
    "IRISCubeModel",
    "IRISDQModel",
    "IRISDarkModel",
    "IRISFlatModel",
    "IRISGainModel",
    "IRISImageModel",
    "IRISMaskModel",
    "IRISNonlinearModel",
    "IRISRampModel",
    "IRISReadnoiseModel",
    "IRS2Model",
    "ImageModel",
    "JwstDataModel",
    "LastFrameModel",
    "Level1bModel",
    "LinearityModel",
    "MIRIRampModel",
    "MRSMultiSpecModel",
    "MRSSpecModel",
    "MSAModel",
    "MaskModel",
    "MirImgApcorrModel",
    "MirImgPhotomModel",
    "MirLrsApcorrModel",
    "MirLrsPathlossModel",
    "MirLrsPhotomModel",
    "MirMrsApcorrModel",
    "MirMrsPhotomModel",
    "MirMrsPtCorrModel",
    "MirMrsXArtCorrModel",
    "MirWfssPhotomModel",
    "MiriIFUCubeParsModel",
    "MiriLRSSpecwcsModel",
    "MiriResolutionModel",
    "MiriWFSSSpecwcsModel",
    "ModelContainer",
    "MultiCombinedSpecModel",
    "MultiExposureModel",
    "MultiExtract1dImageModel",
    "MultiProductModel",
    "MultiSlitModel",
    "MultiSpecModel",
    "NIRCAMGrismModel",
    "NIRISSGrismModel",
    "NRMModel",
    "NRSIFUApcorrModel",
    "NirspecFlatModel",
    "NirspecIFUCubeParsModel",
    "NirspecIfuAreaModel",
    "NirspecMosAreaModel",
    "NirspecQuadFlatModel",
    "NirspecQuadrantModel",
    "NirspecSlitAreaModel",
    "NisImgApcorrModel",
    "NisImgPhotomModel",
    "NisSossPhotomModel",
    "NisWfssApcorrModel",
    "NisWfssPhotomModel",
    "NrcImgApcorrModel",
    "NrcImgPhotomModel",
    "NrcWfssApcorrModel",
    "NrcWfssPhotomModel",
    "NrsFsApcorrModel",
    "NrsFsPhotomModel",
    "NrsIfuApcorrModel",
    "NrsMosApcorrModel",
    "NrsMosPhotomModel",
    "OTEModel",
    "OutlierIFUOutputModel",
    "OutlierOutputModel",
    "OutlierParsModel",
    "PastasossModel",
    "PathlossApertureModel",
    "PathlossModel",
    "PersistenceSatModel",
    "PictureFrameModel",
    "PixelAreaModel",
    "PsfMaskModel",
    "QuadModel",
    "RSCDModel",
    "RampFitOutputModel",
    "RampModel",
    "ReadnoiseModel",
    "ReferenceCubeModel",
    "ReferenceFileModel",
    "ReferenceImageModel",
    "ReferenceModel",
    "ReferenceQuadModel",
    "RegionsModel",
    "ResetModel",
    "ResolutionModel",
    "SIRSKernelModel",
    "SaturationModel",
    "SegmentationMapModel",
    "SlitDataModel",
    "SlitModel",
    "SossBkgModel",
    "SossExtractModel",
    "SossWaveGridModel",
    "SourceModelContainer",
    "SpecKernelModel",
    "SpecModel",
    "SpecProfileModel",
    "SpecProfileSingleModel",
    "SpecPsfApertureModel",
    "SpecPsfModel",
    "SpecTraceModel",
    "SpecTraceSingleModel",
    "SpecwcsModel",
    "StrayLightModel",
    "SuperBiasModel",
    "SuperstripeRampModel",
    "TSOMultiSpecModel",
    "TSOSpecModel",
    "ThroughputModel",
    "TrapDensityModel",
    "TrapParsModel",
    "TrapparsModel",
    "TrapsFilledModel",
    "TreeModel",
    "TsoPhotModel",
    "WFSSCombinedSpecModel",
    "WFSSMultiCombinedSpecModel",
    "WFSSMultiSpecModel",
    "WFSSSpecModel",
    "WaveCorrModel",
    "WaveMapModel",
    "WaveMapSingleModel",
    "WavelengthrangeModel",
    "WfssBkgModel",
    "dqflags",
    "open",
]

class ABVegaOffsetModel(TreeModel):
    """Differences of AB and Vega magnitudes."""
    abvega_offset: Any

class AmiLgFitModel(ExposureModel):
    """Fringe fit of aperture-masking data, as of older versions."""
    centered_image: ndarray
    norm_centered_image: ndarray
    fit_image: ndarray
    norm_fit_image: ndarray
    resid_image: ndarray
    norm_resid_image: ndarray
    solns_table: Any

class AmiLgModel(ExposureModel):
    """Fit of an aperture-masking image: fitted image, residual, closure quantities, fringes, pupil phases."""
    fit_image: ndarray
    resid_image: ndarray
    closure_amp_table: Any
    closure_phase_table: Any
    fringe_amp_table: Any
    fringe_phase_table: Any
    pupil_phase_table: Any
    solns_table: Any

class AmiOIModel(ExposureModel):
    """Interferometric observables in the OIFITS standard."""
    array: Any
    target: Any
    t3: Any
    vis: Any
    vis2: Any
    q4: Any
    wavelength: Any

class BarshadowModel(ReferenceFileModel):
    """Correction of NIRSpec slits for the shadow of the bars between shutters."""
    data1x1: ndarray
    var1x1: ndarray
    data1x3: ndarray
    var1x3: ndarray

class CameraModel(TreeModel):
    """Transform of the NIRSpec camera."""
    model: Any

class ChromCorrModel(TreeModel):
    """Chromatic correction of a transform."""
    model: Any

class CollimatorModel(TreeModel):
    """Transform of the NIRSpec collimator."""
    model: Any

class CombinedSpecModel(ExposureModel):
    """A combined spectrum."""
    spec_table: Any

class ContrastModel(ExposureModel):
    """Contrast curve of a coronagraph."""
    contrast_table: Any

class DarkNirspecModel(ReferenceFileModel):
    """NIRSpec dark current."""
    data: ndarray
    dq: ndarray
    err: ndarray
    average_dark_current: ndarray
    dark_rate: ndarray
    dark_rate_unc: ndarray
    dq_def: Any

class DisperserModel(TreeModel):
    """Parameters of a NIRSpec disperser."""
    groovedensity: Any
    angle: Any
    gwa_tiltx: Any
    gwa_tilty: Any
    kcoef: Any
    lcoef: Any
    tcoef: Any
    pref: Any
    theta_x: Any
    theta_y: Any
    theta_z: Any
    tilt_x: Any
    tilt_y: Any
    tref: Any
    wbound: Any

class DistortionMRSModel(TreeModel):
    """Distortion of MIRI MRS."""
    slices: Any
    x_model: Any
    y_model: Any
    alpha_model: Any
    beta_model: Any
    bzero: Any
    bdel: Any
    abv2v3_model: Any

class DistortionModel(TreeModel):
    """Distortion of an imaging detector."""
    model: Any

class DrizParsModel(ReferenceFileModel):
    """Parameters of drizzling."""
    drizpars_table: Any

class DrizProductModel(ExposureModel):
    """A drizzled image, as of older versions."""
    data: ndarray
    con: ndarray
    wht: ndarray
    hdrtab: Any

class EmiModel(TreeModel):
    """Electromagnetic interference of MIRI read-outs."""
    data: Any

class Extract1dIFUModel(TreeModel):
    """Parameters of extraction from integral-field cubes."""
    data: Any

class Extract1dImageModel(ReferenceFileModel):
    """Weights of extraction of one slit or order: an image (ny, nx), or (nwavelengths, ny, nx) of cubes."""
    data: ndarray

class FOREModel(TreeModel):
    """Transform of the NIRSpec fore-optics."""
    model: Any

class FPAModel(TreeModel):
    """Transforms of the NIRSpec focal-plane arrays."""
    nrs1_model: Any
    nrs2_model: Any

class FgsImgApcorrModel(ReferenceFileModel):
    """Aperture correction of FGS images."""
    apcorr_table: Any

class FgsImgPhotomModel(ReferenceFileModel):
    """Flux calibration of FGS images."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class FilteroffsetModel(TreeModel):
    """Offsets of images through filters."""
    filters: Any

class FlatModel(ReferenceFileModel):
    """Flat field."""
    data: ndarray
    dq: ndarray
    err: ndarray
    dq_def: Any

class FringeFreqModel(ReferenceFileModel):
    """Frequencies of the residual fringes of MIRI MRS."""
    rfc_freq_short_table: Any
    rfc_freq_medium_table: Any
    rfc_freq_long_table: Any
    max_amp_table: Any

class FringeModel(ReferenceFileModel):
    """Fringe flat field of MIRI MRS."""
    data: ndarray
    dq: ndarray
    err: ndarray
    dq_def: Any

class GLS_RampFitModel(ExposureModel):
    """Details of a generalized least-squares ramp fit, as of older versions."""
    yint: ndarray
    sigyint: ndarray
    pedestal: ndarray
    crmag: ndarray
    sigcrmag: ndarray

class IFUCubeModel(ExposureModel):
    """A cube of an integral-field spectrograph: (nwavelengths, ny, nx)."""
    data: ndarray
    err: ndarray
    dq: ndarray
    weightmap: ndarray
    covar_factor: ndarray
    covar_pairs: ndarray
    covar_lags: ndarray
    wavetable: Any
    hdrtab: Any

class IFUFOREModel(TreeModel):
    """Transform of the fore-optics of the NIRSpec integral-field unit."""
    model: Any

class IFUPostModel(TreeModel):
    """Transforms of the slices of the NIRSpec integral-field unit."""
    slice_0: Any
    slice_1: Any
    slice_2: Any
    slice_3: Any
    slice_4: Any
    slice_5: Any
    slice_6: Any
    slice_7: Any
    slice_8: Any
    slice_9: Any
    slice_10: Any
    slice_11: Any
    slice_12: Any
    slice_13: Any
    slice_14: Any
    slice_15: Any
    slice_16: Any
    slice_17: Any
    slice_18: Any
    slice_19: Any
    slice_20: Any
    slice_21: Any
    slice_22: Any
    slice_23: Any
    slice_24: Any
    slice_25: Any
    slice_26: Any
    slice_27: Any
    slice_28: Any
    slice_29: Any

class IFUSlicerModel(TreeModel):
    """Transform of the slicer of the NIRSpec integral-field unit."""
    model: Any
    data: Any

class IRISBiasModel(ReferenceModel):
    """Bias (ny, nx), DN."""
    data: ndarray

class IRISCubeModel(ExposureModel):
    """A cube of the integral-field unit: rates (nwave, ny, nx), electrons per second."""
    data: ndarray
    err: ndarray
    dq: ndarray
    area: ndarray
    wavelength: ndarray

class IRISDQModel(ReferenceModel):
    """Data quality: flags (ny, nx)."""
    dq: ndarray

class IRISDarkModel(ReferenceModel):
    """Dark current (ny, nx), electrons per second; or of each read (nreads, ny, nx), DN."""
    data: ndarray

class IRISFlatModel(ReferenceModel):
    """Flat field (ny, nx), mean 1."""
    data: ndarray

class IRISGainModel(ReferenceModel):
    """Gain (ny, nx), electrons per DN."""
    data: ndarray

class IRISImageModel(ExposureModel):
    """A frame of the imager or of a detector of the integral-field unit: rates (ny, nx), electrons per second."""
    data: ndarray
    err: ndarray
    dq: ndarray
    subarr_map: ndarray

class IRISMaskModel(ReferenceModel):
    """Bad pixel map: flags (ny, nx)."""
    dq: ndarray

class IRISNonlinearModel(ReferenceModel):
    """Coefficients of the correction for non-linearity (ncoeff, ny, nx)."""
    coeffs: ndarray
    coeffs_err: ndarray

class IRISRampModel(RampModel):
    """Reads of a detector: ramps (nramps, nreads, ny, nx) and the times of the reads (nramps, nreads) in s."""
    data: ndarray
    times: ndarray

class IRISReadnoiseModel(ReferenceModel):
    """Read noise of one read (ny, nx), electrons."""
    data: ndarray

class IRS2Model(ReferenceFileModel):
    """Reference-pixel coefficients of the NIRSpec IRS2 read-out."""
    irs2_table: Any
    dq_table: Any

class LastFrameModel(ReferenceFileModel):
    """Correction of the last frame of MIRI ramps."""
    data: ndarray
    dq: ndarray
    err: ndarray
    dq_def: Any

class MRSMultiSpecModel(PartsModel):
    """Spectra of MIRI MRS."""
    int_times: Any
    int_times_stripe: Any
    spec: list[MRSSpecModel]

class MRSSpecModel(ExposureModel):
    """A spectrum of MIRI MRS, with its residual-fringe correction."""
    spec_table: Any

class MSAModel(TreeModel):
    """Transforms of the NIRSpec micro-shutter assembly."""
    Q1: Any
    Q2: Any
    Q3: Any
    Q4: Any
    Q5: Any

class MirImgApcorrModel(ReferenceFileModel):
    """Aperture correction of MIRI images."""
    apcorr_table: Any

class MirImgPhotomModel(ReferenceFileModel):
    """Flux calibration of MIRI images."""
    phot_table: Any
    timecoeff: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class MirLrsApcorrModel(ReferenceFileModel):
    """Aperture correction of MIRI LRS spectra."""
    apcorr_table: Any

class MirLrsPathlossModel(ReferenceFileModel):
    """Path loss of the MIRI LRS slit."""
    pathloss_table: Any

class MirLrsPhotomModel(ReferenceFileModel):
    """Flux calibration of MIRI LRS."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class MirMrsApcorrModel(TreeModel):
    """Aperture correction of MIRI MRS."""
    apcorr_table: Any

class MirMrsPhotomModel(ReferenceFileModel):
    """Flux calibration of MIRI MRS."""
    data: ndarray
    err: ndarray
    dq: ndarray
    dq_def: Any
    pixsiz: ndarray
    timecoeff_ch1: Any
    timecoeff_ch2: Any
    timecoeff_ch3: Any
    timecoeff_ch4: Any
    timecoeff_powerlaw_ch1: Any
    timecoeff_powerlaw_ch2: Any
    timecoeff_powerlaw_ch3: Any
    timecoeff_powerlaw_ch4: Any

class MirMrsPtCorrModel(ReferenceFileModel):
    """Corrections of MIRI MRS for point sources."""
    leakcor_table: Any
    tracor_table: Any
    wavcorr_optical_table: Any
    wavcorr_xslice_table: Any
    wavcorr_shift_table: Any

class MirMrsXArtCorrModel(ReferenceFileModel):
    """Cross artifact of MIRI MRS."""
    ch1a_table: Any
    ch1b_table: Any
    ch1c_table: Any
    ch2a_table: Any
    ch2b_table: Any
    ch2c_table: Any
    ch3a_table: Any
    ch3b_table: Any
    ch3c_table: Any
    ch4a_table: Any
    ch4b_table: Any
    ch4c_table: Any

class MirWfssPhotomModel(ReferenceFileModel):
    """Flux calibration of MIRI wide-field slitless spectra."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class MiriIFUCubeParsModel(ReferenceFileModel):
    """Parameters of cubes of MIRI MRS."""
    ifucubepars_table: Any
    ifucubepars_msm_table: Any
    ifucubepars_multichannel_msm_wavetable: Any
    ifucubepars_emsm_table: Any
    ifucubepars_multichannel_emsm_wavetable: Any
    ifucubepars_multichannel_driz_wavetable: Any

class MiriLRSSpecwcsModel(ReferenceFileModel):
    """Wavelengths and trace of MIRI LRS."""
    wavetable: Any

class MiriResolutionModel(ReferenceFileModel):
    """Spatial and spectral resolution of MIRI MRS."""
    resolving_power_table: Any
    psf_fwhm_alpha_table: Any
    psf_fwhm_beta_table: Any

class MiriWFSSSpecwcsModel(TreeModel):
    """Traces and wavelengths of MIRI wide-field slitless spectroscopy."""
    displ: Any
    dispx: Any
    dispy: Any
    invdispl: Any
    orders: Any

class MultiCombinedSpecModel(PartsModel):
    """Several combined spectra."""
    int_times: Any
    int_times_stripe: Any
    spec: list[CombinedSpecModel]

class MultiExtract1dImageModel(ReferencePartsModel):
    """Weights of extraction: one image per slit or order."""
    images: list[Extract1dImageModel]

class MultiProductModel(PartsModel):
    """Several drizzled images, as of older versions."""
    products: list[DrizProductModel]

class MultiSpecModel(PartsModel):
    """Several extracted spectra."""
    int_times: Any
    int_times_stripe: Any
    spec: list[SpecModel]

class NIRCAMGrismModel(TreeModel):
    """Traces and wavelengths of the NIRCam grisms."""
    displ: Any
    dispx: Any
    dispy: Any
    invdispl: Any
    invdispx: Any
    invdispy: Any
    orders: Any
    stripes: Any
    fieldpoints: Any

class NIRISSGrismModel(TreeModel):
    """Traces and wavelengths of the NIRISS grisms."""
    displ: Any
    dispx: Any
    dispy: Any
    invdispl: Any
    orders: Any
    fwcpos_ref: Any

class NRMModel(ReferenceFileModel):
    """The non-redundant mask of NIRISS."""
    nrm: ndarray

class NRSIFUApcorrModel(NrsIfuApcorrModel):
    """Aperture correction of the NIRSpec integral-field unit, under its older name."""

class NirspecFlatModel(ReferenceFileModel):
    """NIRSpec flat field of one detector or fore-optics path."""
    data: ndarray
    dq: ndarray
    err: ndarray
    wavelength: Any
    flat_table: Any
    dq_def: Any

class NirspecIFUCubeParsModel(ReferenceFileModel):
    """Parameters of cubes of the NIRSpec integral-field unit."""
    ifucubepars_table: Any
    ifucubepars_msm_table: Any
    ifucubepars_prism_msm_wavetable: Any
    ifucubepars_med_msm_wavetable: Any
    ifucubepars_high_msm_wavetable: Any
    ifucubepars_emsm_table: Any
    ifucubepars_prism_emsm_wavetable: Any
    ifucubepars_med_emsm_wavetable: Any
    ifucubepars_high_emsm_wavetable: Any
    ifucubepars_prism_driz_wavetable: Any
    ifucubepars_med_driz_wavetable: Any
    ifucubepars_high_driz_wavetable: Any

class NirspecIfuAreaModel(ReferenceFileModel):
    """Pixel areas of the slices of the NIRSpec integral-field unit."""
    area_table: Any

class NirspecMosAreaModel(ReferenceFileModel):
    """Pixel areas of the shutters of the NIRSpec micro-shutter assembly."""
    area_table: Any

class NirspecQuadFlatModel(ReferencePartsModel):
    """NIRSpec flat fields of the four quadrants."""
    dq_def: Any
    quadrants: list[NirspecQuadrantModel]

class NirspecQuadrantModel(ReferenceFileModel):
    """One quadrant of a NIRSpec flat field."""
    data: ndarray
    dq: ndarray
    err: ndarray
    wavelength: Any
    flat_table: Any

class NirspecSlitAreaModel(ReferenceFileModel):
    """Pixel areas of the fixed slits of NIRSpec."""
    area_table: Any

class NisImgApcorrModel(ReferenceFileModel):
    """Aperture correction of NIRISS images."""
    apcorr_table: Any

class NisImgPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRISS images."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class NisSossPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRISS SOSS."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class NisWfssApcorrModel(ReferenceFileModel):
    """Aperture correction of NIRISS wide-field slitless spectra."""
    apcorr_table: Any

class NisWfssPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRISS wide-field slitless spectra."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class NrcImgApcorrModel(ReferenceFileModel):
    """Aperture correction of NIRCam images."""
    apcorr_table: Any

class NrcImgPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRCam images."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class NrcWfssApcorrModel(ReferenceFileModel):
    """Aperture correction of NIRCam wide-field slitless spectra."""
    apcorr_table: Any

class NrcWfssPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRCam wide-field slitless spectra."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class NrsFsApcorrModel(ReferenceFileModel):
    """Aperture correction of NIRSpec fixed slits."""
    apcorr_table: Any

class NrsFsPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRSpec fixed slits."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class NrsIfuApcorrModel(TreeModel):
    """Aperture correction of the NIRSpec integral-field unit."""
    apcorr_table: Any

class NrsMosApcorrModel(ReferenceFileModel):
    """Aperture correction of NIRSpec multi-object spectra."""
    apcorr_table: Any

class NrsMosPhotomModel(ReferenceFileModel):
    """Flux calibration of NIRSpec multi-object and integral-field spectra."""
    phot_table: Any
    timecoeff_linear: Any
    timecoeff_exponential: Any
    timecoeff_powerlaw: Any

class OTEModel(TreeModel):
    """Transform of the telescope."""
    model: Any

class OutlierIFUOutputModel(ExposureModel):
    """What outlier detection computed for integral-field data."""
    diffarr: ndarray
    minarr: ndarray
    normarr: ndarray
    minnorm: ndarray

class OutlierOutputModel(OutlierIFUOutputModel):
    """What outlier detection computed, under its older name."""

class OutlierParsModel(ReferenceFileModel):
    """Parameters of outlier detection, as of older versions."""
    outlierpars_table: Any

class PastasossModel(TreeModel):
    """Traces of NIRISS SOSS as the pupil wheel turns."""
    traces: Any
    wavecal_models: Any
    throughputs: Any

class PathlossApertureModel(ReferenceFileModel):
    """Path loss of one aperture."""
    pointsource_data: ndarray
    pointsource_err: ndarray
    uniform_data: ndarray
    uniform_err: ndarray

class PathlossModel(ReferencePartsModel):
    """Path loss of NIRSpec and NIRISS apertures."""
    apertures: list[PathlossApertureModel]

class PersistenceSatModel(ReferenceFileModel):
    """Saturation threshold of persistence."""
    data: ndarray
    dq: ndarray
    dq_def: Any

class PictureFrameModel(ReferenceFileModel):
    """Picture-frame noise of NIRSpec."""
    data: ndarray

class PixelAreaModel(ReferenceFileModel):
    """Pixel areas of an imaging detector."""
    data: ndarray

class PsfMaskModel(ReferenceFileModel):
    """Transmission of a coronagraphic mask."""
    data: ndarray

class QuadModel(ExposureModel):
    """Four-dimensional data (nints, npsfs, ny, nx), as of aligned PSFs."""
    data: ndarray
    dq: ndarray
    err: ndarray

class ReferenceCubeModel(ReferenceFileModel):
    """A reference file whose data have three dimensions."""
    data: ndarray
    dq: ndarray
    err: ndarray

class ReferenceImageModel(ReferenceFileModel):
    """A reference file whose data have two dimensions."""
    data: ndarray
    dq: ndarray
    err: ndarray

class ReferenceQuadModel(ReferenceFileModel):
    """A reference file whose data have four dimensions."""
    data: ndarray
    dq: ndarray
    err: ndarray

class RegionsModel(TreeModel):
    """Slices of MIRI MRS on the detector."""
    regions: Any

class ResolutionModel(ReferenceFileModel):
    """Spatial resolution."""
    data: ndarray

class SIRSKernelModel(TreeModel):
    """Kernels of the reference-pixel correction SIRS."""
    nrca1: Any
    nrca2: Any
    nrca3: Any
    nrca4: Any
    nrcalong: Any
    nrcb1: Any
    nrcb2: Any
    nrcb3: Any
    nrcb4: Any
    nrcblong: Any
    nrs1: Any
    nrs2: Any
    nis: Any
    guider1: Any
    guider2: Any

class SegmentationMapModel(ExposureModel):
    """Labels of the sources of an image (ny, nx)."""
    data: ndarray

class SlitDataModel(ExposureModel):
    """The arrays and attributes of one slit."""
    data: ndarray
    dq: ndarray
    err: ndarray
    wavelength: ndarray
    barshadow: ndarray
    area: ndarray
    wht: ndarray
    con: ndarray
    trace_model: ndarray
    var_poisson: ndarray
    var_rnoise: ndarray
    var_flat: ndarray
    flatfield_point: ndarray
    flatfield_uniform: ndarray
    pathloss_point: ndarray
    pathloss_uniform: ndarray
    photom_point: ndarray
    photom_uniform: ndarray
    is_extended: Any
    xcen: Any
    ycen: Any
    slit_ymin: Any
    slit_ymax: Any

class SossBkgModel(ReferenceFileModel):
    """Background of NIRISS SOSS."""
    data: ndarray
    dq: ndarray
    err: ndarray

class SossExtractModel(ExposureModel):
    """Models of the orders of NIRISS SOSS."""
    order1: ndarray
    order2: ndarray
    order3: ndarray
    aperture1: ndarray
    aperture2: ndarray
    aperture3: ndarray

class SossWaveGridModel(ExposureModel):
    """Wavelength grid of NIRISS SOSS."""
    wavegrid: ndarray

class SpecKernelModel(ReferenceFileModel):
    """Spectral kernels of NIRISS SOSS."""
    wavelengths: ndarray
    kernels: ndarray

class SpecModel(ExposureModel):
    """One extracted spectrum."""
    spec_table: Any

class SpecProfileModel(ReferencePartsModel):
    """Spatial profiles of the orders of NIRISS SOSS."""
    profile: list[SpecProfileSingleModel]

class SpecProfileSingleModel(ReferenceFileModel):
    """Spatial profile of one order of NIRISS SOSS."""
    data: ndarray

class SpecPsfApertureModel(ReferenceFileModel):
    """Profile of a point source in one aperture."""
    data: ndarray
    wave: ndarray

class SpecPsfModel(ReferencePartsModel):
    """Profiles of point sources in apertures."""
    apertures: list[SpecPsfApertureModel]

class SpecTraceModel(ReferencePartsModel):
    """Traces of the orders of NIRISS SOSS."""
    trace: list[SpecTraceSingleModel]

class SpecTraceSingleModel(ReferenceFileModel):
    """Trace of one order of NIRISS SOSS."""
    data: Any

class SpecwcsModel(TreeModel):
    """Wavelengths of a spectrograph."""
    slices: Any
    model: Any

class StrayLightModel(ReferenceFileModel):
    """Stray-light mask of MIRI MRS."""
    data: ndarray

class TSOMultiSpecModel(PartsModel):
    """Several sets of spectra of a time series."""
    int_times: Any
    int_times_stripe: Any
    spec: list[TSOSpecModel]

class TSOSpecModel(ExposureModel):
    """Spectra of a time series, one row per integration."""
    spec_table: Any

class ThroughputModel(ReferenceFileModel):
    """Throughput of a filter."""
    filter_table: Any

class TrapDensityModel(ReferenceFileModel):
    """Density of traps of persistence."""
    data: ndarray
    dq: ndarray
    dq_def: Any

class TrapParsModel(ReferenceFileModel):
    """Parameters of traps of persistence."""
    trappars_table: Any

class TrapparsModel(TrapParsModel):
    """Parameters of traps, under the older name."""

class TrapsFilledModel(ExposureModel):
    """Number of filled traps at the end of an exposure (nfamilies, ny, nx)."""
    data: ndarray

class TsoPhotModel(TreeModel):
    """Apertures of time-series photometry."""
    radii: Any

class WFSSCombinedSpecModel(ExposureModel):
    """Combined spectra of wide-field slitless spectroscopy, one row per source."""
    spec_table: Any

class WFSSMultiCombinedSpecModel(PartsModel):
    """Combined spectra of wide-field slitless spectroscopy, one set per order."""
    int_times: Any
    int_times_stripe: Any
    spec: list[WFSSCombinedSpecModel]

class WFSSMultiSpecModel(PartsModel):
    """Spectra of wide-field slitless spectroscopy, one set per exposure and order."""
    spec: list[WFSSSpecModel]

class WFSSSpecModel(ExposureModel):
    """Spectra of wide-field slitless spectroscopy, one row per source."""
    spec_table: Any

class WaveCorrModel(TreeModel):
    """Wavelength corrections of NIRSpec point sources."""
    apertures: Any

class WaveMapModel(ReferencePartsModel):
    """Wavelengths of the orders of NIRISS SOSS."""
    map: list[WaveMapSingleModel]

class WaveMapSingleModel(ReferenceFileModel):
    """Wavelengths of one order of NIRISS SOSS."""
    data: ndarray

class WavelengthrangeModel(TreeModel):
    """Ranges of wavelengths of filters and orders."""
    waverange_selector: Any
    wavelengthrange: Any
    order: Any

class WfssBkgModel(ReferenceFileModel):
    """Background of wide-field slitless spectroscopy."""
    data: ndarray
    dq: ndarray
    err: ndarray
    dq_def: Any
