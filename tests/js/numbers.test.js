// The same table as in Python, tests/numbers.json: numbers are written one way.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  fixed,
  number,
  significant,
} from "../../latent_explorer/components/assets/shared/numbers.js";

const table = JSON.parse(readFileSync(new URL("../numbers.json", import.meta.url), "utf8"));

test("numbers with so many decimals", () => {
  assert.ok(table.number.length > 10);
  for (const [value, digits, written] of table.number) {
    assert.equal(number(value, digits), written, `${value} to ${digits}`);
  }
});

test("numbers of any size", () => {
  assert.ok(table.significant.length > 10);
  for (const [value, written] of table.significant) {
    assert.equal(significant(value), written, `${value}`);
  }
});

test("coordinates keep their decimals", () => {
  assert.equal(fixed(0.00004, 3), "0.000");
  assert.equal(fixed(-0.04, 1), "0.0");
  assert.equal(fixed(-0.26, 1), "−0.3");
  assert.equal(fixed(1.005, 1), "1.0");
});
