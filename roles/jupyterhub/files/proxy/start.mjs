// Starts the proxy on the addresses that systemd holds for it: nobody else can take them while it is away.
import net from "node:net";
import ConfigurableProxy from "./node_modules/configurable-http-proxy/lib/configproxy.js";

const FIRST_DESCRIPTOR = 3;
const NAMES = (process.env.LISTEN_FDNAMES ?? "").split(":");
// The proxy listens where visitors come first, at a socket or an address, and then where it is told its routes.
const parts = [["proxy-unix", "proxy"], ["proxy-api"]];
const formers = [];
const HUB = new URL(process.env.HUB_URL).host;
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...address) {
  const places = (parts.shift() ?? []).map((part) => NAMES.indexOf(part)).filter((place) => place >= 0);
  if (places.length === 0) throw new Error(`systemd does not hand over the address ${address.join(" ")}`);
  // While a web server is led from an address to the socket, visitors still come at the address.
  for (const place of places.slice(1)) {
    const former = net.createServer((connection) => this.emit("connection", connection));
    formers.push(listen.call(former, { fd: FIRST_DESCRIPTOR + place }));
  }
  return listen.call(this, { fd: FIRST_DESCRIPTOR + places[0] });
};

process.on("SIGHUP", () => formers.splice(0).forEach((former) => former.close()));

const { proxyOptsForTarget } = ConfigurableProxy.prototype;

ConfigurableProxy.prototype.proxyOptsForTarget = function (target) {
  // To a UNIX socket the proxy would make a new connection for each request, and end the visitor's with it. Servers of
  // people have such sockets, so their connections are kept, as those to ports are.
  const options = { agent: this.httpAgent, ...proxyOptsForTarget.call(this, target) };
  // At the port that the hub names, it has no pages: accounts of the host would try passwords there.
  if (target.host === HUB) options.target.socketPath = process.env.HUB_SOCKET;
  return options;
};

// What a visitor may say of earlier proxies where there are none, because the proxy speaks TLS itself.
const CLAIMS = ["forwarded", "x-real-ip", "x-scheme", ...["for", "host", "port", "proto"].map((part) => `x-forwarded-${part}`)];
const { handleProxyWeb, handleProxyWs } = ConfigurableProxy.prototype;

function forgetClaims(proxy, request) {
  // The hub would believe an address there, and note it with a login.
  if (proxy.options.ssl) for (const name of CLAIMS) delete request.headers[name];
}

// Requests that one address may have on their way at once; nginx, where it stands in front, lets it have as many.
const MOST_REQUESTS = 600;
const underWay = new Map();

function isOneTooMany(request, response) {
  const address = request.socket.remoteAddress;
  const held = underWay.get(address) ?? 0;
  if (held >= MOST_REQUESTS) return true;
  underWay.set(address, held + 1);
  response.once("close", () => {
    const left = underWay.get(address) - 1;
    if (left > 0) underWay.set(address, left);
    else underWay.delete(address);
  });
  return false;
}

ConfigurableProxy.prototype.handleProxyWeb = function (request, response) {
  // Each has a connection to the hub, which has no others for whoever comes later.
  if (this.options.ssl && isOneTooMany(request, response)) {
    response.writeHead(429, { Connection: "close" }).end();
    return undefined;
  }
  // With these methods the proxy says that there is no body, and sends the body all the same: it would be the next
  // request on a connection that others use after this one, and its answer theirs.
  if (["DELETE", "OPTIONS"].includes(request.method) && "transfer-encoding" in request.headers) {
    response.writeHead(411, { Connection: "close" }).end();
    return undefined;
  }
  forgetClaims(this, request);
  return handleProxyWeb.call(this, request, response);
};

ConfigurableProxy.prototype.handleProxyWs = function (request, visitor, ...rest) {
  // The proxy would announce the body of a handshake, which has none, and not send it: the hub would wait for ever.
  if ("transfer-encoding" in request.headers || Number(request.headers["content-length"] ?? 0) > 0) {
    visitor.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    visitor.destroySoon();
    return undefined;
  }
  // A service that has not answered yet is left when its visitor leaves.
  if (this.proxy.listenerCount("proxyReqWs") === 0) {
    this.proxy.on("proxyReqWs", (outgoing, _request, socket) => socket.once("close", () => outgoing.destroy()));
  }
  forgetClaims(this, request);
  return handleProxyWs.call(this, request, visitor, ...rest);
};

await import("./node_modules/configurable-http-proxy/bin/configurable-http-proxy");
