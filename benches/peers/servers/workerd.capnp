# workerd has no cache of its own: it takes part where nothing is stored.
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .rewrite),
    (name = "origin", external = (address = "127.0.0.1:9300", http = ())),
  ],
  sockets = [ (name = "http", address = "127.0.0.1:@PORT@", http = (), service = "main") ],
);
const rewrite :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "workerd.js") ],
  compatibilityDate = "2026-11-01",
  bindings = [ (name = "ORIGIN", service = "origin") ],
);
