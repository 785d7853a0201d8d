"""Parts of resample under their documented names: module ``resample``."""
