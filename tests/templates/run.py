#!/usr/bin/env python3
"""Makes a folder of every template with `verge new`, builds it with the language's own tools and runs `verge test` in it: all
languages are held to the same events. No part of `cargo test`: that downloads nothing.

    tests/templates/run.py TOOLS [LANGUAGE ...]

TOOLS is a folder with node_modules (npm install esbuild componentize-qjs assemblyscript) and .venv (pip install
componentize-py); cargo and clang are the system's. VERGE is the program; without it, target/debug/verge.
"""
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VERGE = os.environ.get("VERGE", str(ROOT / "target/debug/verge"))
JOBS = {
    "origin-request": ["--event", "origin-request"],
    "origin-response": ["--event", "origin-response"],
    "origin": ["--origin"],
}
# By the time they take; the first begin first.
LANGUAGES = {
    "rust": ["origin-request", "origin-response", "origin"],
    "python": ["origin-request", "origin-response", "origin"],
    "js": ["origin-request", "origin-response", "origin"],
    "assemblyscript": ["origin-request", "origin-response"],
    "c": ["origin-request", "origin-response"],
}


def tried(language, place, environment):
    """Tries the language's templates, one after the other in the same folder; what went wrong, by template."""
    faults = {}
    for job in LANGUAGES[language]:
        folder = place / language
        shutil.rmtree(folder, ignore_errors=True)
        began = time.monotonic()
        for words in (
            ["new", str(folder), "--lang", language, *JOBS[job]],
            ["build", str(folder)],
            ["test", f"{folder}/"],
        ):
            ended = subprocess.run(
                [VERGE, *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            if ended.returncode != 0:
                faults[job] = ended.stdout
                break
        print("FAILED " if job in faults else "ok     ", language, job, f"{time.monotonic() - began:.0f} s", flush=True)
    return faults


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    tools = Path(sys.argv[1]).resolve()
    place = tools / "templates"
    place.mkdir(exist_ok=True)
    # A target folder that stays keeps what the crates need from run to run.
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tools / "cache"),
        "CARGO_TARGET_DIR": str(tools / "rust-target"),
    }
    languages = sys.argv[2:] or list(LANGUAGES)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(languages, pool.map(lambda language: tried(language, place, environment), languages)))
    for language, faults in results.items():
        for job, said in faults.items():
            print(f"\n{language} {job}:\n{said}")
    failed = sum(map(len, results.values()))
    count = sum(len(LANGUAGES[language]) for language in languages)
    print(f"{count - failed} templates passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
