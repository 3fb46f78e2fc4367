"""Every Python that a test starts comes by here first."""

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(_FOLDER))
from supercharge_inside import children  # noqa: E402

sys.path.pop(0)
children.take_over()
children.run_next_sitecustomize(_FOLDER)
