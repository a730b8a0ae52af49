// The gallery: every page with invented data, without a database. Built by cargo, started here on a free port.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Starts it, and gives its address, its controls and the way to stop it. */
export async function startGallery() {
  const build = spawn("cargo", ["build", "--quiet", "--package", "web", "--example", "gallery"], { cwd: ROOT, stdio: "inherit" });
  const [code] = await once(build, "exit");
  if (code !== 0) throw new Error("the gallery does not build");
  const target = process.env.CARGO_TARGET_DIR ?? `${ROOT}/target`;
  const program = spawn(`${target}/debug/examples/gallery`, [], { stdio: ["ignore", "pipe", "inherit"] });
  const [base] = await once(createInterface({ input: program.stdout }), "line");
  const post = async (/** @type {string} */ path, /** @type {unknown} */ body) => {
    const answer = await fetch(base + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  };
  return {
    base,
    push: (/** @type {Record<string, unknown>} */ message) => post("/gallery/push", message),
    close: (/** @type {number} */ code) => post(`/gallery/close/${code}`, undefined),
    allow: (/** @type {string} */ ways) => post(`/gallery/ways/${ways}`, undefined),
    stop: () => program.kill(),
  };
}
