"""The association library: its modules under their documented names, and what each of them holds."""

import sys
from types import ModuleType

from hexcal.associations.classes import constraints, dms, queue
from hexcal.associations.classes.rule_classes import DMS_Level3_Base, DMSLevel2bBase, classes_of
from hexcal.associations.rules import jwst_level2, jwst_level3

_LEVEL_2 = {"DMSLevel2bBase": DMSLevel2bBase}
_LEVEL_3 = {"DMS_Level3_Base": DMS_Level3_Base}

MODULES = {
    "constraint": {name: getattr(constraints, name) for name in constraints.__all__},
    "dms_base": {name: getattr(dms, name) for name in dms.__all__},
    "process_list": {name: getattr(queue, name) for name in queue.__all__},
    "rules_level2_base": _LEVEL_2,
    "rules_level2b": _LEVEL_2 | classes_of(jwst_level2.RULE_SET),
    "rules_level3": _LEVEL_3 | classes_of(jwst_level3.RULE_SET),
    "rules_level3_base": _LEVEL_3,
}

for _name, _contents in MODULES.items():
    _module = ModuleType(f"{__name__}.{_name}", "Part of the association library; see `hexcal.associations.classes`.")
    vars(_module).update(_contents, __all__=sorted(_contents))
    sys.modules[_module.__name__] = _module
    setattr(sys.modules[__name__], _name, _module)
