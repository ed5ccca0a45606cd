// Holds the emulator against Microsoft's JavaScript client. "make interop" runs
// it under an emulator with TLS, the tables and the faults of this folder's
// parent; the client knows nothing of it but addresses and the authority's
// certificate (NODE_EXTRA_CA_CERTS).
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { ClientSecretCredential } from "@azure/identity";
import { LogsQueryClient } from "@azure/monitor-query-logs";

const base = process.env.KUSTASH_VAR_endpoint;
const workspace = process.env.KUSTASH_VAR_workspace_id;
const day = { startTime: new Date("2026-03-01T00:00:00Z"), endTime: new Date("2026-03-02T00:00:00Z") };

// connect returns a client and the statuses that it gets for its queries.
function connect({ secret = process.env.AZURE_CLIENT_SECRET, maxRetries = 0 } = {}) {
  const statuses = [];
  const counting = {
    name: "counting",
    async sendRequest(request, next) {
      const response = await next(request);
      statuses.push(response.status);
      return response;
    },
  };
  const credential = new ClientSecretCredential(process.env.AZURE_TENANT_ID, process.env.AZURE_CLIENT_ID, secret, {
    authorityHost: base,
    disableInstanceDiscovery: true,
  });
  const client = new LogsQueryClient(credential, {
    endpoint: base + "/v1",
    retryOptions: { maxRetries, retryDelayInMs: 10, maxRetryDelayInMs: 20 },
    additionalPolicies: [{ policy: counting, position: "perRetry" }],
  });
  return { client, statuses, ask: (text, span = day, options = {}) => client.queryWorkspace(workspace, text, span, options) };
}

test("the service is there, with TLS", () => {
  assert.match(base ?? "", /^https:/, 'run this with "make interop"');
});

test("values of every type", async () => {
  const got = await connect().ask("Sample_CL | sort by TimeGenerated asc | project-away _ResourceId");
  assert.equal(got.status, "Success");
  assert.equal(got.tables.length, 1);
  const [table] = got.tables;
  assert.equal(table.name, "PrimaryResult");
  assert.equal(
    table.columnDescriptors.map((c) => `${c.name}:${c.type}`).join(" "),
    "TimeGenerated:datetime Flag:bool Small:int Large:long Ratio:real Price:decimal Note:string Took:timespan Key:guid Payload:dynamic",
  );
  assert.deepEqual(table.rows, [
    [new Date("2026-03-01T00:00:00.123Z"), true, -7, 2 ** 40, 0.5, "1.25", 'Grüße, 世界 \u2028 "x"\n', "01:00:00",
      "74be27de-1e4e-49d9-b579-fe0b331d3642", { a: [1, "b", null] }],
    // The client's own numbers: the smallest long has lost its last digits.
    [new Date("2026-03-01T00:01:00.123Z"), false, 2 ** 31 - 1, -(2 ** 63), "Infinity", "-0.0001", "", "-00:00:00.0000001",
      "00000000-0000-0000-0000-000000000000", []],
    [new Date("2026-03-01T00:02:00.123Z"), null, null, null, null, null, "nulls", null, null, null],
  ]);
});

test("times of the request", async () => {
  const { ask } = connect();
  const minute = { startTime: new Date("2026-03-01T00:00:30Z"), endTime: new Date("2026-03-01T00:01:30Z") };
  assert.equal((await ask("Sample_CL", minute)).tables[0].rows.length, 1);
  assert.equal((await ask("Sample_CL", { startTime: day.startTime, duration: "PT90S" })).tables[0].rows.length, 2);
  assert.equal((await ask("Sample_CL", { duration: "PT90S" })).tables[0].rows.length, 0);
});

test("statistics and render", async () => {
  const got = await connect().ask("Sample_CL | render timechart", day, {
    includeQueryStatistics: true,
    includeVisualization: true,
    serverTimeoutInSeconds: 600,
  });
  assert.equal(got.statistics.query.datasetStatistics[0].tableRowCount, 3);
  assert.equal(got.visualization.visualization, "timechart");
});

test("the route of a resource", async () => {
  const { client } = connect();
  // The client puts the slash in front itself.
  const id = "subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/web-1";
  const got = await client.queryResource(id, "Sample_CL | count", day, { requestOptions: { skipUrlEncoding: true } });
  assert.deepEqual(got.tables[0].rows, [[1]]);
});

test("a partial answer", async () => {
  for (const [text, rows] of [["set truncationmaxrecords=2; Sample_CL", 2], ["Sample_CL // out of memory", 3]]) {
    const got = await connect().ask(text);
    assert.equal(got.status, "PartialFailure");
    assert.equal(got.partialTables[0].rows.length, rows);
    assert.equal(got.partialError.code, "PartialError");
    assert.equal(got.partialError.details[0].code, "EngineError");
  }
});

test("a wrong secret", async () => {
  const { ask, statuses } = connect({ secret: "not the secret" });
  await assert.rejects(ask("Sample_CL"), (e) => {
    assert.equal(e.name, "AuthenticationRequiredError");
    assert.match(e.message, /invalid_client.*AADSTS7000215/s);
    return true;
  });
  assert.deepEqual(statuses, [], "the query was asked without a token");
});

test("refusals", async () => {
  const { ask, client } = connect();
  await assert.rejects(ask("Sample_CL | where"), { name: "RestError", statusCode: 400, code: "BadArgumentError" });
  await assert.rejects(ask("Nonesuch_CL"), { statusCode: 400, code: "BadArgumentError" });
  const other = "11111111-2222-3333-4444-555555555555";
  await assert.rejects(client.queryWorkspace(other, "Sample_CL", day), { statusCode: 404, code: "ResourceNotFoundError" });
  await assert.rejects(client.queryWorkspace("soc", "Sample_CL", day), { statusCode: 404, code: "PathNotFoundError" });
});

test("throttled, and the client comes back by itself", async () => {
  const { ask, statuses } = connect({ maxRetries: 3 });
  const got = await ask("Sample_CL // throttled once, js");
  assert.equal(got.tables[0].rows.length, 3);
  assert.deepEqual(statuses, [429, 200]);
});

test("throttled until the client gives up", async () => {
  const { ask, statuses } = connect({ maxRetries: 1 });
  await assert.rejects(ask("Sample_CL // throttled always"), { statusCode: 429, code: "ThrottledError" });
  assert.deepEqual(statuses, [429, 429]);
});

test("a page of HTML in between", async () => {
  const { ask, statuses } = connect({ maxRetries: 3 });
  assert.equal((await ask("Sample_CL // busy once, js")).tables[0].rows.length, 3);
  assert.deepEqual(statuses, [503, 200]);
});

test("a body that breaks off is no answer", async () => {
  // This client may wait for the rest for ever, but it must not give an answer.
  const outcome = connect().ask("Sample_CL // cut off").then(() => "an answer", () => "an error");
  assert.notEqual(await Promise.race([outcome, setTimeout(1000, "silence")]), "an answer");
});
