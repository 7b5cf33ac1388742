// Keys, paste and new rows in a table of inputs (templates/macros/grid.html). The table is a form without this.

const CONTROLS = "input[data-column], select[data-column]";
const MOST_NEW_ROWS = 1000;
const MOST_ROWS_SAVED_ONE_BY_ONE = 20;

const controlsOf = (row) => [...row.querySelectorAll(CONTROLS)];
const rowsOf = (grid) => [...grid.querySelectorAll("tbody > tr")];

/** The nearest control of the same column below (step 1) or above (step -1), past locked cells; undefined at the edge. */
function beside(control, step) {
  const rows = rowsOf(control.closest("[data-grid]"));
  const column = `[data-column="${CSS.escape(control.dataset.column)}"]`;
  for (let at = rows.indexOf(control.closest("tr")) + step; rows[at]; at += step) {
    const found = rows[at].querySelector(column);
    if (found) return found;
  }
  return undefined;
}

function goTo(control) {
  control.focus();
  if (control.select) control.select();
}

function say(grid, ...sentences) {
  grid.querySelector("[data-grid-said]").textContent = sentences.filter(Boolean).join(" ");
}

/** Set a control as if the person had typed; `quiet` leaves the saving to the form. False when a list has no such choice. */
function put(control, text, quiet = false) {
  if (control.tagName === "SELECT") {
    const wanted = text.trim().toLowerCase();
    // A choice may say its unit last, "Diesel (l)"; what is pasted need not.
    const names = (o) => [o.value, o.text.trim(), o.text.trim().replace(/ \([^()]*\)$/, "")];
    const option = [...control.options].find((o) => names(o).some((name) => name.toLowerCase() === wanted));
    if (!option) return false;
    control.value = option.value;
  } else {
    control.value = text.trim();
  }
  if (!quiet) control.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/** A random key for a new row. Unlike crypto.randomUUID this is there over plain http too. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A new row from the blank one, its names and ids numbered on. Undefined when the table cannot grow. */
function addRow(grid) {
  const blank = grid.querySelector("template[data-grid-blank]");
  if (!blank) return undefined;
  const body = grid.querySelector("tbody");
  const number = (Number(grid.dataset.next) || rowsOf(grid).length);
  grid.dataset.next = number + 1;
  const made = document.createElement("tbody");
  made.innerHTML = blank.innerHTML.replaceAll("__new__", number).replaceAll("__key__", newKey());
  const row = made.firstElementChild;
  body.append(row);
  window.htmx?.process(row);
  return row;
}

/** Fill the cells right and down of `start` from what a spreadsheet copies. */
function paste(start, text) {
  const grid = start.closest("[data-grid]");
  // By column and not by place: a row whose name is fixed has one control less than a new one.
  const own = controlsOf(start.closest("tr")).map((control) => control.dataset.column);
  const columns = own.slice(own.indexOf(start.dataset.column));
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/).map((line) => line.split("\t"));
  const quiet = lines.length > MOST_ROWS_SAVED_ONE_BY_ONE;
  let row = start.closest("tr");
  let [pasted, left, added] = [0, 0, 0];
  for (const line of lines) {
    if (!row && added < MOST_NEW_ROWS) {
      row = addRow(grid);
      added += 1;
    }
    line.forEach((value, index) => {
      const control = columns[index] && row?.querySelector(`[data-column="${CSS.escape(columns[index])}"]`);
      if (control && put(control, value, quiet)) pasted += 1;
      else if (value.trim()) left += 1;
    });
    row = row?.nextElementSibling;
  }
  const { pasted: done, leftOut, saveThem } = grid.dataset;
  // js/autosave.js takes many rows in one go; where it is not, the form must be sent.
  const isTaken = quiet && !start.dispatchEvent(new CustomEvent("grid:many", { bubbles: true, cancelable: true }));
  say(grid, done.replace("{n}", pasted), left > 0 && leftOut.replace("{n}", left), quiet && !isTaken && saveThem);
}

document.addEventListener("keydown", (event) => {
  const control = event.target.closest?.(`[data-grid] :is(${CONTROLS})`);
  if (!control || event.isComposing || event.altKey || event.metaKey || event.shiftKey) return;
  if (event.ctrlKey) {
    if (event.key.toLowerCase() !== "d") return;
    event.preventDefault();
    const above = beside(control, -1);
    if (above) put(control, above.value);
    return;
  }
  // A drop-down keeps its arrows; Enter never sends the form from within the table.
  const step = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || (control.tagName === "SELECT" && event.key !== "Enter")) return;
  event.preventDefault();
  const next = beside(control, step);
  if (next) goTo(next);
});

document.addEventListener("paste", (event) => {
  const control = event.target.closest?.(`[data-grid] :is(${CONTROLS})`);
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!control || !/[\t\n]/.test(text)) return;
  event.preventDefault();
  paste(control, text);
});

// "Not used in the period" is 0 in every number of the row, and undone by typing.
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-grid-does='unused']")?.closest("tr");
  if (!row) return;
  event.preventDefault();
  row.querySelectorAll("[data-zero]").forEach((control) => put(control, "0"));
  say(row.closest("[data-grid]"), event.target.textContent.trim());
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-grid-add]");
  const grid = button?.closest("[data-grid]");
  const row = grid && addRow(grid);
  if (!row) return;
  event.preventDefault();
  controlsOf(row)[0]?.focus();
  say(grid, grid.dataset.added.replace("{n}", rowsOf(grid).length));
});
