"""``python -m simulators FAMILY`` starts one simulator, ``python -m simulators house`` all of them."""

import sys

from .cli import main

sys.exit(main())
