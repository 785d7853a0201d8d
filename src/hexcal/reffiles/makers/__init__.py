"""One module for each maker; `MAKERS` is the list of all: label, and class.

In the order in which they are made where none is there yet: each uses only what was made before it.
"""

MAKERS = {
    "saturation": "hexcal.reffiles.makers.saturation:SaturationMaker",
    "reset": "hexcal.reffiles.makers.reset:ResetMaker",
    "superbias": "hexcal.reffiles.makers.superbias:SuperbiasMaker",
    "readnoise": "hexcal.reffiles.makers.readnoise:ReadnoiseMaker",
    "linearity": "hexcal.reffiles.makers.linearity:LinearityMaker",
    "rscd": "hexcal.reffiles.makers.rscd:RscdMaker",
    "ipc": "hexcal.reffiles.makers.ipc:IpcMaker",
    "gain": "hexcal.reffiles.makers.gain:GainMaker",
    "dark": "hexcal.reffiles.makers.dark:DarkMaker",
    "mask": "hexcal.reffiles.makers.mask:MaskMaker",
    "emicorr": "hexcal.reffiles.makers.emicorr:EmicorrMaker",
    "persat": "hexcal.reffiles.makers.persistence:PersatMaker",
    "trappars": "hexcal.reffiles.makers.persistence:TrapparsMaker",
    "trapdensity": "hexcal.reffiles.makers.persistence:TrapdensityMaker",
    "refpix": "hexcal.reffiles.makers.refpix_irs2:RefpixMaker",
    "sirskernel": "hexcal.reffiles.makers.sirs:SirsMaker",
    "flat": "hexcal.reffiles.makers.flat:FlatMaker",
}
