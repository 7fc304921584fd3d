"""A stand-in for kubectl: a job is a process here, with the environment of its manifest and no other.

The folder in KUBECTL_JOBS holds the manifest, the log and the exit status of each job; the programs of the
image are those in KUBECTL_IMAGE.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

jobs = Path(os.environ["KUBECTL_JOBS"])


def create() -> str:
    name = f"qmri-{len(list(jobs.glob('*.json'))):03d}"
    manifest = json.load(sys.stdin)
    (jobs / f"{name}.json").write_text(json.dumps(manifest))
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    script = f'"$@" > "{jobs}/{name}.log" 2>&1; echo $? > "{jobs}/{name}.ended"'
    process = subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *container["command"]],
        cwd="/",
        env={"PATH": f"{os.environ['KUBECTL_IMAGE']}:/usr/bin:/bin", "HOME": str(jobs)} | given,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    (jobs / f"{name}.process").write_text(str(process.pid))
    return name


def get(name: str) -> str:
    if not (jobs / f"{name}.process").is_file():
        return ""
    ended = jobs / f"{name}.ended"
    status = ended.read_text().strip() if ended.is_file() else ""
    return "/" if not status else "1/" if status == "0" else "/1"


def delete(*names: str) -> str:
    for name in names:
        process = jobs / f"{name}.process"
        os.killpg(int(process.read_text()), signal.SIGKILL)
        process.unlink()
    return "".join(f"job.batch {name!r} deleted\n" for name in names)


verb, *words = [word for word in sys.argv[1:] if not word.startswith("--") and word != "job"]
sys.stdout.write({"create": create, "get": get, "delete": delete}[verb](*words))
