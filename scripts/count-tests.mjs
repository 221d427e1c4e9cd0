// Adds up CTest's JUnit file and vitest's JSON file: names what was skipped, and ends with one line of counts.
import { readFileSync } from "node:fs";

const [ctestFile, vitestFile] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];

for (const [, attributes] of readFileSync(ctestFile, "utf8").matchAll(/<testcase ([^>]*)>/g)) {
  const name = /name="([^"]*)"/.exec(attributes)?.[1] ?? "?";
  const status = /status="([^"]*)"/.exec(attributes)?.[1];
  if (status === "run") total.passed++;
  else if (status === "fail") total.failed++;
  else {
    total.skipped++;
    skipped.push(`ctest: ${name}`);
  }
}

const vitest = JSON.parse(readFileSync(vitestFile, "utf8"));
for (const file of vitest.testResults) {
  if (file.status === "failed" && file.assertionResults.length === 0) total.failed++; // the file itself did not load
  for (const test of file.assertionResults) {
    if (test.status === "passed") total.passed++;
    else if (test.status === "failed") total.failed++;
    else {
      total.skipped++;
      skipped.push(`vitest: ${test.fullName}`);
    }
  }
}

if (skipped.length > 0) console.log(`Skipped:\n  ${skipped.join("\n  ")}`);
console.log(`flowglyph: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
