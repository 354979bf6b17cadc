"""A run's process that takes a moment: `quick_run.py [SECONDS] FOLDER`, notes that it ran, ends."""

import json
import os
import sys
import time
from pathlib import Path

seconds, folder = float(sys.argv[1]), Path(sys.argv[2])
(folder / "session").write_text(str(os.getsid(0)))
with (folder.parent.parent / "executions").open("a") as stream:
    stream.write(f"{folder.name} {os.getpid()}\n")
time.sleep(seconds)
result = {"outcome": "promoted", "code": "promoted", "message": "Better.", "summary": {}}
partial = folder / "result.partial"
partial.write_text(json.dumps(result))
partial.rename(folder / "result.json")
