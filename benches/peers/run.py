#!/usr/bin/env python3
"""verge beside nginx with njs, nginx with Lua, HAProxy with Lua, and workerd: the same function, origin and client. And,
without functions, beside nginx, HAProxy, Varnish and Traffic Server: the same objects, over HTTP/1.1 and, but for Varnish,
which has no TLS, over HTTP/2.

    benches/peers/run.py [--peers verge,njs,…] [--loads hits,misses,…] [--rounds 5] [--seconds 3]

Each server has one worker on core 1; the client (wrk) and the origin (nginx) share core 0. Rounds go through the servers
in turns, so that a busy moment of the machine hits all of them. Over HTTP/2 the client is h2load, with four requests at a
time on each connection. What is printed: the median of the requests a second,
and of the server's own CPU time a request, which the kernel counts.

Needs Debian's nginx-light, libnginx-mod-http-js, libnginx-mod-http-lua, haproxy, varnish, trafficserver, wrk, nghttp2-client and openssl,
`cargo build --release`, and for workerd npm's package of that name: WORKERD=path/to/workerd.
"""

import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
RUN = pathlib.Path("/dev/shm/verge-peers")
SERVER_CORE, CLIENT_CORE = "1", "0"
VIEWERS = 64
PAGES = 10_000
ZIPF_EXPONENT = 1.0
CAMPAIGNS = 20
WARM_UP_SECONDS = 4

NJS = "load_module /usr/lib/nginx/modules/ngx_http_js_module.so;"
LUA = (
    "load_module /usr/lib/nginx/modules/ndk_http_module.so;\n"
    "load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;"
)
NJS_LOCATION = """location /fn/ {
            js_header_filter main.mark;
            proxy_set_header x-rewritten "1";
            proxy_cache_key $host$target;
            proxy_pass http://origin$target;
        }"""
LUA_LOCATION = """location /fn/ {
            rewrite_by_lua_block { edge.rewrite() }
            header_filter_by_lua_block { edge.mark() }
            proxy_cache_key $host$uri$is_args$args;
            proxy_pass http://origin;
        }"""
LUA_INIT = (
    'lua_package_path "@HERE@/functions/?.lua;/usr/share/lua/5.1/?.lua;;";\n'
    '    lua_package_cpath "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";\n'
    '    init_by_lua_block { require "resty.core"; edge = dofile("@HERE@/functions/nginx.lua") }'
)


def nginx(name):
    return ["nginx", "-e", f"{RUN}/{name}.log", "-c", f"{RUN}/{name}.conf"]


# name: (port, template, what its placeholders stand for, command, whether it stores)
PEERS = {
    "verge": (8100, "verge.toml", {"ADMIN": "8190", "MEMO": ""}, None, True),
    "verge-without-memo": (8101, "verge.toml", {"ADMIN": "8191", "MEMO": "memo = false"}, None, True),
    "nginx+njs": (
        8102,
        "nginx.conf",
        {
            "MODULES": NJS,
            "SCRIPTING": "js_import main from @HERE@/functions/njs.js;\n    js_set $target main.target;",
            "LOCATIONS": NJS_LOCATION,
        },
        nginx("nginx+njs"),
        True,
    ),
    "nginx+lua": (
        8103,
        "nginx.conf",
        {"MODULES": LUA, "SCRIPTING": LUA_INIT, "LOCATIONS": LUA_LOCATION},
        nginx("nginx+lua"),
        True,
    ),
    "haproxy+lua": (8104, "haproxy.cfg", {}, ["haproxy", "-db", "-f", f"{RUN}/haproxy+lua.conf"], True),
    "workerd": (
        8105,
        "workerd.capnp",
        {},
        [os.environ.get("WORKERD", "workerd"), "serve", f"{RUN}/workerd.conf"],
        False,
    ),
    "nginx": (8106, "nginx.conf", {"MODULES": "", "SCRIPTING": "", "LOCATIONS": ""}, nginx("nginx"), True),
    "varnish": (
        8107,
        "varnish.vcl",
        {},
        ["varnishd", "-F", "-j", "none", "-n", f"{RUN}/varnish", "-a", "127.0.0.1:8107", "-f", f"{RUN}/varnish.conf"]
        + ["-s", "malloc,1g", "-p", "thread_pools=1"],
        True,
    ),
    "trafficserver": (
        8108,
        "trafficserver.config",
        {},
        ["traffic_server", f"--run-root={RUN}/trafficserver/runroot.yaml"],
        True,
    ),
}
# They have no functions, and take part in loads without.
PLAIN = ["nginx", "varnish", "trafficserver"]
WITHOUT_TLS = ["varnish", "workerd"]
# A server's port for TLS is that of plain HTTP and this.
TLS_PORTS = 100

