// Starts the proxy on the addresses that systemd holds for it: nobody else can take them while it is away.
import net from "node:net";
import ConfigurableProxy from "./node_modules/configurable-http-proxy/lib/configproxy.js";

const FIRST_DESCRIPTOR = 3;
const NAMES = (process.env.LISTEN_FDNAMES ?? "").split(":");
// The proxy listens on its public address first, and then where it is told its routes.
const parts = ["proxy", "proxy-api"];
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...address) {
  const place = NAMES.indexOf(parts.shift());
  if (place < 0) throw new Error(`systemd does not hand over the address ${address.join(" ")}`);
  return listen.call(this, { fd: FIRST_DESCRIPTOR + place });
};

// To a UNIX socket the proxy would make a new connection for each request, and end the visitor's with it. Servers of people
// have such sockets, so their connections are kept, as those to ports are.
const { proxyOptsForTarget } = ConfigurableProxy.prototype;

ConfigurableProxy.prototype.proxyOptsForTarget = function (target) {
  return { agent: this.httpAgent, ...proxyOptsForTarget.call(this, target) };
};

// What a visitor may say of earlier proxies where there are none, because the proxy speaks TLS itself.
const CLAIMS = ["forwarded", "x-real-ip", "x-scheme", ...["for", "host", "port", "proto"].map((part) => `x-forwarded-${part}`)];
const { handleProxyWeb, handleProxyWs } = ConfigurableProxy.prototype;

function forgetClaims(proxy, request) {
  // The hub would believe an address there, and note it with a login.
  if (proxy.options.ssl) for (const name of CLAIMS) delete request.headers[name];
}

ConfigurableProxy.prototype.handleProxyWeb = function (request, response) {
  // With these methods the proxy says that there is no body, and sends the body all the same: it would be the next request on
  // a connection that others use after this one, and its answer theirs.
  if (["DELETE", "OPTIONS"].includes(request.method) && "transfer-encoding" in request.headers) {
    response.writeHead(411, { Connection: "close" }).end();
    return undefined;
  }
  forgetClaims(this, request);
  return handleProxyWeb.call(this, request, response);
};

ConfigurableProxy.prototype.handleProxyWs = function (request, ...rest) {
  forgetClaims(this, request);
  return handleProxyWs.call(this, request, ...rest);
};

await import("./node_modules/configurable-http-proxy/bin/configurable-http-proxy");
