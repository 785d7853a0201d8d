"""Outlier detection of stacks that need no resampling: a name of the documents."""

from hexcal.core import parameter
from hexcal.steps.image.outlier_detection_scaled import OutlierDetectionScaledStep


class OutlierDetectionStackStep(OutlierDetectionScaledStep):
    """Flag outliers of images that lie on one grid, or of the integrations of an exposure.

    The documented defaults differ from those of imaging: lower limits, no resampling.
    """

    alias = "outlier_detection_stack"
    status = "outlier_detection"

    class Parameters(OutlierDetectionScaledStep.Parameters):
        """Those of outlier_detection, with other defaults."""

        resample_data: bool = parameter(False, "Resample images to a common grid; otherwise they must lie on one.")
