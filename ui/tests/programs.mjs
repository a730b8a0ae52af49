// The programs that the tests drive: built by cargo before, started here.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));

/** @param {string} name */
function program(name) {
  const path = join(TARGET, "debug", name);
  if (!existsSync(path)) throw new Error(`${path} is missing. Run: cargo build --workspace --bins --examples`);
  return path;
}

/** @param {string} url @param {unknown} [body] @param {Record<string, string>} [headers] */
export async function post(url, body, headers = {}) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/**
 * Every page with invented data, without a database: its address, its controls and the way to stop it.
 * @param {string[]} [options] for the program
 */
export async function startGallery(options = []) {
  const child = spawn(program("examples/gallery"), options, { stdio: ["ignore", "pipe", "inherit"] });
  const [base] = await once(createInterface({ input: child.stdout }), "line");
  return {
    base,
    push: (/** @type {Record<string, unknown>} */ message) => post(`${base}/gallery/push`, message),
    close: (/** @type {number} */ code) => post(`${base}/gallery/close/${code}`),
    allow: (/** @type {string} */ ways) => post(`${base}/gallery/ways/${ways}`),
    stop: () => child.kill(),
  };
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, "close");
  return port;
}

/** The server itself with a database of its own. @param {Record<string, string>} [settings] */
export async function startServer(settings = {}) {
  const voxanne = program("voxanne");
  const place = mkdtempSync(join(tmpdir(), "voxanne-server-"));
  // Started as root, the database runs under another account, which has to pass through here.
  chmodSync(place, 0o711);
  const base = `http://127.0.0.1:${await freePort()}`;
  const env = {
    PATH: process.env.PATH,
    VOXANNE_DATA_DIR: join(place, "data"),
    VOXANNE_LISTEN: base.slice("http://".length),
    VOXANNE_METRICS_LISTEN: "off",
    VOXANNE_LOG: "warn",
    ...settings,
  };
  /** @type {import("node:child_process").ChildProcess} */
  let child;

  const ready = async () => (await fetch(`${base}/ready`).catch(() => undefined))?.ok ?? false;
  const start = async () => {
    child = spawn(voxanne, ["serve"], { env, stdio: ["ignore", "ignore", "inherit"] });
    for (let waited = 0; !(await ready()); waited += 100) {
      if (child.exitCode !== null || waited > 60_000) throw new Error("the server does not get ready");
      await new Promise((then) => setTimeout(then, 100));
    }
  };
  const halt = async () => {
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  };
  /** @param {string[]} args @param {string} secret given on standard input */
  const admin = async (args, secret) => {
    const run = spawn(voxanne, ["admin", ...args, "--json"], { env, stdio: ["pipe", "pipe", "inherit"] });
    run.stdin.end(secret);
    let said = "";
    run.stdout.on("data", (part) => { said += part; });
    const [code] = await once(run, "exit");
    if (code !== 0) throw new Error(`voxanne admin ${args[0]}: ${code}`);
    return JSON.parse(said);
  };

  /** What psql answers as the administrator. @param {string} sql */
  const psql = async (sql) => {
    const run = spawn(voxanne, ["psql", "--", "-AtXc", sql], { env, stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    run.stdout.on("data", (part) => { said += part; });
    const [code] = await once(run, "exit");
    if (code !== 0) throw new Error(`psql: ${code}`);
    return said.trim();
  };
  /** Keeps everybody else from writing to a table until `release`. @param {string} table */
  const lock = async (table) => {
    const run = spawn(voxanne, ["psql", "--", "-AtX"], { env, stdio: ["pipe", "pipe", "inherit"] });
    run.stdin.write(`begin; lock table ${table} in exclusive mode; select 'locked';\n`);
    let said = "";
    while (!said.includes("locked")) said += (await once(run.stdout, "data"))[0];
    return {
      release: async () => {
        const gone = once(run, "exit");
        run.stdin.end("commit;\n");
        await gone;
      },
    };
  };

  await start();
  return {
    base,
    start,
    halt,
    psql,
    lock,
    /** A practice with its owner and a connection, made from the command line; with our private key at the provider, if any. */
    practice: async (/** @type {string} */ name, /** @type {string} */ email, /** @type {string} */ password, apiKey = "") => {
      const { org_id: org } = await admin(["create-org", "--name", name, "--owner-email", email, "--password-stdin"], password);
      const secret = "a-secret-of-the-browser-tests";
      const keyFile = join(place, "provider.key");
      if (apiKey) writeFileSync(keyFile, apiKey, { mode: 0o600 });
      const key = apiKey ? ["--api-key-file", keyFile] : [];
      const { webhook_url: url } = await admin(["connect-provider", "--org", org, "--provider", "vapi", "--secret-stdin", ...key], secret);
      return { name, email, password, hear: (/** @type {object} */ message) => post(url, { message }, { "x-vapi-secret": secret }) };
    },
    stop: async () => {
      await halt();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** A mail relay: Debian's aiosmtpd. */
export async function startRelay() {
  const script = fileURLToPath(new URL("../../crates/mail/tests/relay.py", import.meta.url));
  const child = spawn("/usr/bin/python3", [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const { port } = JSON.parse((await once(lines, "line"))[0]);
  /** @type {string[]} */
  const mails = [];
  lines.on("line", (line) => {
    const { mail } = JSON.parse(line);
    if (mail) mails.push(`${mail.envelope.to.join()}\n${mail.parts.map((/** @type {{ text: string }} */ part) => part.text).join("\n")}`);
  });
  return {
    url: `smtp://127.0.0.1:${port}`,
    /** The mails it took: recipients, then words. */
    taken: () => mails,
    /** Waits for a mail and answers what stands in its brackets; the mail counts no more. */
    find: async (/** @type {string} */ to, /** @type {RegExp} */ words) => {
      for (let waited = 0; waited < 20_000; waited += 50) {
        const place = mails.findIndex((mail) => mail.startsWith(to) && words.test(mail));
        if (place >= 0) return /** @type {RegExpExecArray} */ (words.exec(mails.splice(place, 1)[0]))[1];
        await new Promise((then) => setTimeout(then, 50));
      }
      throw new Error(`no mail to ${to}`);
    },
    stop: () => child.kill(),
  };
}

/**
 * A call as the provider tells of it.
 * @param {(message: object) => Promise<unknown>} hear
 * @param {string} id
 * @param {string} number
 */
export function providerCall(hear, id, number) {
  const began = Date.now();
  const tell = (/** @type {object} */ message) => hear({
    ...message,
    timestamp: Date.now(),
    call: { id, type: "inboundPhoneCall", customer: { number }, phoneNumber: { number: "+442079460101" } },
  });
  return {
    ring: () => tell({ type: "status-update", status: "ringing" }),
    answer: () => tell({ type: "status-update", status: "in-progress" }),
    say: (/** @type {string} */ role, /** @type {string} */ transcript, kind = "final") =>
      tell({ type: "transcript", role, transcriptType: kind, transcript }),
    /** @param {string} summary @param {object} [recording] what the report says of it */
    end: async (summary, recording) => {
      await tell({ type: "status-update", status: "ended", endedReason: "customer-ended-call" });
      await tell({
        type: "end-of-call-report",
        endedReason: "customer-ended-call",
        startedAt: new Date(began).toISOString(),
        endedAt: new Date().toISOString(),
        analysis: { summary, structuredData: { outcome: "booked" } },
        artifact: { messages: [
          { role: "bot", message: "Harbour Lane Dental, an automated receptionist.", secondsFromStart: 1 },
          { role: "user", message: "I would like a check-up.", secondsFromStart: 4 },
        ], recording },
      });
    },
  };
}
