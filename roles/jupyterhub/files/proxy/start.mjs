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

await import("./node_modules/configurable-http-proxy/bin/configurable-http-proxy");
