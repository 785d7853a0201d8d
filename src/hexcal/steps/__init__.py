"""What is done to the data: one module per step, in the room of what it works on.

`ALIASES` is the list of all steps: the name on the command line, and the class.
"""

_DETECTOR = {
    "group_scale": "GroupScaleStep",
    "dq_init": "DQInitStep",
    "emicorr": "EmiCorrStep",
    "saturation": "SaturationStep",
    "ipc": "IPCStep",
    "superbias": "SuperBiasStep",
    "refpix": "RefPixStep",
    "firstframe": "FirstFrameStep",
    "lastframe": "LastFrameStep",
    "reset": "ResetStep",
    "linearity": "LinearityStep",
    "persistence": "PersistenceStep",
    "picture_frame": "PictureFrameStep",
    "rscd": "RscdStep",
    "dark_current": "DarkCurrentStep",
    "charge_migration": "ChargeMigrationStep",
    "jump": "JumpStep",
    "clean_flicker_noise": "CleanFlickerNoiseStep",
    "nsclean": "NSCleanStep",
    "ramp_fit": "RampFitStep",
    "gain_scale": "GainScaleStep",
}

_OTHERS = {
    "guider_cds": "hexcal.steps.guider.guider_cds:GuiderCdsStep",
    "resample": "hexcal.steps.image.resample:ResampleStep",
    "outlier_detection": "hexcal.steps.image.outlier_detection:OutlierDetectionStep",
    "outlier_detection_scaled": "hexcal.steps.image.outlier_detection_scaled:OutlierDetectionScaledStep",
    "outlier_detection_stack": "hexcal.steps.image.outlier_detection_stack:OutlierDetectionStackStep",
    "extract_2d": "hexcal.steps.spectrum.extract_2d:Extract2dStep",
    "extract_1d": "hexcal.steps.spectrum.extract_1d:Extract1dStep",
    "resample_spec": "hexcal.steps.spectrum.resample_spec:ResampleSpecStep",
    "wavecorr": "hexcal.steps.spectrum.wavecorr:WavecorrStep",
    "spectral_leak": "hexcal.steps.spectrum.spectral_leak:SpectralLeakStep",
    "mrs_imatch": "hexcal.steps.spectrum.mrs_imatch:MRSIMatchStep",
    "cube_build": "hexcal.steps.spectrum.cube_build:CubeBuildStep",
    "background": "hexcal.steps.flux.background:BackgroundStep",
    "assign_mtwcs": "hexcal.steps.wcs.assign_mtwcs:AssignMTWcsStep",
    "assign_wcs": "hexcal.steps.wcs.assign_wcs:AssignWcsStep",
    "flat_field": "hexcal.steps.flux.flat_field:FlatFieldStep",
    "imprint": "hexcal.steps.flux.imprint:ImprintStep",
    "pathloss": "hexcal.steps.flux.pathloss:PathLossStep",
    "barshadow": "hexcal.steps.flux.barshadow:BarShadowStep",
    "photom": "hexcal.steps.flux.photom:PhotomStep",
    "straylight": "hexcal.steps.flux.straylight:StraylightStep",
    "fringe": "hexcal.steps.flux.fringe:FringeStep",
    "residual_fringe": "hexcal.steps.flux.residual_fringe:ResidualFringeStep",
    "tweakreg": "hexcal.steps.image.tweakreg:TweakRegStep",
    "source_catalog": "hexcal.steps.image.source_catalog:SourceCatalogStep",
    "skymatch": "hexcal.steps.image.skymatch:SkyMatchStep",
    "badpix_selfcal": "hexcal.steps.spectrum.badpix_selfcal:BadpixSelfcalStep",
    "srctype": "hexcal.steps.spectrum.srctype:SourceTypeStep",
    "pixel_replace": "hexcal.steps.spectrum.pixel_replace:PixelReplaceStep",
    "combine_1d": "hexcal.steps.spectrum.combine_1d:Combine1dStep",
    "master_background": "hexcal.steps.spectrum.master_background:MasterBackgroundStep",
}

ALIASES = {alias: f"hexcal.steps.detector.{alias}:{name}" for alias, name in _DETECTOR.items()} | _OTHERS
