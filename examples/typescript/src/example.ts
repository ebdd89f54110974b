// Ask a catalog what fits a host, resolve the first plugin, and show what a
// refusal looks like:
//
//   OARLOCK_SERVER=http://127.0.0.1:7117 npm start
import { CatalogError, connect, expect, plugins } from "./client.js";

const catalog = connect(process.env["OARLOCK_SERVER"] ?? "http://127.0.0.1:7117");
const host = { id: process.env["HOST_ID"] ?? "example-host", version: process.env["HOST_VERSION"] ?? "1.2" };

let first: string | undefined;
for await (const row of plugins(catalog, { host: host.id, host_version: host.version, limit: 1 })) {
  console.log(`${row.id} ${row.version} ${row.signature.status} ${row.reference}`);
  first ??= row.id;
}
if (!first) {
  console.log(`nothing fits ${host.id} ${host.version}`);
  process.exit(15);
}

const resolution = expect(await catalog.POST("/api/v1/resolve", { body: { host, plugins: [{ id: first }] } }));
for (const one of resolution.resolved ?? []) {
  console.log(`resolved ${one.id} ${one.version} ${one.platform_digest}`);
}

try {
  expect(await catalog.GET("/api/v1/plugins", { params: { query: { host: host.id, host_version: "not a version" } } }));
  throw new Error("a host version that is none was taken");
} catch (err) {
  if (!(err instanceof CatalogError) || err.problem.code !== "invalid_host_version") {
    throw err;
  }
  console.log(`refused: ${err.message}`);
}
