#!/usr/bin/env python3
"""The floor: one `ssh` and one script a node, all at once; what the nodes say is compared here.
With `true` as second argument, `ssh node true` instead, which asks nothing."""

import asyncio
import json
import sys

import state

folder, what = sys.argv[1:3]
nodes = json.load(open(f"{folder}/state.json"))


async def node(name, wanted):
    script = "true" if what == "true" else state.check(wanted)
    ssh = await asyncio.create_subprocess_exec(
        "ssh", "-F", f"{folder}/ssh_config", name, script,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await ssh.communicate()
    if ssh.returncode or (what != "true" and state.said(told.decode()) != state.answer(wanted)):
        differ = set(state.said(told.decode())) ^ set(state.answer(wanted))
        return f"{name}: exit {ssh.returncode}, {len(differ)} lines differ: {sorted(differ)[:4]}"


async def main():
    failed = [it for it in await asyncio.gather(*(node(*it) for it in nodes.items())) if it]
    print(f"{len(nodes)} nodes", *failed, sep="\n")
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
