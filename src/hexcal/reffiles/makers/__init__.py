"""One module for each maker; `MAKERS` is the list of all: label, and class.

In the order in which they are made where none is there yet: each uses only what was made before it.
"""

MAKERS = {
    "saturation": "hexcal.reffiles.makers.saturation:SaturationMaker",
    "superbias": "hexcal.reffiles.makers.superbias:SuperbiasMaker",
    "readnoise": "hexcal.reffiles.makers.readnoise:ReadnoiseMaker",
    "linearity": "hexcal.reffiles.makers.linearity:LinearityMaker",
    "gain": "hexcal.reffiles.makers.gain:GainMaker",
    "dark": "hexcal.reffiles.makers.dark:DarkMaker",
    "mask": "hexcal.reffiles.makers.mask:MaskMaker",
    "flat": "hexcal.reffiles.makers.flat:FlatMaker",
}
