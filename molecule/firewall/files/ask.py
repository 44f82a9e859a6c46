"""Says which ports of a host answer: ask.py ADDRESS PORT..."""

import asyncio
import json
import sys

SECONDS = 2


async def answers(address: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(b"hello\n")
    data = await reader.read(1)
    writer.close()
    return bool(data)


async def ask(address: str, ports: list[int]) -> list[int]:
    tasks = [asyncio.wait_for(answers(address, port), SECONDS) for port in ports]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [port for port, result in zip(ports, results) if result is True]


print(json.dumps(asyncio.run(ask(sys.argv[1], [int(port) for port in sys.argv[2:]]))))
