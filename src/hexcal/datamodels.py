"""Data models, by their documented names: ``datamodels.open(path)``, ``datamodels.RampModel``.

Each is imported when first used.

The models that an observatory declares in its tables are found here as well.
"""

from hexcal.lazy import lazy_names

_science = "hexcal.models.science"
_reference = "hexcal.models.reference"

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "open": "hexcal.models.open",
        "TreeModel": "hexcal.models.single",
        "ModelContainer": "hexcal.models.container",
        "CatalogModel": "hexcal.models.catalogue",
        "SourceModelContainer": "hexcal.models.exp_to_source",
        "SuperstripeRampModel": "hexcal.models.superstripes",
        "DataModel": "hexcal.models.datamodel",
        "JwstDataModel": "hexcal.models.datamodel:DataModel",
        "MIRIRampModel": "hexcal.models.science:RampModel",
        "dqflags": "hexcal.models.dqflags:",
        **dict.fromkeys(
            "Level1bModel RampModel ImageModel CubeModel IFUImageModel RampFitOutputModel GuiderRawModel "
            "GuiderCalModel SlitModel MultiSlitModel "
            "MultiExposureModel".split(),
            _science,
        ),
        **dict.fromkeys(
            "ReferenceFileModel ReferenceModel "
            "MaskModel SaturationModel SuperBiasModel LinearityModel DarkModel DarkMIRIModel ResetModel RSCDModel "
            "IPCModel GainModel "
            "ReadnoiseModel".split(),
            _reference,
        ),
    },
    others="hexcal.models.declared:everywhere",
)
