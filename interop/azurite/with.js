// Runs a command beside Microsoft's emulator of blob storage, on a free port of
// the loopback interface, with its connection string in KUSTASH_TEST_AZURITE, and
// in KUSTASH_TEST_AZURITE_SCRIPT what node runs to start another one.
"use strict";
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");

// The account and key that the emulator is known by:
// https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function listening(port, emulator) {
  for (let tries = 0; tries < 300; tries++) {
    if (emulator.exitCode !== null) throw new Error("the emulator has ended");
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the emulator does not listen");
}

async function main([command, ...args]) {
  const port = await freePort();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "azurite-"));
  const script = path.join(__dirname, "node_modules", "azurite", "dist", "src", "blob", "main.js");
  const emulator = spawn(process.execPath, [script, "--blobHost", "127.0.0.1", "--blobPort", String(port), "-l", folder, "--disableTelemetry", "-s"],
    { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await listening(port, emulator);
    const connection = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=http://127.0.0.1:${port}/${account};`;
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, KUSTASH_TEST_AZURITE: connection, KUSTASH_TEST_AZURITE_SCRIPT: script } });
    return await new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)).once("error", (e) => { console.error(String(e)); resolve(1); }));
  } finally {
    emulator.kill();
    await new Promise((resolve) => (emulator.exitCode === null ? emulator.once("exit", resolve) : resolve()));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).then((code) => { process.exitCode = code; }, (e) => { console.error(String(e)); process.exitCode = 1; });
