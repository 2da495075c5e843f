"""The state that every tool is asked for: what mahout itself put on the nodes of a lab.

The list comes from mahout's plan for the bare nodes, owners, modes and contents from the nodes
after its deploy. Whatever a tool changes after that is a mistake of the benchmark, and is found."""

import base64
import hashlib
import json
import os
import re
import shlex

PACKAGES = {
    "etcd": ["etcd-server", "etcd-client"],
    "postgresql": ["postgresql-15", "postgresql-client-15", "patroni"],
    "haproxy": ["haproxy"],
}
ETCD = "/etc/mahout/etcd-server.pem"
CA = "/etc/mahout/ca.crt"
PROBES = {
    "etcd": "curl -sf -m 5 --cacert {ca} --cert {etcd} https://{node}:2379/health",
    "patroni": "curl -sf -m 5 --cacert {ca} https://{node}:8008/health",
    "postgresql": "cd /; runuser -u postgres -- psql -XAtqc 'select system_identifier from pg_control_system()'",
    "haproxy": "curl -sf -m 5 'http://127.0.0.1:7000/;csv'",
}


def planned(lines):
    """What the plan touches on each node: folders, files, units, settings of the kernel."""
    nodes = {}
    for line in lines:
        step = json.loads(line)
        if step["type"] != "step":
            continue
        node = nodes.setdefault(step["node"], {"folders": [], "files": [], "units": [], "settings": {}})
        path, title = step.get("path"), step["title"]
        if path and title.startswith("directory "):
            node["folders"].append(path)
        elif path:
            node["files"].append(path)
        elif title.startswith("enable "):
            node["units"].append(title.split()[1])
        elif title.startswith("set ") and "=" in title:
            node["settings"].update(it.split("=") for it in title[4:].split(", "))
    return nodes


def questions(node):
    """A script for a node: owner, mode and content of all that is planned."""
    paths = " ".join(map(shlex.quote, node["folders"] + node["files"]))
    files = " ".join(map(shlex.quote, node["files"]))
    return f"stat -c '%n %U %G %a' {paths}; for file in {files}; do echo \"=$file\"; base64 -w0 \"$file\"; echo; done"


def read(answer):
    """What the node said: path -> owner, group, mode; path -> content."""
    owners, contents, path = {}, {}, None
    for line in answer.splitlines():
        if line.startswith("="):
            path = line[1:]
        elif path:
            contents[path], path = base64.b64decode(line), None
        else:
            name, *rest = line.split(" ")
            owners[name] = rest
    return owners, contents


def desired(name, plan, answer, roles, folder):
    """One node's state, its files beside it, as every tool gets it."""
    owners, contents = read(answer)

    def entry(path):
        owner, group, mode = owners[path]
        return {"path": path, "owner": owner, "group": group, "mode": mode.zfill(4)}

    files = []
    for path in plan["files"]:
        source = os.path.join(folder, "files", name, path.lstrip("/").replace("/", "_"))
        os.makedirs(os.path.dirname(source), exist_ok=True)
        with open(source, "wb") as file:
            file.write(contents[path])
        files.append(entry(path) | {"source": source, "sha256": hashlib.sha256(contents[path]).hexdigest()})
    probes = [it for it in PROBES if it in roles or (it == "patroni" and "postgresql" in roles)]
    return {
        "packages": ["curl"] + [package for role in roles for package in PACKAGES[role]],
        "folders": [entry(path) for path in plan["folders"]],
        "files": files,
        "units": [unit for unit in plan["units"] if not unit.startswith("mahout-thp")],
        "settings": plan["settings"],
        "probes": [PROBES[it].format(ca=CA, etcd=ETCD, node=name) for it in probes],
    }


def count(node):
    """How many resources a node has; its facts are one."""
    return 1 + sum(len(node[kind]) for kind in ("packages", "folders", "files", "units", "settings", "probes"))


def check(node):
    """The floor: a script that asks for all of a node's state in a handful of processes."""
    quoted = lambda words: " ".join(map(shlex.quote, words))
    files = [it["path"] for it in node["files"]]
    every = [it["path"] for it in node["folders"] + node["files"]]
    settings = ["/proc/sys/" + key.replace(".", "/") for key in node["settings"]]
    return "\n".join(
        [
            "exec 2>&1",
            ". /etc/os-release; echo \"$ID $VERSION_ID\"; grep -c . /proc/cpuinfo >/dev/null; echo =",
            "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' " + quoted(node["packages"]),
            "stat -c '%n %U %G %a' " + quoted(every),
            "sha256sum " + quoted(files),
            "cat /dev/null " + quoted(settings),
            "systemctl is-enabled " + quoted(node["units"]),
            "systemctl is-active " + quoted(node["units"]),
        ]
        + [f"({probe}) >/dev/null && echo well" for probe in node["probes"]]
        + [""]
    )


def answer(node):
    """What that script says when nothing is to be changed, after its first line."""
    lines = sorted(f"{it} installed" for it in node["packages"])
    lines += [f"{it['path']} {it['owner']} {it['group']} {it['mode'].lstrip('0')}" for it in node["folders"] + node["files"]]
    lines += [f"{it['sha256']}  {it['path']}" for it in node["files"]]
    lines += list(node["settings"].values())
    lines += ["enabled"] * len(node["units"]) + ["active"] * len(node["units"]) + ["well"] * len(node["probes"])
    return lines


def said(text):
    """The lines of an answer, comparable: dpkg-query sorts as it likes."""
    lines = text.split("=\n", 1)[-1].splitlines()
    packages = [it for it in lines if re.fullmatch(r"\S+ installed", it)]
    return sorted(packages) + [it for it in lines if it not in packages]
