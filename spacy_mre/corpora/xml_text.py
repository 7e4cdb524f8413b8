"""What XML cannot contain: control characters, and others that are none."""

import re

NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
