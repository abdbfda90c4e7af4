"""An exchange on loopback that sends a market of its own by Binance's rules, and does what networks do to it."""

import asyncio
import json
from random import Random

from aiohttp import WSMsgType, web


class FakeBinance:
    """Numbered updates and trades of one symbol; the book by REST is the true one at that moment.

    ``faults`` are {number of a message: what}: drop and swap (of the next update), repeat, close, silent.
    """

    def __init__(self, n_messages, faults=(), seed=0, n_refusals=0, n_failing_books=0):
        self.n_messages, self.faults, self.random = n_messages, dict(faults), Random(seed)
        self.n_refusals, self.n_failing_books = n_refusals, n_failing_books
        self.book = {"b": {}, "a": {}}
        self.n_sent, self.last_update, self.n_connections, self.is_done = 0, 1000, 0, asyncio.Event()
        self.trades = []
        self.n_books = 0  # served; each connection and each hole asks for one
        self.n_holes = sum(fault in ("drop", "swap") for fault in self.faults.values())

    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/depth", self._depth)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        port = self.runner.addresses[0][1]
        self.url, self.book_url = f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}/depth"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()

    def best(self):
        bid = max(self.book["b"], default=None)
        ask = min(self.book["a"], default=None)
        return bid, self.book["b"].get(bid), ask, self.book["a"].get(ask)

    async def _depth(self, request):
        if self.n_failing_books > 0:
            self.n_failing_books -= 1
            raise web.HTTPTooManyRequests
        self.n_books += 1
        sides = {
            name: [[str(p), f"{z}.5"] for p, z in self.book[key].items()]
            for name, key in (("bids", "b"), ("asks", "a"))
        }
        return web.json_response({"lastUpdateId": self.last_update, **sides})

    async def _stream(self, request):
        if self.n_refusals > 0:
            self.n_refusals -= 1
            raise web.HTTPServiceUnavailable
        self.n_connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        held, due = None, None
        while self.n_sent < self.n_messages:
            self.n_sent += 1
            text, fault = self._message(), self.faults.pop(self.n_sent, due)
            is_update = "depthUpdate" in text
            due = fault if fault in ("drop", "swap") and not is_update else None
            fault = None if due else fault
            if fault == "close":
                await socket.close()
                return socket
            if fault == "silent":
                await socket.receive()  # until the recorder gives up
                return socket
            if fault == "swap":
                held = text
                continue
            if fault != "drop":
                for _ in range(2 if fault == "repeat" else 1):
                    await socket.send_str(text)
            if held is not None and is_update:
                await socket.send_str(held)
                held = None
            await asyncio.sleep(0.002)
        while self.n_books < self.n_connections + self.n_holes:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        self.is_done.set()
        while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            pass
        return socket

    def _message(self):
        if self.random.random() < 0.2:
            self.trades.append(len(self.trades) + 1)
            data = {"e": "trade", "s": "TESTUSDT", "t": self.trades[-1], "p": "100.5", "q": "0.25", "m": True,
                    "T": 1_700_000_000_000 + self.n_sent}  # fmt: skip
            return json.dumps({"stream": "testusdt@trade", "data": data})
        first = self.last_update + 1
        changes = {"b": [], "a": []}
        for _ in range(self.random.randint(1, 4)):
            self.last_update += 1
            side = self.random.choice("ba")
            price = self.random.randint(90, 99) if side == "b" else self.random.randint(101, 110)
            size = self.random.choice([0, 1, 2, 3])
            self.book[side].pop(price, None)
            if size:
                self.book[side][price] = size
            changes[side].append([str(price), f"{size}.5" if size else "0.0"])
        data = {"e": "depthUpdate", "E": 1_700_000_000_000 + self.n_sent, "s": "TESTUSDT", "U": first,
                "u": self.last_update, **changes}  # fmt: skip
        return json.dumps({"stream": "testusdt@depth@100ms", "data": data}, indent=self.random.choice([None, 1]))
