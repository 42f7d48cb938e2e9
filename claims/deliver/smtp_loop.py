"""A mail server of aiosmtpd on a free port of this machine, in a thread of its own."""
import asyncio, threading


class Loop:
    def __init__(self, factory, tls=None):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        start = self.loop.create_server(lambda: factory(self.loop), "127.0.0.1", 0, ssl=tls)
        self.server = asyncio.run_coroutine_threadsafe(start, self.loop).result()
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self):
        self.loop.call_soon_threadsafe(self.server.close)
