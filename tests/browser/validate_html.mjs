// Reads a page of HTML as a JSON string on each line, answers with the list of its problems on a line. Ends with its input.
import { createInterface } from "node:readline";
import { HtmlValidate, StaticConfigLoader } from "html-validate";

const ours = ["ds-breadcrumbs", "ds-error-summary", "ds-field", "ds-pagination", "ds-suggestion", "ds-tab", "ds-tablist", "ds-tabpanel", "ds-tabs", "u-option"];
const validator = new HtmlValidate(
  new StaticConfigLoader({
    extends: ["html-validate:recommended", "html-validate:document"],
    elements: ["html5", Object.fromEntries(ours.map((name) => [name, { flow: true, phrasing: true, permittedContent: ["@flow"] }]))],
    rules: {
      "attribute-boolean-style": "off",  // the browser writes them as attr=""
      "attribute-empty-style": "off",    // as above
      "doctype-style": "off",            // the browser writes it in capitals
      "long-title": "off",               // a title names the page and its contract
      "no-inline-style": "off",          // scripts may set styles; the content policy stops those of the server
      "no-trailing-whitespace": "off",   // templates leave some
      "require-sri": "off",              // all files are our own
      "tel-non-breaking": "off",
      "form-dup-name": ["error", { shared: ["radio", "checkbox", "submit", "button"] }],
      "no-raw-characters": ["error", { relaxed: true }],
      "valid-id": ["error", { relaxed: true }],
    },
  }),
);

for await (const line of createInterface({ input: process.stdin })) {
  const report = await validator.validateString(JSON.parse(line));
  const problems = report.results.flatMap((result) => {
    const source = result.source?.split("\n") ?? [];
    return result.messages.map((m) => `${m.ruleId}: ${m.message}: ${(source[m.line - 1] ?? "").trim().slice(0, 160)}`);
  });
  process.stdout.write(`${JSON.stringify(problems)}\n`);
}
