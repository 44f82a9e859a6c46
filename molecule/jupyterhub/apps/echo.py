"""A person's program behind a socket that nobody else reaches: echo.py SOCKET."""

import asyncio
import sys

from tornado import httpserver, netutil, web, websocket


class Told(web.RequestHandler):
    def get(self):
        self.write({name.lower(): value for name, value in self.request.headers.get_all()})


class Away(web.RequestHandler):
    """Leads to a page of its own by a whole address, as frameworks do that trust a proxy."""

    def get(self):
        prefix = self.request.headers["X-Forwarded-Prefix"]
        self.redirect(f"{self.request.protocol}://{self.request.host}{prefix}/there")


class Echo(websocket.WebSocketHandler):
    """Repeats what is short. Of what is long it tells the length: the proxy takes 10 MiB of a program by itself."""

    def on_message(self, message):
        self.write_message(message if len(message) < 100 else str(len(message)))


async def main():
    application = web.Application([("/", Told), ("/away", Away), ("/echo", Echo)], websocket_max_message_size=2**25)
    server = httpserver.HTTPServer(application, xheaders=True)
    server.add_socket(netutil.bind_unix_socket(sys.argv[1]))
    await asyncio.Event().wait()


asyncio.run(main())
