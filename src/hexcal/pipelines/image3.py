"""calwebb_image3: calibrated exposures to a mosaic and the catalogue of its sources."""

from pathlib import Path

from hexcal.core import Pipeline, Role, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.steps.image.outlier_detection import OutlierDetectionStep
from hexcal.steps.image.resample import ResampleStep
from hexcal.steps.image.skymatch import SkyMatchStep
from hexcal.steps.image.source_catalog import SourceCatalogStep
from hexcal.steps.image.tweakreg import TweakRegStep
from hexcal.steps.wcs.assign_mtwcs import AssignMTWcsStep

_SETTINGS = ("name", "filter", "pupil")
"""Of the instrument: what the exposures of a mosaic should agree in."""


class Image3Pipeline(Pipeline):
    """Combine calibrated exposures: align, match skies, flag outliers, resample to a mosaic, find sources.

    A single exposure is resampled, and its sources are found. Exposures wait in files between the steps: the memory
    does not grow with their number.
    """

    alias = "calwebb_image3"
    roles = (Role("science", "ImageModel", many=True),)
    default_suffix = "i2d"

    class Parameters(StepParameters):
        """Parameters of the pipeline itself."""

        in_memory: bool | None = parameter(
            None, "Keep changed exposures in memory. Default: those that were read from files wait in temporary files."
        )

    step_defs = {
        "assign_mtwcs": AssignMTWcsStep,
        "tweakreg": TweakRegStep,
        "skymatch": SkyMatchStep,
        "outlier_detection": OutlierDetectionStep,
        "resample": ResampleStep,
        "source_catalog": SourceCatalogStep,
    }

    @property
    def product_is_model(self):
        """Whether there is a mosaic, beside the exposures."""
        return not self.resample.skip

    def extra_products(self):
        """None: the exposures with their flags are named after the members, and the catalogue is one of its step."""
        return []

    def steps_for(self, model):
        """All steps; of a moving target the WCS too.

        Raises
        ------
        InputError
            For an exposure of spectra, or a time series.
        """
        exposure_type = model.meta.exposure.type
        if exposure_type and model.observatory.exposure_fact(exposure_type, "stage3") == "spec3":
            raise InputError(
                f"{exposure_type} exposures go through calwebb_spec3, not through {self.alias}",
                where=str(model.path or "EXP_TYPE"),
                hint="calwebb_image3 is for images",
            )
        if model.is_tso:
            raise InputError(
                f"time series go through calwebb_tso3, not through {self.alias}", where=str(model.path or "TSOVISIT")
            )
        moving = str(model.get_meta("meta.target.type") or "").lower() == "moving"
        return [step for name, step in self.steps.items() if name != "assign_mtwcs" or moving]

    def process(self, science):
        """Return the mosaic; without the step resample, the exposures."""
        science.check()
        if self.in_memory is not None:
            science.in_memory = self.in_memory
        with science.borrowed(0, changed=False) as first:
            steps = self.steps_for(first)
        if len(science) == 1:
            self.log.info("One exposure: it is resampled, and its sources are found")
            steps = [step for step in steps if step in (self.resample, self.source_catalog)]
        if self.assign_mtwcs in steps:
            science = self.assign_mtwcs.run(science)
        self._require_grids(science)
        for step in steps:
            if step not in (self.assign_mtwcs, self.resample, self.source_catalog):
                science = step.run(science)
                if step is self.outlier_detection and not step.skip:
                    self._save_exposures(science)
        if self.resample.skip:
            self.log.info("There is no mosaic, and no catalogue, without the step resample")
            return science
        mosaic = self.resample.run(science)
        self.source_catalog.run(mosaic)
        return mosaic

    def _require_grids(self, science):
        """Refuse a mosaic that cannot be made before the work that comes before it, and before anything is written."""
        from hexcal.steps.image.groups import exposure_groups
        from hexcal.steps.image.one_unit import require_one_unit, unit_of
        from hexcal.steps.image.outliers_exposures import require_common_grid
        from hexcal.steps.image.output_wcs import on_sky

        outliers = self.outlier_detection
        if len(science) == 1 or (self.resample.skip and outliers.skip):
            return
        images, units, settings = [], [], {}
        for number, exposure in enumerate(science.each()):
            images.append(on_sky(exposure, science.name_of(number)))
            units.append((science.name_of(number), unit_of(exposure)))
            for keyword in _SETTINGS:
                settings.setdefault(keyword, set()).add(exposure.get_meta(f"meta.instrument.{keyword}"))
        require_one_unit(units)
        for keyword, values in settings.items():
            if len(values) > 1:
                listed, what = ", ".join(sorted(map(str, values))), "instrument" if keyword == "name" else keyword
                self.log.warning("The exposures differ in their %s (%s), and are combined all the same", what, listed)
        if not outliers.skip and outliers.parameters.resample_data:
            require_common_grid(outliers, images, len(exposure_groups(science)))
        if not self.resample.skip:
            self.resample.require_grid(images)

    def _save_exposures(self, science):
        """Save the exposures with their flags, named after themselves and the association."""
        identity = science.asn_table.get("asn_id") if science.asn_table else None
        for index, exposure in enumerate(science.each()):
            name = Path(exposure.get_meta("meta.filename") or science.name_of(index)).name
            root = name.removesuffix(".gz").removesuffix(".fits").rsplit("_", 1)[0]
            self.save_model(exposure, "crf", basepath=f"{root}_{identity}" if identity else root)
