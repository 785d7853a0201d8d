"""In what order: one module per pipeline.

`ALIASES` is the list of all pipelines: the name on the command line, and the class.
"""

ALIASES = {
    "calwebb_dark": "hexcal.pipelines.dark:DarkPipeline",
    "calwebb_detector1": "hexcal.pipelines.detector1:Detector1Pipeline",
    "calwebb_guider": "hexcal.pipelines.guider:GuiderPipeline",
    "calwebb_image2": "hexcal.pipelines.image2:Image2Pipeline",
    "calwebb_image3": "hexcal.pipelines.image3:Image3Pipeline",
    "calwebb_spec2": "hexcal.pipelines.spec2:Spec2Pipeline",
    "calwebb_spec3": "hexcal.pipelines.spec3:Spec3Pipeline",
}

FORMER = {
    "calwebb_sloper": "calwebb_detector1",
    "SloperPipeline": "calwebb_detector1",
    "calwebb_tso1": "calwebb_detector1",
    "calwebb_tso-image2": "calwebb_image2",
    "calwebb_wfs-image2": "calwebb_image2",
    "calwebb_tso-spec2": "calwebb_spec2",
    "calwebb_nrslamp-spec2": "calwebb_spec2",
    "bkg_subtract": "background",
}
"""Names of other releases (Build 7, 3.0.0), and the pipelines and steps that they stand for."""
