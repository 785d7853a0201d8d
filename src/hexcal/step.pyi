"""Made by tools/type_doors.py (make format)."""

from hexcal.core.parameters import StepParameters as StepParameters
from hexcal.core.parameters import parameter as parameter
from hexcal.core.pipeline import Pipeline as Pipeline
from hexcal.core.skip import SkipStep as SkipStep
from hexcal.core.step import Step as Step
from hexcal.steps.detector.charge_migration import ChargeMigrationStep as ChargeMigrationStep
from hexcal.steps.detector.clean_flicker_noise import CleanFlickerNoiseStep as CleanFlickerNoiseStep
from hexcal.steps.detector.dark_current import DarkCurrentStep as DarkCurrentStep
from hexcal.steps.detector.dq_init import DQInitStep as DQInitStep
from hexcal.steps.detector.emicorr import EmiCorrStep as EmiCorrStep
from hexcal.steps.detector.firstframe import FirstFrameStep as FirstFrameStep
from hexcal.steps.detector.gain_scale import GainScaleStep as GainScaleStep
from hexcal.steps.detector.group_scale import GroupScaleStep as GroupScaleStep
from hexcal.steps.detector.ipc import IPCStep as IPCStep
from hexcal.steps.detector.jump import JumpStep as JumpStep
from hexcal.steps.detector.lastframe import LastFrameStep as LastFrameStep
from hexcal.steps.detector.linearity import LinearityStep as LinearityStep
from hexcal.steps.detector.nsclean import NSCleanStep as NSCleanStep
from hexcal.steps.detector.persistence import PersistenceStep as PersistenceStep
from hexcal.steps.detector.picture_frame import PictureFrameStep as PictureFrameStep
from hexcal.steps.detector.ramp_fit import RampFitStep as RampFitStep
from hexcal.steps.detector.refpix import RefPixStep as RefPixStep
from hexcal.steps.detector.reset import ResetStep as ResetStep
from hexcal.steps.detector.rscd import RscdStep as RscdStep
from hexcal.steps.detector.saturation import SaturationStep as SaturationStep
from hexcal.steps.detector.superbias import SuperBiasStep as SuperBiasStep
from hexcal.steps.flux.background import BackgroundStep as BackgroundStep
from hexcal.steps.flux.barshadow import BarShadowStep as BarShadowStep
from hexcal.steps.flux.flat_field import FlatFieldStep as FlatFieldStep
from hexcal.steps.flux.fringe import FringeStep as FringeStep
from hexcal.steps.flux.imprint import ImprintStep as ImprintStep
from hexcal.steps.flux.pathloss import PathLossStep as PathLossStep
from hexcal.steps.flux.photom import PhotomStep as PhotomStep
from hexcal.steps.flux.residual_fringe import ResidualFringeStep as ResidualFringeStep
from hexcal.steps.flux.straylight import StraylightStep as StraylightStep
from hexcal.steps.guider.guider_cds import GuiderCdsStep as GuiderCdsStep
from hexcal.steps.image.outlier_detection import OutlierDetectionStep as OutlierDetectionStep
from hexcal.steps.image.outlier_detection_scaled import OutlierDetectionScaledStep as OutlierDetectionScaledStep
from hexcal.steps.image.outlier_detection_stack import OutlierDetectionStackStep as OutlierDetectionStackStep
from hexcal.steps.image.resample import ResampleStep as ResampleStep
from hexcal.steps.image.skymatch import SkyMatchStep as SkyMatchStep
from hexcal.steps.image.source_catalog import SourceCatalogStep as SourceCatalogStep
from hexcal.steps.image.tweakreg import TweakRegStep as TweakRegStep
from hexcal.steps.spectrum.adaptive_trace_model import AdaptiveTraceModelStep as AdaptiveTraceModelStep
from hexcal.steps.spectrum.badpix_selfcal import BadpixSelfcalStep as BadpixSelfcalStep
from hexcal.steps.spectrum.combine_1d import Combine1dStep as Combine1dStep
from hexcal.steps.spectrum.cube_build import CubeBuildStep as CubeBuildStep
from hexcal.steps.spectrum.extract_1d import Extract1dStep as Extract1dStep
from hexcal.steps.spectrum.extract_2d import Extract2dStep as Extract2dStep
from hexcal.steps.spectrum.master_background import MasterBackgroundStep as MasterBackgroundStep
from hexcal.steps.spectrum.master_background_mos import MasterBackgroundMosStep as MasterBackgroundMosStep
from hexcal.steps.spectrum.mrs_imatch import MRSIMatchStep as MRSIMatchStep
from hexcal.steps.spectrum.pixel_replace import PixelReplaceStep as PixelReplaceStep
from hexcal.steps.spectrum.resample_spec import ResampleSpecStep as ResampleSpecStep
from hexcal.steps.spectrum.spectral_leak import SpectralLeakStep as SpectralLeakStep
from hexcal.steps.spectrum.srctype import SourceTypeStep as SourceTypeStep
from hexcal.steps.spectrum.targ_centroid import TargCentroidStep as TargCentroidStep
from hexcal.steps.spectrum.wavecorr import WavecorrStep as WavecorrStep
from hexcal.steps.wcs.assign_mtwcs import AssignMTWcsStep as AssignMTWcsStep
from hexcal.steps.wcs.assign_wcs import AssignWcsStep as AssignWcsStep
from hexcal.steps.wcs.msa_flagging import MSAFlagOpenStep as MSAFlagOpenStep

__all__ = [
    "AdaptiveTraceModelStep",
    "AssignMTWcsStep",
    "AssignWcsStep",
    "BackgroundStep",
    "BadpixSelfcalStep",
    "BarShadowStep",
    "ChargeMigrationStep",
    "CleanFlickerNoiseStep",
    "Combine1dStep",
    "CubeBuildStep",
    "DQInitStep",
    "DarkCurrentStep",
    "EmiCorrStep",
    "Extract1dStep",
    "Extract2dStep",
    "FirstFrameStep",
    "FlatFieldStep",
    "FringeStep",
    "GainScaleStep",
    "GroupScaleStep",
    "GuiderCdsStep",
    "IPCStep",
    "ImprintStep",
    "JumpStep",
    "LastFrameStep",
    "LinearityStep",
    "MRSIMatchStep",
    "MSAFlagOpenStep",
    "MasterBackgroundMosStep",
    "MasterBackgroundStep",
    "NSCleanStep",
    "OutlierDetectionScaledStep",
    "OutlierDetectionStackStep",
    "OutlierDetectionStep",
    "PathLossStep",
    "PersistenceStep",
    "PhotomStep",
    "PictureFrameStep",
    "Pipeline",
    "PixelReplaceStep",
    "RampFitStep",
    "RefPixStep",
    "ResampleSpecStep",
    "ResampleStep",
    "ResetStep",
    "ResidualFringeStep",
    "RscdStep",
    "SaturationStep",
    "SkipStep",
    "SkyMatchStep",
    "SourceCatalogStep",
    "SourceTypeStep",
    "SpectralLeakStep",
    "Step",
    "StepParameters",
    "StraylightStep",
    "SuperBiasStep",
    "TargCentroidStep",
    "TweakRegStep",
    "WavecorrStep",
    "parameter",
]