# name: (path of a request, how its requests differ, whether the proxy may store the answers)
LOADS = {
    "hits": ("/fn/v1/obj/", "zipf", True),
    "misses": ("/fn/v1/nc/1k", "zipf-campaigns", False),
    "hits of one page": ("/fn/v1/obj/1k", "same", True),
    "hits without a function": ("/obj/", "zipf", True),
    "misses without a function": ("/nc/1k", "same", False),
    "hits of 1 KB": ("/obj/1k", "same", True),
    "hits of 100 KB": ("/big/100k", "same", True),
    "misses that are stored": ("/obj/", "new", True),
    "hits of 1 KB over TLS and HTTP/2": ("/obj/1k", "http2", True),
    "hits of 100 KB over TLS and HTTP/2": ("/big/100k", "http2", True),
}


def write_configuration(name, template, values):
    """The template with its placeholders replaced, as the file that the server reads."""
    text = (HERE / "servers" / template).read_text()
    values = {"NAME": name, "RUN": str(RUN), "HERE": str(HERE), **values}
    # Values may have placeholders of their own.
    for _ in range(2):
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
    path = RUN / f"{name}.conf"
    path.write_text(text)
    return path


def pinned(core, command, **options):
    return subprocess.Popen(["taskset", "-c", core, *command], start_new_session=True, **options)


