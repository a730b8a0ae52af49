import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// By content: no package.json there says that the file is a module, and older Node releases then refuse to import it.
const source = readFileSync(new URL("../../crates/web/assets/time.js", import.meta.url), "utf8");
const { ago, backoff, clock } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

test("a running clock reads as the server writes it", () => {
  assert.deepEqual([0, 9, 61, 599, 600, 3599, 3723].map((s) => clock(s)), ["0:00", "0:09", "1:01", "9:59", "10:00", "59:59", "1:02:03"]);
  assert.equal(clock(-3), "0:00");
});

test("a past moment is told in the page's language, and as a date from a week on", () => {
  assert.equal(ago(0.4, "en"), "now");
  assert.equal(ago(42, "en"), "42 seconds ago");
  assert.equal(ago(3 * 60 + 59, "en"), "3 minutes ago");
  assert.equal(ago(26 * 3600, "en"), "yesterday");
  assert.equal(ago(3 * 60, "de"), "vor 3 Minuten");
  assert.equal(ago(8 * 86400, "en"), "");
  assert.equal(ago(-5, "en"), "now");
});

test("waiting grows from half a second to half a minute and is spread out", () => {
  assert.equal(backoff(0, 0.9), 500);
  assert.equal(backoff(1, 1), 1000);
  assert.ok(backoff(5, 0.5) < backoff(5, 1));
  for (let attempt = 0; attempt < 50; attempt += 1) {
    for (const random of [0, 0.5, 1]) {
      const wait = backoff(attempt, random);
      assert.ok(wait >= 500 && wait <= 30_000, `${attempt}: ${wait}`);
    }
  }
  assert.equal(backoff(40, 1), 30_000);
});
