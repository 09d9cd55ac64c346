"""The page in a browser."""
import os
import shutil
import subprocess

from .world import REPOSITORY, Skip, step


@step(r"(\S+) reads and signs it on the page")
def on_the_page(world, name):
    script = REPOSITORY / "web" / "tests" / "story" / "reading.mjs"
    if not script.exists():
        raise Skip(f"{script} is not here")
    if shutil.which("chromium") is None:
        raise Skip("Chromium is not installed")
    pictures = REPOSITORY / "build" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([str(REPOSITORY / "scripts" / "node.sh"), "node", str(script)], capture_output=True, text=True, timeout=240,
                          env={**os.environ, "VEDETTE_URL": world.url, "VEDETTE_USER": name, "VEDETTE_PASSWORD": f"a long password of {name}",
                               "VEDETTE_STUDY": world.study_uid, "VEDETTE_PICTURES": str(pictures)})
    world.output = done.stdout + done.stderr
    assert done.returncode == 0, world.output[-4000:]
