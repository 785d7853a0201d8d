"""Steps and pipelines of IRIS at TMT, and of Liger at Keck, which shares them.

A plug-in as any other package may be one: the entry point ``tmt`` of the group ``hexcal.steps`` names `table`, and
nothing of Hexcal imports this room. What the observatory is as data (keywords, models, detectors, flags) is
`hexcal.observatories.tmt`.
"""

from hexcal.core.registry import StepTable

__all__ = ["table"]

table = StepTable(
    "tmt",
    {
        "iris_stage1": "hexcal.iris.stage1:Stage1Pipeline",
        "iris_image2": "hexcal.iris.image2:ImagerStage2Pipeline",
        "iris_create_flat": "hexcal.iris.create_flat:CreateFlatfield",
        "iris_dq_init": "hexcal.iris.dq_init:IrisDQInitStep",
        "bias_sub": "hexcal.iris.bias_sub:BiasSubtractionStep",
        "nonlin_corr": "hexcal.iris.nonlin_corr:NonlinearCorrectionStep",
        "iris_ramp_fit": "hexcal.iris.ramp_fit:IrisRampFitStep",
        "parse_subarrays": "hexcal.iris.parse_subarrays:ParseSubarrayMapStep",
        "dark_sub": "hexcal.iris.dark_sub:DarkSubtractionStep",
        "iris_flat_field": "hexcal.iris.flat_field:IrisFlatFieldStep",
        "sky_sub": "hexcal.iris.sky_sub:SkySubtractionImagerStep",
        "background_calc": "hexcal.iris.background:CalculateBackgroundImagerStep",
        "background_sub": "hexcal.iris.background:SubtractBackgroundImagerStep",
        "iris_assign_wcs": "hexcal.iris.assign_wcs:IrisAssignWcsStep",
        "combine_frames": "hexcal.iris.combine_frames:CombineFramesStep",
        "normalize": "hexcal.iris.normalize:NormalizeStep",
    },
    originals=("liger_iris_pipeline", "iris_pipeline"),
    class_names={
        "ROPPipeline": "iris_stage1",
        "Stage2ImagerPipeline": "iris_image2",
        "ProcessImagerL2Pipeline": "iris_image2",
        "Image2Pipeline": "iris_image2",
        "CreateFlatField": "iris_create_flat",
        "PreprocessFlatfield": "iris_create_flat",
        "ProcessFlatfield": "iris_create_flat",
        "ProcessFlatfieldL2": "iris_create_flat",
        "DQInitStep": "iris_dq_init",
        "NonlincorrStep": "nonlin_corr",
        "NonlinearReadoutCorrectionStep": "nonlin_corr",
        "ReadoutsampStep": "iris_ramp_fit",
        "FitRampStep": "iris_ramp_fit",
        "DarkCurrentStep": "dark_sub",
        "FlatFieldStep": "iris_flat_field",
        "BackgroundStep": "sky_sub",
        "BackgroundSubtractionImagerStep": "background_sub",
        "AssignWcsStep": "iris_assign_wcs",
        "AssignWCSStep": "iris_assign_wcs",
    },
)
"""What this plug-in brings."""