def wait_for(port, process):
    # The first start compiles engines.
    for _ in range(3_000):
        if process.poll() is not None:
            sys.exit(f"{process.args}: ended with {process.returncode}; see {RUN}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def start(name):
    port, template, values, command, _ = PEERS[name]
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        sys.exit(f"something listens on port {port} already")
    values = {"PORT": str(port), "TLS_PORT": str(port + TLS_PORTS), **values}
    file = write_configuration(name, template, values)
    if command is None:
        verge = HERE.parent.parent / "target/release/verge"
        command = [str(verge), "serve", "--config", str(file)]
    if name == "workerd":
        shutil.copy(HERE / "functions/workerd.js", RUN)
    if name == "trafficserver":
        lay_out_trafficserver(file)
    with open(RUN / f"{name}.out", "w") as out:
        return pinned(SERVER_CORE, command, stdout=out, stderr=out)


def lay_out_trafficserver(records):
    """Traffic Server reads a folder of files: its own tool makes it, and the records are added to what that wrote."""
    root = RUN / "trafficserver"
    subprocess.run(["traffic_layout", "init", "--path", str(root), "--copy-style=hard"], check=True, capture_output=True)
    folders = dict(re.findall(r"^(\w+): (.*)$", (root / "runroot.yaml").read_text(), re.MULTILINE))
    settings = pathlib.Path(folders["sysconfdir"])
    (settings / "records.config").write_text(records.read_text())
    (settings / "remap.config").write_text("map / http://127.0.0.1:9300/\n")
    (settings / "ssl_multicert.config").write_text("dest_ip=* ssl_cert_name=tls.crt ssl_key_name=tls.key\n")
    (settings / "storage.config").write_text(f"{folders['cachedir']} 1G\n")


def make_certificate():
    files = ["-keyout", str(RUN / "tls.key"), "-out", str(RUN / "tls.crt")]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", *files]
    subprocess.run(command, check=True, capture_output=True)
    (RUN / "tls.pem").write_text((RUN / "tls.crt").read_text() + (RUN / "tls.key").read_text())


def start_origin():
    write_configuration("origin", "origin.conf", {"BODY": "x" * 1024})
    (RUN / "big.txt").write_text("x" * 100 * 1024)
    process = pinned(CLIENT_CORE, nginx("origin"))
    wait_for(9300, process)
    return process


def stop(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def cpu_seconds(process):
    """CPU time of a server's session, all processes and threads, as the scheduler counted it."""
    nanoseconds = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[3]) != process.pid:
                continue
            for task in (stat.parent / "task").iterdir():
                nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def write_script(name, path, differs):
    """wrk's script: the requests of a load, drawn beforehand so that drawing costs the client nothing."""
    if differs == "new":
        script = RUN / f"{name}.lua"
        script.write_text(
            "local salt, count = tostring({}):sub(8) .. os.time(), 0\n"
            f'function request() count = count + 1; return wrk.format(nil, "{path}" .. salt .. count) end\n'
        )
        return script
    draw = random.Random(1)
    weights = [1 / rank**ZIPF_EXPONENT for rank in range(1, PAGES + 1)]
    pages = draw.choices(range(PAGES), weights, k=100_000)
    query = [f"?utm_source=c{draw.randrange(CAMPAIGNS)}&b=2&a=1" for _ in pages]
    targets = {
        "same": lambda: [path + "?utm_source=x&b=2&a=1"],
        "zipf": lambda: [f"{path}p{page}{query}" for page, query in zip(pages, query)],
        "zipf-campaigns": lambda: [f"{path}{query}" for query in query],
    }[differs]()
    script = RUN / f"{name}.lua"
    script.write_text(
        "local requests, next = {}, 0\n"
        "function init()\n"
        f'  for target in io.lines("{RUN}/{name}.targets") do requests[#requests + 1] = wrk.format(nil, target) end\n'
        "end\n"
        "function request() next = next % #requests + 1; return requests[next] end\n"
    )
    (RUN / f"{name}.targets").write_text("\n".join(targets) + "\n")
    return script


def drive(port, script, seconds):
    """Requests a second and how many were answered; ends the run when one in a hundred was answered wrongly."""
    command = ["wrk", "-t", "1", "-c", str(VIEWERS), "-d", f"{seconds}s", "--timeout", "20s", "-s", str(script)]
    command += [f"http://127.0.0.1:{port}/"]
    done = pinned(CLIENT_CORE, command, stdout=subprocess.PIPE, text=True)
    text = done.communicate()[0]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    count = int(re.search(r"(\d+) requests in", text)[1])
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if wrong and int(wrong[1]) * 100 > count:
        sys.exit(f"port {port}: {text}")
    return rate, count


def drive_http2(port, path, seconds):
    """The same over TLS and HTTP/2."""
    command = ["h2load", "-t", "1", "-c", str(VIEWERS), "-m", "4", "-D", str(seconds)]
    command += [f"https://127.0.0.1:{port + TLS_PORTS}{path}"]
    text = pinned(CLIENT_CORE, command, stdout=subprocess.PIPE, text=True).communicate()[0]
    rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", text)[1])
    count = int(re.search(r"(\d+) succeeded", text)[1])
    right = int(re.search(r"(\d+) 2xx", text)[1])
    if "protocol: h2" not in text or right * 100 < count * 99:
        sys.exit(f"port {port}: {text}")
    return rate, count


def answer(port, target):
    command = ["curl", "-s", "-D", "-", f"http://127.0.0.1:{port}{target}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def check(name):
    """Every server must do the function's work, or its figures mean nothing."""
    port, stores = PEERS[name][0], PEERS[name][4]
    if name in PLAIN:
        for _ in range(2):
            got = answer(port, "/obj/check")
        if "200" not in got.split("\n")[0] or "x" * 1024 not in got:
            sys.exit(f"{name} does not do the work: {got[:600]}")
        return
    for kind in ["obj", "nc"] if stores else ["nc"]:
        got = answer(port, f"/fn/v3/{kind}/p1?utm_source=x&b=2&a=1")
        if "200" not in got.split("\n")[0] or "x-answered-by:" not in got.lower() or "x" * 1024 not in got:
            sys.exit(f"{name} does not do the work: {got[:600]}")


def measure(names, load, rounds, seconds):
    path, differs, stored = LOADS[load]
    scripted = path.startswith("/fn/")
    names = [name for name in names if PEERS[name][4] or not stored]
    names = [name for name in names if scripted and name not in PLAIN or not scripted and name != "workerd"]
    if differs == "http2":
        names = [name for name in names if name not in WITHOUT_TLS]
        ask = lambda port, seconds: drive_http2(port, path, seconds)
    else:
        script = write_script(load.replace(" ", "-").replace("/", ""), path, differs)
        ask = lambda port, seconds: drive(port, script, seconds)
    figures = {name: [] for name in names}
    for name in names:
        ask(PEERS[name][0], WARM_UP_SECONDS)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else names[::-1]:
            before = cpu_seconds(processes[name])
            rate, count = ask(PEERS[name][0], seconds)
            used = cpu_seconds(processes[name]) - before
            figures[name].append((rate, used / count * 1e6))
    print(f"\n{load}: median of {rounds} rounds of {seconds} s\n")
    print("| server | requests a second | CPU µs a request | verge's CPU is |\n|---|---|---|---|")
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    for name, (rate, cpu) in sorted(medians.items(), key=lambda row: row[1][1]):
        ratio = f"{medians['verge'][1] / cpu:.2f}×" if "verge" in medians else ""
        print(f"| {name} | {rate:,.0f} | {cpu:.1f} | {ratio} |", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--loads", default=",".join(LOADS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    wanted = arguments.peers.split(",")
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    processes = {}
    try:
        make_certificate()
        processes["origin"] = start_origin()
        for peer in wanted:
            processes[peer] = start(peer)
            wait_for(PEERS[peer][0], processes[peer])
            check(peer)
        for wanted_load in arguments.loads.split(","):
            measure(wanted, wanted_load, arguments.rounds, arguments.seconds)
    finally:
        for running in processes.values():
            stop(running)
