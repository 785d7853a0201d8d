"""Outlier detection with the limits of scaled data: a name of the documents."""

from hexcal.core import parameter
from hexcal.steps.image.outlier_detection import OutlierDetectionStep


class OutlierDetectionScaledStep(OutlierDetectionStep):
    """Flag outliers as outlier_detection does, with the documented defaults for scaled data: lower limits."""

    alias = "outlier_detection_scaled"
    status = "outlier_detection"

    class Parameters(OutlierDetectionStep.Parameters):
        """Those of outlier_detection, with other defaults."""

        snr: str = parameter("4.0 3.0", "Limits in units of the errors: of the first pass, and beside a detection.")
        scale: str = parameter(
            "0.5 0.4", "Limits in units of the steepness: of the first pass, and beside a detection."
        )
