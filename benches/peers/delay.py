#!/usr/bin/env python3
"""delay.py MILLISECONDS TARGET... : a relay on 127.0.1.1:2222, 127.0.1.2:2222 ... for each target's
port 22 that holds every byte for half of the round trip, in both directions. Kernels without netem
have nothing better; the handshake of TCP is made up for before the first byte."""

import asyncio
import sys

half = float(sys.argv[1]) / 2000


async def pump(reader, writer):
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def deliver():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return writer.close()
            writer.write(data)
            await writer.drain()

    delivery = asyncio.create_task(deliver())
    try:
        while data := await reader.read(65536):
            queue.put_nowait((loop.time() + half, data))
        queue.put_nowait((loop.time() + half, b""))
        await delivery
    except ConnectionError:
        delivery.cancel()
        writer.close()


async def main():
    for number, target in enumerate(sys.argv[2:], 1):

        async def relay(reader, writer, target=target):
            await asyncio.sleep(2 * half)
            onward = await asyncio.open_connection(target, 22)
            await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer))

        await asyncio.start_server(relay, f"127.0.1.{number}", 2222, backlog=512)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
