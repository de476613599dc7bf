#!/usr/bin/env python3
"""What origin functions leave of the throughput of misses, by language: verge with one worker, through the whole proxy.

    VERGE_HANDLERS=… benches/peers/shares.py [--rounds 5] [--seconds 3]

VERGE_HANDLERS is the folder that `tests/handlers/run.py` builds in. Server, client and origin are those of run.py. Each
language has a behavior with one origin-request function; the rounds go through them in turns. Here all three share one
core: a server that is slower than its client would else pay for waking an idle core, which on a virtual machine costs more
than the function. The share is that of the server's CPU time.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys

import run

PORT = 8110
REPOSITORY = run.HERE.parent.parent
HANDLERS = pathlib.Path(os.environ.get("VERGE_HANDLERS", ""))
# language: (path, folder of its function); the one in Python goes by the path.
FUNCTIONS = {
    "C, typed": ("/c", REPOSITORY / "functions/header-signing"),
    "Rust, Lambda's JSON": ("/rust", REPOSITORY / "functions/maintenance"),
    "JavaScript": ("/js", HANDLERS / "query-normalisation"),
    "Python": ("/query", HANDLERS / "python-guide"),
}


def configuration():
    functions, behaviors = "", ""
    for path, folder in FUNCTIONS.values():
        functions += f'[[function]]\npath = "{folder}"\n\n'
        behaviors += f'[[distribution.behavior]]\npath_pattern = "{path}"\ntarget = "origin"\n'
        behaviors += f'cache_policy = "CachingDisabled"\norigin_request = "{folder.name}"\n\n'
    values = {"PORT": str(PORT), "FUNCTIONS": functions, "BEHAVIORS": behaviors}
    return run.write_configuration("shares", "shares.toml", values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    if not (HANDLERS / "python-guide/function.wasm").is_file():
        sys.exit("set VERGE_HANDLERS to the folder that tests/handlers/run.py built in")
    shutil.rmtree(run.RUN, ignore_errors=True)
    run.RUN.mkdir(parents=True)
    run.SERVER_CORE = run.CLIENT_CORE
    processes = [run.start_origin()]
    try:
        verge = [str(REPOSITORY / "target/release/verge"), "serve", "--config", str(configuration())]
        with open(run.RUN / "shares.out", "w") as out:
            processes.append(run.pinned(run.SERVER_CORE, verge, stdout=out, stderr=out))
        run.wait_for(PORT, processes[1])
        paths = {"no function": "/none", **{language: path for language, (path, _) in FUNCTIONS.items()}}
        scripts = {name: run.write_script(f"shares-{path[1:]}", path, "same") for name, path in paths.items()}
        figures = {name: [] for name in paths}
        for name in paths:
            if " 200 " not in run.answer(PORT, paths[name]).split("\n")[0]:
                sys.exit(f"{name}: {run.answer(PORT, paths[name])}")
            run.drive(PORT, scripts[name], run.WARM_UP_SECONDS)
        for _ in range(arguments.rounds):
            for name in paths:
                before = run.cpu_seconds(processes[1])
                rate, count = run.drive(PORT, scripts[name], arguments.seconds)
                figures[name].append((rate, (run.cpu_seconds(processes[1]) - before) / count * 1e6))
        print("| language | requests a second | CPU µs a request | share |\n|---|---|---|---|")
        base = statistics.median(cpu for _, cpu in figures["no function"])
        for name, rows in figures.items():
            rate, cpu = (statistics.median(column) for column in zip(*rows))
            print(f"| {name} | {rate:,.0f} | {cpu:.1f} | {base / cpu:.2f} |")
    finally:
        for process in processes:
            run.stop(process)


if __name__ == "__main__":
    main()
